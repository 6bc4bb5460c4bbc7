use leptos::{
    prelude::*,
    tachys::{html::element::InnerHtmlValue, renderer::types::Element},
};

use crate::app::{escape::escaped, session::Session};

/// A text that follows the state, in a `span`.
///
/// Use it, or [`LiveText`], for every text that changes. A text node in a view freezes when the browser translates the page: the
/// translation moves the text into elements of its own, and Leptos goes on writing into a node that nobody sees. These set the text of the
/// whole element.
#[component]
pub fn Words(
    /// The text.
    text: Signal<String>,
) -> impl IntoView {
    view! { <span inner_html=LiveText(text)></span> }
}

impl Session {
    /// Returns a text that follows the state, as [`Words`].
    pub fn words(self, words: impl Fn(Self) -> String + Send + Sync + 'static) -> impl IntoView {
        Words(WordsProps { text: self.text(words) })
    }
}

/// A text that follows the state, as the `inner_html` of any element. None of it becomes markup.
///
/// Hydration takes over whatever the element holds, so a translation before that does no harm.
#[derive(Clone, Copy, Debug)]
pub struct LiveText(pub Signal<String>);

impl IntoAttributeValue for LiveText {
    type Output = Self;

    fn into_attribute_value(self) -> Self {
        self
    }
}

impl LiveText {
    /// Keeps the text of an element as it is to be.
    fn follow(self, element: Element, shown: Option<String>) -> RenderEffect<String> {
        let show = move |shown: Option<String>| {
            let text = self.0.get();
            if shown.as_ref() != Some(&text) {
                element.set_text_content(Some(&text));
            }
            text
        };
        RenderEffect::new_with_value(show, shown)
    }
}

impl InnerHtmlValue for LiveText {
    type AsyncOutput = Self;
    type State = (Element, RenderEffect<String>);
    type Cloneable = Self;
    type CloneableOwned = Self;

    fn html_len(&self) -> usize {
        0
    }

    fn to_html(self, buf: &mut String) {
        buf.push_str(&escaped(&self.0.get()));
    }

    fn to_template(_: &mut String) {}

    fn hydrate<const FROM_SERVER: bool>(self, element: &Element) -> Self::State {
        let shown = FROM_SERVER.then(|| self.0.get_untracked());
        (element.clone(), self.follow(element.clone(), shown))
    }

    fn build(self, element: &Element) -> Self::State {
        (element.clone(), self.follow(element.clone(), None))
    }

    fn rebuild(self, (element, effect): &mut Self::State) {
        *effect = self.follow(element.clone(), effect.take_value());
    }

    fn into_cloneable(self) -> Self::Cloneable {
        self
    }

    fn into_cloneable_owned(self) -> Self::CloneableOwned {
        self
    }

    fn dry_resolve(&mut self) {}

    async fn resolve(self) -> Self::AsyncOutput {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_writes_text_and_no_markup() {
        Owner::new().with(|| {
            let html = |text: &str| {
                let text = Signal::stored(text.to_owned());
                view! { <Words text /> }.to_html()
            };
            assert_eq!(html("<b>1 & 2</b>"), "<span>&lt;b&gt;1 &amp; 2&lt;/b&gt;</span>");
            assert_eq!(html(""), "<span></span>");
        });
    }
}
