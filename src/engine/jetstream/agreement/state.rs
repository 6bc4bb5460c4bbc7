//! What stands after all that was done: rooms with their settings, bans and time-outs, and widget keys.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::{
    chat::{Kind, Room, RoomId, Sanction, Timestamp, WidgetKey},
    engine::{Engine, EngineError},
};

/// All that stands, by the keys that it has in the bucket.
pub(in crate::engine::jetstream) type State = BTreeMap<String, Fact>;

/// One thing that stands, as it is in the bucket, in JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::engine::jetstream) enum Fact {
    /// A room, with its settings.
    Room(Box<Room>),
    /// A ban or a time-out.
    Sanction {
        /// Where.
        room: RoomId,
        /// Since when.
        at: Timestamp,
        /// What.
        sanction: Sanction,
    },
    /// A widget key, revoked ones included.
    WidgetKey(WidgetKey),
}

impl Fact {
    /// Its key: of what may have other characters than a key, base64url.
    fn key(&self) -> String {
        let encoded = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        match self {
            Self::Room(room) => format!("room.{}", room.id),
            Self::Sanction { room, sanction, .. } => format!("ban.{room}.{}", encoded(sanction.user.as_str())),
            Self::WidgetKey(key) => format!("key.{}", encoded(&key.key)),
        }
    }
}

/// What stands by an engine.
pub(super) async fn of(engine: &impl Engine) -> Result<State, EngineError> {
    let rooms = engine.rooms().await?.into_iter().map(|(room, _)| Fact::Room(Box::new(room)));
    let sanctions = engine.sanctions().await?.into_iter().filter_map(|event| match event.kind {
        Kind::Sanction(sanction) => Some(Fact::Sanction { room: event.room, at: event.sent_at, sanction }),
        _ => None,
    });
    let keys = engine.widget_keys().await?.into_iter().map(Fact::WidgetKey);
    Ok(rooms.chain(sanctions).chain(keys).map(|fact| (fact.key(), fact)).collect())
}
