pub(super) mod blocked;
pub(super) mod fold;
mod letters;
pub(super) mod look_alikes;
pub(super) mod reserved_names;

use std::time::Duration;

use super::{Claims, Refusal, words::Words};
use crate::{
    chat::{ChatText, Field, Group, Limits, Payload, ReviewFallback, Settings, Timestamp, UserId, links},
    engine::now,
};

/// What a room's settings ask of whoever speaks there, made ready to be checked. Who moderates is under none of it.
pub(super) struct Rules {
    is_paused: bool,
    speakers: Group,
    /// How long ago guests must have come.
    established: Duration,
    /// Whether what newcomers say waits for a moderator.
    holds_newcomers: bool,
    links: Group,
    /// Whether no two may go by the same name, guests included.
    pub(super) unique_names: bool,
    /// Longest text, in code points; 0 for the installation's.
    message_chars: u32,
    blocked_words: Option<Words>,
    /// How long each user waits between two messages.
    pub(super) slow_mode: Duration,
    /// For how long nothing is said again.
    pub(super) repeat_window: Duration,
    /// Of all users together; 0 for no limit.
    pub(super) messages_per_minute: u32,
    /// Where each message is reviewed; empty if none is.
    pub(super) review_url: String,
    pub(super) review_fallback: ReviewFallback,
}

impl Rules {
    pub(super) fn new(settings: &Settings) -> Self {
        let settings = settings.in_force();
        Self {
            is_paused: settings.paused,
            speakers: settings.speakers,
            established: Duration::from_secs(60 * u64::from(settings.established_minutes)),
            holds_newcomers: settings.hold_newcomers,
            links: settings.links,
            unique_names: settings.unique_names,
            message_chars: settings.message_chars,
            blocked_words: (!settings.blocked_words.is_empty()).then(|| Words::new(&settings.blocked_words)),
            slow_mode: Duration::from_secs(settings.slow_mode_seconds.into()),
            repeat_window: Duration::from_secs(settings.repeat_seconds.into()),
            messages_per_minute: settings.messages_per_minute,
            review_url: settings.review_url.clone(),
            review_fallback: settings.review_fallback,
        }
    }

    /// Whether that user, who does not moderate, may speak.
    ///
    /// # Errors
    /// [`Refusal::Paused`], [`Refusal::Speakers`] and [`Refusal::NotEstablished`].
    pub(super) fn check_speaker(&self, Claims { user, origin, .. }: &Claims) -> Result<(), Refusal> {
        // A token from before this was known is one of somebody who came before.
        let came = Timestamp::of_seconds(origin.since.unwrap_or_default());
        let left = self.established.saturating_sub(Duration::from_millis(now().0.saturating_sub(came.0).max(0) as u64));
        match self.speakers {
            _ if self.is_paused => Err(Refusal::Paused),
            group if !includes(group, user) => Err(Refusal::Speakers(group)),
            _ if !left.is_zero() && !user.is_of_site() => Err(Refusal::NotEstablished { left }),
            _ => Ok(()),
        }
    }

    /// Whether what somebody says is to wait for a moderator if they have not said anything here before.
    pub(super) fn hold(&self, claims: &Claims) -> bool {
        self.holds_newcomers && claims.profile().role.is_guest() && !claims.is_of_a_site()
    }

    /// What one client may send here.
    pub(super) fn limits(&self, limits: &Limits) -> Limits {
        match self.message_chars as usize {
            0 => *limits,
            chars => Limits { text_chars: chars.min(limits.text_chars), ..*limits },
        }
    }

    /// Whether that user, who does not moderate, may say this. `chat` is what people read of the payload, if it is a chat message.
    ///
    /// # Errors
    /// [`Refusal::Links`] and [`Refusal::BlockedWord`].
    pub(super) fn check(&self, user: &UserId, payload: &Payload, chat: Option<&ChatText>) -> Result<(), Refusal> {
        let mut shown = ChatText::shown(payload);
        // Clients of other protocols show a payload that has neither a name nor a text as a whole.
        let is_whole = shown.is_empty();
        if is_whole {
            shown = payload.texts_and_keys().into_iter().map(|text| (Field::Text, text.into_owned())).collect();
        }
        if !includes(self.links, user) {
            let link = |(field, text): &(Field, String)| Some((*field, links(text).next()?.text.to_owned()));
            if let Some((field, link)) = shown.iter().find_map(link) {
                return Err(Refusal::Links { field, link });
            }
        }
        let Some(words) = &self.blocked_words else { return Ok(()) };
        let refuse = |field, word: &str| Err(Refusal::BlockedWord { field, word: word.to_owned() });
        if let Some(word) = chat.and_then(|chat| words.find(&chat.username)) {
            return refuse(Field::Username, word);
        }
        // Whatever a client shows of a payload: other clients than ours may name their keys as they like.
        let texts = if is_whole { payload.texts_and_keys() } else { payload.texts() };
        let found = texts.iter().find_map(|text| words.find(text));
        found.map_or(Ok(()), |word| refuse(Field::Text, word))
    }
}

/// Whether a user who does not moderate is one of these.
fn includes(group: Group, user: &UserId) -> bool {
    match group {
        Group::Everyone => true,
        Group::SignedIn => user.is_of_site(),
        Group::Moderators => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        chat::{Capabilities, RoomId},
        hub::Origin,
    };

    fn user(name: &str) -> UserId {
        UserId::try_from(name.to_owned()).expect("a valid id")
    }

    /// Of somebody who came so many seconds ago.
    fn claims(id: &str, seconds: u64) -> Claims {
        let origin = Origin { since: Some(now().0 as u64 / 1_000 - seconds), ..Origin::default() };
        let capabilities = Capabilities::guest();
        Claims { user: user(id), room: RoomId::FIRST, capabilities, once: None, connection: None, expires_at: u64::MAX, origin }
    }

    #[test]
    fn newcomers_wait_unless_their_site_knows_them() {
        let rules = Rules::new(&Settings { established_minutes: 10, ..Settings::default() });
        let rows = [("ann", 0, false), ("ann", 500, false), ("ann", 601, true), ("site:ann", 0, true)];
        for (id, seconds, expected) in rows {
            assert_eq!(rules.check_speaker(&claims(id, seconds)).is_ok(), expected, "{id} {seconds}");
        }
        let before = Claims { origin: Origin::default(), ..claims("ann", 0) };
        assert!(rules.check_speaker(&before).is_ok(), "a token of an older version");
    }

    #[test]
    fn each_group_is_who_it_says() {
        let rows = [(Group::Everyone, [true, true]), (Group::SignedIn, [false, true]), (Group::Moderators, [false, false])];
        for (group, expected) in rows {
            let rules = Rules::new(&Settings { speakers: group, links: group, ..Settings::default() });
            let payload = Payload::parse(r#"{"username":"Ann","message_text":"see example.com"}"#).expect("JSON");
            for (id, expected) in ["ann", "site:ann"].into_iter().zip(expected) {
                assert_eq!(rules.check_speaker(&claims(id, 0)).is_ok(), expected, "{group:?} {id}");
                assert_eq!(rules.check(&user(id), &payload, None).is_ok(), expected, "{group:?} {id}: links");
            }
        }
    }

    #[test]
    fn links_are_found_wherever_a_client_may_show_them() {
        let rules = Rules::new(&Settings { links: Group::Moderators, ..Settings::default() });
        let rows = [
            (r#"{"type":"chat","username":"Ann","message_text":"README.md"}"#, None),
            (r#"{"type":"chat","username":"Ann","message_text":"see a.com."}"#, Some((Field::Text, "a.com"))),
            (r#"{"type":"chat","username":"www.a.com","message_text":"hi"}"#, Some((Field::Username, "www.a.com"))),
            (r#"{"type":"chat","username":"Ann","message_text":"hi","messageText":"a.com"}"#, Some((Field::Text, "a.com"))),
            (r#"{"messageText":"http://[::1]/x"}"#, Some((Field::Text, "http://[::1]/x"))),
            (r#"{"username":"a.com"}"#, Some((Field::Username, "a.com"))),
            (r#""see a.com""#, Some((Field::Text, "a.com"))),
            (r#"{"note":[{"x":"a.com"}]}"#, Some((Field::Text, "a.com"))),
            (r#"{"type":"chat","username":"Ann","message_text":"hi","avatar":"https://a.com/x.png"}"#, None),
        ];
        for (payload, expected) in rows {
            let parsed = Payload::parse(payload).expect(payload);
            let found = match rules.check(&user("ann"), &parsed, ChatText::of(&parsed).as_ref()) {
                Err(Refusal::Links { field, link }) => Some((field, link)),
                _ => None,
            };
            assert_eq!(found.as_ref().map(|(field, link)| (*field, &**link)), expected, "{payload}");
        }
    }

    #[test]
    fn blocked_words_are_found_wherever_a_client_may_show_them() {
        let words = vec!["bad".to_owned(), "chat".to_owned()];
        let rules = Rules::new(&Settings { blocked_words: words, ..Settings::default() });
        let deep = format!("{}\"bad\"{}", "[".repeat(32), "]".repeat(32));
        let rows = [
            (r#"{"type":"chat","username":"Ann","message_text":"good"}"#, None),
            (r#"{"type":"chat","username":"Ann","message_text":"b\u0061d"}"#, Some(Field::Text)),
            (r#"{"type":"chat","username":"Bad","message_text":"bad"}"#, Some(Field::Username)),
            (r#"{"username":"Ann","message_text":"good","messageText":"bad"}"#, Some(Field::Text)),
            (r#"{"note":[{"x":"so bad"}]}"#, Some(Field::Text)),
            (r#""bad""#, Some(Field::Text)),
            (&deep, Some(Field::Text)),
            ("7", None),
        ];
        for (payload, expected) in rows {
            let parsed = Payload::parse(payload).expect(payload);
            let found = match rules.check(&user("ann"), &parsed, ChatText::of(&parsed).as_ref()) {
                Ok(()) => None,
                Err(Refusal::BlockedWord { field, .. }) => Some(field),
                Err(other) => panic!("{payload}: {other}"),
            };
            assert_eq!(found, expected, "{payload}");
        }
    }
}
