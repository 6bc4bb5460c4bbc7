use serde::{Deserialize, Serialize};

use super::{ChatMessage, known_or_default};
use crate::chat::{Group, RoomId, RoomState};

/// Everything that a room's page shows at first, gathered by the server before it renders. It stands in the page as JSON too,
/// so that the browser renders the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoomView {
    /// The room.
    pub room: RoomId,
    /// What it is set to.
    pub settings: SettingsView,
    /// Where it is in its life.
    pub state: RoomState,
    /// What the page publishes with.
    pub widget_key: String,
    /// The token of whoever looks at the page.
    pub token: String,
    /// Their user id: messages of this author are their own.
    pub user_id: String,
    /// What the tabs and frames of a browser that share a stream have in common: their user, or that guests look at them alike. A guest
    /// whom no cookie names is another one in each of them at first.
    pub shares_as: String,
    /// The place in the log that `messages` reaches, `<epoch>-<seq>`.
    pub position: String,
    /// The newest messages, oldest first.
    pub messages: Vec<ChatMessage>,
    /// The message that stands above the chat.
    pub pinned: Option<ChatMessage>,
    /// Whether the log holds messages older than these.
    pub has_older: bool,
    /// Whether these are older messages that were asked for by address (`?before=`): a page to read, without the feed.
    pub archive: bool,
    /// Whether the room is played again.
    #[serde(default)]
    pub replays: bool,
    /// What links inside the page keep of its address: empty, or a part of a query with an `&` at its end.
    pub link_query: String,
    /// Whether it is shown over a video.
    pub is_overlay: bool,
    /// How many connections the room has now.
    pub viewer_count: usize,
    /// Longest name, in code points.
    pub username_chars: usize,
    /// Longest text that the installation allows, in code points.
    pub text_chars: usize,
    /// Whether they may react and reply, as far as that does not change while they look on.
    pub may_react: bool,
    /// What the reader is in the room: `owner`, `moderator`, `bot`, or empty for a guest.
    pub role: String,
    /// Whether the reader may change the room's settings.
    pub configures: bool,
    /// Whether they may take out messages, and decide who speaks.
    pub moderates: bool,
    /// How many messages wait for them to be approved; 0 for those who may not.
    pub waiting: usize,
    /// What keeps them from speaking.
    pub standing: Option<Standing>,
    /// The server's time when it rendered this: RFC 3339, UTC. Time that is left is counted by it, since a reader's clock may be wrong.
    pub now: String,
    /// Whether the name in the form is the only one that they may use.
    pub is_named: bool,
    /// What stands in the form.
    pub form: FormView,
    /// What its game shows, as JSON in the form of the stream's `init`: the part of the page that shows it is loaded on demand, and reads it.
    /// Empty for nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub game: String,
    /// What its owner says of the room, for the document's head; may be empty.
    #[serde(skip)]
    pub description: String,
}

/// What the page needs to know of a room's settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsView {
    /// Its name.
    pub name: String,
    /// Seconds that each user waits between two messages; 0 for none.
    pub slow_mode_seconds: u32,
    /// Longest text, in code points; 0 for what the installation allows.
    pub message_chars: usize,
    /// Who may speak. A group that the page does not know is everyone: the server decides.
    #[serde(default, deserialize_with = "known_or_default")]
    pub speakers: Group,
    /// Whether nobody but moderators may speak for now.
    #[serde(default)]
    pub paused: bool,
    /// Whether all that was said is forgotten when the room ends.
    #[serde(default)]
    pub ephemeral: bool,
    /// The id of the message that stands above the chat; empty for none.
    #[serde(default)]
    pub pinned_message: String,
}

/// What a moderator has decided on the reader's right to speak.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// When they may speak again, RFC 3339; empty if not at all.
    #[serde(default)]
    pub until: String,
    /// How many seconds that was away when the server said it. A browser's clock may be wrong.
    #[serde(default)]
    pub seconds_left: u32,
    /// Why; may be empty.
    #[serde(default)]
    pub reason: String,
}

/// The form as it is rendered: empty at first, filled again after a refusal so that nothing typed is lost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FormView {
    /// What stands in the name field.
    pub username: String,
    /// What stands in the message field.
    pub text: String,
    /// Whether it is to be an announcement.
    pub is_announcement: bool,
    /// Why the last post was refused.
    pub error: Option<FormError>,
    /// The post's own id, so that a form sent twice is stored once.
    pub client_message_id: String,
}

/// Why a post was refused, in words for the person who made it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FormError {
    /// The input that it belongs to; none if it is about the form as a whole.
    pub input: Option<FormInput>,
    /// What to do.
    pub message: String,
}

/// An input of the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FormInput {
    /// `#username`.
    Username,
    /// `#message`.
    Message,
}
