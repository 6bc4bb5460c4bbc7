use crate::chat::RoomId;

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
