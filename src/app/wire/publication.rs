use serde::Serialize;

/// The body of `POST /publish/{id}`: a message to everybody in the room.
#[derive(Debug, Serialize)]
pub struct Publication<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    /// Whether it is an announcement.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub announcement: bool,
    /// The site that it comes from.
    pub widget_key: &'a str,
    /// Seconds into the video, of which the page knows nothing.
    timestamp: u8,
    /// Its own id, so that it is stored once however often it is sent.
    pub client_message_id: &'a str,
    /// What is said.
    pub message: ChatPayload<'a>,
}

/// What somebody says, as the page and its form write it.
#[derive(Debug, Serialize)]
pub struct ChatPayload<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    username: &'a str,
    /// The id of the message that it is a reply to; empty if it is none.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub reply_to: &'a str,
    message_text: &'a str,
}

impl<'a> Publication<'a> {
    /// A message that is published with that key under that id.
    pub fn of(message: ChatPayload<'a>, widget_key: &'a str, client_message_id: &'a str) -> Self {
        Self { kind: "broadcast", announcement: false, widget_key, timestamp: 0, client_message_id, message }
    }
}

impl<'a> ChatPayload<'a> {
    /// What somebody of that name says.
    pub fn of(username: &'a str, text: &'a str) -> Self {
        Self { kind: "chat", username, reply_to: "", message_text: text }
    }
}
