use leptos::prelude::*;

use super::widget;
use crate::{
    chat::RoomId,
    texts::{Text, Texts, key},
};

/// Where a room is found, and how it is put on other pages.
#[derive(Clone, Debug)]
pub struct Share {
    /// Where the chat is, such as `https://chat.example`.
    pub server: String,
    /// The room.
    pub room: RoomId,
    /// A widget key that opens it, if there is one.
    pub key: Option<String>,
    /// The room's address as a QR code: an `svg` element. Empty if the address is too long for one.
    pub qr_code: String,
}

/// The addresses and the code, each with a button that copies it.
pub(super) fn share(texts: &'static Texts, share: Share) -> impl IntoView {
    let Share { server, room, key, qr_code } = share;
    let rows = [
        (key::share::LINK, Some(format!("{server}/rooms/{room}"))),
        (key::share::EMBED, Some(widget::embed(&server, room))),
        (key::share::OVERLAY, Some(format!("{server}/overlay/{room}"))),
        (key::share::REPLAY, Some(format!("{server}/rooms/{room}/replay"))),
        (key::share::KEY, key),
    ];
    let rows = rows.into_iter().filter_map(|(name, value)| value.map(|value| row(texts, name, value))).collect_view();
    let has_code = !qr_code.is_empty();
    view! {
        <section class="share" aria-labelledby="share">
            <h2 id="share">{texts.text(key::share::HEADING)}</h2>
            <dl>{rows}</dl>
            <figure class="qr-code" hidden=!has_code>
                <div role="img" aria-label=texts.text(key::share::QR_CODE) inner_html=qr_code></div>
            </figure>
        </section>
    }
}

fn row(texts: &'static Texts, name: Text, value: String) -> impl IntoView {
    let name = texts.text(name);
    let label = texts.fill(key::share::COPY_OF, &[("what", name)]);
    view! {
        <div data-copyable="">
            <dt>{name}</dt>
            <dd>
                <code dir="ltr">{value}</code>
                <button class="button quiet" type="button" aria-live="polite" title=label>
                    <span>{texts.text(key::share::COPY)}</span>
                    <span>{texts.text(key::admin::COPIED)}</span>
                </button>
            </dd>
        </div>
    }
}
