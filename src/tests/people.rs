//! Who speaks, and under which name.

use std::time::Duration;

use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use super::{Answer, Site, site::WIDGET_KEY};
use crate::{
    chat::{Capabilities, Capability, RoomId, UserId},
    hub::{Identity, Origin, Tokens},
};

const TAKEN: &str = "The name is taken by somebody else here, or looks like theirs. Please choose another one.";

fn user(id: &str) -> UserId {
    UserId::try_from(id.to_owned()).expect("an id")
}

/// The token of a page's visitor, good for so long.
fn page_token(id: &str, lifetime: Duration) -> String {
    let identity = Identity { user: user(id), origin: Origin { lasting: true, ..Origin::default() } };
    Tokens::new(b"a secret for tests", lifetime).sign(identity, RoomId::FIRST, Capabilities::guest(), None)
}

const HOUR: Duration = Duration::from_secs(3_600);

async fn check(site: &Site, token: &str, name: &str, expected: u16) {
    let answer = site.say_as(token, name, "hi").await;
    assert_eq!(answer.status, expected, "{name:?}: {}", answer.text);
    if expected == 409 {
        assert_eq!(answer.error(), TAKEN);
    }
}

#[tokio::test]
async fn a_visitor_s_name_is_theirs_and_is_so_after_a_restart() {
    let site = Site::open().await;
    let [ann, bob] = ["a", "b"].map(|id| page_token(id, HOUR));
    check(&site, &ann, "Ann", 200).await;
    for name in ["Ann", "ann ", "A\u{578}n", "\u{410}nn", "\u{ff21}nn"] {
        check(&site, &bob, name, 409).await;
    }
    let private = json!({
        "type": "private", "widget_key": WIDGET_KEY, "to_user_id": "a", "message": { "username": "ANN", "anything": 1 },
    });
    assert_eq!(site.publish(&bob, &private).await.status, 409, "nor in private, nor in a message of another kind");
    let site = site.restart().await;
    check(&site, &bob, "Ann", 409).await;
    check(&site, &ann, "Ann", 200).await;
    check(&site, &ann, "Anna", 200).await;
    check(&site, &bob, "Ann", 200).await;
    let site = site.restart().await;
    check(&site, &ann, "Ann", 409).await;
    check(&site, &bob, "Anna", 409).await;
}

#[tokio::test]
async fn a_name_is_one_in_its_room_alone() {
    let site = Site::open().await;
    let made = site.administer("/v1/streams/create", &json!({ "name": "Two" })).await;
    let key = made.json["data"]["widget_key"].as_str().expect("a key").to_owned();
    for step in ["prepare", "start"] {
        site.administer(&format!("/v1/streams/2/{step}"), &json!({})).await;
    }
    check(&site, &page_token("a", HOUR), "Ann", 200).await;
    let two = site.guest_token(RoomId::new(2).expect("in range"));
    let message = json!({ "type": "chat", "username": "Ann", "message_text": "hi" });
    let body = json!({ "type": "broadcast", "widget_key": key, "message": message });
    assert_eq!(site.publish_raw(2, &two, body.to_string()).await.status, 200);
}

#[tokio::test]
async fn who_only_subscribes_holds_a_name_while_connected() {
    let site = Site::open().await;
    let (first, second) = (site.subscribe().await, site.subscribe().await);
    check(&site, first.token(), "Ann", 200).await;
    check(&site, second.token(), "Ann", 409).await;
    // Their page is loaded again: they come back as somebody else.
    let token = first.token().to_owned();
    drop(first);
    site.viewers(1).await;
    let again = site.subscribe().await;
    check(&site, again.token(), "Ann", 200).await;
    check(&site, &token, "Ann", 409).await;
    // As the same user, if they show their token.
    let address = format!("/subscribe/1?token={}", second.token());
    let third = site.subscribe_with(&address, None).await;
    check(&site, third.token(), "Bob", 200).await;
    check(&site, second.token(), "Bob", 200).await;
    let site = site.restart().await;
    check(&site, &page_token("a", HOUR), "Ann", 200).await;
}

#[tokio::test]
async fn a_claim_is_stored_with_the_message_when_it_is_new_or_much_longer() {
    let site = Site::open().await;
    let file = site.path().join("live-chat.db");
    let stored = || {
        let connection = rusqlite::Connection::open(&file).expect("a database");
        let mut statement = connection.prepare("SELECT name, until FROM names ORDER BY user").expect("a table");
        let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))).expect("rows");
        rows.collect::<Result<Vec<_>, _>>().expect("rows")
    };
    check(&site, &page_token("a", HOUR / 2), "Ann", 200).await;
    let first = stored();
    assert_eq!(first[0].0, "Ann");
    check(&site, &page_token("a", HOUR / 2 + Duration::from_secs(200)), "ann", 200).await;
    assert_eq!(stored(), first, "no second write for each message");
    check(&site, &page_token("a", HOUR / 2 + Duration::from_secs(900)), "Ann", 200).await;
    assert!(stored()[0].1 > first[0].1 + 800_000);
    check(&site, &page_token("a", HOUR), "Bea", 200).await;
    assert_eq!(stored().len(), 1, "one name for each user");
    check(&site, site.subscribe().await.token(), "Eve", 200).await;
    assert_eq!(stored().len(), 1, "whose identity ends with the connection has nothing to be stored");
    let long_ago = "INSERT INTO names VALUES (1, 'old', 'Old', 1)";
    rusqlite::Connection::open(&file).expect("a database").execute(long_ago, []).expect("written");
    check(&site, &page_token("c", HOUR), "Cid", 200).await;
    assert_eq!(stored().iter().map(|(name, _)| &**name).collect::<Vec<_>>(), ["Bea", "Cid"], "what is over is removed");
}

#[tokio::test]
async fn reserved_names_are_for_those_who_moderate() {
    let site = Site::open().await;
    let guest = page_token("a", HOUR);
    for name in ["admin", "ADMlN", "\u{430}dmin", "s u p p 0 r t"] {
        let refused = site.say_as(&guest, name, "hi").await;
        assert_eq!(
            (refused.status, refused.error()),
            (409, "The name is reserved for those who run this chat. Please choose another one.")
        );
    }
    use Capability::{DeleteMessage, DisconnectUser, ManageRoom, SendMessage};
    for (n, capability) in [DeleteMessage, DisconnectUser, ManageRoom].into_iter().enumerate() {
        let capabilities = serde_json::from_value(json!([SendMessage, capability])).expect("a list");
        let token = site.hub.tokens().sign(user(&n.to_string()), RoomId::FIRST, capabilities, None);
        check(&site, &token, "Admin", 200).await;
    }
}

#[tokio::test]
async fn a_message_says_what_its_author_was() {
    let site = Site::open().await;
    let mut events = site.subscribe().await;
    use Capability::{DeleteMessage, DisconnectUser, ManageRoom, SendMessage};
    let bot = Origin { bot: true, ..Origin::default() };
    let rows = [
        ("guest", Origin::default(), vec![SendMessage], Value::Null),
        ("deleter", Origin::default(), vec![SendMessage, DeleteMessage], json!("moderator")),
        ("closer", Origin::default(), vec![SendMessage, DisconnectUser], json!("moderator")),
        ("owner", Origin::default(), vec![SendMessage, ManageRoom], json!("owner")),
        ("program", bot.clone(), vec![SendMessage], json!("bot")),
        ("guard", bot, vec![SendMessage, DeleteMessage], json!("bot")),
    ];
    for (id, origin, capabilities, role) in &rows {
        let capabilities = serde_json::from_value(json!(capabilities)).expect("a list");
        let identity = Identity { user: user(id), origin: origin.clone() };
        let token = site.hub.tokens().sign(identity, RoomId::FIRST, capabilities, None);
        let message =
            json!({ "type": "chat", "username": id, "message_text": "hi", "role": "owner", "profile": { "role": "owner" } });
        let forged = json!({ "type": "broadcast", "widget_key": WIDGET_KEY, "message": message, "role": "owner", "bot": true });
        assert_eq!(site.publish(&token, &forged).await.status, 200);
        assert_eq!(events.next_of("broadcast").await.data["role"], *role, "{id}");
    }
    let check = async |site: &Site| {
        let history = site.get("/v1/streams/1/messages").await.json["data"].clone();
        let found: Vec<_> = history.as_array().expect("a list").iter().map(|envelope| &envelope["role"]).collect();
        assert_eq!(found, rows.iter().map(|(.., role)| role).collect::<Vec<_>>());
        let page = site.get("/").await.text;
        assert_eq!(page.matches("<span class=\"tag role\">").count(), 5, "beside the names");
        assert!(page.contains("owner</bdi><span class=\"tag role\">owner</span>"), "{page}");
    };
    check(&site).await;
    check(&site.restart().await).await;
}

#[tokio::test]
async fn a_role_that_was_changed_in_the_file_is_damage() {
    let site = Site::open().await;
    let owner = site.hub.tokens().sign(user("o"), RoomId::FIRST, Capabilities::owner(), None);
    for token in [&page_token("a", HOUR), &owner] {
        site.say(token, "hi").await;
    }
    let file = rusqlite::Connection::open(site.path().join("live-chat.db")).expect("a database");
    for (seq, changed) in [(1, "'{\"role\":\"owner\"}'"), (2, "NULL"), (2, "'{\"role\":\"bot\"}'")] {
        let set =
            |profile: &str| file.execute(&format!("UPDATE events SET profile = {profile} WHERE seq = {seq}"), []).expect("set");
        set(changed);
        assert_eq!(site.get("/v1/streams/1/messages").await.status, 500, "{seq}: {changed}");
        set(if seq == 1 { "NULL" } else { "'{\"role\":\"owner\"}'" });
        assert_eq!(site.get("/v1/streams/1/messages").await.status, 200);
    }
}

#[tokio::test]
async fn names_that_hide_something_are_refused() {
    let site = Site::open().await;
    let token = page_token("a", HOUR);
    for name in
        ["Ann\u{200b}", "\u{202e}nnA", "\u{2066}Ann", "A\u{200d}nn", "\u{feff}Ann", "\u{3164}", "\u{2800}", "\u{301}\u{34f}"]
    {
        let refused = site.say_as(&token, name, "hi").await;
        assert_eq!((refused.status, refused.error()), (400, "The name contains invisible characters. Please remove them."));
    }
    for name in ["👩\u{200d}🚀", "❤\u{fe0f}", "می\u{200c}خواهم"] {
        check(&site, &token, name, 200).await;
    }
}

async fn post(site: &Site, cookie: &str, body: &str) -> Answer {
    let request = Request::post("/").header("content-type", "application/x-www-form-urlencoded").header("cookie", cookie);
    site.send(request.body(Body::from(body.to_owned())).expect("a request")).await
}

#[tokio::test]
async fn a_page_without_javascript_says_it_at_the_name() {
    let site = Site::open().await;
    let posted = post(&site, "", "username=Ann&message=one").await;
    assert_eq!(posted.status, 303);
    let refused = post(&site, "", "username=ANN&message=keep+this").await;
    assert_eq!(refused.status, 409);
    let at = refused.text.find("id=\"username-error\"").expect("the name's error");
    assert!(refused.text[at..].starts_with(&format!("id=\"username-error\" role=\"alert\" class=\"error\">{TAKEN}")));
    assert!(refused.text.contains("value=\"keep this\"") && refused.text.contains("value=\"ANN\""));
    let site = site.restart().await;
    assert_eq!(post(&site, "", "username=Ann&message=two").await.status, 409);
    let cookies = posted.headers.get_all("set-cookie").iter().map(|value| value.to_str().expect("ASCII"));
    let cookies: Vec<_> = cookies.map(|value| value.split(';').next().unwrap_or_default()).collect();
    assert_eq!(post(&site, &cookies.join("; "), "username=Ann&message=two").await.status, 303, "it is theirs");
}
