use std::convert::Infallible;

use axum::{
    extract::{FromRef, FromRequestParts},
    http::{header, request::Parts, uri::Authority},
};

use super::cookies::Cookies;
use crate::server::client_address::TrustedProxies;

/// Where a browser has found the chat, such as `https://chat.example`.
pub(in crate::server) struct OwnAddress(pub(in crate::server) String);

impl<S: Send + Sync> FromRequestParts<S> for OwnAddress
where
    TrustedProxies: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let cookies = Cookies::from_request_parts(parts, state).await?;
        let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
        // Without a host it is HTTP/1.0, which no browser speaks.
        let host = host.map_or_else(|| "localhost".to_owned(), |host| host.to_string());
        Ok(Self(format!("{}://{host}", cookies.scheme())))
    }
}
