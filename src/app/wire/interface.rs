//! What a game shows to the viewers of a room, and what they are answered: Interactive Sync's schema, with all defaults filled in.
//!
//! Only the part of the page that shows it uses these types: a room without a game loads none of their code.

use std::collections::BTreeMap;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, MapAccess, Visitor},
};

use super::{known_or_default, read};

/// What a page is told of a room's game, with the page itself, at the begin of a connection or later.
#[derive(Clone, Debug, PartialEq)]
pub enum GameNews {
    /// The game shows this now, of which these components are closed to everybody for so many milliseconds.
    Shown(Option<Box<Interface>>, BTreeMap<String, f64>),
    /// A component is closed to everybody for so many milliseconds.
    Closed(String, f64),
}

impl GameNews {
    /// Reads the data of an event that is about the game. An interface that a newer server shows in another form is none.
    pub fn read(data: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Event {
            message: Message,
        }
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Message {
            #[serde(deserialize_with = "known_or_default")]
            interface: Option<Box<Interface>>,
            cooldowns: BTreeMap<String, f64>,
            action: String,
            duration: f64,
        }
        let Event { message: Message { interface, cooldowns, action, duration } } = read(&mark_numbers(data))?;
        Some(if action.is_empty() { Self::Shown(interface, cooldowns) } else { Self::Closed(action, duration) })
    }
}

/// Puts [`MARK`] before the keys of a compact JSON text that are numbers. An object of JavaScript would have them before all others and
/// in ascending order. Only the values of a choice may have such keys.
fn mark_numbers(text: &str) -> String {
    let mut marked = String::with_capacity(text.len());
    let mut parts = text.split('"').peekable();
    while let Some(part) = parts.next() {
        let is_key = parts.peek().is_some_and(|next| next.starts_with(':'));
        if is_key && part.bytes().all(|byte| byte.is_ascii_digit()) {
            marked.push(MARK);
        }
        marked.push_str(part);
        if parts.peek().is_some() {
            marked.push('"');
        }
    }
    marked
}

/// What stands before a number that is a key. No key of the protocol begins so.
const MARK: char = ' ';

/// What a game shows to the viewers of a room, with all defaults filled in: Interactive Sync's schema.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Interface {
    /// The game's name for it.
    pub id: String,
    /// How all of it looks.
    pub config: Config,
    /// What phones show, under a title.
    pub mobile: Option<Part>,
    /// What stands beside the video.
    pub panel: Option<Part>,
    /// What lies over the video.
    pub video_overlay: Option<Overlay>,
}

/// How all of an interface looks.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Config {
    /// Whether it has no background of its own.
    pub transparent: bool,
    /// Whether a press shows as a ripple.
    pub ripple: bool,
    /// `light` or `dark`, whatever the page is.
    pub force_theme: Option<String>,
}

/// Some components in one place.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Part {
    /// What stands above them.
    pub title: Option<Title>,
    /// How the place looks.
    pub style: Styles,
    /// One after the other.
    pub components: Vec<Component>,
}

/// A heading.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Title {
    /// Its text; may be empty.
    pub label: String,
    /// How it looks.
    pub style: Styles,
}

/// What lies over a video.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Overlay {
    /// The components at its left edge.
    pub left: Option<Part>,
    /// The components at its right edge.
    pub right: Option<Part>,
    /// The components at its top.
    pub top: Option<Part>,
    /// The components at its bottom.
    pub bottom: Option<Part>,
    /// What of the mouse the game hears of.
    pub mouse: Vec<MouseArea>,
}

/// A button of the mouse that the game hears of.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct MouseArea {
    /// `mousedown` or `mouseup`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Which pointer is shown.
    pub style: Styles,
}

/// What a component is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A heading.
    Title,
    /// A button.
    Button,
    /// A picture.
    Image,
    /// A paragraph.
    Text,
    /// A field to type in.
    Input,
    /// A choice of one.
    Radio,
    /// A choice of several.
    Checkbox,
    /// One that a newer server knows.
    #[default]
    #[serde(other)]
    Other,
}

/// A component.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Component {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// What the game calls it; empty for one that it hears nothing of.
    pub name: String,
    /// What it says.
    pub label: String,
    /// The address of its picture.
    pub src: String,
    /// Its text.
    pub text: String,
    /// How it looks.
    pub style: Styles,
    /// How long it stays closed after a press.
    pub cooldown: Cooldown,
    /// What is asked when it is pressed.
    pub extension: Option<Dialog>,
}

impl Component {
    /// Whether the game hears of it when it is pressed.
    pub fn is_pressable(&self) -> bool {
        !self.name.is_empty() && (self.kind == Kind::Button || self.extension.is_some())
    }
}

/// How long a component stays closed after a press.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Cooldown {
    /// In milliseconds.
    pub duration: f64,
    /// How it looks meanwhile.
    pub style: Styles,
}

/// What is asked when a component is pressed.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Dialog {
    /// What stands above it.
    pub title: Option<Title>,
    /// The button that sends it.
    pub submit: Title,
    /// How it looks.
    pub style: Styles,
    /// One after the other.
    pub components: Vec<Field>,
}

/// A part of a dialog.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Field {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// What the game calls it.
    pub name: String,
    /// What it says.
    pub label: String,
    /// The address of its picture.
    pub src: String,
    /// Its text.
    pub text: String,
    /// `classic` or `button`: how its values look.
    pub template: String,
    /// What can be chosen: what the game is told, and what it says.
    pub values: Choices,
    /// What stands in an empty input.
    pub placeholder: String,
    /// How it looks.
    pub style: Styles,
    /// How each of its values looks.
    pub style_values: Styles,
}

/// What can be chosen, in the game's order: what the game is told of each, and what it says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choices(pub Vec<(String, String)>);

impl<'de> Deserialize<'de> for Choices {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Choices;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Choices, A::Error> {
                let mut pairs = Vec::new();
                while let Some((value, label)) = map.next_entry::<String, String>()? {
                    pairs.push((value.trim_start_matches(MARK).to_owned(), label));
                }
                Ok(Choices(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

/// What somebody has entered in a field of a dialog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Entered {
    /// A text, or the one value that was chosen.
    Text(String),
    /// The values that were chosen.
    List(Vec<String>),
}

/// A press of a component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Input<'a> {
    /// What the game calls it.
    pub id: &'a str,
    /// Where it is: `panel`, `mobile` or `video_overlay`.
    pub view: &'static str,
    /// What was entered in its dialog.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<BTreeMap<String, Entered>>,
    /// The viewer's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
}

/// A press of the mouse, in CSS pixels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mouse {
    /// `mousedown` or `mouseup`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The size of the screen.
    pub client_width: u32,
    /// The size of the screen.
    pub client_height: u32,
    /// Where on it.
    pub client_x: u32,
    /// Where on it.
    pub client_y: u32,
    /// The viewer's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
}

/// What a press is answered.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Pressed {
    /// How long the component is closed now, in milliseconds.
    pub duration: f64,
}

/// Why a press was refused.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PressFault {
    /// The HTTP status.
    pub status_code: u16,
    /// Why, for programs.
    pub reason: String,
    /// Why, for people.
    pub message: String,
    /// How long it has to wait, in milliseconds; 0 if it is not a matter of time.
    pub retry_after_ms: f64,
}

/// A value of a style, as the game has written it: a number counts pixels.
#[derive(Clone, Debug, PartialEq)]
pub enum StyleValue {
    /// Pixels.
    Number(f64),
    /// Words of a stylesheet.
    Text(String),
}

impl<'de> Deserialize<'de> for StyleValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrText;
        impl Visitor<'_> for NumberOrText {
            type Value = StyleValue;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number or a text")
            }

            fn visit_u64<E>(self, number: u64) -> Result<StyleValue, E> {
                Ok(StyleValue::Number(number as f64))
            }

            fn visit_i64<E>(self, number: i64) -> Result<StyleValue, E> {
                Ok(StyleValue::Number(number as f64))
            }

            fn visit_f64<E>(self, number: f64) -> Result<StyleValue, E> {
                Ok(StyleValue::Number(number))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<StyleValue, E> {
                Ok(StyleValue::Text(text.to_owned()))
            }
        }
        deserializer.deserialize_any(NumberOrText)
    }
}

/// What a game says of how something looks, by the property's name in a script.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Styles(BTreeMap<String, StyleValue>);

/// What a property's value may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Values {
    /// Colours, lengths and words, and no picture.
    Plain,
    /// One of these words.
    Words(&'static str),
    /// The same, and a picture.
    Picture,
}

/// The properties that a game may set: their names in a script and in a stylesheet.
const PROPERTIES: [(&str, &str, Values); 18] = [
    ("backgroundColor", "background-color", Values::Plain),
    ("background", "background", Values::Picture),
    ("color", "color", Values::Plain),
    ("fontSize", "font-size", Values::Plain),
    ("width", "width", Values::Plain),
    ("height", "height", Values::Plain),
    ("maxWidth", "max-width", Values::Plain),
    ("maxHeight", "max-height", Values::Plain),
    // `fixed` and `sticky` would leave the panel.
    ("position", "position", Values::Words(" static relative absolute ")),
    ("display", "display", Values::Words(" block inline inline-block flex inline-flex grid inline-grid none ")),
    ("margin", "margin", Values::Plain),
    ("padding", "padding", Values::Plain),
    ("justifyContent", "justify-content", Values::Plain),
    ("alignItems", "align-items", Values::Plain),
    ("alignSelf", "align-self", Values::Plain),
    ("borderImage", "border-image", Values::Picture),
    ("imageRendering", "image-rendering", Values::Plain),
    ("cursor", "cursor", Values::Plain),
];

/// The functions that a value may call, all without a side effect. `url` is read apart.
const FUNCTIONS: &str = " rgb rgba hsl hsla hwb lab lch oklab oklch color-mix calc min max clamp linear-gradient radial-gradient \
    conic-gradient repeating-linear-gradient repeating-radial-gradient fit-content ";

/// Longest value, in bytes.
const VALUE_BYTES: usize = 128;

impl Styles {
    /// Returns the declarations that count: a property of the list with a value that can load nothing but a picture by HTTPS.
    pub fn declarations(&self) -> impl Iterator<Item = (&'static str, String)> {
        PROPERTIES.iter().filter_map(|(name, property, values)| {
            let value = match self.0.get(*name)? {
                StyleValue::Number(number) => pixels(*number),
                StyleValue::Text(text) => text.trim().to_owned(),
            };
            values.hold(&value).then_some((*property, value))
        })
    }

    /// Returns what is said of sizes and places: without colours, which belong together.
    pub fn without_colours(&self) -> Self {
        let is_colour = |name: &str| matches!(name, "color" | "background" | "backgroundColor");
        Self(self.0.iter().filter(|(name, _)| !is_colour(name)).map(|(name, value)| (name.clone(), value.clone())).collect())
    }
}

/// A number of pixels, in hundredths at most: what writes all numbers exactly would be a part of what a browser downloads.
fn pixels(number: f64) -> String {
    let hundredths = (number.clamp(-10_000.0, 10_000.0) * 100.0) as i32;
    let sign = if hundredths < 0 { "-" } else { "" };
    let (whole, rest) = (hundredths.abs() / 100, hundredths.abs() % 100);
    if rest == 0 { format!("{sign}{whole}px") } else { format!("{sign}{whole}.{rest:02}px") }
}

impl Values {
    fn hold(self, value: &str) -> bool {
        let value = value.to_ascii_lowercase();
        match self {
            Self::Words(words) => !value.contains(' ') && words.contains(&format!(" {value} ")),
            Self::Plain => is_plain(&value),
            Self::Picture => match picture(&value) {
                Some((before, after)) => is_plain(before) && is_plain(after),
                None => is_plain(&value),
            },
        }
    }
}

/// Whether a value in lower case has nothing but words, numbers, colours and the functions of the list.
fn is_plain(value: &str) -> bool {
    let is_known = |c: char| c.is_ascii_alphanumeric() || " #%.,+-*/()".contains(c);
    let calls = value.match_indices('(').map(|(at, _)| {
        let name = &value[..at];
        &name[name.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '-').map_or(0, |end| end + 1)..]
    });
    // A bracket without a name before it groups numbers in `calc`.
    let are_known = calls.into_iter().all(|name| name.is_empty() || FUNCTIONS.contains(&format!(" {name} ")));
    value.len() <= VALUE_BYTES && value.chars().all(is_known) && !value.contains("/*") && are_known
}

/// Returns what stands before and after the one picture of a value, `url(https://…)`, if it has one.
fn picture(value: &str) -> Option<(&str, &str)> {
    let (before, rest) = value.split_once("url(")?;
    let (address, after) = rest.split_once(')')?;
    let address = address.trim().trim_matches(['"', '\'']);
    (!before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '-') && is_picture_address(address)).then_some((before, after))
}

/// Whether a picture is loaded from that address: by HTTPS, or from the chat itself, which is what the pages' policy allows.
pub fn is_picture_address(address: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_graphic() && !"\"'()\\<>`{}|^".contains(c);
    let is_own = address.starts_with('/') && !address.starts_with("//");
    (address.starts_with("https://") || is_own) && address.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_interface_is_read_as_the_server_tells_it() {
        let told = json!({
            "id": "1",
            "config": { "transparent": false, "ripple": true, "forceTheme": "dark" },
            "mobile": { "title": { "label": "Vote" }, "components": [{ "type": "text", "text": "hi", "label": "A label" }] },
            "panel": { "style": { "width": 200 }, "components": [
                { "type": "button", "name": "jump", "label": "Jump", "cooldown": { "duration": 10_000, "broadcast": true } },
                { "type": "image", "name": "map", "src": "https://e.example/a.png", "extension": {
                    "submit": { "label": "Go" }, "components": [
                        { "type": "radio", "name": "side", "template": "button", "values": { "l": "Left", "a": "Right" } } ] } },
                { "type": "hologram" },
            ] },
            "video_overlay": { "left": { "components": [{ "type": "title" }] }, "mouse": [{ "type": "mousedown" }] },
        });
        let interface: Interface = serde_json::from_value(told).expect("readable");
        assert_eq!(interface.config.force_theme.as_deref(), Some("dark"));
        let panel = interface.panel.clone().expect("a panel");
        let kinds: Vec<_> = panel.components.iter().map(|one| (one.kind, one.is_pressable())).collect();
        assert_eq!(kinds, [(Kind::Button, true), (Kind::Image, true), (Kind::Other, false)]);
        let field = &panel.components[1].extension.as_ref().expect("a dialog").components[0];
        assert_eq!(field.values.0.len(), 2);
        let ordered: Choices = serde_json::from_str(r#"{"z":"1","a":"2"}"#).expect("readable");
        assert_eq!(ordered.0[0].0, "z", "as the game has them");
        assert_eq!(serde_json::from_str::<Interface>("{}").expect("readable"), Interface::default());
    }

    #[test]
    fn choices_keep_the_game_s_order_even_where_they_are_numbers() {
        let values = r#"{"z":"10","10":"\"9\":","9":"nine","a1":"","01":"x"}"#;
        let marked = r#"{"z":"10"," 10":"\"9\":"," 9":"nine","a1":""," 01":"x"}"#;
        assert_eq!(mark_numbers(values), marked, "in no object of JavaScript do they change places");
        let choices = Choices(
            [("z", "10"), ("10", "\"9\":"), ("9", "nine"), ("a1", ""), ("01", "x")].map(|(a, b)| (a.into(), b.into())).into(),
        );
        for text in [values, marked] {
            assert_eq!(serde_json::from_str::<Choices>(text).expect("readable"), choices);
        }
    }

    fn declared(styles: serde_json::Value) -> Vec<(&'static str, String)> {
        serde_json::from_value::<Styles>(styles).expect("styles").declarations().collect()
    }

    #[test]
    fn only_listed_properties_with_harmless_values_count() {
        let kept = [
            (json!({ "backgroundColor": "#fff" }), ("background-color", "#fff")),
            (json!({ "color": "rgb(10, 20 30 / 50%)" }), ("color", "rgb(10, 20 30 / 50%)")),
            (json!({ "width": 120 }), ("width", "120px")),
            (json!({ "margin": -0.25 }), ("margin", "-0.25px")),
            (json!({ "height": "calc(100% - (2px + 1rem))" }), ("height", "calc(100% - (2px + 1rem))")),
            (json!({ "margin": "-4px auto" }), ("margin", "-4px auto")),
            (json!({ "position": "absolute" }), ("position", "absolute")),
            (json!({ "display": "Flex" }), ("display", "Flex")),
            (
                json!({ "background": "linear-gradient(to right, red, blue)" }),
                ("background", "linear-gradient(to right, red, blue)"),
            ),
            (
                json!({ "background": "center url('https://e.example/a.png?x=1') no-repeat" }),
                ("background", "center url('https://e.example/a.png?x=1') no-repeat"),
            ),
            (
                json!({ "borderImage": "url(https://e.example/b.png) 4 repeat" }),
                ("border-image", "url(https://e.example/b.png) 4 repeat"),
            ),
            (json!({ "imageRendering": "pixelated" }), ("image-rendering", "pixelated")),
        ];
        for (styles, (property, value)) in kept {
            assert_eq!(declared(styles), [(property, value.to_owned())]);
        }
        let dropped = [
            json!({ "position": "fixed" }),
            json!({ "position": "sticky" }),
            json!({ "position": "absolute fixed" }),
            json!({ "display": "contents" }),
            json!({ "zIndex": 9 }),
            json!({ "color": "red; position: fixed" }),
            json!({ "color": "red} body { display: none" }),
            json!({ "color": "var(--danger)" }),
            json!({ "color": "url(https://e.example/x)" }),
            json!({ "cursor": "url(https://e.example/x), auto" }),
            json!({ "width": "expression(alert(1))" }),
            json!({ "width": "env(x)" }),
            json!({ "height": "attr(id)" }),
            json!({ "background": "url(http://e.example/a.png)" }),
            json!({ "background": "url(data:image/png;base64,AAAA)" }),
            json!({ "background": "url(javascript:alert(1))" }),
            json!({ "background": "url(//e.example/a.png)" }),
            json!({ "background": "url(https://a.example/) url(https://b.example/)" }),
            json!({ "background": "image-set(url(https://e.example/a.png) 1x)" }),
            json!({ "background": "element(#list)" }),
            json!({ "background": "red /* x */" }),
            json!({ "background": "r\\65 d" }),
            json!({ "background": "@import" }),
            json!({ "borderImage": "src(\"https://e.example\")" }),
            json!({ "margin": "x".repeat(129) }),
        ];
        for styles in dropped {
            assert_eq!(declared(styles.clone()), [], "{styles}");
        }
    }

    #[test]
    fn presses_are_written_as_the_server_reads_them() {
        let values = BTreeMap::from([
            ("extras".to_owned(), Entered::List(vec!["a".into(), "b".into()])),
            ("team".to_owned(), Entered::Text("Reds".into())),
        ]);
        let input = Input { id: "move", view: "panel", values: Some(values), username: Some("Ann".into()) };
        let expected =
            json!({ "id": "move", "view": "panel", "values": { "extras": ["a", "b"], "team": "Reds" }, "username": "Ann" });
        assert_eq!(serde_json::to_value(input).expect("plain data"), expected);
        let plain = Input { id: "move", view: "panel", values: None, username: None };
        assert_eq!(serde_json::to_value(plain).expect("plain data"), json!({ "id": "move", "view": "panel" }));
        let mouse = Mouse { kind: "mouseup", client_width: 4, client_height: 3, client_x: 2, client_y: 1, username: None };
        let expected = json!({ "type": "mouseup", "clientWidth": 4, "clientHeight": 3, "clientX": 2, "clientY": 1 });
        assert_eq!(serde_json::to_value(mouse).expect("plain data"), expected);
    }

    #[test]
    fn colours_are_left_out_together() {
        let styles = json!({ "color": "red", "background": "blue", "backgroundColor": "green", "width": 8, "fontSize": "2rem" });
        let styles = serde_json::from_value::<Styles>(styles).expect("styles").without_colours();
        let left: Vec<_> = styles.declarations().map(|(property, _)| property).collect();
        assert_eq!(left, ["font-size", "width"]);
    }

    #[test]
    fn pictures_come_by_https_or_from_the_chat() {
        for address in ["https://e.example/a.png", "/avatars/1.svg"] {
            assert!(is_picture_address(address), "{address}");
        }
        for address in [
            "http://e.example/a.png",
            "//e.example/a",
            "data:image/png,x",
            "javascript:alert(1)",
            "a.png",
            "",
            "https://e.example/a b",
        ] {
            assert!(!is_picture_address(address), "{address}");
        }
    }
}
