/// A key that was pressed in the form, as far as it matters there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Press {
    /// What the key means (UI Events, `key`).
    pub key: String,
    /// The legacy code (UI Events, `keyCode`): 229 if an input method has taken the key.
    pub key_code: u32,
    /// Whether the browser says that a composition is open.
    pub is_composing: bool,
    /// Whether Shift is held.
    pub shift: bool,
    /// Whether Ctrl, Alt or Meta is held.
    pub modified: bool,
}

/// What an input method reports for a key that it has taken (UI Events 7.3.1).
const TAKEN_BY_INPUT_METHOD: u32 = 229;

/// What a key does in the message field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing of ours: the browser does what it does.
    Leave,
    /// Sends the message.
    Send,
    /// Takes the name that is selected.
    Take,
    /// Selects another name: the one before, or the next.
    Select {
        /// Whether it is the one before.
        is_back: bool,
    },
    /// Shows what was sent before, or after.
    Recall {
        /// Whether it is what was sent before.
        is_back: bool,
    },
    /// Closes the list of names.
    Dismiss,
    /// Closes the list of names, since somebody else is meant where the caret goes. The browser moves it.
    DismissAndLeave,
    /// Takes the reply back, or leaves the field.
    Escape,
}

/// Whether an input method is composing in the field.
///
/// Its keys belong to it: Enter chooses a word there. Browsers tell it in three ways. Most set `isComposing`. Safari ends the composition
/// before the key that ends it, which then has `keyCode` 229 (WebKit bug 165004). And some tell only by events when a composition begins
/// and ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Composition(bool);

impl Composition {
    /// A composition has begun (`compositionstart`).
    pub fn begin(&mut self) {
        self.0 = true;
    }

    /// It has ended (`compositionend`), or the field has lost the focus, which ends it in every browser.
    pub fn end(&mut self) {
        self.0 = false;
    }

    /// Whether a key belongs to the input method.
    pub fn takes(self, press: &Press) -> bool {
        self.0 || press.is_composing || press.key_code == TAKEN_BY_INPUT_METHOD
    }
}

impl Press {
    /// Returns what the key does in the message field, where names are offered or not.
    pub fn action(&self, has_offers: bool) -> Action {
        if self.modified {
            return Action::Leave;
        }
        match (&*self.key, has_offers) {
            ("Escape", true) => Action::Dismiss,
            ("Escape", false) => Action::Escape,
            _ if self.shift => Action::Leave,
            ("Enter" | "Tab", true) => Action::Take,
            ("Enter", false) => Action::Send,
            ("ArrowUp" | "ArrowDown", true) => Action::Select { is_back: self.key == "ArrowUp" },
            ("ArrowUp" | "ArrowDown", false) => Action::Recall { is_back: self.key == "ArrowUp" },
            ("ArrowLeft" | "ArrowRight" | "Home" | "End", true) => Action::DismissAndLeave,
            _ => Action::Leave,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(key: &str) -> Press {
        let key_code = if key == "Enter" { 13 } else { 0 };
        Press { key: key.to_owned(), key_code, ..Press::default() }
    }

    #[test]
    fn keys_act_on_the_list_while_there_is_one() {
        for (key, with_list, without) in [
            ("Enter", Action::Take, Action::Send),
            ("Tab", Action::Take, Action::Leave),
            ("ArrowUp", Action::Select { is_back: true }, Action::Recall { is_back: true }),
            ("ArrowDown", Action::Select { is_back: false }, Action::Recall { is_back: false }),
            ("Escape", Action::Dismiss, Action::Escape),
            ("Home", Action::DismissAndLeave, Action::Leave),
            ("ArrowLeft", Action::DismissAndLeave, Action::Leave),
            ("a", Action::Leave, Action::Leave),
            ("Process", Action::Leave, Action::Leave),
        ] {
            assert_eq!([press(key).action(true), press(key).action(false)], [with_list, without], "{key}");
        }
    }

    #[test]
    fn with_another_key_held_they_are_the_browsers() {
        for key in ["Enter", "Tab", "ArrowUp"] {
            for has_offers in [true, false] {
                assert_eq!(Press { shift: true, ..press(key) }.action(has_offers), Action::Leave, "Shift+{key}");
                assert_eq!(Press { modified: true, ..press(key) }.action(has_offers), Action::Leave, "Ctrl+{key}");
            }
        }
    }

    /// What browsers report when somebody composes a word and confirms it with a key, and whether that key is the input method's.
    #[test]
    fn the_key_that_confirms_a_word_belongs_to_the_input_method() {
        enum Event {
            Start,
            End,
            Key(bool, u32),
        }
        use Event::{End, Key, Start};
        for (order, events) in [
            ("Chrome and Firefox", vec![Start, Key(true, 229), End]),
            ("Chrome, the code of the key", vec![Start, Key(true, 13), End]),
            ("Safari", vec![Start, End, Key(false, 229)]),
            ("without isComposing", vec![Start, Key(false, 13), End]),
        ] {
            for key in ["Enter", "Escape", "ArrowUp", "ArrowDown", "Tab"] {
                let mut composition = Composition::default();
                for event in &events {
                    match *event {
                        Start => composition.begin(),
                        End => composition.end(),
                        Key(is_composing, key_code) => {
                            assert!(composition.takes(&Press { is_composing, key_code, ..press(key) }), "{order}: {key}");
                        }
                    }
                }
                assert!(!composition.takes(&press(key)), "{order}: {key} after it");
            }
        }
    }
}
