use serde::{Deserialize, Serialize};

/// How much one client may send. Beyond a limit the message is refused with a clear error; nothing is ever cut short.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Longest user name, in Unicode code points.
    pub username_chars: usize,
    /// Longest message text, in Unicode code points (Amazon IVS Chat counts so too).
    pub text_chars: usize,
    /// Largest request body, in bytes.
    pub body_bytes: usize,
    /// Messages a second that one user may send on average; 0 switches the limit off.
    pub rate_per_second: f64,
    /// Messages that one user may send at once before the rate counts.
    pub burst: f64,
    /// Most envelopes in the answer to one `request`.
    pub history_events: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            username_chars: 64,
            text_chars: 500,
            body_bytes: 64 * 1024,
            rate_per_second: 5.0,
            burst: 10.0,
            history_events: 2_000,
        }
    }
}
