use std::{sync::Arc, time::Duration};

use axum::http::{HeaderValue, StatusCode, Uri};
use http_body_util::{BodyExt, Limited};
use tokio::{sync::Semaphore, time::timeout};

use crate::{
    protocol::apex::{self, Owner},
    server::hooks::{Client, Guard},
};

/// How long an answer may take, from the look-up of the server's name to its end. The client waits for it.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Largest answer, in bytes.
const ANSWER_BYTES: usize = 16 * 1024;

/// Questions that are open at once. Anybody may come with any session: the others wait, for as long as an answer may take.
const QUESTIONS: usize = 16;

/// Longest id of a session, in bytes. Armor's have 64.
const SESSION_BYTES: usize = 256;

/// The operator's server, which knows who has which session of Armor. Clones are cheap.
#[derive(Clone)]
pub struct ApexSessions(Arc<Inner>);

struct Inner {
    client: Client,
    url: Uri,
    questions: Semaphore,
}

impl ApexSessions {
    /// Where it may be asked.
    ///
    /// # Errors
    /// Why it cannot be asked there, for people.
    pub fn url(text: &str) -> Result<Uri, String> {
        Guard::anywhere().url(text).map_err(|error| error.to_string())
    }

    /// Asks by `client` at `url`.
    pub fn new(client: Client, url: Uri) -> Self {
        Self(Arc::new(Inner { client, url, questions: Semaphore::new(QUESTIONS) }))
    }

    /// Who has that session; `None` if nobody has.
    ///
    /// # Errors
    /// Why it is not known, for the operator.
    pub(super) async fn owner(&self, session: &str) -> Result<Option<Owner>, String> {
        if session.len() > SESSION_BYTES || !session.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(None);
        }
        let Ok(authorization) = HeaderValue::try_from(format!("Bearer {session}")) else { return Ok(None) };
        let late = |_| Err(format!("it did not answer within {ANSWER_WITHIN:?}"));
        timeout(ANSWER_WITHIN, self.ask(authorization)).await.unwrap_or_else(late)
    }

    async fn ask(&self, authorization: HeaderValue) -> Result<Option<Owner>, String> {
        let Inner { client, url, questions } = &*self.0;
        let _open = questions.acquire().await.map_err(|error| error.to_string())?;
        let answer = client.get(url, authorization).await?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => return Ok(None),
            status => return Err(format!("it answered with status {}", status.as_u16())),
        }
        let body = Limited::new(answer.into_body(), ANSWER_BYTES).collect().await.map_err(|error| error.to_string())?;
        apex::owner(&body.to_bytes()).map(Some)
    }
}
