//! What viewers do with an interface.

use std::{sync::LazyLock, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Interface,
    rule::{Form, Member, Name, Rule, Text, Unit},
};

/// Pixels of the largest screen: 8K.
const MOST_PIXELS: i32 = 7_680;

/// Where a component can be.
const VIEWS: &[&str] = &["video_overlay", "panel", "mobile"];

/// How long nobody may press a button again at least, and how long nobody may press any other.
pub const INPUT_PAUSE: Duration = Duration::from_millis(3_000);

/// How long nobody may use the same button of the mouse again.
pub const MOUSE_PAUSE: Duration = Duration::from_millis(1_000);

static INPUT: LazyLock<Rule> = LazyLock::new(|| {
    let text = |min, max, unit| Text { form: if min > 0 { Form::Filled } else { Form::Any }, min, max, unit };
    let said = || Rule::Text(text(0, 128, Unit::Bytes));
    let chosen = Rule::List { element: Box::new(said()), min: 1, max: 4, unique: None };
    let name = Name::Text(text(1, 64, Unit::Bytes));
    let values = Rule::Map { name, value: Box::new(Rule::Either(Box::new([said(), chosen]))), min: 0, max: 4 };
    Rule::Object(vec![
        Member::required("id", Rule::Text(text(1, 64, Unit::Characters))),
        Member::required("view", Rule::OneOf(VIEWS)),
        Member::optional("values", values),
    ])
});

static MOUSE: LazyLock<Rule> = LazyLock::new(|| {
    let pixels = |name, min| Member::required(name, Rule::Number { min, max: MOST_PIXELS });
    Rule::Object(vec![
        Member::required("type", Rule::OneOf(&["mousedown", "mouseup"])),
        pixels("clientWidth", 1),
        pixels("clientHeight", 1),
        pixels("clientX", 0),
        pixels("clientY", 0),
    ])
});

/// What a viewer has done, as it may be told to a game.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Action {
    /// What a game calls it: `input`, `mousedown` or `mouseup`.
    pub kind: String,
    /// The component, or the button of the mouse.
    pub id: String,
    /// What was sent, which is a JSON object.
    pub payload: Value,
}

/// How long an action is not open again.
#[derive(Clone, Debug, PartialEq)]
pub struct Cooldown {
    /// To whoever did it.
    pub duration: Duration,
    /// Whether to all others too.
    pub broadcast: bool,
    /// How often a second all together may do it.
    pub limit: Option<usize>,
    /// As the game has said it.
    pub json: Value,
}

impl Action {
    /// A component was pressed.
    ///
    /// # Errors
    /// What is wrong with it, for programs.
    pub fn input(value: &Value) -> Result<Self, String> {
        let payload = INPUT.apply(value).map_err(|detail| detail.message)?;
        Ok(Self { kind: "input".to_owned(), id: text(&payload["id"]), payload })
    }

    /// A button of the mouse was pressed, or let go.
    ///
    /// # Errors
    /// What is wrong with it, for programs.
    pub fn mouse(value: &Value) -> Result<Self, String> {
        let payload = MOUSE.apply(value).map_err(|detail| detail.message)?;
        let kind = text(&payload["type"]);
        Ok(Self { id: kind.clone(), kind, payload })
    }

    /// What holds for it in `interface`; `None` if it is not there.
    pub fn cooldown(&self, interface: &Interface) -> Option<Cooldown> {
        let all = interface.json();
        let found = match self.payload["view"].as_str() {
            Some("video_overlay") => all["video_overlay"].as_object()?.values().find_map(|edge| self.component(edge)),
            Some(view) => self.component(&all[view]),
            None => all["video_overlay"]["mouse"].as_array()?.iter().find(|item| item["type"] == self.kind.as_str()),
        };
        let json = found?["cooldown"].clone();
        Some(Cooldown {
            duration: Duration::try_from_secs_f64(json["duration"].as_f64()? / 1_000.0).ok()?,
            broadcast: json["broadcast"] == true,
            limit: json["limit"].as_f64().map(|limit| limit as usize),
            json,
        })
    }

    fn component<'a>(&self, part: &'a Value) -> Option<&'a Value> {
        part["components"].as_array()?.iter().find(|component| component["name"] == self.id.as_str())
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::interactive_sync::order::Order;

    #[test]
    fn what_is_pressed_is_found_where_it_is() {
        let button =
            |name: &str, seconds: u32| json!({ "type": "button", "name": name, "cooldown": { "duration": seconds * 1_000 } });
        let shown = json!({
            "id": "1",
            "panel": { "components": [button("abc", 3)] },
            "video_overlay": { "left": { "components": [button("def", 4)] }, "mouse": [{ "type": "mouseup" }] },
        });
        let shown = Interface::check(&shown, &Order::Plain).expect("valid");
        let seconds = |action: Result<Action, String>| {
            action.expect("an action").cooldown(&shown).map(|cooldown| (cooldown.duration.as_secs(), cooldown.limit))
        };
        let pressed = |id: &str, view: &str| Action::input(&json!({ "id": id, "view": view }));
        assert_eq!(seconds(pressed("abc", "panel")), Some((3, None)));
        assert_eq!(seconds(pressed("def", "video_overlay")), Some((4, None)));
        for (id, view) in [("abc", "video_overlay"), ("abc", "mobile"), ("xyz", "panel")] {
            assert_eq!(seconds(pressed(id, view)), None, "{id} {view}");
        }
        let mouse =
            |kind: &str| Action::mouse(&json!({ "type": kind, "clientWidth": 2, "clientHeight": 2, "clientX": 0, "clientY": 1 }));
        assert_eq!((seconds(mouse("mouseup")), seconds(mouse("mousedown"))), (Some((3, Some(2))), None));
    }

    #[test]
    fn what_is_no_action_is_refused() {
        for value in [json!(null), json!({}), json!({ "id": "", "view": "panel" }), json!({ "id": "a", "view": "wall" })] {
            assert!(Action::input(&value).is_err(), "{value}");
        }
        let values = |values: Value| Action::input(&json!({ "id": "a", "view": "panel", "values": values }));
        assert!(values(json!({ "name": "Ann", "colours": ["red", "blue"] })).is_ok());
        for bad in [json!([]), json!({ "a": 1 }), json!({ "a": [] }), json!({ "a": "x".repeat(129) }), json!({ "": "x" })] {
            assert!(values(bad.clone()).is_err(), "{bad}");
        }
        for kind in ["mousemove", ""] {
            assert!(
                Action::mouse(&json!({ "type": kind, "clientWidth": 2, "clientHeight": 2, "clientX": 1, "clientY": 1 })).is_err()
            );
        }
        assert!(
            Action::mouse(&json!({ "type": "mouseup", "clientWidth": 9_999, "clientHeight": 2, "clientX": 1, "clientY": 1 }))
                .is_err()
        );
    }
}
