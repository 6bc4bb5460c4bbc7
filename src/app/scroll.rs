//! Where the reader is in the list, and how they stay there while rows come and go at both ends.

use leptos::{html::Div, prelude::*, task};
use web_sys::{Element, HtmlElement};

use super::{
    hold, keys,
    session::Session,
    state::timeline::{Reader, Timeline},
    task::{follow, spawn},
};

/// Nearer to the end than this counts as the end, in CSS pixels: what is rounded away where a pixel of the page is no pixel of the screen,
/// and less than anybody scrolls.
const END_PX: i32 = 2;

/// Nearer to the beginning than this, older messages are loaded.
const NEAR_BEGINNING_PX: i32 = 300;

/// Returns which part of the list the reader looks at.
pub fn reader(session: Session) -> Reader {
    if session.follows() {
        return Reader::AtEnd;
    }
    let in_older_half = |log: HtmlElement| log.scroll_top() + log.client_height() / 2 < log.scroll_height() / 2;
    if element(session).is_some_and(in_older_half) { Reader::InOlderHalf } else { Reader::InNewerHalf }
}

/// The list was scrolled, by the page itself or by the reader, who follows from the end on and nowhere else.
pub fn scrolled(session: Session) {
    let Some(log) = element(session) else { return };
    if session.placed_at.get_value() == Some(log.scroll_top()) {
        return;
    }
    session.placed_at.set_value(None);
    looked_around(session, &log);
    let is_near_beginning = log.scroll_top() < NEAR_BEGINNING_PX && !session.is_overlay;
    if is_near_beginning && session.timeline.with_untracked(Timeline::has_older) && !session.fetching.get_untracked() {
        spawn(session.load_older());
    }
}

/// Takes over where the reader is. Somebody may have scrolled before the page came to life.
pub fn begin(session: Session) {
    if let Some(log) = element(session) {
        looked_around(session, &log);
    }
}

fn looked_around(session: Session, log: &HtmlElement) {
    let cut = session.timeline.with_untracked(Timeline::has_newer);
    let at_end = is_at_end(log);
    if session.following.get_value() != (at_end && !cut) {
        session.following.set_value(at_end && !cut);
    }
    if at_end && cut && !session.fetching.get_untracked() {
        spawn(session.load_newer());
    }
    read(session, log);
}

/// Goes to the newest message, and follows from there: the reader asks for it.
pub fn to_newest(session: Session) {
    // The button that asks for it is hidden then, and would take the focus along.
    if let Some(log) = element(session) {
        let _ = log.focus();
    }
    go_on(session);
}

/// Goes to the newest message whenever the reader has said something: they want to see it, wherever their pointer lies.
pub fn follow_own(session: Session) {
    follow(Box::new(move || {
        if session.published.get() > 0 {
            go_on(session);
        }
    }));
}

fn go_on(session: Session) {
    hold::release(session);
    spawn(session.jump_to_newest());
}

/// Goes to the end, and follows.
pub fn to_end(session: Session) {
    session.following.set_value(true);
    spawn(async move {
        task::tick().await;
        stick(session);
    });
}

/// Goes on after the list was held still: who followed before follows again.
pub fn resume(session: Session) {
    if !session.following.get_value() {
        return;
    }
    if session.timeline.with_untracked(Timeline::has_newer) {
        spawn(session.jump_to_newest());
    } else {
        to_end(session);
    }
}

/// Keeps a reader who follows at the end, after anything has changed its height.
pub fn stick(session: Session) {
    let Some(log) = element(session) else { return };
    if session.follows() {
        log.set_scroll_top(log.scroll_height());
        session.placed_at.set_value(Some(log.scroll_top()));
    }
    read(session, &log);
}

/// At the end, the reader has read everything.
fn read(session: Session, log: &HtmlElement) {
    let is_unread = session.timeline.with_untracked(|timeline| timeline.unread() > 0 && !timeline.has_newer());
    if is_unread && is_at_end(log) {
        session.timeline.update(Timeline::mark_read);
    }
}

fn is_at_end(log: &HtmlElement) -> bool {
    log.scroll_height() - log.client_height() - log.scroll_top() <= END_PX
}

/// Changes the list. Who follows stays at the end; for everybody else the row that they look at stays where it is. (Browsers
/// would do the latter by themselves, but not all, and not at the top.)
pub fn keep_place(session: Session, change: Box<dyn FnOnce(&mut Timeline)>) {
    keep_place_at(session, &|_| true, change);
}

/// The same, by a row that `stays`, by its id, when others go.
pub fn keep_place_at(session: Session, stays: &dyn Fn(&str) -> bool, change: Box<dyn FnOnce(&mut Timeline)>) {
    let anchor = (!session.follows()).then(|| anchor(session, stays)).flatten();
    // A browser may take the focus away with a row.
    let by_keys = session.holds.get_value().keys;
    session.timeline.update(change);
    spawn(async move {
        // The rows change in tasks that are queued before this one, and nothing is painted in between.
        task::tick().await;
        if let (Some((id, bottom)), Some(log)) = (anchor, element(session))
            && let Some(row) = document().get_element_by_id(&id)
        {
            let below = || row.get_bounding_client_rect().bottom() - bottom;
            log.scroll_by_with_x_and_y(0.0, below());
            session.placed_at.set_value(Some(log.scroll_top()));
            // The browser puts rows at whole pixels, and what it rounds away would add up to a drift. More than that is the end
            // of the way.
            let rest = below();
            session.below_place.set_value(if rest.abs() < 1.0 { rest } else { 0.0 });
        }
        keys::mend(session, by_keys);
        stick(session);
    });
}

/// Returns the id of the first message that is wholly in view.
pub fn first_in_view(session: Session) -> Option<String> {
    anchor(session, &|_| true).map(|(id, _)| id)
}

/// Returns the id of the first message that is wholly in view and stays, and where its end belongs: its end, since above its beginning a
/// name or a day may come and go.
fn anchor(session: Session, stays: &dyn Fn(&str) -> bool) -> Option<(String, f64)> {
    let edge = element(session)?.get_bounding_client_rect().top();
    let rows = session.list.get_untracked()?.children();
    let top = |row: &Element| row.get_bounding_client_rect().top();
    // Rows are in order: look for the first one below the edge by halves.
    let (mut low, mut high) = (0, rows.length().checked_sub(1)?);
    while low < high {
        let middle = low + (high - low) / 2;
        if top(&rows.item(middle)?) < edge {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    let row = (low..rows.length()).find_map(|index| rows.item(index).filter(|row| stays(&row.id())))?;
    Some((row.id(), row.get_bounding_client_rect().bottom() - session.below_place.get_value()))
}

fn element(session: Session) -> Option<HtmlElement> {
    let log: Option<web_sys::HtmlDivElement> = NodeRef::<Div>::get_untracked(&session.log);
    log.map(Into::into)
}
