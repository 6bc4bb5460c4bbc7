//! JSON that clients send. Every dialect reads it here, so that the rule for payloads holds for all that is around them too.

use serde::de::DeserializeOwned;

use crate::chat::{PayloadError, check_json};

/// Why bytes are not the JSON that is wanted. The texts are the end of a sentence.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The bytes are no text.
    #[error("it is not UTF-8")]
    Utf8,
    /// It breaks the rule for payloads.
    #[error("{0}")]
    Rule(#[from] PayloadError),
    /// It is a list, a string or another value that is not an object.
    #[error("it is another kind of value")]
    Kind,
    /// It has another form than is wanted.
    #[error("{0}")]
    Form(String),
}

/// Most characters of a message that quotes what a client sent.
pub const QUOTING_CHARS: usize = 200;

/// Reads JSON that keeps to the rule for payloads.
///
/// # Errors
/// See [`ReadError`].
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ReadError> {
    let text = std::str::from_utf8(bytes).map_err(|_| ReadError::Utf8)?;
    serde_json::from_str(&check_json(text)?).map_err(|error| ReadError::Form(shortened(error.to_string())))
}

/// Reads one JSON object that keeps to the rule for payloads. A struct needs this instead of [`read`], because serde would also take a
/// list of its values.
///
/// # Errors
/// See [`ReadError`].
pub fn read_object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ReadError> {
    let text = std::str::from_utf8(bytes).map_err(|_| ReadError::Utf8)?;
    object(&check_json(text)?)
}

/// Reads one JSON object from a text that [`check_json`] has checked.
///
/// # Errors
/// [`ReadError::Kind`] and [`ReadError::Form`].
pub(super) fn object<T: DeserializeOwned>(checked: &str) -> Result<T, ReadError> {
    if !checked.trim_start().starts_with('{') {
        return Err(ReadError::Kind);
    }
    serde_json::from_str(checked).map_err(|error| ReadError::Form(shortened(error.to_string())))
}

/// Shortens a message that quotes what a client sent, to [`QUOTING_CHARS`]. It is cut in its middle, because serde's messages say at
/// their end what was expected, and where.
pub(super) fn shortened(message: String) -> String {
    let chars = message.chars().count();
    if chars <= QUOTING_CHARS {
        return message;
    }
    let (head, tail) = (QUOTING_CHARS / 2 - 1, QUOTING_CHARS / 2);
    message.chars().take(head).chain(['…']).chain(message.chars().skip(chars - tail)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_quotes_little_of_what_was_sent_and_says_what_is_wanted() {
        for text in ["x".repeat(60_000), "\u{7f}".repeat(60_000), "é".repeat(150), "\"".repeat(1_000)] {
            let sent = serde_json::to_vec(&text).expect("plain data");
            let error = read::<bool>(&sent).expect_err("a string").to_string();
            assert_eq!(error.chars().count(), QUOTING_CHARS, "{error}");
            assert!(error.starts_with("invalid type: string \""), "{error}");
            assert!(error.contains("expected a boolean at line 1 column "), "{error}");
        }
        let short = read::<bool>(b"\"no\"").expect_err("a string").to_string();
        assert_eq!(short, "invalid type: string \"no\", expected a boolean at line 1 column 4");
    }
}
