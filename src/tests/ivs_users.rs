//! User ids of Amazon's apps: whatever they hold, everything that can be done to a user can be done to these.

use axum::http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::{
    Site,
    import::import,
    invitations::call,
    ivs_tokens::token_of,
    site::{ADMIN_KEY, PASSWORD},
    web_socket::WebSocket,
};
use crate::{chat::RoomId, hub::TokenError};

/// Ids that could be mistaken for something else somewhere.
pub(super) fn ids() -> [String; 10] {
    [
        "Ann Lee".into(),
        "ünï/ço dé?#%2F&+=;".into(),
        "site:ann".into(),
        "admin".into(),
        "..".into(),
        "line\r\nbreak\0\u{1b}[31m".into(),
        "=HYPERLINK(\"x\"),'<b>".into(),
        " ".into(),
        "\u{202e}💬👩‍👩‍👧".into(),
        "💬".repeat(128),
    ]
}

const ALL: [&str; 3] = ["SEND_MESSAGE", "DELETE_MESSAGE", "DISCONNECT_USER"];

async fn join(site: &Site, user: &str) -> WebSocket {
    let token = token_of(site, user, &ALL).await;
    WebSocket::open_with(site.addr, "/ivschat/ws", &format!("Sec-WebSocket-Protocol: {token}\r\n")).await
}

async fn next(socket: &mut WebSocket) -> Value {
    serde_json::from_str(&socket.text().await).expect("JSON")
}

async fn ask(socket: &mut WebSocket, request: Value) -> Value {
    socket.say(&request.to_string()).await;
    next(socket).await
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

#[tokio::test]
async fn every_user_id_is_shown_and_moderated_as_it_is() {
    let site = Site::open().await;
    let mut moderator = join(&site, "moderator").await;
    for id in ids() {
        let own = format!("site:{id}");
        let mut user = join(&site, &id).await;
        let said = ask(&mut user, json!({ "Action": "SEND_MESSAGE", "RequestId": "r", "Content": "hi" })).await;
        assert_eq!((&said["Type"], &said["Sender"]["UserId"]), (&json!("MESSAGE"), &json!(id)));
        assert_eq!(next(&mut moderator).await["Sender"]["UserId"], json!(id));
        let history = site.get("/v1/streams/1/messages?limit=1").await.json;
        assert_eq!(history["data"][0]["author_id"], json!(own));

        let path = |what: &str| format!("/v1/streams/1/users/{}/{what}", encoded(&own));
        assert_eq!(call(&site, Method::GET, &path("address"), ADMIN_KEY, &Value::Null).await.status, 200, "{id:?}");
        assert_eq!(site.administer(&path("ban"), &json!({})).await.status, 200);
        assert_eq!(next(&mut user).await["Attributes"], json!({ "UserId": id }));
        assert_eq!(user.next().await.expect("a close").close().0, 1000);
        let sanctions = call(&site, Method::GET, "/v1/streams/1/sanctions", ADMIN_KEY, &Value::Null).await;
        assert!(sanctions.text.contains(&json!(own).to_string()), "{id:?}: {}", sanctions.text);
        lift_on_the_page(&site, &own).await;

        let mut user = join(&site, &id).await;
        let said = ask(&mut user, json!({ "Action": "SEND_MESSAGE", "RequestId": "s", "Content": "again" })).await;
        assert_eq!(said["Type"], "MESSAGE", "{id:?}");
        next(&mut moderator).await;
        let gone = ask(&mut moderator, json!({ "Action": "DISCONNECT_USER", "RequestId": "d", "UserId": id })).await;
        assert_eq!(gone["Attributes"], json!({ "UserId": id }));
        assert_eq!(next(&mut user).await["Attributes"], json!({ "UserId": id }));
        assert_eq!(user.next().await.expect("a close").close().0, 1000);
        assert_eq!(call(&site, Method::DELETE, &path("messages"), ADMIN_KEY, &Value::Null).await.status, 200);
        assert_eq!(next(&mut moderator).await["Attributes"], json!({ "UserId": id }));
        assert_eq!(site.history().await, [""; 0]);
    }
}

/// Presses the button beside a sanction as a browser does.
async fn lift_on_the_page(site: &Site, user: &str) {
    let session = site.sign_in(PASSWORD).await.cookie().to_owned();
    let page = site.page("/admin/rooms/1", &session).await.text;
    let value = page.split("name=\"user\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a button");
    assert_eq!(value, encoded(user), "nothing that a form would change");
    let lifted = site.submit("/admin/rooms/1/lift", &session, "same-origin", &format!("user={}", encoded(value))).await;
    assert_eq!(lifted.status, 303, "{}", lifted.text);
}

#[tokio::test]
async fn every_user_id_is_exported_imported_and_revoked_as_it_is() {
    let site = Site::open().await;
    for id in ids() {
        let mut user = join(&site, &id).await;
        ask(&mut user, json!({ "Action": "SEND_MESSAGE", "RequestId": "r", "Content": "hi" })).await;
    }
    let export = call(&site, Method::GET, "/v1/streams/1/export.jsonl", ADMIN_KEY, &Value::Null).await.text;
    let authors = |export: &str| -> Vec<String> {
        let line = |line| serde_json::from_str::<Value>(line).expect("JSON")["author_id"].as_str().expect("an id").to_owned();
        export.lines().map(line).collect()
    };
    let expected = ids().map(|id| format!("site:{id}"));
    assert_eq!(authors(&export), expected);
    let imported = import(&site, "name=Imported&slug=imported", export).await;
    assert_eq!(imported.status, 200, "{}", imported.text);
    let again = call(&site, Method::GET, "/v1/streams/2/export.jsonl", ADMIN_KEY, &Value::Null).await.text;
    assert_eq!(authors(&again), expected);
    let csv = call(&site, Method::GET, "/v1/streams/1/export.csv", ADMIN_KEY, &Value::Null).await.text;
    let mut rows = csv::Reader::from_reader(csv.as_bytes());
    let ids_in_csv: Vec<_> = rows.records().map(|row| row.expect("a row")[2].to_owned()).collect();
    assert_eq!(ids_in_csv, expected);

    let token = token_of(&site, &ids()[1], &ALL).await;
    site.administer("/v1/tokens/revoke", &json!({ "user": expected[1] })).await;
    assert_eq!(site.hub.check(&token, RoomId::FIRST), Err(TokenError::Revoked));
}
