//! A message as Amazon IVS Chat has them: a content and attributes.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{
    chat::{Attributes, Payload},
    locales,
    texts::key,
};

/// The keys under which clients send the text: see [`ChatText`](crate::chat::ChatText).
const TEXTS: [&str; 2] = ["message_text", "messageText"];

/// The key under which the attributes of an IVS client stand.
pub(super) const ATTRIBUTES: &str = "attributes";

/// A payload, taken apart.
pub(super) struct Parts<'a> {
    payload: &'a str,
    members: Members<'a>,
    /// Whether an IVS client has sent it, so that the attributes stand on their own.
    pub(super) is_ivs: bool,
    /// Whether the content is a text; else it is the payload itself.
    pub(super) is_text: bool,
    pub(super) content: String,
    pub(super) attributes: Attributes,
}

impl<'a> Parts<'a> {
    pub(super) fn of(payload: &'a Payload) -> Self {
        let Some(json) = payload.readable() else {
            let content = locales::english().text(key::page::MESSAGE_UNREADABLE).to_owned();
            return Self::whole("null", Members(Vec::new()), content);
        };
        let payload = json.get();
        // What is no object has no members.
        let members = serde_json::from_str(payload).unwrap_or(Members(Vec::new()));
        let texts = members.0.iter().filter_map(|(key, value)| Some((key.clone(), serde_json::from_str(value.get()).ok()?)));
        let mut attributes: Attributes = texts.collect();
        let texts = TEXTS.map(|key| attributes.remove(key));
        let content = match texts {
            [None, None] => {
                return Self::whole(payload, members, payload.to_owned());
            }
            [Some(content), other] => {
                // Some clients show the other one.
                attributes.extend(other.filter(|other| *other != content).map(|other| (TEXTS[1].to_owned(), other)));
                content
            }
            [None, Some(content)] => content,
        };
        let own = members.0.iter().rfind(|(key, _)| key == ATTRIBUTES).and_then(|(_, own)| serde_json::from_str(own.get()).ok());
        let is_ivs = own.is_some();
        Self { payload, members, is_ivs, is_text: true, content, attributes: own.unwrap_or(attributes) }
    }

    /// A payload without a text of its own.
    fn whole(payload: &'a str, members: Members<'a>, content: String) -> Self {
        Self { payload, members, is_ivs: false, is_text: false, content, attributes: Attributes::new() }
    }

    /// The payload with another content, if one is given, and these attributes; all else stays byte for byte. `None` if nothing
    /// is to be changed.
    pub(super) fn change(&self, content: Option<String>, attributes: Attributes) -> Option<String> {
        let payload = self.payload;
        let mut changes = BTreeMap::new();
        if let Some(content) = content {
            let texts = TEXTS.into_iter().filter(|text| self.members.0.iter().any(|(key, _)| key == text));
            changes.extend(texts.map(|text| (text.to_owned(), json(&content))));
        }
        if self.is_ivs && !attributes.is_empty() {
            let all: Attributes = self.attributes.clone().into_iter().chain(attributes).collect();
            changes.insert(ATTRIBUTES.to_owned(), json(&all));
        } else {
            changes.extend(attributes.into_iter().map(|(key, text)| (key, json(&text))));
        }
        if changes.is_empty() {
            return None;
        }
        let (mut changed, mut copied) = (String::with_capacity(payload.len()), 0);
        for (key, value) in &self.members.0 {
            if let Some(value_now) = changes.get(key) {
                // The value is a part of the payload's text.
                let begin = value.get().as_ptr().addr() - payload.as_ptr().addr();
                changed.push_str(&payload[copied..begin]);
                changed.push_str(value_now);
                copied = begin + value.get().len();
            }
        }
        changes.retain(|key, _| self.members.0.iter().all(|(member, _)| member != key));
        let end = payload.len() - 1;
        changed.push_str(&payload[copied..end]);
        for (key, value) in changes {
            changed.push_str(&format!(",{}:{value}", json(&key)));
        }
        changed.push_str(&payload[end..]);
        Some(changed)
    }
}

fn json(value: &(impl Serialize + ?Sized)) -> String {
    serde_json::to_string(value).expect("plain data")
}

/// The members of a JSON object in their order, each value unread.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}
