//! Who speaks, and under which name.

use std::time::Duration;

use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use super::{Answer, Site, moderation::say_from_as, site::WIDGET_KEY, site_users::sign};
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
async fn guests_share_a_name() {
    let site = Site::open().await;
    let [ann, bob] = ["a", "b"].map(|id| page_token(id, HOUR));
    let streaming = site.subscribe().await;
    for token in [&ann, &bob, streaming.token(), &ann] {
        for name in ["Ann", "ANN", " Ann ", "A\u{578}n", "\u{410}nn"] {
            check(&site, token, name, 200).await;
        }
    }
    let private = json!({
        "type": "private", "widget_key": WIDGET_KEY, "to_user_id": "a", "message": { "username": "Ann", "anything": 1 },
    });
    assert_eq!(site.publish(&bob, &private).await.status, 200);
    assert_eq!(stored_names(&site), [""; 0], "nothing is kept of it");
    let site = site.restart().await;
    check(&site, &bob, "Ann", 200).await;
    check(&site, &ann, "Ann", 200).await;
}

#[tokio::test]
async fn a_client_that_is_cut_off_speaks_on_under_its_name() {
    let site = Site::open().await;
    let first = site.subscribe().await;
    check(&site, first.token(), "Ann", 200).await;
    // Its new stream makes a new guest of it, while the server still keeps the old one.
    let again = site.subscribe().await;
    for token in [again.token(), first.token()] {
        check(&site, token, "Ann", 200).await;
    }
    let token = first.token().to_owned();
    drop(first);
    site.viewers(1).await;
    check(&site, &token, "Ann", 200).await;
}

/// The names that the store knows of.
fn stored_names(site: &Site) -> Vec<String> {
    let connection = rusqlite::Connection::open(site.path().join("live-chat.db")).expect("a database");
    let mut statement = connection.prepare("SELECT name FROM names ORDER BY name").expect("a table");
    let rows = statement.query_map([], |row| row.get(0)).expect("rows");
    rows.collect::<Result<_, _>>().expect("rows")
}

#[tokio::test]
async fn the_name_of_somebody_with_a_role_is_theirs_and_is_so_after_a_restart() {
    let site = Site::open().await;
    let made = site.administer("/v1/streams/create", &json!({ "name": "Two" })).await;
    let key = made.json["data"]["widget_key"].as_str().expect("a key").to_owned();
    for step in ["prepare", "start"] {
        site.administer(&format!("/v1/streams/2/{step}"), &json!({})).await;
    }
    let guest = page_token("a", HOUR);
    check(&site, &guest, "Tom", 200).await;
    let moderator = site.hub.tokens().sign(user("m"), RoomId::FIRST, Capabilities::moderator(), None);
    check(&site, &moderator, "Tom", 200).await;
    let alike = ["Tom", " tom ", "TOM", "Torn", "T  om", "T.o.m.", "Tóm", "Toḿ", "Ⓣom", "★Tom★", "Tom🔥", "T\u{43e}m"];
    let refused = async |site: &Site| {
        for name in alike {
            check(site, &guest, name, 409).await;
        }
        check(site, &guest, "Tommy", 200).await;
    };
    refused(&site).await;
    let private = json!({
        "type": "private", "widget_key": WIDGET_KEY, "to_user_id": "m", "message": { "username": "TOM", "anything": 1 },
    });
    assert_eq!(site.publish(&guest, &private).await.status, 409, "nor in private, nor in a message of another kind");
    let message = json!({ "type": "chat", "username": "Tom", "message_text": "hi" });
    let body = json!({ "type": "broadcast", "widget_key": key, "message": message });
    let two = site.guest_token(RoomId::new(2).expect("in range"));
    assert_eq!(site.publish_raw(2, &two, body.to_string()).await.status, 200, "in its room alone");
    let site = site.restart().await;
    refused(&site).await;
    check(&site, &moderator, "Robin", 200).await;
    check(&site, &guest, "Tom", 200).await;
    check(&site, &guest, "Robin", 409).await;
}

#[tokio::test]
async fn a_name_is_protected_from_when_its_bearer_comes_in_until_their_token_is_revoked() {
    for what in [json!({ "user": "site:42" }), json!({ "id": "t-1" })] {
        let site = Site::open().await;
        let guest = page_token("a", HOUR);
        check(&site, &guest, "Zoë", 200).await;
        let token = sign(json!({ "sub": "42", "name": " Zoë ", "jti": "t-1" }));
        let stream = site.subscribe_with(&format!("/subscribe/1?token={token}"), None).await;
        check(&site, &guest, "Zoe", 409).await;
        check(&site, stream.token(), "Zoë", 200).await;
        assert_eq!(site.administer("/v1/tokens/revoke", &what).await.status, 200);
        check(&site, &guest, "Zoe", 200).await;
    }
    let site = Site::open().await;
    let token = sign(json!({ "sub": "42", "name": "Zoë" }));
    check(&site, &token, "Zoë", 200).await;
    let site = site.restart().await;
    check(&site, &page_token("a", HOUR), "Zoe", 409).await;
    assert_eq!(site.administer("/v1/tokens/revoke", &json!({ "user": "site:42" })).await.status, 200);
    let site = site.restart().await;
    check(&site, &page_token("a", HOUR), "Zoe", 200).await;
}

#[tokio::test]
async fn a_protected_name_is_stored_when_it_is_new_or_lasts_much_longer() {
    let site = Site::open().await;
    let file = site.path().join("live-chat.db");
    let stored = || {
        let connection = rusqlite::Connection::open(&file).expect("a database");
        let mut statement = connection.prepare("SELECT name, until FROM names ORDER BY user").expect("a table");
        let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))).expect("rows");
        rows.collect::<Result<Vec<_>, _>>().expect("rows")
    };
    let moderator = |id: &str, lifetime| {
        let tokens = Tokens::new(b"a secret for tests", lifetime);
        tokens.sign(user(id), RoomId::FIRST, Capabilities::moderator(), None)
    };
    check(&site, &moderator("a", HOUR / 2), "Ann", 200).await;
    let first = stored();
    assert_eq!(first[0].0, "Ann");
    check(&site, &moderator("a", HOUR / 2 + Duration::from_secs(200)), "ann", 200).await;
    assert_eq!(stored(), first, "no second write for each message");
    check(&site, &moderator("a", HOUR / 2 + Duration::from_secs(900)), "Ann", 200).await;
    assert!(stored()[0].1 > first[0].1 + 800_000);
    check(&site, &moderator("a", HOUR), " Bea ", 200).await;
    assert_eq!(stored_names(&site), ["Bea"], "one name for each user, as it is shown");
    let long_ago = "INSERT INTO names VALUES (1, 'old', 'Old', 1)";
    rusqlite::Connection::open(&file).expect("a database").execute(long_ago, []).expect("written");
    check(&site, &moderator("c", HOUR), "Cid", 200).await;
    assert_eq!(stored_names(&site), ["Bea", "Cid"], "what is over is removed");
}

async fn make_unique(site: &Site, unique: bool) {
    let answer = site.administer("/v1/streams/1/settings", &json!({ "unique_names": unique })).await;
    assert_eq!((answer.status, &answer.json["data"]["unique_names"]), (200, &json!(unique)));
}

#[tokio::test]
async fn where_names_are_unique_a_name_is_held_by_who_is_there() {
    let site = Site::open().await;
    make_unique(&site, true).await;
    let (first, second) = (site.subscribe().await, site.subscribe().await);
    check(&site, first.token(), "Tom", 200).await;
    for name in ["Tom", "tom ", "TOM", "Torn", "T  om"] {
        check(&site, second.token(), name, 409).await;
    }
    check(&site, second.token(), "Tomas", 200).await;
    let token = first.token().to_owned();
    drop(first);
    site.viewers(1).await;
    check(&site, second.token(), "Tom", 409).await;
    check(&site, &token, "Tom", 200).await;
    check(&site, &token, "Kim", 200).await;
    check(&site, second.token(), "Tom", 200).await;
    let site = site.restart().await;
    check(&site, &page_token("b", HOUR), "Tom", 409).await;
    check(&site, &page_token("b", HOUR), "Bea", 200).await;
    assert_eq!(stored_names(&site), [""; 0], "nothing is kept of it");
    make_unique(&site, false).await;
    check(&site, &page_token("b", HOUR), "Tom", 200).await;
}

#[tokio::test]
async fn where_names_are_unique_one_address_may_share_one() {
    let site = Site::open().await;
    make_unique(&site, true).await;
    let [laptop, phone, other] = [(); 3].map(|()| site.guest_token(RoomId::FIRST));
    assert_eq!(say_from_as(&site, "127.0.0.1", "", &laptop, "Tom").await, 200);
    assert_eq!(say_from_as(&site, "127.0.0.1", "", &phone, "Tom").await, 200, "the same person's");
    assert_eq!(say_from_as(&site, "127.0.0.2", "", &other, "Tom").await, 409);
    let history = site.get("/v1/streams/1/messages").await.json["data"].clone();
    assert_ne!(history[0]["author_id"], history[1]["author_id"], "they remain two authors");
}

#[tokio::test]
async fn names_are_shown_without_the_space_around_them() {
    let site = Site::open().await;
    let token = page_token("a", HOUR);
    check(&site, &token, " Solo\u{2003}", 200).await;
    let answer = site.get("/v1/streams/1/messages").await;
    assert_eq!(answer.json["data"][0]["message"]["username"], " Solo\u{2003}", "the payload is relayed as it came");
    let page = site.get("/").await;
    assert!(page.text.contains(">Solo</bdi>"), "{}", page.text);
    for name in [" ", "\u{2003}", "\u{301}", "\u{308}\u{323}", "\u{200d}"] {
        let refused = site.say_as(&token, name, "hi").await;
        assert_eq!(refused.status, 400, "{name:?} has nothing to be seen: {}", refused.text);
    }
}

#[tokio::test]
async fn names_that_look_like_a_badge_are_for_those_who_have_one() {
    let site = Site::open().await;
    let guest = page_token("a", HOUR);
    for (name, part) in
        [("Ann ✓", "✓"), ("Mod 🛡", "🛡"), ("Ann (owner)", "owner"), ("Mоderator Ann", "Mоderator"), ("Ann Leitung", "Leitung")]
    {
        let refused = site.say_as(&guest, name, "hi").await;
        let text = format!("The name must not contain \"{part}\", which looks like a badge. Please choose another one.");
        assert_eq!((refused.status, refused.error(), &refused.json["data"]["field"]), (409, &*text, &json!("username")));
    }
    let moderator = site.hub.tokens().sign(user("m"), RoomId::FIRST, Capabilities::moderator(), None);
    check(&site, &moderator, "Mod 🛡", 200).await;
}

#[tokio::test]
async fn reserved_names_are_for_those_who_moderate() {
    let site = Site::open().await;
    let guest = page_token("a", HOUR);
    for name in ["admin", "ADMlN", "\u{430}dmin", "s u p p 0 r t", "Admin.", "A.d.m.i.n", "Ädmin", "Ⓐdmin"] {
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
        assert!(page.contains("owner</bdi><!><span class=\"tag role\">Owner</span>"), "{page}");
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
    for name in ["Ann\u{200b}", "\u{202e}nnA", "\u{2066}Ann", "A\u{200d}nn", "\u{feff}Ann", "\u{3164}", "\u{2800}"] {
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
    let moderator = site.hub.tokens().sign(user("m"), RoomId::FIRST, Capabilities::moderator(), None);
    check(&site, &moderator, "Ann", 200).await;
    let refused = post(&site, "", "username=ANN&message=keep+this").await;
    assert_eq!(refused.status, 409);
    let at = refused.text.find("id=\"username-error\"").expect("the name's error");
    assert!(refused.text[at..].starts_with(&format!("id=\"username-error\" role=\"alert\" class=\"error\">{TAKEN}")));
    assert!(refused.text.contains(">keep this</textarea>") && refused.text.contains("value=\"ANN\""));
    for _ in 0..2 {
        assert_eq!(post(&site, "", "username=Bob&message=hi").await.status, 303, "guests share a name");
    }
}
