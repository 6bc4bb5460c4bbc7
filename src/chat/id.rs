use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

/// A room's number: 1 to 2,147,483,647. inLive's *stream id*.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "u32")]
pub struct RoomId(u32);

/// Why a text is no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid id")]
pub struct InvalidId;

impl RoomId {
    /// The room that exists from the first start.
    pub const FIRST: Self = Self(1);

    /// The room of that number, if a room may have it.
    pub fn new(number: i64) -> Option<Self> {
        u32::try_from(number).ok().filter(|n| (1..=i32::MAX as u32).contains(n)).map(Self)
    }

    /// Its number.
    pub fn get(self) -> u32 {
        self.0
    }
}

/// A number that no room can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not the number of a room")]
pub struct InvalidRoomNumber(i64);

impl TryFrom<i64> for RoomId {
    type Error = InvalidRoomNumber;

    fn try_from(number: i64) -> Result<Self, InvalidRoomNumber> {
        Self::new(number).ok_or(InvalidRoomNumber(number))
    }
}

impl From<RoomId> for u32 {
    fn from(id: RoomId) -> Self {
        id.get()
    }
}

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for RoomId {
    type Err = InvalidId;

    /// Reads a decimal number as [`Display`](fmt::Display) writes it: no sign, no leading zero.
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        digits(text).and_then(|n| i64::try_from(n).ok()).and_then(Self::new).ok_or(InvalidId)
    }
}

/// Reads a decimal number in its one canonical form, so that a thing has one name.
pub(super) fn digits(text: &str) -> Option<u64> {
    let canonical = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if canonical { text.parse().ok() } else { None }
}

/// Who somebody is in the chat: a UUID for guests, what their site calls them behind `site:` for its users. It may hold any
/// characters, line breaks and slashes included: encode it wherever it becomes part of an address, a header or a line. Clones share
/// the text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserId(Arc<str>);

impl UserId {
    /// Characters of the longest id: 128 and [`OF_SITE`](Self::OF_SITE).
    pub const MOST_CHARS: usize = 133;

    /// What the ids of those begin with whom a site has signed in: guests' ids are UUIDs, so that neither can be the other.
    pub const OF_SITE: &str = "site:";

    /// Returns the user whom a site knows by that id: `None` unless it has 1 to 128 characters.
    pub fn of_site(own: &str) -> Option<Self> {
        Self::try_from(format!("{}{own}", Self::OF_SITE)).ok().filter(|_| !own.is_empty())
    }

    /// Whether a site has signed them in.
    pub fn is_of_site(&self) -> bool {
        self.0.starts_with(Self::OF_SITE)
    }

    /// Whoever holds the admin key. No guest has this name: theirs are UUIDs.
    pub fn admin() -> Self {
        Self("admin".into())
    }

    /// The id as its site writes it, if a site has signed them in; else as it is.
    pub fn own(&self) -> &str {
        self.0.strip_prefix(Self::OF_SITE).unwrap_or(&self.0)
    }

    /// The id as it is written on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for UserId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        if (1..=Self::MOST_CHARS).contains(&text.chars().count()) { Ok(Self(text.into())) } else { Err(InvalidId) }
    }
}

impl From<UserId> for String {
    fn from(id: UserId) -> Self {
        id.as_str().to_owned()
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The public name of an event: 12 characters of `[0-9A-Za-z]` (the form of Amazon IVS Chat's ids), which can be turned back
/// into the room and the sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MessageId {
    /// The room it is in.
    pub room: RoomId,
    /// Its place in the room's log, from 1.
    pub seq: u64,
}

/// Bits of a message id that hold the sequence number. 31 bits of room and 40 of sequence are 71, and 62^12 is just above 2^71:
/// one bit more of either no longer fits into 12 characters.
const SEQ_BITS: u32 = 40;
/// Largest sequence number: a room has no event beyond it, and no client can name one.
pub(super) const MAX_SEQ: u64 = (1 << SEQ_BITS) - 1;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const LENGTH: usize = 12;

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = (u128::from(self.room.get()) << SEQ_BITS) | u128::from(self.seq);
        let mut text = [b'0'; LENGTH];
        for place in text.iter_mut().rev() {
            *place = ALPHABET[(rest % 62) as usize];
            rest /= 62;
        }
        f.write_str(std::str::from_utf8(&text).expect("the alphabet is ASCII"))
    }
}

impl FromStr for MessageId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if text.len() != LENGTH {
            return Err(InvalidId);
        }
        let number = text.bytes().try_fold(0_u128, |number, byte| {
            let digit = ALPHABET.iter().position(|&a| a == byte)?;
            Some(number * 62 + digit as u128)
        });
        let number = number.ok_or(InvalidId)?;
        let room = i64::try_from(number >> SEQ_BITS).ok().and_then(RoomId::new).ok_or(InvalidId)?;
        let seq = (number & u128::from(MAX_SEQ)) as u64;
        if seq == 0 { Err(InvalidId) } else { Ok(Self { room, seq }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_ids_have_one_form() {
        let check =
            |text: &str, expected: Option<u32>| assert_eq!(text.parse::<RoomId>().ok().map(RoomId::get), expected, "{text:?}");
        check("1", Some(1));
        check("2147483647", Some(i32::MAX as u32));
        for bad in ["", "0", "01", "+1", "-1", "1.0", " 1", "2147483648", "99999999999999999999", "one", "１"] {
            check(bad, None);
        }
    }

    #[test]
    fn room_ids_in_json_are_in_range() {
        let check = |text: &str, expected: Option<u32>| {
            assert_eq!(serde_json::from_str::<RoomId>(text).ok().map(RoomId::get), expected, "{text}");
        };
        check("1", Some(1));
        check("2147483647", Some(i32::MAX as u32));
        for bad in ["0", "-1", "2147483648", "4294967295", "18446744073709551615", "1.5", "\"1\"", "null"] {
            check(bad, None);
        }
    }

    #[test]
    fn message_ids_are_reversible() {
        for room in [1, 2, 77, i32::MAX as i64] {
            for seq in [1, 2, 61, 62, 1_000_000, (1 << 40) - 1] {
                let id = MessageId { room: RoomId::new(room).expect("in range"), seq };
                let text = id.to_string();
                assert!(text.len() == 12 && text.bytes().all(|b| b.is_ascii_alphanumeric()), "{text}");
                assert_eq!(text.parse(), Ok(id));
            }
        }
    }

    #[test]
    fn texts_that_name_no_event_are_refused() {
        for bad in ["", "000000000000", "zzzzzzzzzzzz", "00000000000", "0000000000000", "00000000000-", "ééééée"] {
            assert_eq!(bad.parse::<MessageId>(), Err(InvalidId), "{bad:?}");
        }
    }

    #[test]
    fn a_user_id_has_any_characters_but_not_too_many() {
        for good in ["u:255", "a b", "a\nb\0", "é/💬?#%2F", " ", &"💬".repeat(133)] {
            assert_eq!(UserId::try_from(good.to_owned()).expect("a valid id").as_str(), good);
        }
        for bad in ["", &"x".repeat(134), &"é".repeat(134)] {
            assert!(UserId::try_from(bad.to_owned()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_site_s_user_is_one_of_its_own() {
        for own in ["ann", "site:ann", " ", "a/b", &"💬".repeat(128)] {
            let user = UserId::of_site(own).expect("a valid id");
            assert_eq!((user.as_str(), user.own()), (&*format!("site:{own}"), own));
        }
        for bad in ["", &"x".repeat(129)] {
            assert_eq!(UserId::of_site(bad), None, "{bad}");
        }
    }
}
