use std::sync::Arc;

use serde_json::value::RawValue;

/// What a room's game shows to its viewers: the text of one JSON object, in the form of the game's protocol. Clones are cheap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownInterface(Arc<str>);

impl ShownInterface {
    /// Reads the text of an interface; `None` for a text that is not one JSON object.
    pub fn parse(text: &str) -> Option<Self> {
        let object: &RawValue = serde_json::from_str(text).ok()?;
        object.get().starts_with('{').then(|| Self(object.get().into()))
    }

    /// Returns its text.
    pub fn get(&self) -> &str {
        &self.0
    }

    /// Returns it as a part of a larger JSON text.
    pub fn to_json(&self) -> Box<RawValue> {
        RawValue::from_string(self.0.to_string()).expect("it was parsed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_object_is_an_interface() {
        let rows = [(r#" {"id":"1"} "#, Some(r#"{"id":"1"}"#)), ("[]", None), ("1", None), ("", None), (r#"{"id":"1"} x"#, None)];
        for (text, expected) in rows {
            assert_eq!(ShownInterface::parse(text).as_ref().map(ShownInterface::get), expected, "{text}");
        }
    }
}
