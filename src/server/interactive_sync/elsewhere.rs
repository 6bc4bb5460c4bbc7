//! Actions of viewers whose room has its game on another node.

use std::{sync::Arc, time::Duration};

use futures::{FutureExt, future::ready};
use serde::Serialize;
use serde_json::Value;

use super::screens::{Denied, Press, Screens, TOLD_WITHIN};
use crate::hub::Hub;

/// The same for a viewer of another node, which waits for an answer a second at most.
const TOLD_ELSEWHERE_WITHIN: Duration = Duration::from_millis(800);

/// Does what a viewer wants, on whichever node the room's game is. Returns the action's cooldown once the game was told.
pub(super) async fn press(hub: &Hub, screens: &Screens, press: Press) -> Result<Value, Denied> {
    match screens.press(hub, &press) {
        Ok(delivery) => {
            // Another game of the room may be connected to another node.
            hub.tell_elsewhere(encode(&press));
            delivery.told(TOLD_WITHIN).await
        }
        // Where nothing is shown, no game has anything to be pressed: the other nodes are not asked.
        Err(Denied::NoGame) if hub.interface(press.room).is_some() => {
            let answer = hub.ask_elsewhere(encode(&press)).await;
            answer.and_then(|answer| serde_json::from_value(answer).ok()).unwrap_or(Err(Denied::NoGame))
        }
        Err(denied) => Err(denied),
    }
}

impl Screens {
    /// No games yet. Viewers who are connected to other nodes of `hub`'s cluster reach those that come.
    pub fn start(hub: &Hub) -> Self {
        let screens = Self::default();
        let asked = screens.clone();
        hub.hear_elsewhere(Arc::new(move |hub, said| {
            let press: Press = serde_json::from_value(said).ok()?;
            match asked.press(hub, &press) {
                Ok(delivery) => Some(async move { Some(encode(&delivery.told(TOLD_ELSEWHERE_WITHIN).await)) }.boxed()),
                Err(Denied::NoGame) => None,
                Err(denied) => Some(ready(Some(encode(&Err::<Value, _>(denied)))).boxed()),
            }
        }));
        screens
    }
}

fn encode(said: &impl Serialize) -> Value {
    serde_json::to_value(said).expect("plain data")
}
