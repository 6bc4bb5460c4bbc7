use std::collections::VecDeque;

/// Most texts that are recalled.
const MOST: usize = 50;

/// What the reader has sent, and how far back in it the field is.
#[derive(Debug, Default)]
pub struct Recall {
    /// Oldest first.
    sent: VecDeque<String>,
    /// How many steps back the text in the field is; 0 if it is something else.
    back: usize,
}

impl Recall {
    /// What was sent before, oldest first.
    pub fn of(sent: impl Iterator<Item = String>) -> Self {
        let mut recall = Self::default();
        sent.for_each(|text| recall.note(&text));
        recall
    }

    /// A text was sent.
    pub fn note(&mut self, text: &str) {
        self.back = 0;
        if text.trim().is_empty() || self.sent.back().is_some_and(|last| last == text) {
            return;
        }
        self.sent.push_back(text.to_owned());
        if self.sent.len() > MOST {
            self.sent.pop_front();
        }
    }

    /// Returns what is to stand in the field after a step back, or forward again, from `shown`. None if the field stays as it is and the
    /// key does what it does elsewhere: what somebody has typed or changed is never replaced.
    pub fn step(&mut self, shown: &str, is_back: bool) -> Option<String> {
        if shown.is_empty() {
            self.back = 0;
        } else if self.back == 0 || self.at(self.back) != Some(shown) {
            return None;
        }
        let next = if is_back { self.back + 1 } else { self.back.checked_sub(1)? };
        if next > self.sent.len() {
            // There is nothing older: the oldest stays.
            return (self.back > 0).then(|| shown.to_owned());
        }
        self.back = next;
        Some(self.at(next).unwrap_or_default().to_owned())
    }

    fn at(&self, back: usize) -> Option<&str> {
        let at = self.sent.len().checked_sub(back)?;
        self.sent.get(at).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recall(sent: &[&str]) -> Recall {
        Recall::of(sent.iter().map(|&text| text.to_owned()))
    }

    #[test]
    fn what_was_sent_comes_back_in_order() {
        let mut recall = recall(&["one", "two", "two", " ", "three"]);
        let mut shown = String::new();
        for (is_back, expected) in [
            (true, "three"),
            (true, "two"),
            (true, "one"),
            (true, "one"),
            (false, "two"),
            (false, "three"),
            (false, ""),
            (true, "three"),
        ] {
            shown = recall.step(&shown, is_back).expect("a text");
            assert_eq!(shown, expected);
        }
        recall.note("four");
        assert_eq!(recall.step("three", true), None, "sent since");
        assert_eq!(recall.step("", true).as_deref(), Some("four"));
    }

    #[test]
    fn what_was_typed_stays() {
        let mut recall = recall(&["one", "two"]);
        assert_eq!(recall.step("half a sen", true), None);
        assert_eq!(recall.step("two", true), None, "typed, not recalled");
        assert_eq!(recall.step("", true).as_deref(), Some("two"));
        assert_eq!(recall.step("two!", true), None);
        assert_eq!(Recall::default().step("", true), None);
        assert_eq!(Recall::default().step("", false), None);
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut recall = Recall::of((0..2 * MOST).map(|n| n.to_string()));
        let mut shown = String::new();
        for _ in 0..3 * MOST {
            shown = recall.step(&shown, true).expect("a text");
        }
        assert_eq!(shown, MOST.to_string());
    }
}
