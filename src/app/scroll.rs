//! Where the reader is in the list, and how they stay there while rows come and go at both ends.

use leptos::{html::Div, prelude::*, task};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use super::{
    session::{Session, spawn},
    timeline::{Reader, Timeline},
};

/// Nearer to the end than this counts as the end, in CSS pixels: less than a row.
const END_PX: i32 = 24;

/// Which part of the list the reader looks at.
pub fn reader(session: Session) -> Reader {
    if session.following.get_untracked() {
        return Reader::AtEnd;
    }
    let in_older_half = |log: HtmlElement| log.scroll_top() + log.client_height() / 2 < log.scroll_height() / 2;
    if element(session).is_some_and(in_older_half) { Reader::InOlderHalf } else { Reader::InNewerHalf }
}

/// Notices that the reader has scrolled: at the end they follow, and have read everything.
pub fn moved(session: Session) {
    let Some(log) = element(session) else { return };
    let at_end = log.scroll_height() - log.client_height() - log.scroll_top() <= END_PX;
    let cut = session.timeline.with_untracked(Timeline::has_newer);
    let following = at_end && !cut;
    if following != session.following.get_untracked() {
        session.following.set(following);
    }
    if following && session.timeline.with_untracked(Timeline::unread) > 0 {
        session.timeline.update(Timeline::mark_read);
    }
    if at_end && cut && !session.fetching.get_untracked() {
        spawn(session.load_newer());
    }
}

/// Goes to the end.
pub fn to_end(session: Session) {
    session.following.set(true);
    spawn(async move {
        task::tick().await;
        stick(session);
        moved(session);
    });
}

/// Keeps a reader who follows at the end, after anything has changed its height.
pub fn stick(session: Session) {
    if session.following.get_untracked()
        && let Some(log) = element(session)
    {
        log.set_scroll_top(log.scroll_height());
    }
}

/// Changes the list. Who follows stays at the end; for everybody else the row that they look at stays where it is. (Browsers
/// would do the latter by themselves, but not all, and not at the top.)
pub fn keep_place(session: Session, change: Box<dyn FnOnce(&mut Timeline)>) {
    keep_place_at(session, &|_| true, change);
}

/// The same, by a row that `stays`, by its id, when others go.
pub fn keep_place_at(session: Session, stays: &dyn Fn(&str) -> bool, change: Box<dyn FnOnce(&mut Timeline)>) {
    let anchor = (!session.following.get_untracked()).then(|| anchor(session, stays)).flatten();
    session.timeline.update(change);
    spawn(async move {
        // The rows change in tasks that are queued before this one, and nothing is painted in between.
        task::tick().await;
        if let (Some((id, bottom)), Some(log)) = (anchor, element(session))
            && let Some(row) = document().get_element_by_id(&id)
        {
            let below = || row.get_bounding_client_rect().bottom() - bottom;
            log.scroll_by_with_x_and_y(0.0, below());
            // The browser puts rows at whole pixels, and what it rounds away would add up to a drift. More than that is the end
            // of the way.
            let rest = below();
            session.below_place.set_value(if rest.abs() < 1.0 { rest } else { 0.0 });
        }
        stick(session);
        moved(session);
    });
}

/// The id of the first message that is wholly in view and stays, and where its end belongs. Its end and not its beginning, and no element:
/// the row is made anew when its author's name moves to another row.
fn anchor(session: Session, stays: &dyn Fn(&str) -> bool) -> Option<(String, f64)> {
    let log = element(session)?;
    let edge = log.get_bounding_client_rect().top();
    let rows = log.query_selector_all("#list > .message").ok()?;
    let row = |index| rows.get(index).and_then(|node| node.dyn_into::<Element>().ok());
    // Rows are in order: look for the first one below the edge by halves.
    let (mut low, mut high) = (0, rows.length().checked_sub(1)?);
    while low < high {
        let middle = low + (high - low) / 2;
        if row(middle)?.get_bounding_client_rect().top() < edge {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    let row = (low..rows.length()).find_map(|index| row(index).filter(|row| stays(&row.id())))?;
    Some((row.id(), row.get_bounding_client_rect().bottom() - session.below_place.get_value()))
}

fn element(session: Session) -> Option<HtmlElement> {
    let log: Option<web_sys::HtmlDivElement> = NodeRef::<Div>::get_untracked(&session.log);
    log.map(Into::into)
}
