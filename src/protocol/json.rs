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
    /// It has another form than is wanted.
    #[error("{0}")]
    Form(#[from] serde_json::Error),
}

/// Reads JSON that keeps to the rule for payloads.
///
/// # Errors
/// See [`ReadError`].
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ReadError> {
    let text = std::str::from_utf8(bytes).map_err(|_| ReadError::Utf8)?;
    Ok(serde_json::from_str(&check_json(text)?)?)
}
