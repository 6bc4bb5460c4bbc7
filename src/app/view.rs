use serde::{Deserialize, Serialize};

use crate::chat::{ChatText, Group, Reaction, RoomId, RoomState};

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
    /// Whether they may take out messages, and decide who speaks.
    pub moderates: bool,
    /// How many messages wait for them to be approved; 0 for those who may not.
    pub waiting: usize,
    /// What keeps them from speaking.
    pub standing: Option<Standing>,
    /// Whether the name in the form is the only one that they may use.
    pub is_named: bool,
    /// What stands in the form.
    pub form: FormView,
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
    /// Who may speak.
    pub speakers: Group,
    /// Whether nobody but moderators may speak for now.
    pub paused: bool,
    /// The id of the message that stands above the chat; empty for none.
    pub pinned_message: String,
}

/// What another site asks of somebody: to enter a room as one of its users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntranceView {
    /// As whom.
    pub name: String,
    /// The room's name.
    pub to: String,
    /// The path of its page.
    pub path: String,
    /// The site's token.
    pub token: String,
}

/// Who is invited to moderate, and what became of the form to invite somebody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeopleView {
    /// The invitations, the latest first.
    pub invitations: Vec<InvitationRow>,
    /// The rooms by number, with their names.
    pub rooms: Vec<(RoomId, String)>,
    /// What stands in the name field.
    pub name: String,
    /// The link of the invitation that was just made; empty if none was.
    pub link: String,
    /// Whom it is for.
    pub invited: String,
    /// Why none was made; empty if nothing was wrong.
    pub error: String,
}

/// An invitation in that list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvitationRow {
    /// Its own name.
    pub id: String,
    /// The room's name.
    pub room: String,
    /// Under which name they speak.
    pub name: String,
    /// When it was taken: RFC 3339, UTC; empty if it was not.
    pub taken_at: String,
    /// Whether it was taken back.
    pub is_revoked: bool,
}

/// What a moderator has decided on the reader's right to speak.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// When they may speak again, RFC 3339; empty if not at all.
    pub until: String,
    /// Why; may be empty.
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

/// A message as the timeline shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatMessage {
    /// Its place in the room's log.
    pub seq: u64,
    /// Its public id.
    pub id: String,
    /// Its author's user id.
    pub author: String,
    /// The name that the author goes by, and what they said. Both are empty if it cannot be displayed.
    pub chat: ChatText,
    /// When it was ordered: RFC 3339, UTC.
    pub sent_at: String,
    /// Only the reader and one other can see it.
    pub private: bool,
    /// It waits for a moderator, and only the reader can see it.
    pub waits: bool,
    /// What its author was in the room, as it is shown; empty for a guest.
    pub role: String,
    /// The address of their picture; empty if there is none.
    pub picture: String,
    /// Whether it is an announcement.
    pub announces: bool,
    /// How people react to it, the oldest emoji first.
    pub reactions: Vec<Reaction>,
    /// What it is a reply to.
    pub quote: Option<Quote>,
}

impl ChatMessage {
    /// Whether its payload cannot be read.
    pub fn is_unreadable(&self) -> bool {
        self.chat.username.is_empty() && self.chat.text.is_empty()
    }
}

/// The message that another one is a reply to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// Its place in the room's log.
    pub seq: u64,
    /// Its public id.
    pub id: String,
    /// Its author's user id.
    pub author: String,
    /// The name that the author went by; empty while nothing is known of it, and when it was deleted.
    pub username: String,
    /// How it begins.
    pub text: String,
    /// Whether it was deleted.
    pub is_deleted: bool,
}

/// Characters of a message that are quoted: more than fit into a line.
const QUOTED_CHARS: usize = 140;

impl Quote {
    /// A quote of `message`.
    pub fn of(message: &ChatMessage) -> Self {
        Self {
            seq: message.seq,
            id: message.id.clone(),
            author: message.author.clone(),
            username: message.chat.username.clone(),
            text: message.chat.text.chars().take(QUOTED_CHARS).collect(),
            is_deleted: false,
        }
    }

    /// One of a message that was deleted.
    pub fn deleted(seq: u64) -> Self {
        Self { seq, is_deleted: true, ..Self::default() }
    }

    /// Whether there is something to be shown of it.
    pub fn is_known(&self) -> bool {
        self.is_deleted || !self.username.is_empty()
    }
}
