//! Amazon IVS Chat's endpoints: the control plane over HTTP, the messages over a WebSocket, and the backend of Amazon's sample apps.

mod acts;
mod answer;
mod control;
mod demo;
mod quotas;
mod socket;

use std::sync::Arc;

use axum::{
    Router,
    response::{IntoResponse, Response},
    routing::{any, get, post},
};

pub(super) use self::control::{elsewhere, is_of_sdk};
use self::quotas::Meters;
pub use self::quotas::Quotas;
use super::state::AppState;
use crate::protocol::{ivs::Problem, sigv4::Credentials};

/// Who may run the rooms, and how often. Clones are cheap.
#[derive(Clone)]
pub struct Ivs(Arc<Inner>);

struct Inner {
    access: Access,
    /// Whether the backend of the sample apps is there.
    demo: bool,
    /// Whether a token of `CreateChatToken` opens one connection only, as Amazon's do.
    single_use_tokens: bool,
    meters: Meters,
}

/// Whose requests to run rooms are carried out.
#[derive(Clone)]
pub enum Access {
    /// Nobody's: nothing is configured.
    Nobody,
    /// Those of whoever has signed them with this key.
    Holder(Credentials),
    /// All, signed or not.
    Anybody,
}

/// What a client is answered if the server has failed.
pub(super) fn failed() -> Response {
    answer::Answer(Err(Problem::Internal)).into_response()
}

impl Ivs {
    /// With these settings.
    pub fn new(access: Access, demo: bool, single_use_tokens: bool, quotas: Quotas) -> Self {
        Self(Arc::new(Inner { access, demo, single_use_tokens, meters: Meters::new(quotas) }))
    }
}

/// Everything below `/ivschat`.
pub(super) fn routes() -> Router<AppState> {
    let demo = Router::new()
        .route("/demo/auth", post(demo::auth))
        .route("/demo/event", post(demo::event))
        .route("/demo/list", get(demo::list))
        .layer(tower_http::cors::CorsLayer::permissive());
    Router::new()
        .merge(demo)
        .route("/ws", get(socket::open))
        .route("/tags/{arn}", any(control::tags))
        .route("/{operation}", post(control::operation))
        // What some SDKs make of an endpoint that ends in a slash.
        .route("//tags/{arn}", any(control::tags))
        .route("//{operation}", post(control::operation))
        .fallback(control::unknown)
        .method_not_allowed_fallback(control::unknown)
}
