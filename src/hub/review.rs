use std::net::IpAddr;

use futures::future::BoxFuture;

use super::{Claims, Hub, Refusal, live::LiveRoom, rules::Rules};
use crate::chat::{ChatText, Draft, Payload, ReviewFallback, Reviewed, UserId, Verdict};

/// Messages of one room that are with its review handler at once. What comes beyond it would only wait in vain, for the handler
/// takes no more: the room's fallback holds for it. More would take connections from the readers.
pub(super) const REVIEWS: usize = 64;

/// Who asks a room's review handler about a message before it is ordered.
pub trait Review: Send + Sync {
    /// Whether a handler may be at `url`.
    ///
    /// # Errors
    /// Why not, as the end of a sentence.
    fn check(&self, url: &str) -> Result<(), String>;

    /// What the handler at `url` says of a message; `None` if it does not say so soon. Must not take longer than somebody who talks
    /// can wait. May be dropped at any await.
    fn review<'a>(&'a self, url: &'a str, message: Reviewed<'a>) -> BoxFuture<'a, Option<Verdict>>;
}

impl Hub {
    /// Whether a room may have its review handler at `url`; it has none at an empty one.
    pub(super) fn check_review_url(&self, url: &str) -> Result<(), Refusal> {
        if url.is_empty() { Ok(()) } else { self.0.review.check(url).map_err(Refusal::ReviewUrl) }
    }

    /// The draft as the room's review handler lets it pass, if the room has one.
    ///
    /// # Errors
    /// [`Refusal::Denied`] and [`Refusal::Unreviewed`].
    pub(super) async fn reviewed(
        &self,
        live: &LiveRoom,
        rules: &Rules,
        Claims { user: author, origin, .. }: &Claims,
        from: Option<IpAddr>,
        draft: Draft,
    ) -> Result<Draft, Refusal> {
        if rules.review_url.is_empty() {
            return Ok(draft);
        }
        let message = Reviewed { room: live.id(), author, attributes: &origin.attributes, from, payload: &draft.payload };
        let verdict = match live.reviews().try_acquire() {
            Ok(_place) => self.0.review.review(&rules.review_url, message).await,
            Err(_) => None,
        };
        let result = match &verdict {
            Some(Verdict::Allow) => "allowed",
            Some(Verdict::Deny { .. }) => "denied",
            Some(Verdict::Change(_)) => "changed",
            None => "unanswered",
        };
        metrics::counter!("live_chat_reviews_total", "result" => result).increment(1);
        match (verdict, rules.review_fallback) {
            (Some(Verdict::Allow), _) | (None, ReviewFallback::Allow) => Ok(draft),
            (None, ReviewFallback::Deny) => Err(Refusal::Unreviewed),
            (Some(Verdict::Deny { reason }), _) => Err(Refusal::Denied { reason }),
            // Whoever takes words out may leave nothing that can be said; then what was there must not be said either.
            (Some(Verdict::Change(payload)), _) if !self.allows(rules, author, &payload) => Err(Refusal::Denied { reason: None }),
            (Some(Verdict::Change(payload)), _) => Ok(Draft { payload, ..draft }),
        }
    }

    fn allows(&self, rules: &Rules, user: &UserId, payload: &Payload) -> bool {
        let limits = rules.limits(self.limits());
        let chat = ChatText::of(payload);
        payload.get().len() <= limits.body_bytes
            && ChatText::check(payload, &limits).is_ok()
            && rules.check(user, payload, chat.as_ref()).is_ok()
    }
}
