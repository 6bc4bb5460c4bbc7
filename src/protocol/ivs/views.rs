use serde_json::{Value, json};

use super::{Listing, Problem, arn};
use crate::{
    chat::{Limits, ReviewFallback, Room, RoomId, Settings, Timestamp},
    protocol::moment::rfc3339,
};

/// What `maximumMessageRatePerSecond` can say at most: of a room that has no limit it says this.
const MOST_PER_SECOND: u32 = 100;

/// A room as the control plane tells of it alone.
pub fn room(room: &Room, limits: &Limits) -> Value {
    let Settings { message_chars, messages_per_minute, .. } = room.settings;
    let chars = match message_chars as usize {
        0 => limits.text_chars,
        chars => chars.min(limits.text_chars),
    };
    let rate = match messages_per_minute {
        0 => MOST_PER_SECOND,
        rate => rate.div_ceil(60).min(MOST_PER_SECOND),
    };
    let mut told = summary(room);
    told["maximumMessageLength"] = chars.into();
    told["maximumMessageRatePerSecond"] = rate.into();
    told
}

/// A room as it stands in a list.
fn summary(room: &Room) -> Value {
    let Settings { name, review_url, review_fallback, tags, .. } = &room.settings;
    let mut told = json!({
        "arn": arn(room.id), "id": room.id.to_string(), "name": name, "createTime": rfc3339(room.created_at),
        "updateTime": rfc3339(room.updated_at), "tags": tags, "loggingConfigurationIdentifiers": [],
    });
    if !review_url.is_empty() {
        let fallback = match review_fallback {
            ReviewFallback::Allow => "ALLOW",
            ReviewFallback::Deny => "DENY",
        };
        told["messageReviewHandler"] = json!({ "uri": review_url, "fallbackResult": fallback });
    }
    told
}

/// A page of a list of these rooms, the one that was changed last before the others. Its token says where the next page begins: after
/// the last room of this one, wherever that is by then.
///
/// # Errors
/// If the token of the page before is none.
pub fn page(mut rooms: Vec<Room>, listing: &Listing) -> Result<Value, Problem> {
    let key = |room: &Room| (room.updated_at, room.id);
    let after =
        listing.after.as_deref().map(|token| place(token).ok_or_else(|| Problem::field("nextToken", "is not one of this list")));
    let after = after.transpose()?;
    rooms.retain(|room| {
        let Settings { name, review_url, .. } = &room.settings;
        !listing.is_logged
            && listing.name.as_ref().is_none_or(|wanted| wanted == name)
            && listing.review_url.as_ref().is_none_or(|wanted| wanted == review_url)
            && after.is_none_or(|after| key(room) < after)
    });
    rooms.sort_unstable_by_key(|room| std::cmp::Reverse(key(room)));
    let has_more = rooms.len() > listing.limit;
    rooms.truncate(listing.limit);
    let mut told = json!({ "rooms": rooms.iter().map(summary).collect::<Vec<_>>() });
    if let Some(last) = rooms.last().filter(|_| has_more) {
        told["nextToken"] = format!("{}-{}", last.updated_at.0, last.id).into();
    }
    Ok(told)
}

fn place(token: &str) -> Option<(Timestamp, RoomId)> {
    let (at, room) = token.split_once('-')?;
    Some((Timestamp(at.parse().ok()?), room.parse().ok()?))
}

/// A token, which is good until then. It opens connections for as long as a session may last: the npm client opens another one a
/// minute before, or every half minute if there is only one left.
pub fn token(token: &str, until: Timestamp) -> Value {
    json!({ "token": token, "tokenExpirationTime": rfc3339(until), "sessionExpirationTime": rfc3339(until) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::RoomState;

    fn of(id: i64, updated_at: i64, settings: Settings) -> Room {
        Room {
            id: RoomId::new(id).expect("in range"),
            settings,
            state: RoomState::Live,
            created_at: Timestamp(1_795_230_000_123),
            updated_at: Timestamp(updated_at),
            prepared_at: None,
            started_at: None,
            first_started_at: None,
            ended_at: None,
        }
    }

    #[test]
    fn a_room_is_told_of_with_what_holds_in_it() {
        let limits = Limits { text_chars: 400, ..Limits::default() };
        let settings = Settings { name: "Stage".into(), tags: [("a".into(), "b".into())].into(), ..Settings::default() };
        let plain = room(&of(7, 1_795_230_000_123, settings.clone()), &limits);
        assert_eq!(
            plain,
            json!({
                "arn": "arn:aws:ivschat:local:000000000000:room/7", "id": "7", "name": "Stage",
                "createTime": "2026-11-21T03:00:00.123Z", "updateTime": "2026-11-21T03:00:00.123Z", "tags": { "a": "b" },
                "loggingConfigurationIdentifiers": [], "maximumMessageLength": 400, "maximumMessageRatePerSecond": 100,
            })
        );
        let rows = [(500, 60, 400, 1), (10, 61, 10, 2), (0, 60_000, 400, 100)];
        for (message_chars, messages_per_minute, chars, rate) in rows {
            let told = room(&of(7, 0, Settings { message_chars, messages_per_minute, ..settings.clone() }), &limits);
            assert_eq!((&told["maximumMessageLength"], &told["maximumMessageRatePerSecond"]), (&json!(chars), &json!(rate)));
        }
        let reviewed = Settings { review_url: "https://e.example/".into(), review_fallback: ReviewFallback::Deny, ..settings };
        let told = room(&of(7, 0, reviewed), &limits);
        assert_eq!(told["messageReviewHandler"], json!({ "uri": "https://e.example/", "fallbackResult": "DENY" }));
    }

    #[test]
    fn a_list_is_read_page_by_page_the_newest_change_first() {
        let named = |name: &str| Settings { name: name.into(), ..Settings::default() };
        let rooms = || vec![of(1, 10, named("a")), of(2, 30, named("b")), of(3, 10, named("a")), of(4, 20, named("a"))];
        let ids = |told: &Value| -> Vec<String> {
            told["rooms"].as_array().expect("a list").iter().map(|room| room["id"].as_str().expect("an id").into()).collect()
        };
        let mut listing = Listing { limit: 3, ..Listing::default() };
        let first = page(rooms(), &listing).expect("a page");
        assert_eq!(ids(&first), ["2", "4", "3"]);
        listing.after = Some(first["nextToken"].as_str().expect("there is more").into());
        let second = page(rooms(), &listing).expect("a page");
        assert_eq!((ids(&second), second.get("nextToken")), (vec!["1".to_owned()], None));
        listing = Listing { limit: 50, name: Some("a".into()), ..Listing::default() };
        assert_eq!(ids(&page(rooms(), &listing).expect("a page")), ["4", "3", "1"]);
        listing.is_logged = true;
        assert_eq!(ids(&page(rooms(), &listing).expect("a page")), [""; 0]);
        for token in ["x", "1", "1-0", "x-1"] {
            listing.after = Some(token.into());
            assert!(page(rooms(), &listing).is_err(), "{token}");
        }
    }
}
