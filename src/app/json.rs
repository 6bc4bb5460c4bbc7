//! JSON, read and written by the browser itself. A parser of our own kind would be the largest part of what a browser downloads.

use js_sys::{Array, JSON, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};

/// A value. What is not there is `undefined`, and has nothing in it.
pub struct Json(JsValue);

impl Json {
    /// Reads a text; none if it is no JSON.
    pub fn parse(text: &str) -> Option<Self> {
        JSON::parse(text).ok().map(Self)
    }

    /// What an object holds under a key.
    pub fn get(&self, key: &str) -> Self {
        Self(Reflect::get(&self.0, &JsValue::from_str(key)).unwrap_or_default())
    }

    /// The text that it is.
    pub fn as_text(&self) -> Option<String> {
        self.0.as_string()
    }

    /// The text under a key.
    pub fn text(&self, key: &str) -> Option<String> {
        self.get(key).0.as_string()
    }

    /// The number under a key. It must be whole and not negative.
    pub fn number(&self, key: &str) -> Option<u64> {
        self.get(key).0.as_f64().map(|number| number as u64)
    }

    /// Whether `true` stands under a key.
    pub fn flag(&self, key: &str) -> bool {
        self.get(key).0.as_bool() == Some(true)
    }

    /// The keys of an object, in its order, each with the text under it.
    pub fn texts(&self) -> Vec<(String, String)> {
        let keys = self.0.dyn_ref::<Object>().map(Object::keys).unwrap_or_default().to_vec();
        let mut texts = Vec::with_capacity(keys.len());
        for key in keys {
            let key = key.as_string().unwrap_or_default();
            let text = self.text(&key).unwrap_or_default();
            texts.push((key, text));
        }
        texts
    }

    /// The elements of the array under a key.
    pub fn items(&self, key: &str) -> impl ExactSizeIterator<Item = Self> + DoubleEndedIterator + use<> {
        self.get(key).0.dyn_into::<Array>().unwrap_or_default().to_vec().into_iter().map(Self)
    }

    /// The keys of the object under a key, in order.
    pub fn keys(&self, key: &str) -> Vec<String> {
        let Ok(object) = self.get(key).0.dyn_into::<Object>() else { return Vec::new() };
        Object::keys(&object).iter().filter_map(|key| key.as_string()).collect()
    }
}

/// A text as a JSON string, with its quotes.
pub fn quoted(text: &str) -> String {
    let quoted = JSON::stringify(&JsValue::from_str(text));
    quoted.map(String::from).expect("every text has a JSON form")
}
