//! HTML, written piece by piece. A view of Leptos that only becomes HTML takes several times as much of what a browser downloads.

/// HTML that is being written. What stands in it of other people is text, and cannot become markup.
#[derive(Debug, Default)]
pub struct Html(String);

impl Html {
    /// Begins an element: a name, with the attributes that are always the same, and those that are not.
    pub fn open(&mut self, element: &'static str, attributes: &[(&'static str, &str)]) {
        self.push(&["<", element]);
        for (name, value) in attributes {
            self.push(&[" ", name, "=\""]);
            self.text(value);
            self.push(&["\""]);
        }
        self.push(&[">"]);
    }

    /// Ends the element of that name.
    pub fn close(&mut self, name: &'static str) {
        self.push(&["</", name, ">"]);
    }

    /// An element, begun as by [`open`](Self::open), that holds a text and nothing else.
    pub fn element(&mut self, element: &'static str, attributes: &[(&'static str, &str)], text: &str) {
        self.open(element, attributes);
        self.text(text);
        self.close(element.split(' ').next().unwrap_or_default());
    }

    /// A text. (HTML 13.3: what would begin or end markup, in an element or in an attribute's quotes, is written as a reference.)
    pub fn text(&mut self, text: &str) {
        for piece in text.split_inclusive(['&', '<', '>', '"']) {
            let reference = match piece.as_bytes().last() {
                Some(b'&') => "&amp;",
                Some(b'<') => "&lt;",
                Some(b'>') => "&gt;",
                Some(b'"') => "&quot;",
                _ => {
                    self.0.push_str(piece);
                    continue;
                }
            };
            self.push(&[&piece[..piece.len() - 1], reference]);
        }
    }

    /// What was written.
    pub fn finish(self) -> String {
        self.0
    }

    fn push(&mut self, pieces: &[&str]) {
        for piece in pieces {
            self.0.push_str(piece);
        }
    }
}

/// A text as HTML, for `inner_html`: of the elements in which the renderer escapes nothing, `textarea` and `title` (HTML 13.1.2.6,
/// escapable raw text).
pub fn escaped(text: &str) -> String {
    let mut html = Html::default();
    html.text(text);
    html.finish()
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
            let mut html = Html::default();
            html.element("p class=text", &[("title", text)], text);
            assert_eq!(html.finish(), format!("<p class=text title=\"{expected}\">{expected}</p>"));
        }
    }
}
