//! The screens of a room whose game is connected to another node: what a viewer asks goes there.

use std::{collections::HashMap, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::screens::{Denied, Screens};
use crate::{
    chat::{RoomId, UserId},
    hub::Hub,
    protocol::interactive_sync::action::Action,
};

/// What a viewer asks.
#[derive(Serialize, Deserialize)]
pub(super) enum Question {
    /// What is on the screens?
    Interface { room: RoomId },
    /// When is each action open again to all?
    Pauses { room: RoomId },
    /// May this be done?
    Act { room: RoomId, viewer: UserId, username: Option<String>, action: Action },
}

/// What the node answers that has the room's game.
#[derive(Serialize, Deserialize)]
pub(super) enum Reply {
    Interface(Option<Value>),
    Pauses(HashMap<String, Duration>),
    /// The cooldown, as the game has said it.
    Act(Result<Value, Denied>),
}

/// What `question` is answered, on whichever node the room's game is; `None` if there is none.
pub(super) async fn ask(hub: &Hub, screens: &Screens, question: Question) -> Option<Reply> {
    match screens.answer(&question) {
        Some(reply) => Some(reply),
        None => serde_json::from_value(hub.ask_elsewhere(encode(&question)).await?).ok(),
    }
}

impl Screens {
    /// No screens yet; viewers who are connected to other nodes of `hub`'s cluster see those that come.
    pub fn start(hub: &Hub) -> Self {
        let screens = Self::default();
        let asked = screens.clone();
        hub.hear_elsewhere(Arc::new(move |question| {
            let question = serde_json::from_value(question).ok()?;
            asked.answer(&question).map(|reply| encode(&reply))
        }));
        screens
    }

    /// The answer, if the room has a game here.
    fn answer(&self, question: &Question) -> Option<Reply> {
        let (Question::Interface { room } | Question::Pauses { room } | Question::Act { room, .. }) = question;
        self.has_game(*room).then(|| match question {
            Question::Interface { room } => Reply::Interface(self.interface(*room).map(|shown| shown.json().clone())),
            Question::Pauses { room } => Reply::Pauses(self.pauses(*room)),
            Question::Act { room, viewer, username, action } => {
                Reply::Act(self.act(*room, viewer, username.as_deref(), action).map(|cooldown| cooldown.json))
            }
        })
    }
}

fn encode(said: &impl Serialize) -> Value {
    serde_json::to_value(said).expect("plain data")
}
