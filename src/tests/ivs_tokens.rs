//! Tokens of `CreateChatToken`: each opens one connection.

use axum::{body::Body, http::Request};
use serde_json::json;

use super::{
    Site, node,
    site::{Setting, WIDGET_KEY},
    web_socket::{WebSocket, request},
};
use crate::{
    chat::{Capabilities, RoomId},
    hub::{Activity, Rates},
};

const PATH: &str = "/ivschat/ws";

async fn token(site: &Site) -> String {
    token_of(site, "ann", &["SEND_MESSAGE"]).await
}

/// A token that the control plane issues.
pub(super) async fn token_of(site: &Site, user: &str, capabilities: &[&str]) -> String {
    let body = json!({
        "roomIdentifier": "arn:aws:ivschat:local:000000000000:room/1", "userId": user, "capabilities": capabilities,
    });
    let request = Request::post("/ivschat/CreateChatToken").body(Body::from(body.to_string())).expect("a request");
    site.send(request).await.json["token"].as_str().expect("a token").to_owned()
}

fn offer(token: &str) -> String {
    format!("Sec-WebSocket-Protocol: {token}\r\n")
}

/// Connects, or tries to: the status of the answer.
async fn connect(site: &Site, token: &str) -> (String, WebSocket) {
    let socket = WebSocket::ask(site.addr, request(PATH, &offer(token)).as_bytes()).await;
    (socket.head.split(' ').nth(1).unwrap_or_default().to_owned(), socket)
}

async fn status(site: &Site, token: &str) -> String {
    connect(site, token).await.0
}

#[tokio::test]
async fn a_token_opens_one_connection_over_restarts_too() {
    let site = Site::open().await;
    let token = token(&site).await;
    let (opened, socket) = connect(&site, &token).await;
    assert_eq!(opened, "101");
    assert_eq!(status(&site, &token).await, "401", "while the first is open");
    drop(socket);
    assert_eq!(status(&site, &token).await, "401", "when it has ended");
    let said = json!({ "type": "broadcast", "widget_key": WIDGET_KEY, "message": "hi" });
    assert_eq!(site.publish(&token, &said).await.status, 200, "elsewhere it is a token like any other");
    let site = site.restart().await;
    assert_eq!(status(&site, &token).await, "401", "after a restart");
}

#[tokio::test]
async fn an_upgrade_that_fails_uses_up_nothing() {
    let site = Site::open().await;
    let token = token(&site).await;
    let good = request(PATH, &offer(&token));
    let refused = [
        (good.replace("Upgrade: websocket\r\n", ""), "426"),
        (good.replace("Version: 13", "Version: 8"), "426"),
        (good.replace("GET", "HEAD"), "426"),
        (good.replace("Sec-WebSocket-Key", "X-Key"), "400"),
        (good.replace(&token, &format!("x, {token}")), "401"),
    ];
    for (request, expected) in refused {
        let head = WebSocket::ask(site.addr, request.as_bytes()).await.head;
        assert!(head.starts_with(&format!("HTTP/1.1 {expected} ")), "{request}{head}");
    }
    site.administer("/v1/streams/1/end", &json!({})).await;
    assert_ne!(status(&site, &token).await, "101", "the room has ended");
    for step in ["prepare", "start"] {
        site.administer(&format!("/v1/streams/1/{step}"), &json!({})).await;
    }
    assert_eq!(status(&site, &token).await, "101");
    assert_eq!(status(&site, &token).await, "401");
}

#[tokio::test]
async fn a_used_token_that_is_tried_again_and_again_counts_against_the_address_alone() {
    // So rare that only the first one passes, however long a test takes.
    let per_address = Rates::none().with(Activity::Token, 0.000_001);
    let site = Site::with(Setting { per_address, ..Setting::default() }).await;
    let used = token(&site).await;
    assert_eq!([status(&site, &used).await, status(&site, &used).await], ["101", "429"]);
    let per_user = Rates::none().with(Activity::Token, 2.0);
    let site = Site::with(Setting { per_user, ..Setting::default() }).await;
    let used = token(&site).await;
    assert_eq!(status(&site, &used).await, "101");
    for _ in 0..3 {
        assert_eq!(status(&site, &used).await, "401");
    }
    assert_eq!(status(&site, &token(&site).await).await, "101", "the user comes in with another one");
}

#[tokio::test]
async fn of_two_nodes_that_a_token_comes_to_at_once_one_lets_it_in() {
    let [one, other] = node::two().await;
    for _ in 0..10 {
        let token = token(&one).await;
        let (first, second) = tokio::join!(connect(&one, &token), connect(&other, &token));
        let mut statuses = [first.0, second.0];
        statuses.sort_unstable();
        assert_eq!(statuses, ["101", "401"]);
        assert_eq!((&*status(&one, &token).await, &*status(&other, &token).await), ("401", "401"));
    }
}

#[tokio::test]
async fn other_tokens_open_any_number_and_so_do_these_when_they_may() {
    let site = Site::open().await;
    let own = site.hub.tokens().sign(site.guest(), RoomId::FIRST, Capabilities::guest(), None);
    let many = Site::with(Setting { ivs_single_use_tokens: false, ..Setting::default() }).await;
    for (site, token) in [(&site, own), (&many, token(&many).await)] {
        for _ in 0..3 {
            assert_eq!(status(site, &token).await, "101");
        }
    }
}
