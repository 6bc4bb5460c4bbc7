//! Messages over a video, which fade. The stylesheet does it, and the source's own CSS may change when. It shows nothing while no
//! frame is painted, as in a source of OBS that is not on screen, so the rows themselves go too once they are over.

use std::time::Duration;

use js_sys::Number;
use leptos::prelude::*;

use super::on_demand::part;
use crate::app::{scroll, session::Session, state::timeline::Timeline};

/// How much longer a row stays than it is seen, in seconds: it may have come a little after it was said.
const LATE_SECONDS: f64 = 3.0;

/// How often it is looked for rows that are over.
const LOOKS: Duration = Duration::from_secs(1);

part! {
    /// Takes out messages that have faded, from now on. Without this part of the page they fade all the same.
    ///
    /// # Errors
    /// If it cannot be loaded.
    pub fn let_go(session: Session) {
        // It is needed for as long as the page is there.
        let _ = set_interval_with_handle(move || look(session), LOOKS);
    }
}

/// Takes out the messages that have faded by now.
fn look(session: Session) {
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
