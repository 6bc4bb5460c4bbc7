//! Tickets: what a moderator's page puts into the address of its stream where no cookie is sent. Proxies log addresses; a ticket that
//! was used opens nothing, and one that was not is over in a minute.

use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::time::{Duration, Instant};

use super::{Claims, Hub, TokenError, token::Scope};
use crate::{bounded_map::BoundedMap, chat::RoomId};

/// How long a ticket is good.
pub const TICKET_SECONDS: u64 = 60;

/// Most tickets that wait to be used on one node. Moderators alone get any.
const MOST_TICKETS: usize = 4_096;

/// The tickets of this node that were not used yet, by their ids.
pub(super) struct Tickets(Mutex<BoundedMap<String, Ticket>>);

/// What a ticket stands for.
struct Ticket {
    token: String,
    until: Instant,
}

/// The bearer token that a ticket stands for, as one node hands it to another.
#[derive(Serialize, Deserialize)]
pub(super) struct Redeemed(String);

impl Default for Tickets {
    fn default() -> Self {
        Self(Mutex::new(BoundedMap::new(MOST_TICKETS)))
    }
}

impl Tickets {
    fn put(&self, id: String, token: String) {
        let now = Instant::now();
        let ticket = Ticket { token, until: now + Duration::from_secs(TICKET_SECONDS) };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, ticket, now, |_, ticket| ticket.until);
    }

    /// Takes a ticket out: nobody else gets it.
    pub(super) fn take(&self, id: &str) -> Option<Redeemed> {
        let ticket = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id)?;
        (ticket.until > Instant::now()).then_some(Redeemed(ticket.token))
    }
}

impl Hub {
    /// Makes a ticket with which the bearer of `token` can open one stream within [`TICKET_SECONDS`]. `None` for somebody who may not
    /// moderate: their token may stand in an address itself.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub fn make_ticket(&self, token: &str, room: RoomId) -> Result<Option<String>, TokenError> {
        if !self.check(token, room)?.capabilities.moderate() {
            return Ok(None);
        }
        let id = uuid::Uuid::new_v4().to_string();
        self.0.tickets.put(id.clone(), token.to_owned());
        Ok(Some(self.0.tokens.sign_session(Scope::Ticket, id, TICKET_SECONDS)))
    }

    /// Uses a ticket, on whichever node it was made.
    ///
    /// # Errors
    /// [`TokenError::Ticket`] for one that was used, is over, or is none; and those of the token that it stands for.
    pub async fn use_ticket(&self, ticket: &str, room: RoomId) -> Result<Claims, TokenError> {
        // Only what was signed here is asked for elsewhere: a stranger's invention costs the other nodes nothing.
        let id = self.0.tokens.session(Scope::Ticket, ticket).ok_or(TokenError::Ticket)?.id;
        let redeemed = match self.0.tickets.take(&id) {
            Some(redeemed) => Some(redeemed),
            None => self.redeem_elsewhere(id).await,
        };
        let Redeemed(token) = redeemed.ok_or(TokenError::Ticket)?;
        self.check(&token, room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_ticket_is_good_once_and_for_a_minute() {
        let tickets = Tickets::default();
        tickets.put("a".into(), "token".into());
        tickets.put("b".into(), "token".into());
        assert_eq!(tickets.take("a").map(|Redeemed(token)| token).as_deref(), Some("token"));
        assert!(tickets.take("a").is_none(), "it was used");
        tokio::time::advance(Duration::from_secs(TICKET_SECONDS)).await;
        assert!(tickets.take("b").is_none(), "it is over");
    }

    #[tokio::test(start_paused = true)]
    async fn the_number_of_tickets_is_bounded() {
        let tickets = Tickets::default();
        for n in 0..3 * MOST_TICKETS {
            tickets.put(n.to_string(), String::new());
        }
        assert!(tickets.0.lock().expect("not poisoned").iter().count() <= MOST_TICKETS);
        assert!(tickets.take(&(3 * MOST_TICKETS - 1).to_string()).is_some(), "the newest is there");
    }
}
