use super::super::mention::{self, Person};

/// The names that are offered while somebody types one after an `@`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offers {
    /// The names, the likeliest first.
    names: Vec<String>,
    /// Which of them is selected.
    selected: usize,
    /// Where the `@` stands, in bytes.
    start: usize,
}

impl Offers {
    /// Most names that are offered at once.
    pub const MOST: usize = 6;

    /// Those for a text that ends at the caret. The first is selected.
    pub fn find(before_caret: &str, people: &[Person]) -> Self {
        let Some((start, fitting)) = mention::typed(before_caret, people) else { return Self::default() };
        Self { names: fitting.into_iter().take(Self::MOST).map(|person| person.name.clone()).collect(), selected: 0, start }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Which of them is selected, if there are any.
    pub fn selected(&self) -> Option<usize> {
        (!self.is_empty()).then_some(self.selected)
    }

    /// Selects the next one, or the one before; after the last comes the first.
    pub fn step(&mut self, is_back: bool) {
        let count = self.names.len().max(1);
        self.selected = (self.selected + if is_back { count - 1 } else { 1 }) % count;
    }

    /// What taking one of them writes: from where in the text, in bytes, and what.
    pub fn take(&self, which: usize) -> Option<(usize, String)> {
        self.names.get(which).map(|name| (self.start, format!("@{name} ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_selected_in_turn_and_taken() {
        let people = ["Zed", "Zoë", "zorro", "Ann"].map(|name| Person::new(name, false));
        let mut offers = Offers::find("hi @z", &people);
        let selected = |offers: &Offers| offers.selected().and_then(|which| offers.names().nth(which)).map(str::to_owned);
        let mut seen = Vec::new();
        for is_back in [false, false, false, true, true] {
            seen.extend(selected(&offers));
            offers.step(is_back);
        }
        assert_eq!(seen, ["Zed", "Zoë", "zorro", "Zed", "zorro"]);
        assert_eq!(offers.selected().and_then(|which| offers.take(which)), Some((3, "@Zoë ".to_owned())));
        assert_eq!(offers.take(9), None);
    }

    #[test]
    fn where_nobody_is_meant_nothing_is_offered() {
        let mut offers = Offers::find("nobody@x", &[Person::new("xaver", false)]);
        offers.step(true);
        assert_eq!((offers.is_empty(), offers.selected(), offers.take(0)), (true, None, None));
    }

    #[test]
    fn few_are_offered() {
        let people: Vec<_> = (0..100).map(|n| Person::new(&format!("p{n}"), false)).collect();
        assert_eq!(Offers::find("@p", &people).names().count(), Offers::MOST);
        assert_eq!(Offers::find("@p99", &people).names().next(), Some("p99"));
    }
}
