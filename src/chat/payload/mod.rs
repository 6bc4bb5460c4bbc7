//! A message's JSON: what is accepted, how it is kept, and what is made of it where an older one breaks the rule.

mod scan;

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

pub use scan::{PayloadError, PayloadFault};

/// Deepest nesting of arrays and objects in a payload. Common parsers stop between 64 and 1,000 levels, and some of them crash.
pub const PAYLOAD_DEPTH: usize = 32;

/// A message's JSON as its author sent it: key order, unknown keys, escapes and the spelling of numbers are kept, and
/// insignificant whitespace is not.
///
/// Every payload that is accepted can be read by every ordinary JSON parser (RFC 8259; I-JSON, RFC 7493 2.1 to 2.3): it is at most
/// [`PAYLOAD_DEPTH`] levels deep, its numbers are within the range of a double, its strings and keys are Unicode text, and no
/// object has the same key twice. One that was stored before this rule held may break it. It is kept as it is, and no part of it
/// is read.
#[derive(Clone, Debug)]
pub struct Payload(Form);

#[derive(Clone, Debug)]
enum Form {
    Readable(Box<RawValue>),
    Unreadable(Box<str>),
}

impl Payload {
    /// Reads what a client sent.
    ///
    /// # Errors
    /// See [`PayloadFault`].
    pub fn parse(text: &str) -> Result<Self, PayloadError> {
        let compact = scan::compact(text, PAYLOAD_DEPTH)?.into_owned();
        let readable = RawValue::from_string(compact).map_err(|_| PayloadError::syntax(0))?;
        Ok(Self(Form::Readable(readable)))
    }

    /// Takes a payload from the log or from another node. It may be older than the rule.
    pub fn stored(text: String) -> Self {
        Self::parse(&text).unwrap_or_else(|_| Self(Form::Unreadable(text.into())))
    }

    /// Writes plain data as a payload.
    pub fn of(data: &(impl Serialize + ?Sized)) -> Self {
        let json = to_raw_value(data).map_or_else(|_| "null".to_owned(), |json| json.get().to_owned());
        Self::stored(json)
    }

    /// Its bytes, whether or not they can be read.
    pub fn get(&self) -> &str {
        match &self.0 {
            Form::Readable(json) => json.get(),
            Form::Unreadable(text) => text,
        }
    }

    /// Its JSON, if it keeps to the rule.
    pub fn readable(&self) -> Option<&RawValue> {
        match &self.0 {
            Form::Readable(json) => Some(json),
            Form::Unreadable(_) => None,
        }
    }

    /// Its JSON for other programs; the text of one that cannot be read is a JSON string.
    pub fn to_json(&self) -> Cow<'_, RawValue> {
        match &self.0 {
            Form::Readable(json) => Cow::Borrowed(json),
            Form::Unreadable(text) => Cow::Owned(to_raw_value(text).unwrap_or_default()),
        }
    }

    /// Every string in it that a client may show, unescaped: all but keys and what stands under a key `type`, which is for
    /// programs. Empty if it cannot be read.
    pub fn texts(&self) -> Vec<Cow<'_, str>> {
        self.readable().map_or_else(Vec::new, |json| scan::texts(json.get(), PAYLOAD_DEPTH, false))
    }

    /// What a client shows that shows the whole payload: its [texts](Self::texts) and its keys.
    pub fn texts_and_keys(&self) -> Vec<Cow<'_, str>> {
        self.readable().map_or_else(Vec::new, |json| scan::texts(json.get(), PAYLOAD_DEPTH, true))
    }
}

/// Checks a JSON text that holds payloads in its top level, by the same rule. Gives it without insignificant whitespace.
///
/// # Errors
/// See [`PayloadFault`].
pub fn check_json(text: &str) -> Result<Cow<'_, str>, PayloadError> {
    scan::compact(text, PAYLOAD_DEPTH + 1)
}

impl Serialize for Payload {
    /// As the log has it.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Form::Readable(json) => json.serialize(serializer),
            // An older payload is JSON at least. Anything else was put into the database by hand.
            Form::Unreadable(text) => match serde_json::from_str::<&RawValue>(text) {
                Ok(json) => json.serialize(serializer),
                Err(_) => text.serialize(serializer),
            },
        }
    }
}

impl<'de> Deserialize<'de> for Payload {
    /// As [`Payload::stored`].
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Box::<RawValue>::deserialize(deserializer)?;
        Ok(Self::stored(json.get().to_owned()))
    }
}

#[cfg(test)]
pub(super) mod tests;
