//! The parts of the room's history that the page fetches.

use leptos::prelude::*;

use super::{net::request, scroll, session::Session, state::timeline::Timeline, wire::HistoryPage};

/// Messages that are asked for at once.
const EXTRACT_MESSAGES: usize = 50;

impl Session {
    /// Fetches what lies before the first row. The reader's place stays.
    pub async fn load_older(self) {
        // Pages may hold no chat message at all: a room carries other messages too.
        while let Some(older) = self.fetch_at("&before=", Timeline::older_from).await {
            let lead_on = older.messages.is_empty() && older.has_more;
            scroll::keep_place(self, Box::new(|timeline| timeline.prepend(older)));
            if !lead_on {
                return;
            }
        }
    }

    /// Fetches what lies after the last row of a list that was cut there. The reader's place stays.
    pub async fn load_newer(self) {
        while let Some(newer) = self.fetch_at("&after=", Timeline::newer_from).await {
            let lead_on = newer.messages.is_empty() && newer.has_more;
            scroll::keep_place(self, Box::new(|timeline| timeline.extend(newer)));
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
