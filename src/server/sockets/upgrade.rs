use axum::{
    body::Body,
    extract::{FromRef, FromRequestParts},
    http::{HeaderValue, Method, Request, StatusCode, header, request::Parts},
    response::Response,
};
use tungstenite::{Error, error::ProtocolError, handshake::server::create_response};

use super::{Session, Sockets, Subscriptions, connection};
use crate::server::{
    connection::{Taken, Takeover},
    error::ApiError,
};

/// A request to go on as a WebSocket connection (RFC 6455 4.2.1). Extensions are declined: compression would cost each connection
/// memory that it has not otherwise, and what is sent to many could not be encoded once.
pub(in crate::server) struct Upgrade {
    response: Response,
    sockets: Sockets,
}

impl Upgrade {
    /// Chooses a subprotocol, which the client must have offered.
    pub(in crate::server) fn with_protocol(mut self, protocol: HeaderValue) -> Self {
        self.response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
        self
    }

    /// Goes on as `session`.
    pub(in crate::server) fn accept<S: Session>(self, session: S, subscriptions: Subscriptions) -> Response {
        let Self { mut response, sockets } = self;
        let open = move |taken: Taken| connection::open(taken, session, subscriptions, sockets);
        response.extensions_mut().insert(Takeover::new(open));
        response
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Upgrade
where
    Sockets: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let mut request = Request::new(());
        // HEAD is answered as GET is, but cannot become a connection, so nothing may be joined for it.
        if parts.method != Method::HEAD {
            *request.method_mut() = parts.method.clone();
        }
        *request.version_mut() = parts.version;
        *request.headers_mut() = parts.headers.clone();
        let response = create_response(&request).map_err(|error| refusal(&error))?;
        if parts.method == Method::HEAD {
            return Err(refusal(&Error::Protocol(ProtocolError::MissingUpgradeWebSocketHeader)));
        }
        Ok(Self { response: response.map(|()| Body::empty()), sockets: Sockets::from_ref(state) })
    }
}

/// What to tell a client that has not asked for a WebSocket connection as RFC 6455 4.2.1 has it.
fn refusal(error: &Error) -> ApiError {
    let upgrade_required = |message| ApiError::new(StatusCode::UPGRADE_REQUIRED, message);
    match error {
        Error::Protocol(ProtocolError::MissingSecWebSocketVersionHeader) => {
            upgrade_required("Only version 13 of the WebSocket protocol is spoken here.")
                .with_header(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"))
        }
        Error::Protocol(ProtocolError::MissingConnectionUpgradeHeader | ProtocolError::MissingUpgradeWebSocketHeader) => {
            upgrade_required("This address is for WebSocket clients.")
                .with_header(header::UPGRADE, HeaderValue::from_static("websocket"))
        }
        _ => ApiError::new(StatusCode::BAD_REQUEST, "This is not a valid request for a WebSocket connection."),
    }
}
