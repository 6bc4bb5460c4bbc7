use std::collections::BTreeMap;

use crate::{
    chat::{RoomId, is_slug},
    hub::Hub,
    protocol::interactive_sync::Rejection,
};

/// Digits that the number of a Twitch user has at most.
const USER_ID_DIGITS: usize = 20;

/// Which room each Twitch channel is: a room's number or slug, by the Twitch user's number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TwitchChannels(BTreeMap<String, String>);

impl TwitchChannels {
    /// Reads such as `12345=1,67890=stage`. A user has one room; a room may be the channel of several users.
    pub fn parse(text: &str) -> Option<Self> {
        let mut rooms = BTreeMap::new();
        for pair in text.split(',') {
            let (user, room) = pair.split_once('=').map(|(user, room)| (user.trim(), room.trim()))?;
            let is_user = (1..=USER_ID_DIGITS).contains(&user.len()) && user.bytes().all(|b| b.is_ascii_digit());
            let is_room = room.parse::<RoomId>().is_ok() || is_slug(room);
            if !is_user || !is_room || rooms.insert(user.to_owned(), room.to_owned()).is_some() {
                return None;
            }
        }
        Some(Self(rooms))
    }

    /// The room that this user's channel is, as rooms are called now.
    pub(super) fn room(&self, hub: &Hub, user: &str) -> Result<RoomId, Rejection> {
        let name = self.0.get(user).ok_or_else(|| {
            let text = "is no room of this chat: its operator has to name one with --interactive-sync-twitch-channels";
            Rejection::Channel(format!("The channel of the Twitch user {user} {text}."))
        })?;
        let room = name.parse().ok().or_else(|| hub.room_of(name));
        room.ok_or_else(|| Rejection::Channel(format!("There is no room {name:?}.")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_one_room_by_its_number_or_its_slug() {
        let rows = [
            ("12345=1", Some(&[("12345", "1")][..])),
            ("12345=1, 67890 = main-stage", Some(&[("12345", "1"), ("67890", "main-stage")])),
            ("1=7,2=7", Some(&[("1", "7"), ("2", "7")])),
            ("", None),
            ("12345", None),
            ("12345=", None),
            ("=1", None),
            ("ann=1", None),
            ("12345=0", None),
            ("12345=Stage", None),
            ("123456789012345678901=1", None),
            ("12345=1,", None),
            ("12345=1,12345=2", None),
        ];
        for (text, expected) in rows {
            let own = |(user, room): &(&str, &str)| (user.to_string(), room.to_string());
            let expected = expected.map(|rooms| TwitchChannels(rooms.iter().map(own).collect()));
            assert_eq!(TwitchChannels::parse(text), expected, "{text:?}");
        }
    }
}
