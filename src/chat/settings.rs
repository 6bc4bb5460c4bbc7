use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::visible::turns_or_controls;
use crate::chat::{Attributes, Channel, MessageId, Origins, ReviewFallback, RoomId};

/// Longest slow mode: six hours, as long as anybody streams.
const LONGEST_SLOW_MODE_SECONDS: u32 = 21_600;

/// Most messages of a room a minute: a thousand a second, more than anybody reads.
const MOST_MESSAGES_PER_MINUTE: u32 = 60_000;

/// Longest time for which a text may not be said again: whoever wants it longer wants slow mode.
const LONGEST_REPEAT_SECONDS: u32 = 3_600;

/// Longest time that newcomers wait: longer than most tokens last, and with them the memory of when somebody came.
const LONGEST_ESTABLISHED_MINUTES: u32 = 10_080;

/// Most blocked words: with the longest length of each it bounds what a room keeps in memory for them.
const MOST_BLOCKED_WORDS: usize = 500;

/// Longest blocked word, in Unicode code points.
const BLOCKED_WORD_CHARS: usize = 64;

/// Longest retention: a hundred years. What is to be kept for longer is to be kept for ever.
const LONGEST_RETENTION_DAYS: u32 = 36_500;

/// What applies at least while a room is shielded: newcomers wait, nobody writes faster than is read, and nothing can be advertised.
const SHIELD_SLOW_MODE_SECONDS: u32 = 10;
const SHIELD_ESTABLISHED_MINUTES: u32 = 10;
const SHIELD_REPEAT_SECONDS: u32 = 60;
const SHIELD_LINKS: Group = Group::Moderators;

/// What whoever runs a room may change of it. A setting that an older version has not stored has its default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Its name: 1 to 128 characters, none of them for control.
    pub name: String,
    /// Its name in addresses, unique: 1 to 64 characters of `[a-z0-9-]`, not digits alone.
    pub slug: String,
    /// What it is about: at most 2,000 characters.
    pub description: String,
    /// Seconds that each user waits between two messages, at most 21,600 (six hours); 0 for none. Who moderates waits not at all.
    pub slow_mode_seconds: u32,
    /// Messages a minute of all users together, at most 60,000; 0 for no limit.
    pub messages_per_minute: u32,
    /// Longest text of a message, in Unicode code points, as far as the installation allows that much; 0 for as much as it does.
    pub message_chars: u32,
    /// Who may speak.
    pub speakers: Group,
    /// How many minutes ago somebody must have come for the first time to speak, at most 10,080 (a week); 0 for all. Those whom a
    /// site has signed in need not wait.
    pub established_minutes: u32,
    /// Whether what somebody says waits for a moderator until a first message of theirs was let through. Who moderates and those
    /// whom a site has signed in need not wait.
    pub hold_newcomers: bool,
    /// Whether nobody but moderators may speak for now.
    pub paused: bool,
    /// Whether the room is shielded against a raid. [`in_force`](Self::in_force) says what applies then.
    pub shield: bool,
    /// The id of the message that stands above the chat for everybody, one of its public ones; empty for none. It stands there no
    /// more once it is deleted, or is past the room's retention.
    pub pinned_message: String,
    /// Whether no two may go by the same name, or by names that look alike. Without it guests may share a name.
    pub unique_names: bool,
    /// Who may write links.
    pub links: Group,
    /// Words that nobody may write, each of 1 to 64 characters, at most 500. Upper and lower case, accents and characters that look
    /// alike make no difference. A `*` before or after a word stands for any letters there.
    pub blocked_words: Vec<String>,
    /// For how many seconds nobody may say again what they have said, and all together a longer text five times at most; at most
    /// 3,600, 0 for no such rule.
    pub repeat_seconds: u32,
    /// Days of 24 hours for which it keeps what was said, at most 36,500; 0 for ever.
    pub retention_days: u32,
    /// How many entries of its log it keeps: messages, and what was decided on them; 0 for all.
    pub retention_messages: u32,
    /// Whether all that was said is forgotten when it ends.
    pub ephemeral: bool,
    /// Where its review handler is asked about each message before it is ordered: an URL of `http` or `https`; empty for none. Who
    /// moderates is not asked about. Not for the public.
    pub review_url: String,
    /// What holds for a message that the handler says nothing of. Not for the public.
    pub review_fallback: ReviewFallback,
    /// Whose pages may use the room, and frame its embed: at most 32 origins; none for those that may use the installation.
    pub allowed_origins: Origins,
    /// What whoever runs it sorts it by: at most 50, with names of 1 to 128 characters and values of at most 256. Not for the public.
    pub tags: Attributes,
    /// What it is as a channel of Apex, if a client there has made it. No change can name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
}

/// Whom a setting is about, from the largest group to the smallest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// All who are in the room.
    #[default]
    Everyone,
    /// Those whom a site has signed in, and those who moderate.
    SignedIn,
    /// Those who moderate it.
    Moderators,
}

/// Settings to be changed, by name: a JSON merge patch (RFC 7396). What is not named stays as it is; `null` brings the default
/// back.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct SettingsChange {
    #[serde(flatten)]
    settings: Map<String, Value>,
    /// The settings, by name, that must still have these values; else nothing is changed.
    #[serde(rename = "if", default, skip_serializing_if = "Map::is_empty")]
    expected: Map<String, Value>,
}

/// Why a room cannot have a setting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSetting {
    /// There is no such setting.
    #[error("There is no setting {0:?}.")]
    Unknown(String),
    /// Its value is of another kind.
    #[error("{name:?} cannot be read: {error}.")]
    Unreadable {
        /// Which.
        name: String,
        /// What is wrong with it.
        error: String,
    },
    /// It is not what the author of the change had seen.
    #[error("Somebody else has changed {0:?} meanwhile. Nothing was saved.")]
    Changed(String),
    /// No room can have this value.
    #[error("{name:?} must {rule}.")]
    Value {
        /// Of which setting.
        name: &'static str,
        /// What holds for it.
        rule: &'static str,
    },
}

impl From<Map<String, Value>> for SettingsChange {
    fn from(settings: Map<String, Value>) -> Self {
        Self { settings, expected: Map::new() }
    }
}

impl SettingsChange {
    /// The same, only if those settings still have these values.
    pub fn only_if(self, expected: Map<String, Value>) -> Self {
        Self { expected, ..self }
    }

    /// The settings of a new room: what is not named has its default. A slug that is empty, or not named, is `slug`.
    ///
    /// # Errors
    /// As for [`apply`](Self::apply).
    pub fn make(mut self, slug: &str) -> Result<Settings, InvalidSetting> {
        if self.settings.get("slug").is_none_or(|slug| slug.is_null() || *slug == "") {
            self.settings.insert("slug".into(), slug.into());
        }
        self.apply(&Settings::default())
    }

    /// Whether it changes nothing but what a moderator needs to keep order.
    pub fn keeps_order(&self) -> bool {
        self.settings.keys().all(|name| matches!(name.as_str(), "paused" | "shield" | "slow_mode_seconds" | "pinned_message"))
    }

    /// The settings after the change.
    ///
    /// # Errors
    /// The first that a room cannot have.
    pub fn apply(&self, before: &Settings) -> Result<Settings, InvalidSetting> {
        let (before, defaults) = (before.by_name(), Settings::default().by_name());
        let mut changed = before.clone();
        for (name, value) in &self.expected {
            let default = defaults.get(name).or(before.get(name)).ok_or_else(|| InvalidSetting::Unknown(name.clone()))?;
            if changed.get(name) != Some(if value.is_null() { default } else { value }) {
                return Err(InvalidSetting::Changed(name.clone()));
            }
        }
        for (name, value) in &self.settings {
            let default = defaults.get(name).ok_or_else(|| InvalidSetting::Unknown(name.clone()))?;
            let value = if value.is_null() { default } else { value };
            let alone = Map::from_iter([(name.clone(), value.clone())]);
            Settings::read(alone).map_err(|error| InvalidSetting::Unreadable { name: name.clone(), error: error.to_string() })?;
            changed.insert(name.clone(), value.clone());
        }
        let settings = Settings::read(changed).expect("each was read alone");
        settings.check().map(|()| settings)
    }
}

impl Settings {
    /// Each setting's value, by its name.
    pub fn by_name(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(settings)) => settings,
            other => unreachable!("a struct of plain data: {other:?}"),
        }
    }

    /// Returns the settings that apply: these, made stricter while the room is shielded. Those that are stricter already stay.
    pub fn in_force(&self) -> Cow<'_, Self> {
        if !self.shield {
            return Cow::Borrowed(self);
        }
        Cow::Owned(Self {
            slow_mode_seconds: self.slow_mode_seconds.max(SHIELD_SLOW_MODE_SECONDS),
            established_minutes: self.established_minutes.max(SHIELD_ESTABLISHED_MINUTES),
            repeat_seconds: self.repeat_seconds.max(SHIELD_REPEAT_SECONDS),
            links: self.links.max(SHIELD_LINKS),
            ..self.clone()
        })
    }

    /// Which message of `room` is pinned, if one is.
    pub fn pinned(&self, room: RoomId) -> Option<MessageId> {
        self.pinned_message.parse().ok().filter(|id: &MessageId| id.room == room)
    }

    fn read(settings: Map<String, Value>) -> serde_json::Result<Self> {
        serde_json::from_value(Value::Object(settings))
    }

    fn check(&self) -> Result<(), InvalidSetting> {
        let rules = [
            (
                "name",
                is_name(&self.name),
                "have 1 to 128 characters, no control characters, and none that turn the direction of the text",
            ),
            ("slug", is_slug(&self.slug), "have 1 to 64 characters of a-z, 0-9 and -, and not digits alone"),
            ("description", self.description.chars().count() <= 2_000, "have at most 2,000 characters"),
            ("retention_days", self.retention_days <= LONGEST_RETENTION_DAYS, "be from 0 to 36500 days (a hundred years)"),
            ("slow_mode_seconds", self.slow_mode_seconds <= LONGEST_SLOW_MODE_SECONDS, "be from 0 to 21600 seconds (six hours)"),
            ("messages_per_minute", self.messages_per_minute <= MOST_MESSAGES_PER_MINUTE, "be from 0 to 60000"),
            (
                "blocked_words",
                self.blocked_words.len() <= MOST_BLOCKED_WORDS && self.blocked_words.iter().all(|word| is_word(word)),
                "have at most 500 words of 1 to 64 characters, which are not * alone",
            ),
            (
                "established_minutes",
                self.established_minutes <= LONGEST_ESTABLISHED_MINUTES,
                "be from 0 to 10080 minutes (a week)",
            ),
            ("repeat_seconds", self.repeat_seconds <= LONGEST_REPEAT_SECONDS, "be from 0 to 3600 seconds (an hour)"),
            ("allowed_origins", self.allowed_origins.are_few(), "be at most 32 origins"),
            ("tags", are_tags(&self.tags), "be at most 50, with names of 1 to 128 characters and values of at most 256"),
        ];
        match rules.into_iter().find(|(_, holds, _)| !holds) {
            Some((name, _, rule)) => Err(InvalidSetting::Value { name, rule }),
            None => Ok(()),
        }
    }
}

fn is_name(name: &str) -> bool {
    !name.trim().is_empty() && name.chars().count() <= 128 && !name.chars().any(turns_or_controls)
}

/// As Amazon Web Services have them.
fn are_tags(tags: &Attributes) -> bool {
    let is_tag = |(name, value): (&String, &String)| (1..=128).contains(&name.chars().count()) && value.chars().count() <= 256;
    tags.len() <= 50 && tags.iter().all(is_tag)
}

/// Whether a room may have that name in addresses. Digits alone would be taken for a room's number.
pub fn is_slug(slug: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=64).contains(&slug.len()) && slug.bytes().all(allowed) && !slug.bytes().all(|b| b.is_ascii_digit())
}

fn is_word(word: &str) -> bool {
    word.chars().count() <= BLOCKED_WORD_CHARS && !word.trim_matches(|c: char| c == '*' || c.is_whitespace()).is_empty()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn before() -> Settings {
        Settings { name: "Stage".into(), slug: "stage".into(), slow_mode_seconds: 5, ..Settings::default() }
    }

    fn change(change: Value) -> Result<Settings, String> {
        let change: SettingsChange = serde_json::from_value(change).expect("an object");
        change.apply(&before()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_named_is_changed_and_all_else_stays() {
        assert_eq!(change(json!({})), Ok(before()));
        assert_eq!(change(json!({ "name": "Hall" })), Ok(Settings { name: "Hall".into(), ..before() }));
        assert_eq!(change(json!({ "slow_mode_seconds": null })), Ok(Settings { slow_mode_seconds: 0, ..before() }));
    }

    #[test]
    fn a_change_may_name_what_its_author_had_seen() {
        assert_eq!(change(json!({ "name": "Hall", "if": {} })), Ok(Settings { name: "Hall".into(), ..before() }));
        let seen = json!({ "slow_mode_seconds": 5, "paused": false, "tags": null });
        assert_eq!(change(json!({ "name": "Hall", "if": seen })), Ok(Settings { name: "Hall".into(), ..before() }));
        for (seen, expected) in [
            (json!({ "slow_mode_seconds": 0 }), r#"Somebody else has changed "slow_mode_seconds" meanwhile. Nothing was saved."#),
            (json!({ "paused": "no" }), r#"Somebody else has changed "paused" meanwhile. Nothing was saved."#),
            (json!({ "colour": 1 }), r#"There is no setting "colour"."#),
        ] {
            assert_eq!(change(json!({ "name": "Hall", "if": seen })), Err(expected.to_owned()));
        }
        assert!(serde_json::from_value::<SettingsChange>(json!({ "if": 1 })).is_err());
    }

    #[test]
    fn what_a_room_is_as_a_channel_stays_and_cannot_be_set() {
        let creator = crate::chat::UserId::admin();
        let channel = Channel { name: "hall".into(), visibility: crate::chat::Visibility::Protected, creator, from: None };
        let before = Settings { channel: Some(channel.clone()), ..before() };
        let named: SettingsChange = serde_json::from_value(json!({ "name": "Hall" })).expect("an object");
        let seen = named.only_if(before.by_name());
        assert_eq!(seen.apply(&before), Ok(Settings { name: "Hall".into(), ..before.clone() }));
        for value in [json!(null), json!(channel)] {
            let change: SettingsChange = serde_json::from_value(json!({ "channel": value })).expect("an object");
            assert_eq!(change.apply(&before), Err(InvalidSetting::Unknown("channel".into())));
        }
    }

    #[test]
    fn a_shield_makes_a_room_stricter_and_never_less_strict() {
        let mine = Settings {
            slow_mode_seconds: 3,
            established_minutes: 60,
            links: Group::SignedIn,
            unique_names: true,
            ..Settings::default()
        };
        assert_eq!(*mine.in_force(), mine);
        let shielded = Settings { shield: true, ..mine };
        let expected = Settings { slow_mode_seconds: 10, repeat_seconds: 60, links: Group::Moderators, ..shielded.clone() };
        assert_eq!(*shielded.in_force(), expected);
        let strictest = Settings { slow_mode_seconds: 11, repeat_seconds: 61, ..expected };
        assert_eq!(*strictest.in_force(), strictest);
    }

    #[test]
    fn a_new_room_gets_a_slug() {
        for (named, expected) in [(json!({}), "new"), (json!({ "slug": "" }), "new"), (json!({ "slug": "hall" }), "hall")] {
            let mut change: SettingsChange = serde_json::from_value(named).expect("an object");
            change.settings.insert("name".into(), "Hall".into());
            assert_eq!(change.make("new"), Ok(Settings { name: "Hall".into(), slug: expected.into(), ..Settings::default() }));
        }
        assert!(SettingsChange::default().make("new").is_err(), "a name is needed");
    }

    #[test]
    fn what_a_room_cannot_have_is_named() {
        let rows = [
            (json!({ "colour": "red" }), r#"There is no setting "colour"."#),
            (json!({ "slow_mode_seconds": -1 }), r#""slow_mode_seconds" cannot be read: invalid value"#),
            (json!({ "slow_mode_seconds": 21_601 }), "0 to 21600 seconds"),
            (json!({ "retention_days": 36_501 }), "0 to 36500 days"),
            (json!({ "retention_messages": 1.5 }), r#""retention_messages" cannot be read"#),
            (json!({ "ephemeral": "yes" }), r#""ephemeral" cannot be read"#),
            (json!({ "name": 7 }), r#""name" cannot be read: invalid type"#),
            (json!({ "name": null }), r#""name" must have 1 to 128 characters"#),
            (json!({ "name": "\u{7}" }), "control"),
            (json!({ "name": "evil\u{202e}gnp" }), "control"),
            (json!({ "description": "x".repeat(2_001) }), "2,000"),
            (json!({ "slug": "Stage" }), r#""slug" must have"#),
            (json!({ "slug": "12" }), "digits alone"),
            (json!({ "slug": "" }), "1 to 64"),
            (json!({ "messages_per_minute": 60_001 }), "0 to 60000"),
            (json!({ "speakers": "nobody" }), r#""speakers" cannot be read: unknown variant `nobody`"#),
            (json!({ "paused": "yes" }), r#""paused" cannot be read"#),
            (json!({ "unique_names": 1 }), r#""unique_names" cannot be read"#),
            (json!({ "blocked_words": vec!["x"; 501] }), "at most 500 words"),
            (json!({ "blocked_words": ["x".repeat(65)] }), "1 to 64 characters"),
            (json!({ "blocked_words": [" "] }), "1 to 64 characters"),
            (json!({ "blocked_words": ["**"] }), "not * alone"),
            (json!({ "blocked_words": "x" }), r#""blocked_words" cannot be read"#),
            (json!({ "repeat_seconds": 3_601 }), "0 to 3600"),
            (json!({ "established_minutes": 10_081 }), "0 to 10080"),
            (json!({ "allowed_origins": ["https://a.example/"] }), r#""https://a.example/" is not an origin"#),
            (json!({ "allowed_origins": vec!["https://a.example"; 33] }), "at most 32 origins"),
            (json!({ "tags": { "": "x" } }), "names of 1 to 128"),
            (json!({ "tags": { "x": "x".repeat(257) } }), "values of at most 256"),
            (json!({ "tags": (0..51).map(|n| (n.to_string(), String::new())).collect::<Attributes>() }), "at most 50"),
            (json!({ "tags": { "x": 7 } }), r#""tags" cannot be read"#),
        ];
        for (row, expected) in rows {
            let error = change(row.clone()).expect_err("refused");
            assert!(error.contains(expected), "{row}: {error}");
        }
    }

    #[test]
    fn what_an_older_version_stored_has_defaults() {
        let stored: Settings = serde_json::from_value(json!({ "name": "Stage", "later": 1 })).expect("readable");
        assert_eq!(stored, Settings { name: "Stage".into(), ..Settings::default() });
    }
}
