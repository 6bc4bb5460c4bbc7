//! Calls the reader back: while they do not look at the page, its title counts what is for them above all.

use std::time::Duration;

use js_sys::Date;
use leptos::prelude::*;

use super::{
    session::Session,
    state::{
        announcer::Announcement,
        timeline::{MOST_MISSED, Timeline},
    },
    title,
    wire::ChatMessage,
};
use crate::texts::key;

/// Those of the messages that just arrived which the reader does not see: none, if they look. To be asked before the timeline
/// knows them.
pub fn unseen(session: Session, messages: &[ChatMessage]) -> Vec<ChatMessage> {
    if !document().hidden() {
        return Vec::new();
    }
    let newest = session.timeline.with_untracked(Timeline::newest);
    messages.iter().filter(|message| message.seq > newest).cloned().collect()
}

/// Counts those that are for the reader. To be called when the timeline knows them, and with them who has said them.
pub fn call(session: Session, unseen: Vec<ChatMessage>) {
    if !unseen.is_empty() {
        let (user_id, name) = (session.user_id.get_untracked(), session.name.get_untracked());
        session.timeline.update(|timeline| timeline.miss(unseen, &user_id, &name));
        entitle(session);
    }
}

/// The reader looks, or looks away.
pub fn turned(session: Session) {
    if !document().hidden() && session.timeline.with_untracked(Timeline::missed) > 0 {
        session.timeline.update(Timeline::mark_seen);
        entitle(session);
    }
}

/// Writes the title.
pub fn entitle(session: Session) {
    let count = match session.timeline.with_untracked(Timeline::missed) {
        0 => String::new(),
        MOST_MISSED => format!("({}+) ", MOST_MISSED - 1),
        missed => format!("({missed}) "),
    };
    let root = document().document_element();
    let site = root.and_then(|root| root.get_attribute("data-site")).unwrap_or_else(|| title::SITE.to_owned());
    let title = session.settings.with_untracked(|settings| [count, title::of_page(&settings.name, &site)].concat());
    document().set_title(&title);
}

/// Announces those of the messages that just arrived which are new. To be called before the timeline knows them.
pub fn announce(session: Session, messages: &[ChatMessage]) {
    if session.is_overlay {
        return;
    }
    let newest = session.timeline.with_untracked(Timeline::newest);
    for message in messages.iter().filter(|message| message.seq > newest && !message.is_unreadable()) {
        let (name, text) = (&*message.chat.username, &*message.chat.text);
        let line = session.texts.fill(key::page::ANNOUNCED, &[("name", name), ("text", text)]);
        let wait = session.announcer.try_update_value(|announcer| announcer.gather(line, Date::now())).flatten();
        if let Some(wait) = wait {
            set_timeout(move || read_out(session), Duration::from_millis(wait as u64));
        }
    }
}

/// Shows screen readers what waits to be announced.
fn read_out(session: Session) {
    let Some(announcement) = session.announcer.try_update_value(|announcer| announcer.take(Date::now())) else { return };
    let mut lines = match announcement {
        Announcement::Lines(lines) => lines,
        Announcement::Count(count) => vec![session.texts.count(key::page::NEW_MESSAGES, count)],
    };
    session.announced.update(|announced| {
        // A line that is said again has to be another text, or nobody hears it.
        lines.iter_mut().zip(&*announced).filter(|(line, before)| line == before).for_each(|(line, _)| line.push('\u{a0}'));
        *announced = lines;
    });
}
