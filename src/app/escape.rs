//! Text as HTML, where the renderer escapes nothing.

/// A text as HTML, for `inner_html`: of the elements in which the renderer escapes nothing, `textarea` and `title` (HTML 13.1.2.6,
/// escapable raw text), and of [texts](super::components::LiveText) that follow the state.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_becomes_no_markup() {
        for (text, expected) in [
            ("", ""),
            ("Ann & Bob", "Ann &amp; Bob"),
            ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
            ("\" onerror=\"x", "&quot; onerror=&quot;x"),
            ("&lt;", "&amp;lt;"),
            ("é<🙂>", "é&lt;🙂&gt;"),
        ] {
            assert_eq!(escaped(text), expected);
        }
    }
}
