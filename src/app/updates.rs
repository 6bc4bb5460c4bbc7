//! What becomes of the room's events on the page: messages, deletions, settings, and what is decided on the reader.

use leptos::prelude::*;

use super::{
    attention,
    net::request,
    scroll,
    session::Session,
    state::timeline::Timeline,
    task::spawn,
    wire::{self, ChatMessage, Deletion, HistoryPage, Quote, Raw, Removal, SettingsView, Standing},
};
use crate::chat::RoomState;

/// HTTP: what was asked for is no more.
const GONE: u16 = 410;

/// What came of asking for a message.
enum Fetched {
    Message(Raw),
    /// It was deleted.
    Gone,
    /// There was no answer.
    Nothing,
}

impl Fetched {
    fn message(self) -> Option<ChatMessage> {
        match self {
            Self::Message(told) => wire::message(&told),
            Self::Gone | Self::Nothing => None,
        }
    }
}

impl Session {
    /// Shows what just arrived. The reader's place stays.
    pub fn receive(self, messages: Vec<ChatMessage>) {
        if !messages.is_empty() {
            let reader = scroll::reader(self);
            let unseen = attention::unseen(self, &messages);
            attention::announce(self, &messages);
            scroll::keep_place(self, Box::new(move |timeline| timeline.append(messages, reader)));
            attention::call(self, unseen);
            self.quote_unknown();
        }
    }

    fn quote_unknown(self) {
        if !self.resolving.get_value() {
            self.resolving.set_value(true);
            spawn(self.resolve_quotes());
        }
    }

    /// Asks for the messages that are quoted and not in the list, one after the other, each once. Without an answer nothing is
    /// quoted.
    async fn resolve_quotes(self) {
        while let Some((seq, id)) = self.timeline.try_update_untracked(Timeline::unknown_quote).flatten() {
            let said = match self.fetch(id).await {
                Fetched::Message(told) => wire::quote(&told),
                Fetched::Gone => Some(Quote::deleted(seq)),
                Fetched::Nothing => None,
            };
            scroll::keep_place(self, Box::new(move |timeline| timeline.resolve(seq, said)));
        }
        self.resolving.set_value(false);
    }

    /// Tells the reader what was decided on their right to speak, for as long as it holds.
    pub fn stand(self, standing: Option<Standing>) {
        let seconds = standing.as_ref().map_or(0, |standing| standing.seconds_left);
        // A ban has no end.
        self.standing.set(standing.filter(|standing| standing.until.is_empty() || seconds > 0));
        self.timed_out.start(seconds);
    }

    /// Takes over what the room is set to.
    pub fn configure(self, settings: SettingsView) {
        let pinned = settings.pinned_message.clone();
        let is_other = self.settings.with_untracked(|before| before.pinned_message != pinned);
        self.settings.set(settings);
        if pinned.is_empty() {
            self.pinned.set(None);
        } else if is_other {
            spawn(self.show_pinned(pinned));
        }
    }

    /// Takes over where the room is in its life. One that forgets what was said takes it out of the list when it ends.
    pub fn go(self, state: RoomState) {
        self.state.set(state);
        if state == RoomState::Ended && self.settings.with_untracked(|settings| settings.ephemeral) {
            self.pinned.set(None);
            self.timeline.update(|timeline| timeline.rewind(HistoryPage::default()));
        }
    }

    async fn show_pinned(self, id: String) {
        let pinned = self.fetch(id.clone()).await.message();
        // Another may have been pinned meanwhile.
        if self.settings.with_untracked(|now| now.pinned_message == id) {
            self.pinned.set(pinned);
        }
    }

    /// Fetches a message by its id.
    async fn fetch(self, id: String) -> Fetched {
        let answer = request::get(&["/v1/streams/", &self.room.to_string(), "/messages/", &id].concat()).await;
        if answer.as_ref().is_ok_and(|answer| answer.status == GONE) {
            return Fetched::Gone;
        }
        request::data(self.texts, answer).map_or(Fetched::Nothing, Fetched::Message)
    }

    /// Takes out what was deleted. The reader's place stays.
    pub fn remove(self, removal: Removal) {
        self.pinned.update(|pinned| *pinned = pinned.take().filter(|pinned| !removal.covers(pinned)));
        let user_id = self.user_id.get_untracked();
        let stays = |id: &str| self.timeline.with_untracked(|timeline| timeline.keeps(id, &removal, &user_id));
        let own = self.timeline.with_untracked(|timeline| timeline.own(&removal, &user_id));
        if self.reply.with_untracked(|message| message.as_ref().is_some_and(|message| removal.covers(message))) {
            self.reply.set(None);
        }
        let (user_id, removed) = (user_id.clone(), removal.clone());
        scroll::keep_place_at(self, &stays, Box::new(move |timeline| timeline.remove(removed, &user_id)));
        attention::entitle(self);
        if let Some(id) = own {
            spawn(self.explain(id, removal));
        }
    }

    /// Puts back what was deleted, since that was undone. The reader's place stays.
    pub fn restore(self, removal: Removal) {
        let reader = scroll::reader(self);
        scroll::keep_place(self, Box::new(move |timeline| timeline.restore(&removal, reader)));
        attention::entitle(self);
        let pinned = self.settings.with_untracked(|settings| settings.pinned_message.clone());
        if !pinned.is_empty() && self.pinned.with_untracked(Option::is_none) {
            spawn(self.show_pinned(pinned));
        }
        self.quote_unknown();
    }

    /// Asks why the reader's own messages were taken out, of which one has that id. Without an answer no reason is shown.
    async fn explain(self, id: String, removal: Removal) {
        let url = ["/v1/streams/", &self.room.to_string(), "/messages/", &id, "/deletion"].concat();
        let Ok(answer) = request::act("GET", &url, &self.token.get_untracked()).await else { return };
        let deletion = answer.ours().and_then(|answer| answer.data());
        if let Some(Deletion { reason, .. }) = deletion.filter(|deletion: &Deletion| !deletion.reason.is_empty()) {
            scroll::keep_place(self, Box::new(move |timeline| timeline.explain(&removal, &reason)));
        }
    }
}
