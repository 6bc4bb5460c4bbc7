use axum::http::{HeaderMap, HeaderValue, header};

use crate::chat::Origins;

/// What a page of ours may load, and who may frame it.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    frames: Frames,
    styles: Styles,
    /// The origin beside our own to which a form may lead, if there is one.
    forms_to: Option<String>,
}

#[derive(Clone, Debug)]
enum Frames {
    /// No page at all: what is framed can be laid under something else, and clicks on it be stolen.
    Refused,
    /// Our own pages, and those of these origins.
    By(Origins),
}

/// The stylesheets that count beside our own.
#[derive(Clone, Copy, Debug)]
enum Styles {
    None,
    /// Those that the server wrote into the page.
    Ours,
    /// Those that somebody adds: OBS puts its custom CSS into the page as an element.
    Any,
}

impl Policy {
    /// A page that stands alone.
    pub(super) fn alone() -> Self {
        Self { frames: Frames::Refused, styles: Styles::None, forms_to: None }
    }

    /// A page that stands alone, whose form leads to that origin in the end: browsers hold a redirection to the policy of the form.
    pub(super) fn leading_to(origin: &str) -> Self {
        // A policy cannot name an IPv6 address (Content Security Policy Level 3, 2.3.1): its scheme has to do.
        let scheme = origin.split_once("://[").map(|(scheme, _)| format!("{scheme}:"));
        Self { forms_to: Some(scheme.unwrap_or_else(|| origin.to_owned())), ..Self::alone() }
    }

    /// A page for other sites to frame.
    pub(super) fn framed_by(origins: Origins) -> Self {
        Self { frames: Frames::By(origins), styles: Styles::Ours, forms_to: None }
    }

    /// The same for a page into which the server wrote styles.
    pub(super) fn with_styles(self) -> Self {
        match self.styles {
            Styles::None => Self { styles: Styles::Ours, ..self },
            Styles::Ours | Styles::Any => self,
        }
    }

    /// A page for OBS to lay over a video.
    pub(super) fn overlay() -> Self {
        Self { frames: Frames::Refused, styles: Styles::Any, forms_to: None }
    }

    /// The Content-Security-Policy (Level 3), which lets no script run but our own.
    pub(super) fn content_security(&self, nonce: &str) -> HeaderValue {
        // Live reload of the development server comes over a WebSocket of another port.
        let reload = if cfg!(debug_assertions) { " ws:" } else { "" };
        let styles = match self.styles {
            Styles::None => String::new(),
            Styles::Ours => format!(" 'nonce-{nonce}'"),
            Styles::Any => " 'unsafe-inline'".to_owned(),
        };
        let frame_ancestors = match &self.frames {
            Frames::Refused => "; frame-ancestors 'none'".to_owned(),
            // Without the directive: `*` would still refuse the pages of apps and of files (6.4.2).
            Frames::By(origins) if origins.are_all() => String::new(),
            Frames::By(origins) => format!("; frame-ancestors 'self' {origins}"),
        };
        let forms_to = self.forms_to.as_ref().map(|origin| format!(" {origin}")).unwrap_or_default();
        let policy = format!(
            "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self'{styles}; \
             img-src 'self' data: https:; connect-src 'self'{reload}; form-action 'self'{forms_to}; base-uri 'none'{frame_ancestors}"
        );
        HeaderValue::from_str(&policy).expect("a nonce and origins are printable ASCII")
    }

    /// Says the same to browsers that do not know `frame-ancestors` (RFC 7034), and lets isolated pages frame what may be framed.
    pub(super) fn add_to(&self, headers: &mut HeaderMap) {
        match self.frames {
            Frames::Refused => drop(headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"))),
            // There is no word for a list of origins. A page that isolates itself (`Cross-Origin-Embedder-Policy`) frames only what does
            // the same, and is meant for other sites; so the pictures of users still come, without their cookies.
            Frames::By(_) => {
                headers.insert("cross-origin-embedder-policy", HeaderValue::from_static("credentialless"));
                headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
            }
        }
    }
}
