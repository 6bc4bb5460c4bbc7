//! What a moderator may do about a message and its author.
//!
//! The dialog is the server's HTML and a script, which a moderator's page alone has: as views and handlers of the island it would
//! be a large part of what everybody downloads. The island says about which message, in an event `moderate`.

use leptos::{nonce::use_nonce, prelude::*};

use crate::texts::{Text, Texts, key};

/// The acts that only make sense with what others say.
const ABOUT_AUTHOR: [(Text, &str, &str); 7] = [
    (key::moderation::DELETE_ALL, "delete_all", ""),
    (key::moderation::TIME_OUT_1_MIN, "timeout", "60"),
    (key::moderation::TIME_OUT_10_MIN, "timeout", "600"),
    (key::moderation::TIME_OUT_1_HOUR, "timeout", "3600"),
    (key::moderation::TIME_OUT_1_DAY, "timeout", "86400"),
    (key::moderation::BAN, "ban", ""),
    (key::moderation::LIFT, "lift", ""),
];

/// The dialog, with its script.
pub fn dialog(texts: &'static Texts) -> impl IntoView {
    let (before_name, after_name) = texts.around(key::page::MODERATE);
    let act = |key: Text, act: &'static str, seconds: &'static str, is_about_author: bool| {
        view! { <button type="button" value=seconds data-act=act data-about-author=is_about_author>{texts.text(key)}</button> }
    };
    view! {
        <dialog
            id="moderation"
            class="moderation"
            aria-labelledby="moderated"
            data-signed-out=texts.text(key::moderation::SIGNED_OUT)
            data-not-done=texts.text(key::page::NOT_DONE)
            data-no-connection=texts.text(key::page::NO_CONNECTION)
            data-others=texts.template(key::moderation::OTHERS_AT_ADDRESS)
            data-unknown=texts.text(key::moderation::ADDRESS_UNKNOWN)
        >
            <h2 id="moderated" tabindex="-1">{before_name}<bdi></bdi>{after_name}</h2>
            <p class="quote" dir="auto"></p>
            <label for="reason">{texts.text(key::moderation::REASON)}</label>
            <input id="reason" type="text" maxlength="256" autocomplete="off" dir="auto" />
            <p class="by-address">
                <label><input id="by-address" type="checkbox" />" "{texts.text(key::moderation::BY_ADDRESS)}</label>
                " "
                <span role="status"></span>
            </p>
            <p class="error" role="alert" hidden></p>
            <div class="acts">
                {act(key::moderation::PIN, "pin", "", false)}
                {act(key::moderation::UNPIN, "unpin", "", false)}
                {act(key::moderation::DELETE_MESSAGE, "delete", "", false)}
                {ABOUT_AUTHOR.map(|(key, name, seconds)| act(key, name, seconds, true)).collect_view()}
            </div>
            <button type="button" class="cancel">{texts.text(key::page::CANCEL)}</button>
        </dialog>
        <script type="module" src="/moderation.js" nonce=use_nonce()></script>
    }
}
