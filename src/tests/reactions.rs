use axum::{body::Body, http::Request};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::{
    Answer, Events, Site,
    site::{ADMIN_KEY, KEYED, WIDGET_KEY},
};
use crate::{
    chat::{Capability, Limits, MOST_EMOJIS, MOST_OF_ONE, MessageId, RoomId, UserId},
    hub::Caller,
};

fn id(seq: u64) -> String {
    MessageId { room: RoomId::FIRST, seq }.to_string()
}

fn token_of(site: &Site, user: &str, capabilities: &[Capability]) -> String {
    let capabilities = serde_json::from_value(json!(capabilities)).expect("a list");
    site.hub.tokens().sign(UserId::try_from(user.to_owned()).expect("an id"), RoomId::FIRST, capabilities, None)
}

fn guest(site: &Site, user: &str) -> String {
    token_of(site, user, &[Capability::SendMessage])
}

async fn send(site: &Site, method: &str, path: &str, token: &str) -> Answer {
    let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {token}"));
    site.send(request.body(Body::empty()).expect("a request")).await
}

fn path(message: &str, emoji: &str) -> String {
    let emoji = utf8_percent_encode(emoji, NON_ALPHANUMERIC);
    format!("/v1/streams/1/messages/{message}/reactions/{emoji}?widget_key={WIDGET_KEY}")
}

async fn react(site: &Site, token: &str, seq: u64, emoji: &str) -> Answer {
    send(site, "PUT", &path(&id(seq), emoji), token).await
}

async fn take_back(site: &Site, token: &str, seq: u64, emoji: &str) -> Answer {
    send(site, "DELETE", &path(&id(seq), emoji), token).await
}

/// The reactions in an envelope or an answer, as it writes them: the order counts.
fn reactions(envelope: &Value) -> String {
    envelope.get("reactions").map(Value::to_string).unwrap_or_default()
}

/// What the room is told next of reactions, up to what is expected.
async fn told(events: &mut Events, expected: &Value) {
    loop {
        let event = events.next_of("system").await;
        if event.data["message"]["status"] == "reactions" {
            assert!(event.id.is_some(), "an event of the log: a resume gives it again");
            let messages = event.data["message"]["messages"].as_array().expect("a list").clone();
            if messages.contains(expected) {
                return;
            }
        }
    }
}

async fn history(site: &Site, token: &str) -> Vec<Value> {
    send(site, "GET", "/v1/streams/1/messages", token).await.json["data"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn reactions_are_counted_and_told_to_everybody() {
    let site = Site::open().await;
    let mut events = site.subscribe().await;
    let (ann, bob) = (guest(&site, "ann"), guest(&site, "bob"));
    site.say(&ann, "hello").await;
    let answer = react(&site, &ann, 1, "👍").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(
        answer.json["data"],
        json!({ "reactions": { "👍": 1 }, "own_reactions": ["👍"], "position": site.hub.position(1).to_string() })
    );
    told(&mut events, &json!({ "id": id(1), "reactions": { "👍": 1 } })).await;
    let again = react(&site, &ann, 1, "👍").await;
    assert_eq!((again.status, reactions(&again.json["data"])), (200, r#"{"👍":1}"#.to_owned()), "the same again is the same");
    react(&site, &bob, 1, "🚀").await;
    let answer = react(&site, &bob, 1, "👍").await;
    assert_eq!(answer.json["data"]["own_reactions"], json!(["👍", "🚀"]));
    told(&mut events, &json!({ "id": id(1), "reactions": { "👍": 2, "🚀": 1 } })).await;

    let check = async |site: &Site, what: &str| {
        let all = history(site, &bob).await;
        assert_eq!(
            (reactions(&all[0]), &all[0]["own_reactions"]),
            (r#"{"👍":2,"🚀":1}"#.to_owned(), &json!(["👍", "🚀"])),
            "{what}"
        );
        for anybody in ["", "nonsense"] {
            let all = history(site, anybody).await;
            assert_eq!((reactions(&all[0]), all[0].get("own_reactions")), (r#"{"👍":2,"🚀":1}"#.to_owned(), None), "{what}");
        }
        let mut fresh = site.subscribe_with(&format!("/subscribe/1?token={ann}"), None).await;
        site.request(fresh.token()).await;
        let answer = fresh.next_of("request").await.data["message"][0].clone();
        assert_eq!((reactions(&answer), &answer["own_reactions"]), (r#"{"👍":2,"🚀":1}"#.to_owned(), &json!(["👍"])), "{what}");
        let mut missed = site.resume(&site.hub.position(0).to_string()).await;
        assert_eq!(missed.next_of("broadcast").await.data.get("reactions"), None, "{what}: as it happened");
        told(&mut missed, &json!({ "id": id(1), "reactions": { "👍": 2, "🚀": 1 } })).await;
    };
    check(&site, "at once").await;
    let site = site.restart().await;
    check(&site, "after a restart").await;

    let mut events = site.subscribe().await;
    for token in [&ann, &ann, &bob] {
        assert_eq!(take_back(&site, token, 1, "👍").await.status, 200);
    }
    told(&mut events, &json!({ "id": id(1), "reactions": { "🚀": 1 } })).await;
    take_back(&site, &bob, 1, "🚀").await;
    told(&mut events, &json!({ "id": id(1), "reactions": {} })).await;
    assert_eq!(history(&site, &bob).await[0].get("reactions"), None);
}

#[tokio::test]
async fn only_one_emoji_is_a_reaction() {
    let site = Site::open().await;
    let ann = guest(&site, "ann");
    site.say(&ann, "hello").await;
    for (emoji, as_known) in [("👍🏽", "👍🏽"), ("👩‍🚀", "👩‍🚀"), ("🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"), ("❤", "❤️"), ("1️⃣", "1️⃣")]
    {
        let answer = react(&site, &ann, 1, emoji).await;
        assert_eq!(answer.json["data"]["own_reactions"], json!([as_known]), "{emoji}: {}", answer.text);
        take_back(&site, &ann, 1, emoji).await;
    }
    for bad in ["a", "👍👍", "👍 ", ":+1:", "1", "🏽x", "\u{200d}", "<b>", "\u{fe0f}"] {
        let answer = react(&site, &ann, 1, bad).await;
        assert_eq!(answer.status, 400, "{bad:?}: {}", answer.text);
        assert!(answer.error().contains("one emoji"));
    }
    let not_utf8 =
        send(&site, "PUT", &format!("/v1/streams/1/messages/{}/reactions/%ff?widget_key={WIDGET_KEY}", id(1)), &ann).await;
    assert_eq!(not_utf8.status, 400);
    assert_eq!(history(&site, "").await[0].get("reactions"), None);
}

#[tokio::test]
async fn who_may_not_speak_may_not_react() {
    let site = Site::open().await;
    let (ann, mia) = (guest(&site, "ann"), token_of(&site, "mia", &[Capability::SendMessage, Capability::DisconnectUser]));
    site.say(&ann, "hello").await;
    let status = async |token: &str, emoji: &str| react(&site, token, 1, emoji).await.status;
    assert_eq!(status("nonsense", "👍").await, 401);
    assert_eq!(status(&token_of(&site, "eve", &[]), "👍").await, 403);
    let keyless = path(&id(1), "👍").replace(WIDGET_KEY, "");
    assert_eq!(send(&site, "PUT", &keyless, &ann).await.status, 403, "the site must show its key");
    let configure = async |settings: Value| site.administer("/v1/streams/1/settings", &settings).await;
    configure(json!({ "blocked_words": ["🍆"] })).await;
    assert_eq!((status(&ann, "🍆").await, status(&ann, "👍").await), (400, 200));
    for settings in [json!({ "paused": true }), json!({ "speakers": "moderators" }), json!({ "established_minutes": 10 })] {
        configure(settings.clone()).await;
        let newcomer = site.subscribe().await;
        let refused = react(&site, newcomer.token(), 1, "👍").await;
        assert_eq!((refused.status, status(&mia, "👍").await), (403, 200), "{settings}: {}", refused.text);
        configure(json!({ "paused": null, "speakers": null, "established_minutes": null })).await;
    }
    for (what, terms) in [("timeout", json!({ "seconds": 600 })), ("ban", json!({}))] {
        site.administer(&format!("/v1/streams/1/users/ann/{what}"), &terms).await;
        assert_eq!((status(&ann, "👍").await, status(&mia, "👍").await), (403, 200), "{what}");
        assert_eq!(take_back(&site, &ann, 1, "👍").await.status, 403, "{what}");
    }
    site.administer("/v1/streams/1/end", &json!({})).await;
    assert_eq!(status(&mia, "🚀").await, 409);
}

#[tokio::test]
async fn there_must_be_such_a_message() {
    let site = Site::open().await;
    let (ann, bob) = (guest(&site, "ann"), guest(&site, "bob"));
    site.say(&ann, "hello").await;
    let private = json!({ "type": "private", "widget_key": WIDGET_KEY, "to_user_id": "bob", "message": "psst" });
    site.publish(&ann, &private).await;
    site.administer("/v1/streams/1/settings", &json!({ "name": "Other" })).await;
    let other_room = MessageId { room: RoomId::new(2).expect("a number"), seq: 1 }.to_string();
    for unknown in [&id(2), &id(3), &id(99), &other_room, "nonsense"] {
        assert_eq!(send(&site, "PUT", &path(unknown, "👍"), &bob).await.status, 404, "{unknown}");
        assert_eq!(send(&site, "GET", &format!("/v1/streams/1/messages/{unknown}"), &bob).await.status, 404, "{unknown}");
    }
    react(&site, &bob, 1, "👍").await;
    let found = send(&site, "GET", &format!("/v1/streams/1/messages/{}", id(1)), "").await;
    assert_eq!((found.status, &found.json["data"]), (200, &history(&site, "").await[0]));
    assert_eq!(reactions(&found.json["data"]), r#"{"👍":1}"#);
    send(&site, "DELETE", &format!("/v1/streams/1/messages/{}", id(1)), ADMIN_KEY).await;
    for (method, path) in [("PUT", path(&id(1), "👍")), ("GET", format!("/v1/streams/1/messages/{}", id(1)))] {
        let gone = send(&site, method, &path, &bob).await;
        assert_eq!((gone.status, gone.error()), (410, "This message was deleted."));
    }
}

#[tokio::test]
async fn there_is_an_end_to_the_reactions_of_a_message() {
    let site = Site::open().await;
    let ann = guest(&site, "ann");
    site.say(&ann, "hello").await;
    let emojis: Vec<_> = emojis::iter().map(|emoji| emoji.as_str()).take(MOST_EMOJIS + 1).collect();
    for emoji in &emojis[..MOST_OF_ONE] {
        assert_eq!(react(&site, &ann, 1, emoji).await.status, 200);
    }
    let refused = react(&site, &ann, 1, emojis[MOST_OF_ONE]).await;
    assert_eq!((refused.status, refused.error()), (409, "You can put 5 reactions on a message. Please take one back first."));
    for (n, emoji) in emojis[MOST_OF_ONE..MOST_EMOJIS].iter().enumerate() {
        assert_eq!(react(&site, &guest(&site, &format!("u{n}")), 1, emoji).await.status, 200);
    }
    let bob = guest(&site, "bob");
    assert_eq!(react(&site, &bob, 1, emojis[MOST_EMOJIS]).await.status, 409);
    assert_eq!(react(&site, &bob, 1, emojis[0]).await.status, 200, "one that is there takes no place");
    take_back(&site, &guest(&site, "u0"), 1, emojis[MOST_OF_ONE]).await;
    assert_eq!(react(&site, &bob, 1, emojis[MOST_EMOJIS]).await.status, 200);
}

#[tokio::test]
async fn reactions_have_a_rate_of_their_own() {
    let site = Site::limited(Limits { rate_per_second: 0.001, burst: 3.0, ..Limits::default() }).await;
    let ann = guest(&site, "ann");
    for text in ["one", "two", "three"] {
        assert_eq!(site.say(&ann, text).await.status, 200);
    }
    assert_eq!(site.say(&ann, "four").await.status, 429);
    for seq in 1..=3 {
        assert_eq!(react(&site, &ann, seq, "👍").await.status, 200);
    }
    let refused = take_back(&site, &ann, 1, "👍").await;
    assert_eq!(refused.status, 429);
    assert!(!refused.header("retry-after").is_empty());
    assert_eq!(react(&site, &guest(&site, "bob"), 1, "👍").await.status, 200);
}

#[tokio::test]
async fn what_is_deleted_takes_its_reactions_along() {
    let site = Site::open().await;
    let mut events = site.subscribe().await;
    let (ann, bob, eve) = (guest(&site, "ann"), guest(&site, "bob"), guest(&site, "eve"));
    site.say(&ann, "one").await;
    site.say(&bob, "two").await;
    for token in [&ann, &bob, &eve] {
        for seq in [1, 2] {
            react(&site, token, seq, "👍").await;
        }
    }
    told(&mut events, &json!({ "id": id(2), "reactions": { "👍": 3 } })).await;
    let counted = async |sql: &str| -> i64 {
        let database = rusqlite::Connection::open(site.path().join(crate::engine::Sqlite::FILE)).expect("opens");
        database.query_row(sql, [], |row| row.get(0)).expect("a number")
    };
    site.administer("/v1/streams/1/users/eve/ban", &json!({})).await;
    told(&mut events, &json!({ "id": id(2), "reactions": { "👍": 2 } })).await;
    send(&site, "DELETE", "/v1/streams/1/users/ann/messages", ADMIN_KEY).await;
    told(&mut events, &json!({ "id": id(2), "reactions": { "👍": 1 } })).await;
    let of_both = "SELECT count(*) FROM reactions WHERE user IN ('ann', 'eve')";
    assert_eq!(counted(of_both).await, 0, "what they did is taken back");
    send(&site, "DELETE", &format!("/v1/streams/1/messages/{}", id(2)), ADMIN_KEY).await;
    assert_eq!(counted("SELECT count(*) FROM reacted WHERE changed = 1").await, 0, "nothing is told of what is deleted");
    for seq in [1, 2] {
        assert_eq!(react(&site, &bob, seq, "🎉").await.status, 410);
    }
}

#[tokio::test]
async fn reactions_are_neither_messages_nor_acts() {
    let site = Site::open().await;
    let ann = guest(&site, "ann");
    site.say(&ann, "hello").await;
    let mut events = site.subscribe().await;
    react(&site, &ann, 1, "👍").await;
    told(&mut events, &json!({ "id": id(1), "reactions": { "👍": 1 } })).await;
    assert_eq!(site.hub.snapshot(RoomId::FIRST).expect("room 1").messages_last_minute, 1);
    assert_eq!(history(&site, "").await.len(), 1);
    let read = async |path: &str| send(&site, "GET", &format!("/v1/streams/1/{path}"), ADMIN_KEY).await;
    assert_eq!(read("audit").await.json["data"], json!([]));
    let export = read("export.jsonl").await.text;
    assert_eq!(export.lines().count(), 1);
    assert!(export.contains(r#""reactions":{"👍":1}"#), "{export}");
    assert!(!read("export.csv").await.text.contains('👍'));
    let import = Request::post("/v1/streams/import?name=Again").header("authorization", format!("Bearer {ADMIN_KEY}"));
    let imported = site.send(import.body(Body::from(export)).expect("a request")).await;
    assert_eq!(imported.status, 200, "{}", imported.text);
    let again = site.get("/v1/streams/2/messages").await;
    assert_eq!(again.json["data"][0].get("reactions"), None, "nobody knows who they were");
}

#[tokio::test]
async fn an_asker_who_goes_away_is_counted_and_told_all_the_same() {
    let site = Site::open().await;
    let ann = guest(&site, "ann");
    site.say(&ann, "hello").await;
    let mut events = site.subscribe().await;
    let caller = Caller { token: &ann, site: KEYED, from: None };
    assert!(futures::FutureExt::now_or_never(site.hub.react(RoomId::FIRST, caller, 1, "👍", true)).is_none());
    told(&mut events, &json!({ "id": id(1), "reactions": { "👍": 1 } })).await;
}

#[tokio::test]
async fn a_page_of_history_brings_what_it_quotes() {
    let site = Site::open().await;
    let ann = guest(&site, "ann");
    let reply = async |text: &str, to: &str| {
        let message = json!({ "type": "chat", "username": "Ann", "message_text": text, "reply_to": to });
        site.publish(&ann, &json!({ "type": "broadcast", "widget_key": WIDGET_KEY, "message": message })).await
    };
    site.say_as(&ann, "Ann", "one").await;
    site.say_as(&ann, "Ann", "two").await;
    site.publish(&ann, &json!({ "type": "private", "widget_key": WIDGET_KEY, "to_user_id": "bob", "message": "psst" })).await;
    for (text, to) in
        [("to one", &id(1)), ("to two", &id(2)), ("to a private one", &id(3)), ("to none", &id(99)), ("x", &"x".into())]
    {
        assert_eq!(reply(text, to).await.status, 200, "{text}");
    }
    send(&site, "DELETE", &format!("/v1/streams/1/messages/{}", id(2)), ADMIN_KEY).await;
    let page = site.get("/v1/streams/1/messages?limit=5").await.json;
    assert_eq!(page["data"].as_array().expect("a list").len(), 5);
    let quoted = page["meta"]["quoted"].as_array().expect("a list");
    assert_eq!(quoted.len(), 2, "{quoted:?}");
    assert_eq!((&quoted[0]["id"], &quoted[0]["message"]["message_text"]), (&json!(id(1)), &json!("one")));
    assert_eq!(quoted[1], json!({ "id": id(2), "deleted": true }));
    assert_eq!(page["data"][0]["message"]["reply_to"], id(1), "relayed as it is");
    let export = send(&site, "GET", "/v1/streams/1/export.jsonl", ADMIN_KEY).await.text;
    assert!(export.contains(&format!(r#""reply_to":"{}""#, id(1))));
}
