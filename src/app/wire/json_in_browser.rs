//! JSON in a browser, which parses it itself: a parser of our own would be a large part of what it downloads.

use js_sys::JSON;
use serde::{Deserialize, de::DeserializeOwned};
use wasm_bindgen::JsValue;

/// A value that is read later, once its type is known.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct Raw(#[serde(with = "serde_wasm_bindgen::preserve")] JsValue);

impl Raw {
    /// Reads the value. None if it is not what is expected.
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_wasm_bindgen::from_value(self.0.clone()).ok()
    }
}

/// Reads a JSON text. None if it is not what is expected.
pub fn read<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_wasm_bindgen::from_value(JSON::parse(text).ok()?).ok()
}
