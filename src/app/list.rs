//! Rows as HTML, on the server and in a browser alike, and how a list in the page follows what it is to show.
//!
//! Rows are no views that Leptos keeps: they only come, go and look different, and what keeps a view of each and compares them all
//! would be a tenth of what a browser downloads.

use leptos::{html::Ul, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::Element;

use super::{
    clock::Zone,
    html::Html,
    row,
    session::{Session, follow},
    timeline::Row,
};

/// A list of `rows`, which are in the order of the log and stay as the state is. What a row looks like must be all in its
/// [key](Row::key), but for its mark.
pub fn list(session: Session, id: Option<&'static str>, rows: fn(Session) -> Vec<Row>) -> impl IntoView {
    let first = untrack(|| rows(session));
    let shown = StoredValue::new(first.iter().map(Shown::of).collect());
    let first = untrack(|| html(session, &first));
    let element = NodeRef::<Ul>::new();
    follow(Box::new(move || {
        let rows = rows(session);
        if let Some(list) = element.get_untracked() {
            shown.update_value(|shown| patch(session, &list, shown, rows));
        }
    }));
    view! { <ul id=id class="list" node_ref=element inner_html=first></ul> }
}

fn html(session: Session, rows: &[Row]) -> String {
    let mut html = Html::default();
    rows.iter().for_each(|row| row::write(&mut html, session, row));
    html.finish()
}

/// What is shown of a row.
struct Shown {
    key: (u64, u32),
    mark: Option<String>,
}

impl Shown {
    fn of(row: &Row) -> Self {
        Self { key: row.key(), mark: row.mark.clone() }
    }
}

/// Makes a list that shows `shown` show `rows`. Those that are there already and look the same are left alone:
/// they would be read out again, and lose the focus.
fn patch(session: Session, list: &Element, shown: &mut Vec<Shown>, rows: Vec<Row>) {
    let now_shown = rows.iter().map(Shown::of).collect();
    let mut before = std::mem::replace(shown, now_shown).into_iter().peekable();
    let mut next = list.first_element_child();
    let mut fresh = Vec::new();
    for row in rows {
        let key = row.key();
        while before.next_if(|before| before.key.0 <= key.0 && before.key != key).is_some() {
            next = take_out(next);
        }
        if let Some(before) = before.next_if(|before| before.key == key) {
            put_in(session, list, next.as_ref(), &mut fresh);
            if let Some(element) = next.as_ref().filter(|_| before.mark != row.mark) {
                mark(session, element, row.mark.as_deref());
            }
            next = next.and_then(|row| row.next_element_sibling());
        } else {
            fresh.push(row);
        }
    }
    while next.is_some() {
        next = take_out(next);
    }
    put_in(session, list, None, &mut fresh);
}

/// Shows what tells a row's author from others of the same name.
fn mark(session: Session, row: &Element, mark: Option<&str>) {
    if let Ok(Some(before)) = row.query_selector(".mark") {
        before.remove();
    }
    if let (Some(mark), Ok(Some(name))) = (mark, row.query_selector(".name")) {
        let mut html = Html::default();
        row::mark(&mut html, session.texts, mark);
        let _ = name.insert_adjacent_html("afterend", &html.finish());
    }
}

/// Takes a row out. Gives the one after it.
fn take_out(row: Option<Element>) -> Option<Element> {
    let next = row.as_ref()?.next_element_sibling();
    row?.remove();
    next
}

/// Puts rows into the list before the one that comes next, or at its end.
fn put_in(session: Session, list: &Element, next: Option<&Element>, rows: &mut Vec<Row>) {
    if rows.is_empty() {
        return;
    }
    let html = html(session, rows);
    rows.clear();
    // It fails for no element of a page.
    let _ = match next {
        Some(next) => next.insert_adjacent_html("beforebegin", &html),
        None => list.insert_adjacent_html("beforeend", &html),
    };
}

/// Writes the moments of the rows that the server wrote, which knows universal time alone, by the reader's clock.
pub fn localize(session: Session) {
    let Ok(times) = document().query_selector_all(".list .time") else { return };
    for at in 0..times.length() {
        let Some(time) = times.get(at).and_then(|time| time.dyn_into::<Element>().ok()) else { continue };
        let sent_at = time.get_attribute("datetime").unwrap_or_default();
        time.set_text_content(Some(&Zone::Local.time(session.texts, &sent_at)));
        let _ = time.set_attribute("title", &Zone::Local.full(session.texts, &sent_at));
        if let Ok(Some(day)) = time.closest("li").and_then(|row| row.map_or(Ok(None), |row| row.query_selector(".day span"))) {
            day.set_text_content(Some(&Zone::Local.day_in_words(session.texts, &sent_at)));
        }
    }
}
