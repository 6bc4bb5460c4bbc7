//! JSON outside of a browser: on the server, and in tests.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

/// A value that is read later, once its type is known.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct Raw(Box<RawValue>);

impl Raw {
    /// Reads the value. None if it is not what is expected.
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        read(self.0.get())
    }
}

/// Reads a JSON text. None if it is not what is expected.
pub fn read<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok()
}
