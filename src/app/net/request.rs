//! HTTP requests of the page to its own server.

use std::pin::Pin;

use js_sys::futures::JsFuture;
use leptos::prelude::window;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{AbortController, AbortSignal, Headers, RequestInit, RequestRedirect, Response};

use serde::de::DeserializeOwned;

use crate::{
    app::{language, wire},
    texts::{Texts, key},
};

/// A request without an answer within this time has failed. In milliseconds; longer than the server's slowest commit.
const TIMEOUT_MS: u32 = 10_000;

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub text: String,
    /// The header `Retry-After`, in seconds.
    pub retry_after: Option<u32>,
}

impl Answer {
    /// Whether the chat's server gave this answer. Proxies, captive portals and hosts that are just restarting answer too, with any
    /// status; only ours is JSON whose `code` is the status.
    pub fn is_ours(&self) -> bool {
        self.ours().is_some()
    }

    /// Returns what the chat's server says, if it was it that answered.
    pub fn ours(&self) -> Option<wire::Answer> {
        wire::Answer::read(self.status, &self.text)
    }
}

/// There was no answer: the network failed, or the server took too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoAnswer;

impl From<JsValue> for NoAnswer {
    fn from(_: JsValue) -> Self {
        Self
    }
}

/// `GET url`.
///
/// # Errors
/// If no answer came.
pub async fn get(url: &str) -> Result<Answer, NoAnswer> {
    send(url, RequestInit::new()).await
}

/// `POST url` with a JSON body, as whom `token` names.
///
/// # Errors
/// If no answer came. Whether the server has acted is not known then.
pub async fn post(url: &str, token: &str, body: &str) -> Result<Answer, NoAnswer> {
    let init = authorized("POST", token)?;
    init.set_body(&body.into());
    send(url, init).await
}

/// A request without a body, such as `DELETE url`, as whom `token` names.
///
/// # Errors
/// If no answer came. Whether the server has acted is not known then.
pub async fn act(method: &str, url: &str, token: &str) -> Result<Answer, NoAnswer> {
    send(url, authorized(method, token)?).await
}

/// What an answer brings.
///
/// # Errors
/// Why it brings nothing, in words for the reader.
pub fn data<T: DeserializeOwned>(texts: &'static Texts, answer: Result<Answer, NoAnswer>) -> Result<T, String> {
    let Some(answer) = answer.ok().and_then(|answer| answer.ours()) else {
        return Err(texts.text(key::page::NO_CONNECTION).to_owned());
    };
    match answer.code {
        200 => answer.data().ok_or_else(|| texts.text(key::page::NOT_DONE).to_owned()),
        401 => Err(texts.text(key::page::VISIT_EXPIRED).to_owned()),
        _ if answer.message.is_empty() => Err(texts.text(key::page::NOT_DONE).to_owned()),
        _ => Err(answer.message),
    }
}

fn authorized(method: &str, token: &str) -> Result<RequestInit, NoAnswer> {
    let headers = Headers::new()?;
    headers.set("authorization", &format!("Bearer {token}"))?;
    headers.set("content-type", "application/json")?;
    // A page may be in another language than the browser would ask for.
    headers.set("accept-language", &language::of_page())?;
    let init = RequestInit::new();
    init.set_method(method);
    init.set_headers(&headers);
    Ok(init)
}

/// The status with which the chat's server answers `GET url`, unless something else answers. A stream, which may never end, is not read.
///
/// # Errors
/// If no answer came.
pub async fn own_status(url: &str) -> Result<Option<u16>, NoAnswer> {
    let controller = AbortController::new()?;
    let init = RequestInit::new();
    init.set_signal(Some(&controller.signal()));
    let response: Response = JsFuture::from(window().fetch_with_str_and_init(url, &init)).await?.dyn_into()?;
    if response.ok() {
        controller.abort();
        return Ok(None);
    }
    let answer = read(response).await?;
    Ok(answer.is_ours().then_some(answer.status))
}

async fn read(response: Response) -> Result<Answer, NoAnswer> {
    let retry_after = response.headers().get("retry-after")?.and_then(|seconds| seconds.parse().ok());
    let text = JsFuture::from(response.text()?).await?.as_string().unwrap_or_default();
    Ok(Answer { status: response.status(), text, retry_after })
}

/// Boxed, so that its code stands once in what a browser downloads, and not in each of its callers.
fn send(url: &str, init: RequestInit) -> Pin<Box<dyn Future<Output = Result<Answer, NoAnswer>>>> {
    init.set_signal(Some(&AbortSignal::timeout_with_u32(TIMEOUT_MS)));
    // The chat redirects none of these requests. A captive portal does.
    init.set_redirect(RequestRedirect::Manual);
    let response = window().fetch_with_str_and_init(url, &init);
    Box::pin(async { read(JsFuture::from(response).await?.dyn_into()?).await })
}
