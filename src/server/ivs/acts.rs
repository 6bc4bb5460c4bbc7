//! What the control plane does. Its rooms are ours that are live: one that is not open yet, or has ended, is not there for it.

use std::time::Duration;

use serde_json::{Value, json};

use super::answer::problem;
use crate::{
    chat::{Attributes, ChatText, Deleted, MessageId, Room, RoomId, RoomState, SettingsChange, Timestamp, is_picture},
    engine::{Appended, now},
    hub::{Authority, Hub, Identity, Origin, Refusal, Removal},
    protocol::ivs::{self, Listing, Operation, Problem, RoomChange, Ticket},
};

/// Carries out an operation.
pub(super) async fn carry_out(hub: &Hub, operation: Operation) -> Result<Option<Value>, Problem> {
    let told = |room: &Room| Some(ivs::room(room, hub.limits()));
    match operation {
        Operation::CreateRoom(change) => create(hub, change).await.map(|room| told(&room)),
        Operation::GetRoom(room) => live(hub, room).map(|room| told(&room)),
        Operation::UpdateRoom(room, change) => configure(hub, room, change.into()).await.map(|room| told(&room)),
        Operation::DeleteRoom(room) => {
            live(hub, room)?;
            hub.set_state(room, RoomState::Ended).await.map(|_| None).map_err(refused)
        }
        Operation::ListRooms(listing) => list(hub, &listing).map(Some),
        Operation::CreateChatToken(room, ticket) => sign(hub, room, ticket).map(Some),
        Operation::SendEvent { room, name, attributes } => {
            live(hub, room)?;
            let told = hub.tell(room, &Authority::Admin, name, attributes).await;
            named(room, told)
        }
        Operation::DeleteMessage { room, id, reason } => delete(hub, room, id, reason).await,
        Operation::DisconnectUser { room, user, reason } => {
            live(hub, room)?;
            hub.disconnect(room, &Authority::Admin, user, reason).await.map(|_| Some(json!({}))).map_err(refused)
        }
        Operation::ListLoggingConfigurations => Ok(Some(json!({ "loggingConfigurations": [] }))),
    }
}

/// The tags of a room.
pub(super) fn tags(hub: &Hub, room: RoomId) -> Result<Value, Problem> {
    live(hub, room).map(|room| json!({ "tags": room.settings.tags }))
}

/// Changes the tags of a room.
pub(super) async fn change_tags(hub: &Hub, room: RoomId, change: impl FnOnce(&mut Attributes)) -> Result<(), Problem> {
    let mut tags = live(hub, room)?.settings.tags;
    change(&mut tags);
    ivs::check_tags(&tags)?;
    let changed = serde_json::Map::from_iter([("tags".to_owned(), json!(tags))]);
    configure(hub, room, changed.into()).await.map(drop)
}

/// All rooms that are open.
pub(super) fn list(hub: &Hub, listing: &Listing) -> Result<Value, Problem> {
    ivs::page(hub.rooms().into_iter().filter(|room| room.state == RoomState::Live).collect(), listing)
}

/// A room, if it is open. Private channels of Apex, and the one for its private messages, are not there for the control plane.
fn live(hub: &Hub, room: RoomId) -> Result<Room, Problem> {
    let found = hub.snapshot(room).ok().map(|snapshot| snapshot.room);
    found.filter(|room| room.state == RoomState::Live).ok_or_else(|| Problem::no_room(ivs::arn(room)))
}

/// Makes a room, and opens it.
async fn create(hub: &Hub, change: RoomChange) -> Result<Room, Problem> {
    let room = hub.create_room(change.into()).await.map_err(refused)?;
    hub.set_state(room.id, RoomState::Prepared).await.map_err(refused)?;
    hub.set_state(room.id, RoomState::Live).await.map_err(refused)
}

async fn configure(hub: &Hub, room: RoomId, change: SettingsChange) -> Result<Room, Problem> {
    live(hub, room)?;
    hub.configure(room, &Authority::Admin, change).await.map_err(refused)
}

async fn delete(hub: &Hub, room: RoomId, id: String, reason: String) -> Result<Option<Value>, Problem> {
    live(hub, room)?;
    let none = || Problem::NotFound { resource_id: id.clone(), resource_type: "MESSAGE" };
    let message: MessageId = id.parse().ok().filter(|message: &MessageId| message.room == room).ok_or_else(none)?;
    let removal = Removal { of: Deleted::Message(message.seq), reason, tells_reason: true };
    match hub.delete(room, &Authority::Admin, removal).await {
        Err(Refusal::UnknownMessage) => Err(none()),
        deleted => named(room, deleted),
    }
}

/// Signs a token: its bearer is a user of the site, by the name that it gives them, or else by their id.
pub(super) fn sign(hub: &Hub, room: RoomId, ticket: Ticket) -> Result<Value, Problem> {
    live(hub, room)?;
    let Ticket { user, capabilities, minutes, attributes } = ticket;
    let name =
        attributes.get("username").cloned().unwrap_or_else(|| ivs::name_of(&user, hub.limits(), |name| hub.reserves(name)));
    let invalid = |error| Problem::field("attributes.username", format!("cannot be a name: {}", Refusal::Invalid(error)));
    ChatText::check_name(&name, hub.limits()).map_err(invalid)?;
    let at = u64::try_from(now().0 / 1_000).unwrap_or_default();
    let until = at + Duration::from_secs(60 * u64::from(minutes)).as_secs();
    let picture = attributes.get("avatar").filter(|address| is_picture(address)).cloned();
    let (name, until_then, issued_at) = (Some(name), Some(until), Some(at));
    let origin = Origin { lasting: true, name, picture, until: until_then, issued_at, attributes, ..Origin::default() };
    let token = hub.tokens().sign_single_use(Identity { user, origin }, room, capabilities);
    let until = until.min(at + hub.tokens().lifetime().as_secs());
    Ok(ivs::token(&token, Timestamp::of_seconds(until)))
}

fn named(room: RoomId, appended: Result<Appended, Refusal>) -> Result<Option<Value>, Problem> {
    let id = |appended: Appended| json!({ "id": MessageId { room, seq: appended.seq }.to_string() });
    appended.map(|appended| Some(id(appended))).map_err(refused)
}

fn refused(refusal: Refusal) -> Problem {
    problem(&refusal)
}
