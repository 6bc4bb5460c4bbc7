//! The title of a document, on the server and in a browser.

use crate::direction::isolated;

/// What every title ends with, unless owners have said something else.
pub const SITE: &str = "live-chat";

/// Returns the title of the page of that name on a site.
///
/// A name in a script from right to left would turn the whole title around, since its first letter decides (Unicode Standard
/// Annex #9, rules P2 and P3). Such a name is isolated.
pub fn of_page(name: &str, site: &str) -> String {
    [&isolated(name, false), " · ", &isolated(site, false)].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_does_not_turn_the_title_around() {
        assert_eq!(of_page("دردشة", SITE), "\u{2068}دردشة\u{2069} · live-chat");
        assert_eq!(of_page("News \u{202e}txt", SITE), "\u{2068}News \u{202e}txt\u{202c}\u{2069} · live-chat");
        assert_eq!(of_page("Größe 1", SITE), "Größe 1 · live-chat");
        assert_eq!(of_page("Live", "دردشة"), "Live · \u{2068}دردشة\u{2069}");
    }
}
