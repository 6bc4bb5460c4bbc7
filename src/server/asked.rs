use std::convert::Infallible;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, Uri, header, request::Parts},
};

use crate::{app::PageUrl, locales, texts::Texts};

/// What is asked for: an address, and in which language.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) uri: Uri,
    /// What to answer with.
    pub(super) texts: &'static Texts,
    /// The name and port under which the server was reached.
    host: Option<String>,
}

impl Asked {
    /// The language that the address names (`?lang=`), for sites that embed the chat; else the one that the browser prefers.
    pub(super) fn of(uri: Uri, headers: &HeaderMap) -> Self {
        let named = named(&uri).and_then(locales::named);
        let host =
            headers.get(header::HOST).and_then(|host| host.to_str().ok()).filter(|host| !host.is_empty()).map(str::to_owned);
        Self { texts: named.unwrap_or_else(|| preferred(headers)), uri, host }
    }

    /// The absolute address of a path, in the language that the request's address names.
    pub(super) fn url(&self, scheme: &str, path: &str) -> Option<PageUrl> {
        let host = self.host.as_ref()?;
        let query = named(&self.uri).map(|_| format!("?lang={}", self.texts.language())).unwrap_or_default();
        Some(PageUrl { origin: format!("{scheme}://{host}"), path: format!("{path}{query}") })
    }

    /// The part of a query that has links inside the page ask for the same language: empty, or with an `&` at its end.
    pub(super) fn query(&self) -> String {
        named(&self.uri).map(|_| format!("lang={}&", self.texts.language())).unwrap_or_default()
    }
}

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts.uri.clone(), &parts.headers))
    }
}

/// The language that a client prefers (`Accept-Language`).
pub(super) fn preferred(headers: &HeaderMap) -> &'static Texts {
    locales::preferred(headers.get_all(header::ACCEPT_LANGUAGE).iter().filter_map(|value| value.to_str().ok()))
}

fn named(uri: &Uri) -> Option<&str> {
    uri.query()?.split('&').find_map(|part| part.strip_prefix("lang="))
}
