use std::{sync::Arc, time::Duration};

use axum::http::{HeaderValue, Uri};
use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};
use http_body_util::{BodyExt, Limited};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout},
};

use super::{
    TwitchChannels,
    gatekeeper::{Admitted, Gatekeeper, Ticket, live_room},
};
use crate::{
    hub::{Hub, Site},
    protocol::interactive_sync::{
        Rejection,
        twitch::{self as protocol, User},
    },
    server::hooks::{Client, Guard},
};

/// How long an answer may take, from the look-up of Twitch's name to its end. The game waits for it.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Largest answer, in bytes; a token's scopes are most of it.
const ANSWER_BYTES: usize = 16 * 1024;

/// Questions that are open at once. Anybody may come with any token: the others wait, for as long as an answer may take.
const QUESTIONS: usize = 16;

/// How long an answer holds: Twitch wants tokens to be validated every hour.
const HOLDS_FOR: Duration = Duration::from_secs(60 * 60);

/// After how long Twitch is asked again that could not say anything of a game that it has spoken for.
const ASKED_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// Twitch, which knows whose its tokens are, and which rooms its channels are. Clones are cheap.
#[derive(Clone)]
pub struct Twitch(Arc<Inner>);

struct Inner {
    client: Client,
    /// Where tokens are validated.
    url: Uri,
    channels: TwitchChannels,
    questions: Semaphore,
}

/// Lets games in by Twitch's word: the client id is that of an app of Twitch's, the token one that this app was given by a user.
pub(super) struct TwitchWord {
    twitch: Twitch,
    hub: Hub,
    given: Option<Given>,
}

/// What Twitch has said.
struct Given {
    user: User,
    until: Instant,
}

impl Twitch {
    /// Where tokens are validated by whoever answers for Twitch at `base`.
    ///
    /// # Errors
    /// Why nobody can, for people.
    pub fn url(base: &str) -> Result<Uri, String> {
        if base.contains(['@', '?', '#']) {
            return Err("must have no user name, no query and no fragment".to_owned());
        }
        let url = format!("{}/oauth2/validate", base.trim_end_matches('/'));
        Guard::anywhere().url(&url).map_err(|error| error.to_string())
    }

    /// Asks by `client` at `url`.
    pub fn new(client: Client, url: Uri, channels: TwitchChannels) -> Self {
        Self(Arc::new(Inner { client, url, channels, questions: Semaphore::new(QUESTIONS) }))
    }

    /// Whose the token is, as Twitch has it now.
    async fn user(&self, ticket: &Ticket) -> Result<User, Rejection> {
        let invalid = |_| Rejection::Token("invalid access token".to_owned());
        let authorization = HeaderValue::try_from(format!("OAuth {}", ticket.access_token)).map_err(invalid)?;
        let late = |_| Err(format!("Twitch did not answer within {ANSWER_WITHIN:?}."));
        let answer = timeout(ANSWER_WITHIN, self.ask(authorization)).await.unwrap_or_else(late);
        let (status, body) = answer.map_err(Rejection::Unchecked)?;
        protocol::user(status, &body, &ticket.client_id)
    }

    async fn ask(&self, authorization: HeaderValue) -> Result<(u16, Bytes), String> {
        let Inner { client, url, questions, .. } = &*self.0;
        let _open = questions.acquire().await.map_err(|error| error.to_string())?;
        let answer = client.get(url, authorization).await.map_err(|error| format!("Twitch cannot be asked: {error}"))?;
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES).collect().await;
        let body = body.map_err(|error| format!("Twitch's answer cannot be read: {error}"))?;
        Ok((status, body.to_bytes()))
    }
}

impl TwitchWord {
    /// For one game.
    pub(super) fn new(twitch: Twitch, hub: Hub) -> Self {
        Self { twitch, hub, given: None }
    }

    async fn check(&mut self, ticket: &Ticket) -> Result<Admitted, Rejection> {
        let User { id, login } = self.user(ticket).await?;
        let room = self.twitch.0.channels.room(&self.hub, &id)?;
        let site = Site::without_keys(ticket.origin.as_deref());
        let room = live_room(&self.hub, room, site)?.id;
        Ok(Admitted { room, channel_id: id, display_name: login })
    }

    /// Whose the token is, as Twitch has said not too long ago. A game that was let in stays while Twitch cannot be asked.
    async fn user(&mut self, ticket: &Ticket) -> Result<User, Rejection> {
        let now = Instant::now();
        if let Some(given) = self.given.as_ref().filter(|given| given.until > now) {
            return Ok(given.user.clone());
        }
        let (user, holds_for) = match (self.twitch.user(ticket).await, self.given.take()) {
            (Ok(user), _) => (user, HOLDS_FOR),
            (Err(Rejection::Unchecked(reason)), Some(given)) => {
                tracing::info!(reason, "a game stays whose token Twitch could not validate again");
                (given.user, ASKED_AGAIN_AFTER)
            }
            (Err(rejection), _) => return Err(rejection),
        };
        self.given = Some(Given { user: user.clone(), until: now + holds_for });
        Ok(user)
    }
}

impl Gatekeeper for TwitchWord {
    fn admit<'a>(&'a mut self, ticket: &'a Ticket) -> BoxFuture<'a, Result<Admitted, Rejection>> {
        self.check(ticket).boxed()
    }

    /// Only Twitch knows, and is asked whenever the game shows something.
    fn is_over(&self, _: &Ticket) -> bool {
        false
    }
}
