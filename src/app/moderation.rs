//! What a moderator may do about a message and its author.
//!
//! The dialog is the server's HTML and a script, which a moderator's page alone has: as views and handlers of the island it would
//! be a large part of what everybody downloads. The island says about which message, in an event `moderate`.

use leptos::{nonce::use_nonce, prelude::*};

use crate::texts::Texts;

/// The acts that only make sense with what others say.
const ABOUT_AUTHOR: [(&str, &str, &str); 7] = [
    ("moderation.delete_all", "delete_all", ""),
    ("moderation.time_out_1_min", "timeout", "60"),
    ("moderation.time_out_10_min", "timeout", "600"),
    ("moderation.time_out_1_hour", "timeout", "3600"),
    ("moderation.time_out_1_day", "timeout", "86400"),
    ("moderation.ban", "ban", ""),
    ("moderation.lift", "lift", ""),
];

/// The dialog, with its script.
pub fn dialog(texts: &'static Texts) -> impl IntoView {
    let (before_name, after_name) = texts.around("page.moderate");
    let act = |key: &'static str, act: &'static str, seconds: &'static str, is_about_author: bool| {
        view! { <button type="button" value=seconds data-act=act data-about-author=is_about_author>{texts.text(key)}</button> }
    };
    view! {
        <dialog
            id="moderation"
            class="moderation"
            aria-labelledby="moderated"
            data-signed-out=texts.text("moderation.signed_out")
            data-not-done=texts.text("page.not_done")
            data-no-connection=texts.text("page.no_connection")
            data-others=texts.text("moderation.others_at_address")
            data-unknown=texts.text("moderation.address_unknown")
        >
            <h2 id="moderated" tabindex="-1">{before_name}<bdi></bdi>{after_name}</h2>
            <p class="quote" dir="auto"></p>
            <label for="reason">{texts.text("moderation.reason")}</label>
            <input id="reason" type="text" maxlength="256" autocomplete="off" dir="auto" />
            <p class="by-address">
                <label><input id="by-address" type="checkbox" />" "{texts.text("moderation.by_address")}</label>
                " "
                <span role="status"></span>
            </p>
            <p class="error" role="alert" hidden></p>
            <div class="acts">
                {act("moderation.pin", "pin", "", false)}
                {act("moderation.unpin", "unpin", "", false)}
                {act("moderation.delete_message", "delete", "", false)}
                {ABOUT_AUTHOR.map(|(key, name, seconds)| act(key, name, seconds, true)).collect_view()}
            </div>
            <button type="button" class="cancel">{texts.text("page.cancel")}</button>
        </dialog>
        <script type="module" src="/moderation.js" nonce=use_nonce()></script>
    }
}
