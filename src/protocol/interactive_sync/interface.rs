//! What a game may put on its viewers' screens.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::rule::{Detail, Form, Member, Name, Rule, Text, Unit};

/// What may be said of how something looks.
const STYLES: &[&str] = &[
    "backgroundColor",
    "background",
    "color",
    "fontSize",
    "width",
    "height",
    "maxWidth",
    "maxHeight",
    "position",
    "display",
    "margin",
    "padding",
    "justifyContent",
    "alignItems",
    "alignSelf",
    "borderImage",
    "imageRendering",
    "cursor",
];

/// What somebody can choose from.
const CHOICES: &[&str] = &["radio", "checkbox"];

static INTERFACE: LazyLock<Rule> = LazyLock::new(interface);

/// The interface that `value` describes, with what it leaves open; an empty one takes all away.
pub(super) fn read(value: &Value) -> Result<Value, Box<Detail>> {
    match value.as_object() {
        Some(members) if members.is_empty() => Ok(json!({})),
        _ => INTERFACE.apply(value),
    }
}

fn interface() -> Rule {
    let edge = |name| Member::optional(name, Rule::Object(vec![components(component(), 4)]));
    let mouse = Rule::List { element: Box::new(mouse()), min: 1, max: 2, unique: Some("type") };
    let overlay = vec![Member::optional("mouse", mouse), edge("left"), edge("bottom"), edge("right"), edge("top")];
    Rule::Object(vec![
        Member::required("id", text(Form::Alphanumeric, 0, 64)),
        Member::default("config", config(), json!({ "transparent": false, "ripple": true })),
        Member::optional("mobile", Rule::Object(vec![title(), style(), components(component(), 4)])),
        Member::optional("panel", Rule::Object(vec![style(), components(component(), 4)])),
        Member::optional("video_overlay", Rule::Object(overlay)),
    ])
}

fn config() -> Rule {
    Rule::Object(vec![
        Member::default("transparent", Rule::Boolean, false.into()),
        Member::default("ripple", Rule::Boolean, true.into()),
        Member::optional("forceTheme", Rule::OneOf(&["light", "dark"])),
    ])
}

fn mouse() -> Rule {
    let cooldown = Rule::Object(vec![
        Member::default("duration", Rule::Number { min: 1_000, max: 60_000 }, 3_000.into()),
        Member::default("limit", Rule::Number { min: 1, max: 10 }, 2.into()),
        style(),
    ]);
    let cursor = Rule::Object(vec![Member::optional("cursor", bytes(128))]);
    Rule::Object(vec![
        Member::required("type", Rule::OneOf(&["mousedown", "mouseup"])),
        Member::optional("style", cursor),
        Member::default("cooldown", cooldown, json!({ "duration": 3_000, "limit": 2 })),
    ])
}

fn component() -> Rule {
    let cooldown = Rule::Object(vec![
        Member::default("duration", Rule::Number { min: 3_000, max: 60_000 }, 10_000.into()),
        Member::default("broadcast", Rule::Boolean, true.into()),
        style(),
    ]);
    Rule::Object(vec![
        Member::required("type", Rule::OneOf(&["title", "button", "image", "text"])),
        Member::required_for(&["button"], "name", text(Form::Id, 3, 64)),
        Member::default("label", text(Form::Any, 0, 96), "A label".into()),
        Member::required_for(&["image"], "src", bytes(128)),
        Member::required_for(&["text"], "text", bytes(256)),
        style(),
        Member::default("cooldown", cooldown, json!({ "duration": 10_000, "broadcast": true })),
        Member::optional("extension", extension()),
    ])
}

/// What opens when a component is pressed.
fn extension() -> Rule {
    let submit = Rule::Object(vec![Member::default("label", text(Form::Any, 0, 64), "Submit".into()), style()]);
    Rule::Object(vec![
        title(),
        Member::default("submit", submit, json!({ "label": "Submit" })),
        style(),
        components(extension_component(), 3),
    ])
}

fn extension_component() -> Rule {
    let name = Name::Text(Text { form: Form::Alphanumeric, min: 1, max: 64, unit: Unit::Characters });
    let values = Rule::Map { name, value: Box::new(bytes(128)), min: 1, max: 4 };
    Rule::Object(vec![
        Member::required("type", Rule::OneOf(&["title", "input", "image", "text", "radio", "checkbox"])),
        Member::required_for(&["input", "radio", "checkbox"], "name", text(Form::Id, 3, 64)),
        Member::optional("label", text(Form::Any, 0, 96)),
        Member::required_for(&["image"], "src", bytes(128)),
        Member::required_for(&["text"], "text", bytes(256)),
        Member::required_for(CHOICES, "template", Rule::OneOf(&["classic", "button"])),
        Member::required_for(CHOICES, "values", values),
        Member::optional("placeholder", text(Form::Any, 0, 32)),
        style(),
        Member::optional("styleValues", styles()),
    ])
}

fn components(component: Rule, max: usize) -> Member {
    Member::optional("components", Rule::List { element: Box::new(component), min: 1, max, unique: Some("name") })
}

fn title() -> Member {
    Member::optional("title", Rule::Object(vec![Member::optional("label", text(Form::Filled, 2, 96)), style()]))
}

fn style() -> Member {
    Member::optional("style", styles())
}

fn styles() -> Rule {
    let value = Rule::Either(Box::new([bytes(128), Rule::Number { min: -10_000, max: 10_000 }]));
    Rule::Map { name: Name::OneOf(STYLES), value: Box::new(value), min: 0, max: 8 }
}

fn text(form: Form, min: usize, max: usize) -> Rule {
    Rule::Text(Text { form, min, max, unit: Unit::Characters })
}

fn bytes(max: usize) -> Rule {
    Rule::Text(Text { form: Form::Any, min: 0, max, unit: Unit::Bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(value: Value) -> (String, &'static str) {
        let detail = read(&value).expect_err("refused");
        (detail.message, detail.kind)
    }

    /// An interface of one component in the panel.
    fn panel(component: Value) -> Value {
        json!({ "id": "1", "panel": { "components": [component] } })
    }

    #[test]
    fn what_is_left_open_is_filled_in() {
        let config = json!({ "transparent": false, "ripple": true });
        assert_eq!(read(&json!({})), Ok(json!({})), "nothing at all");
        assert_eq!(read(&json!({ "id": "1" })), Ok(json!({ "id": "1", "config": config })));
        let button = json!({ "type": "button", "name": "b:1", "cooldown": { "duration": "3000", "broadcast": 0 } });
        let expected = json!({
            "type": "button", "name": "b:1", "label": "A label", "cooldown": { "duration": 3_000, "broadcast": false },
        });
        let mouse = json!({ "type": "mousedown", "cooldown": { "limit": 10 } });
        let given = json!({ "id": "1", "config": { "ripple": 1, "forceTheme": "dark" }, "panel": { "components": [button] },
            "video_overlay": { "mouse": [mouse, { "type": "mouseup" }], "left": {} } });
        let read = read(&given).expect("valid");
        assert_eq!(read["panel"]["components"][0], expected);
        assert_eq!(read["config"], json!({ "transparent": false, "ripple": true, "forceTheme": "dark" }));
        let cooldowns: Vec<_> = [0, 1].iter().map(|at| read["video_overlay"]["mouse"][at]["cooldown"].clone()).collect();
        assert_eq!(cooldowns, [json!({ "duration": 3_000, "limit": 10 }), json!({ "duration": 3_000, "limit": 2 })]);
        let open = json!({ "type": "title", "extension": { "components": [{ "type": "input", "name": "abc" }] } });
        let extension = super::read(&panel(open)).expect("valid")["panel"]["components"][0]["extension"].clone();
        assert_eq!(extension, json!({ "submit": { "label": "Submit" }, "components": [{ "type": "input", "name": "abc" }] }));
    }

    #[test]
    fn what_is_wrong_is_told_in_joi_s_words() {
        let button = |name: &str| json!({ "type": "button", "name": name });
        let rows = [
            (json!({ "config": {} }), r#""id" is required"#, "any.required"),
            (json!([]), r#""value" must be of type object"#, "object.base"),
            (json!({ "id": 1 }), r#""id" must be a string"#, "string.base"),
            (json!({ "id": "" }), r#""id" is not allowed to be empty"#, "string.empty"),
            (json!({ "id": "a-b" }), r#""id" must only contain alpha-numeric characters"#, "string.alphanum"),
            (json!({ "id": "x".repeat(65) }), r#""id" length must be less than or equal to 64 characters long"#, "string.max"),
            (json!({ "id": "1", "x": 1 }), r#""x" is not allowed"#, "object.unknown"),
            (json!({ "id": "1", "config": { "ripple": 2 } }), r#""config.ripple" must be a boolean"#, "boolean.base"),
            (
                panel(json!({ "type": "x" })),
                r#""panel.components[0].type" must be one of [title, button, image, text]"#,
                "any.only",
            ),
            (panel(json!({ "type": "button" })), r#""panel.components[0].name" is required"#, "any.required"),
            (panel(json!({ "type": "image" })), r#""panel.components[0].src" is required"#, "any.required"),
            (
                panel(button("1ab")),
                "\"panel.components[0].name\" with value \"1ab\" fails to match the required pattern: /^[A-Za-z]+[\\w\\-\\:\\.]*$/",
                "string.pattern.base",
            ),
            (panel(button("ab")), r#""panel.components[0].name" length must be at least 3 characters long"#, "string.min"),
            (
                panel(json!({ "type": "text", "text": "é".repeat(129) })),
                r#""panel.components[0].text" length must be less than or equal to 256 characters long"#,
                "string.max",
            ),
            (
                panel(json!({ "type": "title", "cooldown": { "duration": 1 } })),
                r#""panel.components[0].cooldown.duration" must be greater than or equal to 3000"#,
                "number.min",
            ),
            (
                panel(json!({ "type": "title", "style": { "color": null } })),
                r#""panel.components[0].style.color" must be one of [string, number]"#,
                "alternatives.types",
            ),
            (
                panel(json!({ "type": "title", "style": { "zoom": 1 } })),
                r#""panel.components[0].style.zoom" is not allowed"#,
                "object.unknown",
            ),
            (
                panel(
                    json!({ "type": "title", "style": STYLES[..9].iter().map(|name| ((*name).to_owned(), json!(1))).collect::<Value>() }),
                ),
                r#""panel.components[0].style" must have less than or equal to 8 keys"#,
                "object.max",
            ),
            (
                json!({ "id": "1", "panel": { "components": [] } }),
                r#""panel.components" must contain at least 1 items"#,
                "array.min",
            ),
            (
                json!({ "id": "1", "panel": { "components": vec![button("abc"); 5] } }),
                r#""panel.components" must contain less than or equal to 4 items"#,
                "array.max",
            ),
            (
                json!({ "id": "1", "panel": { "components": vec![button("abc"); 2] } }),
                r#""panel.components[1]" contains a duplicate value"#,
                "array.unique",
            ),
            (
                panel(
                    json!({ "type": "title", "extension": { "components": [{ "type": "radio", "name": "abc", "template": "classic" }] } }),
                ),
                r#""panel.components[0].extension.components[0].values" is required"#,
                "any.required",
            ),
            (
                panel(json!({ "type": "title", "extension": { "components": [
                    { "type": "radio", "name": "abc", "template": "classic", "values": {} }] } })),
                r#""panel.components[0].extension.components[0].values" must have at least 1 keys"#,
                "object.min",
            ),
        ];
        for (value, message, kind) in rows {
            assert_eq!(refused(value.clone()), (message.to_owned(), kind), "{value}");
        }
    }

    #[test]
    fn titles_need_no_names_of_their_own() {
        let titles = json!({ "id": "1", "mobile": { "components": vec![json!({ "type": "title" }); 4] } });
        assert!(read(&titles).is_ok());
    }
}
