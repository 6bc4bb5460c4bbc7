use leptos::{
    ev::{self, KeyboardEvent},
    html::Div,
    prelude::*,
};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlTextAreaElement};

use super::{EmojiButton, Form, people};
use crate::{
    app::{
        escape::escaped,
        mention::is_sign,
        state::{
            offers::Offers,
            typing::{Action, Composition, Press},
        },
        task::{follow, spawn},
        wire::FormInput,
    },
    texts::key,
};

/// What the reader writes, with the names of people and emoji to be chosen.
#[component]
pub fn MessageField(
    form: Form,
    /// What stands in it at first.
    text: String,
) -> impl IntoView {
    let session = form.session;
    let texts = session.texts;
    let field = Field { form, element: NodeRef::new(), offers: RwSignal::new(Offers::default()) };
    follow(Box::new(move || field.begin()));
    view! {
        <div
            class="message-field"
            node_ref=field.element
            on:input=move |_| field.edited()
            on:compositionstart=move |_| field.compose(Composition::begin)
            on:compositionend=move |_| field.compose(Composition::end)
            on:focusout=move |_| field.left()
        >
            <label for="message">{texts.text(key::page::MESSAGE)}</label>
            // The style sheet makes the field as high as a copy of its text.
            <div class="grow" data-text=form.words(|form| form.text.get()) on:keydown=move |event| field.pressed(&event) on:click=move |_| field.dismiss()>
                <textarea
                    data-1p-ignore=""
                    data-bwignore=""
                    data-lpignore="true"
                    data-form-type="other"
                    id="message"
                    name="message"
                    rows="1"
                    autocomplete="off"
                    enterkeyhint="send"
                    placeholder=texts.text(key::page::WRITE_MESSAGE)
                    dir="auto"
                    required
                    inner_html=escaped(&text)
                    node_ref=form.message
                    aria-invalid=form.value(|form| form.is_wrong(FormInput::Message).then_some("true"))
                    aria-describedby="message-error"
                    aria-activedescendant=session.value(move |_| field.offers.with(Offers::selected).map(|selected| people::OPTIONS[selected]))
                ></textarea>
            </div>
            <EmojiButton form insert=move |emoji: String| field.insert_at_caret(&emoji) />
        </div>
    }
}

/// The message field. A handle; copies share it.
#[derive(Clone, Copy)]
pub struct Field {
    /// The form that it is in.
    pub form: Form,
    /// The field with all that belongs to it.
    pub element: NodeRef<Div>,
    /// The names that are offered.
    pub offers: RwSignal<Offers>,
}

impl Field {
    /// Hears what is pressed elsewhere in the page, for as long as it is there, and adds what the field can do with scripts.
    fn begin(self) {
        if let Some(textarea) = self.form.message.get_untracked() {
            for (name, value) in [("aria-autocomplete", "list"), ("aria-keyshortcuts", "/")] {
                // It fails for no attribute that has a name.
                let _ = textarea.set_attribute(name, value);
            }
        }
        let _ = window_event_listener(ev::keydown, move |event| self.pressed_in_page(&event));
    }

    fn edited(self) {
        self.form.edited();
        self.offer();
    }

    fn compose(self, change: fn(&mut Composition)) {
        self.form.aside.update_value(|aside| change(&mut aside.composition));
    }

    /// Whether a key belongs to the input method.
    fn is_composing(self, press: &Press) -> bool {
        self.form.aside.with_value(|aside| aside.composition.takes(press))
    }

    fn left(self) {
        self.compose(Composition::end);
        self.dismiss();
    }

    /// Offers the names that fit what stands before the caret. Nobody is offered if that part of the page cannot be loaded.
    fn offer(self) {
        let before = self.before_caret();
        if !before.contains(is_sign) {
            self.dismiss();
            return;
        }
        spawn(async move {
            // The reader may have gone on meanwhile.
            if let Ok(found) = people::find(self, before.clone()).await
                && self.before_caret() == before
                && self.offers.with_untracked(|offers| *offers != found)
            {
                self.offers.set(found);
            }
        });
    }

    fn dismiss(self) {
        if !self.offers.with_untracked(Offers::is_empty) {
            self.offers.set(Offers::default());
        }
    }

    /// Writes one of the names that are offered.
    pub fn take(self, which: usize) {
        if let Some((start, name)) = self.offers.with_untracked(|offers| offers.take(which)) {
            self.insert(start, &name);
        }
    }

    /// What stands before the caret.
    fn before_caret(self) -> String {
        let Some(textarea) = self.form.message.get_untracked() else { return String::new() };
        let mut text = textarea.value();
        let caret = textarea.selection_start().ok().flatten().unwrap_or(0) as usize;
        text.truncate(byte_at(&text, caret));
        text
    }

    fn insert_at_caret(self, text: &str) {
        self.insert(self.before_caret().len(), text);
    }

    /// Writes in place of what stands between `start`, in bytes, and the caret, and of what is selected.
    fn insert(self, start: usize, text: &str) {
        let Some(textarea) = self.form.message.get_untracked() else { return };
        let value = textarea.value();
        let start = utf16_len(value.get(..start).unwrap_or_default());
        let end = textarea.selection_end().ok().flatten().unwrap_or(start).max(start);
        let caret = start + utf16_len(text);
        // Both fail for places that are not in the text.
        let _ = textarea.set_range_text_with_start_and_end(text, start, end);
        let _ = textarea.set_selection_range(caret, caret);
        self.edited();
        self.form.focus(None);
    }

    fn pressed(self, event: &KeyboardEvent) {
        let press = press(event);
        if event.default_prevented() || self.is_composing(&press) {
            return;
        }
        let is_done = match press.action(!self.offers.with_untracked(Offers::is_empty)) {
            Action::Leave => false,
            Action::DismissAndLeave => {
                self.dismiss();
                false
            }
            Action::Dismiss => {
                self.dismiss();
                true
            }
            Action::Send => {
                self.form.submit();
                true
            }
            Action::Take => {
                if let Some(selected) = self.offers.with_untracked(Offers::selected) {
                    self.take(selected);
                }
                true
            }
            Action::Select { is_back } => {
                self.offers.update(|offers| offers.step(is_back));
                true
            }
            Action::Recall { is_back } => self.recall(is_back),
            Action::Escape => {
                self.escape();
                true
            }
        };
        if is_done {
            event.prevent_default();
        }
    }

    /// Shows what was sent before or after, where the caret has no line to go to in that direction.
    fn recall(self, is_back: bool) -> bool {
        let Some(textarea) = self.form.message.get_untracked() else { return false };
        let (text, before) = (textarea.value(), self.before_caret());
        let beyond = if is_back { &*before } else { text.get(before.len()..).unwrap_or_default() };
        if beyond.contains('\n') {
            return false;
        }
        let Some(recalled) = self.form.aside.try_update_value(|aside| aside.recall.step(&text, is_back)).flatten() else {
            return false;
        };
        self.form.write(&recalled);
        true
    }

    /// Takes the reply back, or else goes to where the keys scroll what was said.
    fn escape(self) {
        let session = self.form.session;
        if session.reply.with_untracked(Option::is_some) {
            session.reply.set(None);
        } else if let Some(log) = session.log.get_untracked() {
            // A browser that refuses leaves the focus where it is.
            let _ = log.focus();
        }
    }

    /// What a key does elsewhere: a slash leads to the field, and Escape takes the reply back.
    fn pressed_in_page(self, event: &KeyboardEvent) {
        let press = press(event);
        let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        let is_in = |places: &str| target.as_ref().is_some_and(|target| target.closest(places).ok().flatten().is_some());
        // What is open on top of the page has its own keys.
        let is_taken = event.default_prevented() || press.modified || self.is_composing(&press);
        if is_taken || is_in("dialog, [popover]") {
            return;
        }
        match &*press.key {
            "Escape" => self.escape_from(&target),
            "/" if !is_in("input, textarea, select, [contenteditable]") => {
                self.form.focus(None);
                // A form that is not shown takes no focus: then the key is the browser's.
                let focused = document().active_element().and_then(|active| active.dyn_into::<HtmlTextAreaElement>().ok());
                if focused.is_some() {
                    event.prevent_default();
                }
            }
            _ => {}
        }
    }

    fn escape_from(self, target: &Option<Element>) {
        let is_in_name = target.as_ref().zip(self.form.username.get_untracked()).is_some_and(|(target, name)| {
            let name: &Element = name.as_ref();
            target == name
        });
        let session = self.form.session;
        if is_in_name {
            self.escape();
        } else if session.reply.with_untracked(Option::is_some) {
            session.reply.set(None);
        }
    }
}

fn press(event: &KeyboardEvent) -> Press {
    Press {
        key: event.key(),
        key_code: event.key_code(),
        is_composing: event.is_composing(),
        shift: event.shift_key(),
        modified: event.ctrl_key() || event.alt_key() || event.meta_key(),
    }
}

/// The length of a text as browsers count.
fn utf16_len(text: &str) -> u32 {
    text.encode_utf16().count() as u32
}

/// Where in a text, in bytes, a place is that browsers give.
fn byte_at(text: &str, utf16: usize) -> usize {
    let mut units = 0;
    for (at, c) in text.char_indices() {
        if units >= utf16 {
            return at;
        }
        units += c.len_utf16();
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_in_any_script() {
        let text = "a é木🙂b";
        for (utf16, expected) in [(0, ""), (1, "a"), (3, "a é"), (4, "a é木"), (6, "a é木🙂"), (7, text), (99, text)] {
            assert_eq!(&text[..byte_at(text, utf16)], expected, "{utf16}");
        }
        assert_eq!(utf16_len(text), 7);
    }
}
