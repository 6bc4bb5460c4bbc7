//! Messages over a video, which fade. The stylesheet does it, and the source's own CSS may change when. It shows nothing while no
//! frame is painted, as in a source of OBS that is not on screen, so the rows themselves go too once they are over.

use js_sys::Number;
use leptos::prelude::*;

use super::{scroll, session::Session, state::timeline::Timeline};

/// How much longer a row stays than it is seen, in seconds: it may have come a little after it was said.
const LATE_SECONDS: f64 = 3.0;

/// Takes out the messages that have faded.
pub fn let_go(session: Session) {
    let Some(row) = session.list.get_untracked().and_then(|list| list.first_element_child()) else { return };
    let Ok(Some(style)) = window().get_computed_style(&row) else { return };
    let value = |property| style.get_property_value(property).unwrap_or_default();
    let seconds = |property| Number::parse_float(&value(property));
    let stays = seconds("animation-delay") + seconds("animation-duration") + LATE_SECONDS;
    // Without an animation, or with CSS that cannot be read, nothing fades.
    if value("animation-name") == "none" || !stays.is_finite() {
        return;
    }
    let since = (session.server_now_ms() / 1_000.0 - stays) as i64;
    if session.timeline.with_untracked(|timeline| timeline.begins_before(since)) {
        scroll::keep_place(session, Box::new(move |timeline: &mut Timeline| timeline.begin_at(since)));
    }
}
