//! Calls the reader back: while they do not look at the page, its title counts what is for them above all.

use leptos::prelude::*;

use super::{
    session::Session,
    timeline::{MOST_MISSED, Timeline},
    title,
    view::ChatMessage,
};

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
    let title = session.settings.with_untracked(|settings| [count, title::of_page(&settings.name)].concat());
    document().set_title(&title);
}
