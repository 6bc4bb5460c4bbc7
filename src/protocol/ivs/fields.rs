use std::{fmt, ops::RangeInclusive};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{Problem, is_room_arn, room_of};
use crate::{
    chat::{ATTRIBUTES_BYTES, Attributes, RoomId, attributes_bytes},
    protocol::json,
};

/// The fields of a request, which notes all that is wrong with them. What a field should be but is not is read as something harmless,
/// so that the others can be judged too.
pub(super) struct Fields {
    body: Map<String, Value>,
    faults: Vec<(String, String)>,
    /// What is named well, and is not there.
    missing: Option<Problem>,
}

impl Fields {
    /// Reads a body: one JSON object, or nothing for none.
    pub(super) fn of(body: &[u8]) -> Result<Self, Problem> {
        let body = match body {
            b"" => Map::new(),
            body => {
                json::read_object(body).map_err(|error| Problem::Other(format!("The body must be one JSON object: {error}.")))?
            }
        };
        Ok(Self { body, faults: Vec::new(), missing: None })
    }

    /// `value` if nothing is wrong with any field.
    pub(super) fn check<T>(self, value: T) -> Result<T, Problem> {
        match (self.faults.is_empty(), self.missing) {
            (false, _) => Err(Problem::Fields(self.faults)),
            (true, Some(missing)) => Err(missing),
            (true, None) => Ok(value),
        }
    }

    pub(super) fn refuse(&mut self, name: &str, message: impl fmt::Display) {
        self.faults.push((name.to_owned(), message.to_string()));
    }

    /// A field's value, if it is there and not `null`.
    fn value<T: DeserializeOwned>(&mut self, name: &str, expected: &str) -> Option<T> {
        let value = self.body.get(name).filter(|value| !value.is_null())?.clone();
        let read = serde_json::from_value(value).ok();
        if read.is_none() {
            self.refuse(name, format_args!("must be {expected}"));
        }
        read
    }

    pub(super) fn required<T: Default>(&mut self, name: &str, value: Option<T>) -> T {
        if value.is_none() && self.faults.iter().all(|(faulty, _)| faulty != name) {
            self.refuse(name, "is required");
        }
        value.unwrap_or_default()
    }

    /// A text of so many characters.
    pub(super) fn text(&mut self, name: &str, chars: RangeInclusive<usize>) -> Option<String> {
        let text: String = self.value(name, "a string")?;
        if !chars.contains(&text.chars().count()) {
            self.refuse(name, format_args!("must have {} to {} characters", chars.start(), chars.end()));
        }
        Some(text)
    }

    /// A text that must be there.
    pub(super) fn required_text(&mut self, name: &str, chars: RangeInclusive<usize>) -> String {
        let text = self.text(name, chars);
        self.required(name, text)
    }

    /// A whole number.
    pub(super) fn integer(&mut self, name: &str, range: RangeInclusive<u32>) -> Option<u32> {
        let number: i64 = self.value(name, "a whole number")?;
        match u32::try_from(number).ok().filter(|number| range.contains(number)) {
            None => {
                self.refuse(name, format_args!("must be from {} to {}", range.start(), range.end()));
                None
            }
            number => number,
        }
    }

    /// A list of texts.
    pub(super) fn texts(&mut self, name: &str) -> Vec<String> {
        self.value(name, "a list of strings").unwrap_or_default()
    }

    /// Names with values.
    pub(super) fn map(&mut self, name: &str) -> Option<Attributes> {
        self.value(name, "an object whose values are strings")
    }

    /// Tags, as AWS has them.
    pub(super) fn tags(&mut self, name: &str) -> Option<Attributes> {
        let tags = self.map(name)?;
        if let Some(fault) = tags_fault(&tags) {
            self.refuse(name, fault);
        }
        Some(tags)
    }

    /// Names with values, not too many.
    pub(super) fn attributes(&mut self, name: &str) -> Attributes {
        let attributes = self.map(name).unwrap_or_default();
        if attributes_bytes(&attributes) > ATTRIBUTES_BYTES {
            self.refuse(name, format_args!("must have at most {ATTRIBUTES_BYTES} bytes in all"));
        }
        attributes
    }

    /// The object in a field.
    pub(super) fn object(&mut self, name: &str) -> Option<Map<String, Value>> {
        self.value(name, "an object")
    }

    /// The room that a field names, which must be there.
    pub(super) fn room(&mut self, name: &str) -> RoomId {
        let arn = self.text(name, 1..=super::ARN_BYTES);
        let arn = self.required(name, arn);
        match room_of(&arn) {
            Some(room) => return room,
            None if is_room_arn(&arn) => self.missing = Some(Problem::no_room(arn)),
            None if arn.is_empty() => {}
            None => self.refuse(name, format_args!("must be the ARN of a room, such as {}", super::arn(RoomId::FIRST))),
        }
        RoomId::FIRST
    }
}

/// Most tags of a resource.
pub(super) const TAGS: usize = 50;

/// Longest key and value of a tag, in characters.
const TAG_KEY_CHARS: usize = 128;
const TAG_VALUE_CHARS: usize = 256;

/// What is wrong with tags, if something is.
pub(super) fn tags_fault(tags: &Attributes) -> Option<String> {
    if tags.len() > TAGS {
        return Some(format!("must be at most {TAGS} tags"));
    }
    tags.iter().find_map(|(key, value)| {
        let is_long = || format!("must have values of at most {TAG_VALUE_CHARS} characters");
        tag_key_fault(key).or_else(|| (value.chars().count() > TAG_VALUE_CHARS).then(is_long))
    })
}

/// What is wrong with the key of a tag, if something is.
pub(super) fn tag_key_fault(key: &str) -> Option<String> {
    if !(1..=TAG_KEY_CHARS).contains(&key.chars().count()) {
        return Some(format!("must have keys of 1 to {TAG_KEY_CHARS} characters"));
    }
    // AWS reserves it in any case.
    let is_reserved = key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:"));
    is_reserved.then(|| "must have no keys that begin with \"aws:\", which is reserved".to_owned())
}
