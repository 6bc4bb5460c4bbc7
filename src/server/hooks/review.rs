use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};
use http_body_util::{BodyExt, Limited};
use tokio::time::Instant;

use super::{Client, client::Message};
use crate::{
    chat::{Reviewed, Verdict},
    hub::Review,
    protocol::{review, webhook::Secret},
};

/// Largest answer of a review handler, in bytes: as large as the largest message that is accepted by default, with its attributes.
const ANSWER_BYTES: usize = 128 * 1024;

/// How long nothing more is said in the log of handlers that fail: each message would say it.
const QUIET_FOR: Duration = Duration::from_secs(10);

/// Asks the rooms' review handlers over HTTP.
pub struct Reviews {
    client: Client,
    secret: Secret,
    answer_within: Duration,
    /// When a failure was last said. A standard lock: held to look or to set.
    warned_at: Mutex<Option<Instant>>,
}

impl Reviews {
    /// How long a handler may take, from the look-up of its name to the end of its answer: as long as Amazon IVS Chat lets it.
    pub const ANSWER_WITHIN: Duration = Duration::from_millis(200);

    /// Asks by `client`, signs with `secret`, and waits for `answer_within`.
    pub fn new(client: Client, secret: Secret, answer_within: Duration) -> Self {
        Self { client, secret, answer_within, warned_at: Mutex::default() }
    }

    async fn ask(&self, url: &str, message: Reviewed<'_>) -> Result<Verdict, String> {
        let url = self.client.url(url).map_err(|error| format!("its URL {error}"))?;
        // Named at random: a message that is sent again is another question.
        let mut name = uuid::Uuid::new_v4().simple().to_string();
        name.truncate(12);
        let body = Bytes::from(review::question(&message, &name));
        let question = Message { url: &url, id: &format!("review_{name}"), secret: &self.secret, body };
        let answer = self.client.post(question).await?;
        if !answer.status().is_success() {
            return Err(format!("it answered with status {}", answer.status().as_u16()));
        }
        let answer = Limited::new(answer.into_body(), ANSWER_BYTES).collect().await.map_err(|error| error.to_string())?;
        review::verdict(&answer.to_bytes(), message.payload).map_err(text)
    }

    fn warn(&self, message: &Reviewed<'_>, error: &str) {
        let mut warned_at = self.warned_at.lock().unwrap_or_else(PoisonError::into_inner);
        if warned_at.is_none_or(|at| at.elapsed() >= QUIET_FOR) {
            *warned_at = Some(Instant::now());
            tracing::warn!(room = message.room.get(), "a review handler failed, the room's fallback holds: {error}");
        }
    }
}

impl Review for Reviews {
    fn check(&self, url: &str) -> Result<(), String> {
        self.client.url(url).map(drop).map_err(text)
    }

    fn review<'a>(&'a self, url: &'a str, message: Reviewed<'a>) -> BoxFuture<'a, Option<Verdict>> {
        async move {
            let answer = tokio::time::timeout(self.answer_within, self.ask(url, message)).await;
            let answer = answer.unwrap_or_else(|_| Err(format!("it did not answer within {:?}", self.answer_within)));
            answer.inspect_err(|error| self.warn(&message, error)).ok()
        }
        .boxed()
    }
}

fn text(error: impl ToString) -> String {
    error.to_string()
}
