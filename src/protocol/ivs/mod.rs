//! Amazon IVS Chat: signed requests over HTTP to run rooms (the *control plane*), and JSON frames over a WebSocket to talk in them.
//!
//! Sources: the Amazon IVS Chat API reference, the Amazon IVS Chat Messaging API reference, and what the clients of the registry do:
//! `@aws-sdk/client-ivschat` 3.952.0 and `amazon-ivs-chat-messaging` 1.1.1. A frame that breaks one of the latter's rules is dropped by
//! it in silence, and whoever waits for it waits for ever.

mod control;
mod fields;
mod frames;
mod problem;
mod request;
mod views;

pub use self::{
    control::{Listing, Operation, RoomChange, Ticket, check_tags, decode, decode_tag_keys, decode_tags},
    frames::{banned, deleted, error, event, payload, session_over},
    problem::Problem,
    request::{DecodeError, MESSAGE_BYTES, Request, RequestKind, decode as decode_request},
    views::{page, room, token},
};
use crate::chat::{ChatText, Limits, RoomId, UserId};

/// What begins the ARN of each room.
const ROOM_ARN: &str = "arn:aws:ivschat:local:000000000000:room/";

/// Longest ARN, in bytes.
const ARN_BYTES: usize = 128;

/// The ARN of a room.
pub fn arn(room: RoomId) -> String {
    format!("{ROOM_ARN}{room}")
}

/// The room of an ARN, if it is one of ours.
pub fn room_of(arn: &str) -> Option<RoomId> {
    arn.strip_prefix(ROOM_ARN)?.parse().ok()
}

/// The room that a request about tags names by its ARN.
///
/// # Errors
/// A fault of the field if it is no ARN of this service; else, if it is none of our rooms, that there is none.
pub fn room_of_resource(arn: &str) -> Result<RoomId, Problem> {
    match room_of(arn) {
        Some(room) => Ok(room),
        None if is_arn(arn) => Err(Problem::no_room(arn)),
        None => Err(Problem::field("resourceArn", format!("must be the ARN of a room, such as {}", self::arn(RoomId::FIRST)))),
    }
}

/// Returns what a user is called who brings no name: the id that their site knows them by, without control characters and cut to the
/// longest name; if that cannot be a name or `is_reserved`, `User` and a checksum of the id.
pub fn name_of(user: &UserId, limits: &Limits, is_reserved: impl Fn(&str) -> bool) -> String {
    let shown: String = user.own().chars().filter(|c| !c.is_control()).take(limits.username_chars).collect();
    match ChatText::check_name(&shown, limits) {
        Ok(()) if !is_reserved(&shown) => shown,
        Ok(()) | Err(_) => {
            format!("User {:08x}", crc32fast::hash(user.own().as_bytes())).chars().take(limits.username_chars).collect()
        }
    }
}

/// Whether a text has the form of a room's ARN, ours or not.
fn is_room_arn(text: &str) -> bool {
    is_arn(text) && text.contains(":room/")
}

/// Whether a text has the form of an ARN of this service: of a room, or of something else that there is none of here.
fn is_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let all = |text: &str, allowed: fn(u8) -> bool| !text.is_empty() && text.bytes().all(allowed);
    let is_region = |text| all(text, |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    match parts[..] {
        ["arn", "aws", "ivschat", region, account, resource] if text.len() <= ARN_BYTES => {
            let (kind, name) = resource.split_once('/').unwrap_or_default();
            is_region(region)
                && all(account, |b| b.is_ascii_digit())
                && all(kind, |b| b.is_ascii_lowercase() || b == b'-')
                && all(name, |b| b.is_ascii_alphanumeric() || b == b'-')
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_and_its_arn_are_found_by_each_other() {
        let room = RoomId::new(12).expect("in range");
        assert_eq!(arn(room), "arn:aws:ivschat:local:000000000000:room/12");
        assert_eq!(room_of(&arn(room)), Some(room));
        let rows = [
            ("arn:aws:ivschat:local:000000000000:room/x", true),
            ("arn:aws:ivschat:us-west-2:123456789012:room/AbCdef1G2hij", true),
            ("12", false),
            ("", false),
            ("arn:aws:ivschat:us-west-2:123456789012:room/", false),
            ("arn:aws:ivschat:US:123456789012:room/x", false),
            ("arn:aws:ivschat:us-west-2::room/x", false),
            ("arn:aws:ivschat:us-west-2:1:room/x:y", false),
            ("arn:aws:ivs:us-west-2:123456789012:channel/x", false),
            (&format!("arn:aws:ivschat:us-west-2:1:room/{}", "x".repeat(100)), false),
        ];
        for (text, expected) in rows {
            assert_eq!((is_room_arn(text), room_of(text)), (expected, None), "{text}");
        }
    }

    #[test]
    fn a_user_without_a_name_has_one_all_the_same() {
        let rows = [
            ("ann", "ann"),
            ("Ann Ö/ü:💬", "Ann Ö/ü:💬"),
            ("a\nb\0", "ab"),
            ("admin", &format!("User {:08x}", crc32fast::hash(b"admin"))),
            (" \t ", "User 2da00473"),
            ("\u{202e}\u{200b}", "User 1d9303a3"),
            (&"é".repeat(128), &"é".repeat(64)),
        ];
        for (id, expected) in rows {
            let name = name_of(&UserId::of_site(id).expect("a valid id"), &Limits::default(), |name| name == "admin");
            assert_eq!(name, expected, "{id:?}");
            assert!(ChatText::check_name(&name, &Limits::default()).is_ok(), "{name:?}");
        }
    }
}
