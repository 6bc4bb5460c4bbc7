//! The title of a document, on the server and in a browser.

/// What every title ends with, unless owners have said something else.
pub const SITE: &str = "live-chat";

/// Returns the title of the page of that name on a site.
///
/// A name in a script from right to left would turn the whole title around, since its first letter decides (Unicode Standard
/// Annex #9, rules P2 and P3). Such a name is isolated.
pub fn of_page(name: &str, site: &str) -> String {
    [isolated(name), " · ".to_owned(), isolated(site)].concat()
}

fn isolated(name: &str) -> String {
    let (before, after) = if name.contains(runs_from_right) { ("\u{2068}", "\u{2069}") } else { ("", "") };
    [before, name, after].concat()
}

/// Whether a character, or a mark for directions, may turn what is beside it around.
fn runs_from_right(char: char) -> bool {
    matches!(char,
        '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}'
        | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_does_not_turn_the_title_around() {
        let isolated = ["دردشة", "חדר 1", "News \u{202e}txt", "Live دردشة", "\u{1e900}"];
        for name in isolated {
            assert_eq!(of_page(name, SITE), format!("\u{2068}{name}\u{2069} · live-chat"));
        }
        for name in ["Live chat", "Größe 1", "チャット", ""] {
            assert_eq!(of_page(name, SITE), format!("{name} · live-chat"));
        }
        assert_eq!(of_page("Live", "دردشة"), "Live · \u{2068}دردشة\u{2069}");
    }
}
