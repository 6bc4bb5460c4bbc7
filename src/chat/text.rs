use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::visible::{has_visible_char, marks_in_a_row};
use crate::{
    chat::{Limits, MessageId, Payload, RoomId},
    texts::{Texts, key},
};

/// Most line breaks in a text: a row of the page stays lower than a screen.
pub const LINE_BREAKS: usize = 20;

/// Most combining marks that may follow each other in a name or a text. No language needs more; each further one would be drawn
/// further outside its line.
pub const MARKS_IN_A_ROW: usize = 8;

/// The part of a payload that people read: who says it, and what.
///
/// The published inLive tutorial names the text `message_text`, inLive's own later app `messageText`; both are understood, and
/// whatever else a payload holds is relayed unread.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatText {
    /// The name that the author goes by, without the white space around it.
    pub username: String,
    /// What they said.
    pub text: String,
}

/// A field of a chat message that a person fills in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The name.
    Username,
    /// The text.
    Text,
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not there.
    Missing,
    /// It is no JSON string.
    NotText,
    /// There is nothing in it that can be seen.
    Empty,
    /// It is longer than allowed.
    TooLong {
        /// Its length, in code points.
        chars: usize,
        /// What is allowed.
        limit: usize,
    },
    /// It holds a control character (a text may hold line breaks and tabs, a name may not).
    ControlCharacter,
    /// It has more line breaks than [`LINE_BREAKS`].
    TooManyLines {
        /// How many it has.
        breaks: usize,
    },
    /// More than [`MARKS_IN_A_ROW`] combining marks follow each other in it.
    TooManyMarks {
        /// How many do.
        marks: usize,
    },
    /// It is a name and holds what cannot be seen, or turns the direction in which what follows is read.
    Invisible,
}

/// Why a chat message is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The field at fault.
    pub field: Field,
    /// What is wrong with it.
    pub fault: Fault,
}

/// The chat keys of a payload, unread.
#[derive(Default)]
struct Parts<'a> {
    kind: Option<&'a RawValue>,
    username: Option<&'a RawValue>,
    message_text: Option<&'a RawValue>,
    message_text_camel: Option<&'a RawValue>,
    reply_to: Option<&'a RawValue>,
}

impl<'a> Parts<'a> {
    /// `None` for what is no object, and for what cannot be read: nothing of that is shown.
    fn of(payload: &'a Payload) -> Option<Self> {
        serde_json::from_str(payload.readable()?.get()).ok()
    }
}

impl<'de> Deserialize<'de> for Parts<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PartsVisitor)
    }
}

struct PartsVisitor;

impl<'de> Visitor<'de> for PartsVisitor {
    type Value = Parts<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Parts<'de>, A::Error> {
        let mut parts = Parts::default();
        while let Some(key) = map.next_key::<String>()? {
            let part = match key.as_str() {
                "type" => &mut parts.kind,
                "username" => &mut parts.username,
                "message_text" => &mut parts.message_text,
                "messageText" => &mut parts.message_text_camel,
                "reply_to" => &mut parts.reply_to,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            *part = Some(map.next_value()?);
        }
        Ok(parts)
    }
}

/// The place of the message of that room to which a payload says that it is a reply. Whether there is one is not known by that.
pub fn reply_to(payload: &Payload, room: RoomId) -> Option<u64> {
    let parts = Parts::of(payload)?;
    let id: MessageId = string(parts.reply_to?)?.parse().ok()?;
    (id.room == room).then_some(id.seq)
}

/// The name in a JSON string, if `value` is one.
fn name(value: &RawValue) -> Option<String> {
    string(value).map(|name| name.trim().to_owned())
}

/// The text of a JSON string, if `value` is one.
fn string(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

impl ChatText {
    /// What people read in `payload`, if it is a chat message.
    pub fn of(payload: &Payload) -> Option<Self> {
        let parts = Parts::of(payload)?;
        let username = name(parts.username?)?;
        let text = string(parts.message_text.or(parts.message_text_camel)?)?;
        Some(Self { username, text })
    }

    /// Returns every text that one client or another shows of `payload`: the name, and the text under either of its keys.
    pub fn shown(payload: &Payload) -> Vec<(Field, String)> {
        let Some(parts) = Parts::of(payload) else { return Vec::new() };
        let texts =
            [(Field::Username, parts.username), (Field::Text, parts.message_text), (Field::Text, parts.message_text_camel)];
        texts.into_iter().filter_map(|(field, text)| Some((field, string(text?)?))).collect()
    }

    /// The name in `payload`, of a chat message or of whatever else it is.
    pub fn username_of(payload: &Payload) -> Option<String> {
        name(Parts::of(payload)?.username?)
    }

    /// Judges a name by itself.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check_name(name: &str, limits: &Limits) -> Result<(), Invalid> {
        check_field(Field::Username, name, limits).map_err(|fault| Invalid { field: Field::Username, fault })
    }

    /// Judges the chat fields of any payload. A payload that has none is none of our business and passes; one that says
    /// `"type":"chat"` must have both.
    ///
    /// # Errors
    /// The first field at fault, the name before the text.
    pub fn check(payload: &Payload, limits: &Limits) -> Result<(), Invalid> {
        let Some(parts) = Parts::of(payload) else { return Ok(()) };
        let required = parts.kind.and_then(string).as_deref() == Some("chat");
        if required && parts.username.is_none() {
            return Err(Invalid { field: Field::Username, fault: Fault::Missing });
        }
        let fields =
            [(Field::Username, parts.username), (Field::Text, parts.message_text), (Field::Text, parts.message_text_camel)];
        for (field, value) in fields {
            let Some(value) = value else { continue };
            let checked = string(value).ok_or(Fault::NotText).and_then(|text| check_field(field, &text, limits));
            checked.map_err(|fault| Invalid { field, fault })?;
        }
        if required && parts.message_text.or(parts.message_text_camel).is_none() {
            return Err(Invalid { field: Field::Text, fault: Fault::Missing });
        }
        Ok(())
    }
}

fn check_field(field: Field, text: &str, limits: &Limits) -> Result<(), Fault> {
    let (limit, line_breaks) = match field {
        Field::Username => (limits.username_chars, false),
        Field::Text => (limits.text_chars, true),
    };
    let allowed = |c: char| !c.is_control() || (line_breaks && matches!(c, '\n' | '\r' | '\t'));
    // A name counts without the white space around it, which is not shown.
    let chars = if field == Field::Username { text.trim().chars().count() } else { text.chars().count() };
    if !text.chars().all(allowed) {
        Err(Fault::ControlCharacter)
    } else if field == Field::Username && has_invisible(text) {
        Err(Fault::Invisible)
    } else if !has_visible_char(text) {
        Err(Fault::Empty)
    } else if chars > limit {
        Err(Fault::TooLong { chars, limit })
    } else {
        check_height(text)
    }
}

/// Whether a text keeps to its lines, and these to a row of the page.
fn check_height(text: &str) -> Result<(), Fault> {
    // A CR LF is one line break; U+2028 and U+2029 are drawn as one.
    let is_break = |c| matches!(c, '\n' | '\r' | '\u{2028}' | '\u{2029}');
    let (breaks, marks) = (text.matches(is_break).count() - text.matches("\r\n").count(), marks_in_a_row(text));
    if breaks > LINE_BREAKS {
        Err(Fault::TooManyLines { breaks })
    } else if marks > MARKS_IN_A_ROW {
        Err(Fault::TooManyMarks { marks })
    } else {
        Ok(())
    }
}

/// Whether a name holds what only serves to disguise it: characters that are not drawn, and those that turn the direction of the
/// text. The two joiners are needed to write Persian and the languages of India, and in emoji: they may stand between two
/// characters that are not ASCII.
fn has_invisible(name: &str) -> bool {
    let mut before = ' ';
    let mut rest = name.chars().peekable();
    while let Some(c) = rest.next() {
        let is_invisible = match c {
            '\u{200c}' | '\u{200d}' => before.is_ascii() || rest.peek().is_none_or(char::is_ascii),
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}' => true,
            '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' => true,
            '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' => true,
            '\u{1d173}'..='\u{1d17a}' | '\u{e0000}' | '\u{e0001}' => true,
            _ => false,
        };
        if is_invisible {
            return true;
        }
        before = c;
    }
    false
}

impl Invalid {
    /// A sentence for the person who typed it.
    pub fn text(&self, texts: &'static Texts) -> String {
        let either = |name, message| self.either(name, message);
        match &self.fault {
            Fault::Missing => texts.text(either(key::refusal::NAME_MISSING, key::refusal::MESSAGE_MISSING)).to_owned(),
            Fault::NotText => texts.text(either(key::refusal::NAME_NOT_TEXT, key::refusal::MESSAGE_NOT_TEXT)).to_owned(),
            Fault::Empty => texts.text(either(key::page::NAME_EMPTY, key::page::MESSAGE_EMPTY)).to_owned(),
            Fault::TooLong { chars, limit } => {
                let key = self.either(key::page::NAME_TOO_LONG, key::page::MESSAGE_TOO_LONG);
                texts.fill(key, &[("chars", &texts.number(*chars)), ("limit", &texts.number(*limit))])
            }
            Fault::ControlCharacter => texts.text(either(key::refusal::NAME_CONTROL, key::refusal::MESSAGE_CONTROL)).to_owned(),
            Fault::TooManyLines { breaks } => {
                let (breaks, limit) = (texts.number(*breaks), texts.number(LINE_BREAKS));
                texts.fill(key::refusal::MESSAGE_LINES, &[("breaks", &breaks), ("limit", &limit)])
            }
            Fault::TooManyMarks { .. } => {
                let key = self.either(key::refusal::NAME_MARKS, key::refusal::MESSAGE_MARKS);
                texts.fill(key, &[("limit", &texts.number(MARKS_IN_A_ROW))])
            }
            Fault::Invisible => texts.text(either(key::refusal::NAME_INVISIBLE, key::refusal::MESSAGE_INVISIBLE)).to_owned(),
        }
    }

    /// Returns the one of two keys that is about the field.
    fn either<Key>(&self, name: Key, message: Key) -> Key {
        match self.field {
            Field::Username => name,
            Field::Text => message,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(payload: &str) -> Payload {
        Payload::parse(payload).expect(payload)
    }

    fn fault(payload: &str) -> Option<(Field, Fault)> {
        ChatText::check(&parsed(payload), &Limits::default()).err().map(|invalid| (invalid.field, invalid.fault))
    }

    #[test]
    fn names_and_texts_are_judged() {
        let long_name = format!(r#"{{"username":"{}","message_text":"x"}}"#, "é".repeat(65));
        let longest_name = format!(r#"{{"username":"{}","message_text":"x"}}"#, "é".repeat(64));
        let padded_name = format!(r#"{{"username":"  {}  ","message_text":"x"}}"#, "é".repeat(64));
        let long_text = format!(r#"{{"username":"a","message_text":"{}"}}"#, "🙂".repeat(501));
        let longest_text = format!(r#"{{"username":"a","message_text":"{}"}}"#, "🙂".repeat(500));
        let deep = format!(r#"{{"x":{}{},"username":"","message_text":"b"}}"#, "[".repeat(31), "]".repeat(31));
        let rows = [
            (r#"{"type":"chat","username":"a","message_text":"b"}"#, None),
            (r#"{"type":"chat","username":"a","messageText":"b"}"#, None),
            (r#"{"username":"a","message_text":"line\nline\ttab"}"#, None),
            (&longest_name, None),
            (&padded_name, None),
            (&longest_text, None),
            (r#"{"type":"chat","message_text":"b"}"#, Some((Field::Username, Fault::Missing))),
            (r#"{"type":"chat","username":"a"}"#, Some((Field::Text, Fault::Missing))),
            (r#"{"username":1,"message_text":"b"}"#, Some((Field::Username, Fault::NotText))),
            (r#"{"username":"a","message_text":["b"]}"#, Some((Field::Text, Fault::NotText))),
            (r#"{"username":" \t ","message_text":"b"}"#, Some((Field::Username, Fault::ControlCharacter))),
            (r#"{"username":"  ","message_text":"b"}"#, Some((Field::Username, Fault::Empty))),
            (r#"{"username":"a","message_text":" \n "}"#, Some((Field::Text, Fault::Empty))),
            (r#"{"username":"a\u0000","message_text":"b"}"#, Some((Field::Username, Fault::ControlCharacter))),
            (r#"{"username":"a","message_text":"\u001b[1m"}"#, Some((Field::Text, Fault::ControlCharacter))),
            (r#"{"username":"a","message_text":"ok","messageText":""}"#, Some((Field::Text, Fault::Empty))),
            (&deep, Some((Field::Username, Fault::Empty))),
            (&long_name, Some((Field::Username, Fault::TooLong { chars: 65, limit: 64 }))),
            (&long_text, Some((Field::Text, Fault::TooLong { chars: 501, limit: 500 }))),
        ];
        for (payload, expected) in rows {
            assert_eq!(fault(payload), expected, "{payload}");
        }
    }

    #[test]
    fn names_hide_nothing() {
        let check = |name: &str, expected| {
            let payload = serde_json::json!({ "username": name, "message_text": "\u{202e}x\u{200b}" }).to_string();
            assert_eq!(fault(&payload), expected, "{name:?}");
            assert_eq!(ChatText::username_of(&parsed(&payload)).as_deref(), Some(name.trim()));
        };
        for name in
            ["Ann", "José", "木村", "نورا", "می\u{200c}خواهم", "👩\u{200d}🚀", "❤\u{fe0f}", "क्\u{200d}ष", "🏴\u{e0067}\u{e007f}"]
        {
            check(name, None);
        }
        let hidden = [
            "\u{ad}", "\u{61c}", "\u{180e}", "\u{200b}", "\u{200c}", "\u{200d}", "\u{200e}", "\u{200f}", "\u{2028}", "\u{202a}",
            "\u{202e}", "\u{2060}", "\u{2066}", "\u{2069}", "\u{206f}", "\u{3164}", "\u{feff}", "\u{ffa0}", "\u{fffb}",
            "\u{2800}",
        ];
        for hidden in hidden {
            for name in
                [hidden.to_owned(), format!("{hidden}Ann"), format!("An{hidden}n"), format!("Ann{hidden}"), format!("木{hidden}")]
            {
                check(&name, Some((Field::Username, Fault::Invisible)));
            }
        }
    }

    #[test]
    fn a_text_stays_in_its_row() {
        let of = |text: &str| fault(&serde_json::json!({ "username": "a", "message_text": text }).to_string());
        let lines = |breaks| Some((Field::Text, Fault::TooManyLines { breaks }));
        let marks = |marks| Some((Field::Text, Fault::TooManyMarks { marks }));
        let rows = [
            ("\n".repeat(20) + "x", None),
            ("\n".repeat(21) + "x", lines(21)),
            ("\r\n".repeat(20) + "x", None),
            ("\n\r".repeat(20) + "x", lines(21)),
            ("x\u{2028}\u{2029}".repeat(11), lines(22)),
            (format!("x{}", "\u{301}".repeat(8)), None),
            (format!("x{}", "\u{301}".repeat(9)), marks(9)),
            (format!("x{}", "\u{301}\u{200b}".repeat(60)), marks(60)),
            ("\u{200b}\u{3164}\n\u{ad}\u{2800}".to_owned(), Some((Field::Text, Fault::Empty))),
            ("\u{301}".to_owned(), Some((Field::Text, Fault::Empty))),
            ("สวัสดีครับ ที่นี่ हिन्दी में اَلْعَرَبِيَّةُ Tiếng Việt བསྒྲུབས མཐུན་རྐྱེན་".to_owned(), None),
        ];
        for (text, expected) in rows {
            assert_eq!(of(&text), expected, "{text:?}");
        }
        let name = format!(r#"{{"username":"x{}","message_text":"b"}}"#, "\u{301}".repeat(9));
        assert_eq!(fault(&name), Some((Field::Username, Fault::TooManyMarks { marks: 9 })));
    }

    #[test]
    fn payloads_that_are_no_chat_are_none_of_our_business() {
        for payload in ["1", "null", r#""text""#, "[]", "{}", r#"{"type":"wave"}"#, r#"{"type":7,"x":1e-999}"#, r#"{"text":""}"#]
        {
            assert_eq!(fault(payload), None, "{payload}");
            assert_eq!(ChatText::of(&parsed(payload)), None, "{payload}");
        }
    }

    #[test]
    fn a_reply_names_a_message_of_its_room() {
        let id = |room, seq| MessageId { room: RoomId::new(room).expect("a number"), seq }.to_string();
        let rows = [
            (format!(r#"{{"type":"chat","username":"a","message_text":"b","reply_to":"{}"}}"#, id(1, 7)), Some(7)),
            (format!(r#"{{"reply_to":"{}","x":1}}"#, id(1, 1)), Some(1)),
            (format!(r#"{{"reply_to":"{}"}}"#, id(2, 7)), None),
            (r#"{"reply_to":"nonsense"}"#.to_owned(), None),
            (r#"{"reply_to":7}"#.to_owned(), None),
            (r#"{"reply_to":null}"#.to_owned(), None),
            (r#"{"username":"a","message_text":"b"}"#.to_owned(), None),
            ("[1]".to_owned(), None),
        ];
        for (payload, expected) in rows {
            assert_eq!(reply_to(&parsed(&payload), RoomId::FIRST), expected, "{payload}");
            assert_eq!(fault(&payload), None, "whatever it is, the message is relayed: {payload}");
        }
    }

    #[test]
    fn both_spellings_are_read() {
        let expected = ChatText { username: "ann".into(), text: "hi".into() };
        assert_eq!(ChatText::of(&parsed(r#"{"username":"ann","message_text":"hi","x":[1,2]}"#)), Some(expected.clone()));
        assert_eq!(ChatText::of(&parsed(r#"{"messageText":"hi","username":" \u2003ann "}"#)), Some(expected));
    }
}
