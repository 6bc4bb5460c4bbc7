use leptos::prelude::*;

use crate::{
    chat::RoomId,
    texts::{Text, Texts, key},
};

/// A page of a site's own that chats with a widget key, without the values of its first lines.
const PAGE: &str = include_str!("widget.html");

/// What a site needs to use a widget key, ready to be pasted.
#[derive(Clone, Debug)]
pub struct WidgetCode {
    /// Where the chat is, such as `https://chat.example`.
    pub server: String,
    /// A room that the key opens.
    pub room: RoomId,
    /// The key.
    pub key: String,
    /// Whether it is shown at once, as for a key that was just made.
    pub is_open: bool,
}

impl WidgetCode {
    /// Returns the whole page.
    fn page(&self) -> String {
        let values = [("SERVER", literal(&self.server)), ("ROOM", self.room.to_string()), ("KEY", literal(&self.key))];
        values
            .iter()
            .fold(PAGE.to_owned(), |page, (place, value)| page.replacen(&format!("= {place};"), &format!("= {value};"), 1))
    }
}

/// Returns the line that frames our own page in one of another site.
pub(super) fn embed(server: &str, room: RoomId) -> String {
    format!(r#"<script src="{server}/embed.js" data-room="{room}" async></script>"#)
}

/// A text as JavaScript writes it, in a script of an HTML page.
fn literal(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap_or_default();
    quoted.replace('<', "\\u003c")
}

/// The values and the code, below a key.
pub(super) fn widget(texts: &'static Texts, code: WidgetCode) -> impl IntoView {
    let page = code.page();
    let WidgetCode { server, room, is_open, .. } = code;
    let row = |name: Text, value: String| view! { <dt>{texts.text(name)}</dt> <dd><code>{value}</code></dd> };
    view! {
        <details class="widget-code" open=is_open>
            <summary>{texts.text(key::admin::WIDGET_CODE)}</summary>
            <dl>
                {row(key::admin::WIDGET_ROOM, room.to_string())}
                {row(key::admin::WIDGET_SUBSCRIBE, format!("{server}/subscribe/{room}"))}
                {row(key::admin::WIDGET_PUBLISH, format!("{server}/publish/{room}?token="))}
                {row(key::admin::WIDGET_EMBED, embed(&server, room))}
            </dl>
            <p>{texts.text(key::admin::WIDGET_HELP)}</p>
            <div data-copyable="">
                <button class="button quiet" type="button" aria-live="polite">
                    <span>{texts.text(key::admin::COPY)}</span>
                    <span>{texts.text(key::admin::COPIED)}</span>
                </button>
                <pre dir="ltr" aria-label=texts.text(key::admin::WIDGET_PAGE)><code>{page}</code></pre>
            </div>
        </details>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(server: &str, key: &str) -> String {
        WidgetCode { server: server.into(), room: RoomId::FIRST, key: key.into(), is_open: false }.page()
    }

    #[test]
    fn the_page_has_the_values_of_its_key() {
        let page = page("https://chat.example", "k-1");
        for line in [r#"const server = "https://chat.example";"#, "const room = 1;", r#"const widgetKey = "k-1";"#] {
            assert!(page.contains(line), "{line}");
        }
    }

    #[test]
    fn no_key_breaks_out_of_the_script() {
        let page = page("https://chat.example", r#"a";alert(1);//</script><script>= ROOM;"#);
        assert!(page.contains(r#"const widgetKey = "a\";alert(1);//\u003c/script>\u003cscript>= ROOM;";"#), "{page}");
        assert!(page.contains("const room = 1;"), "{page}");
    }
}
