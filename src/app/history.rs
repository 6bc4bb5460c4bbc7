//! The parts of the room's history that the page fetches.

use leptos::prelude::*;

use super::{net::request, scroll, session::Session, state::timeline::Timeline, wire::HistoryPage};

/// Messages that are asked for at once.
const EXTRACT_MESSAGES: usize = 50;

impl Session {
    /// Fetches what lies before the first row.
    pub async fn load_older(self) {
        self.load("&before=", Timeline::older_from, Timeline::prepend).await;
    }

    /// Fetches what lies after the last row of a list that was cut there.
    pub async fn load_newer(self) {
        self.load("&after=", Timeline::newer_from, Timeline::extend).await;
    }

    /// Fetches what lies beyond one end of the list. The reader's place stays.
    async fn load(self, key: &str, place: fn(&Timeline) -> &str, add: fn(&mut Timeline, HistoryPage)) {
        // Pages may hold no chat message at all: a room carries other messages too.
        while let Some(page) = self.fetch_at(key, place).await {
            let lead_on = page.messages.is_empty() && page.has_more;
            scroll::keep_place(self, Box::new(move |timeline| add(timeline, page)));
            if !lead_on {
                return;
            }
        }
    }

    /// Goes to the newest message, and follows from there.
    pub async fn jump_to_newest(self) {
        if self.timeline.with_untracked(Timeline::has_newer)
            && let Some(newest) = self.fetch_at("", |_| "").await
        {
            self.timeline.update(|timeline| timeline.replace(newest));
            // What arrived while that was under way.
            if self.timeline.with_untracked(Timeline::has_newer) {
                self.load_newer().await;
            }
        }
        scroll::to_end(self);
    }

    async fn fetch_at(self, key: &str, place: fn(&Timeline) -> &str) -> Option<HistoryPage> {
        if self.fetching.get_untracked() {
            return None;
        }
        self.fetching.set(true);
        let place = self.timeline.with_untracked(|timeline| [key, place(timeline)].concat());
        let extract = self.extract(&place).await;
        self.fetching.set(false);
        extract
    }

    /// A part of the room's history; none if it cannot be had now.
    pub async fn extract(self, place: &str) -> Option<HistoryPage> {
        let url = format!("/v1/streams/{}/messages?limit={EXTRACT_MESSAGES}{place}", self.room);
        let answer = request::act("GET", &url, &self.token.get_untracked()).await.ok()?;
        HistoryPage::read(&answer.text)
    }
}
