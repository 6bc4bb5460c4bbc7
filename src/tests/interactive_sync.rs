//! `/interactive-sync`, and what its viewers ask for.

use std::time::Duration;

use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use super::{
    Answer, Site,
    site::{ADMIN_KEY, Setting, WIDGET_KEY},
    web_socket::{FIN, PING, PONG, TEXT, WebSocket, frame, request},
};
use crate::{
    chat::{Capabilities, RoomId},
    protocol::interactive_sync::GameLimits,
};

fn path() -> String {
    format!("/interactive-sync?client_id={WIDGET_KEY}&access_token={ADMIN_KEY}")
}

pub async fn next(game: &mut WebSocket) -> Value {
    serde_json::from_str(&game.text().await).expect("JSON")
}

/// A game that has been let in, on a clock that stands still.
pub async fn game(site: &Site) -> WebSocket {
    let mut game = WebSocket::open(site.addr, &path()).await;
    let expected = json!({
        "status": "ok", "context": "connection", "message": "You are well connected with the channel",
        "data": { "displayName": "Live chat", "channelId": "1" },
    });
    assert_eq!(next(&mut game).await, expected);
    tokio::time::pause();
    game
}

pub fn interface(id: &str) -> Value {
    json!({
        "id": id,
        "panel": { "components": [{ "type": "button", "name": "jump", "cooldown": { "duration": 5_000 } }] },
        "video_overlay": { "mouse": [{ "type": "mousedown", "cooldown": { "duration": 1_000, "limit": 1 } }] },
    })
}

pub async fn show(game: &mut WebSocket, interface: &Value) -> Value {
    tokio::time::advance(Duration::from_secs(1)).await;
    game.say(&json!({ "context": "user_interface", "data": interface }).to_string()).await;
    next(game).await
}

pub async fn ask(site: &Site, token: &str, method: &str, path: &str, body: &Value) -> Answer {
    let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {token}"));
    let request = request.header("content-type", "application/json").body(Body::from(body.to_string()));
    site.send(request.expect("a request")).await
}

#[tokio::test]
async fn whoever_may_not_come_is_told_so_and_dropped() {
    let site = Site::open().await;
    let sign = |capabilities| site.hub.tokens().sign(site.guest(), RoomId::FIRST, capabilities, None);
    let (guest, owner) = (sign(Capabilities::guest()), sign(Capabilities::owner()));
    let rows = [
        (String::new(), "Query parameters are missing ; connection will be terminated."),
        ("?client_id=x".into(), "ClientID or accessToken is missing ; connection will be terminated."),
        ("?client_id=&access_token=x".into(), "ClientID or accessToken is missing ; connection will be terminated."),
        (format!("?client_id=x&access_token={ADMIN_KEY}"), "An error occurred on ClientID verification: "),
        (format!("?client_id={WIDGET_KEY}&access_token=x"), "An error occurred on token validation: "),
        (format!("?client_id={WIDGET_KEY}&access_token={guest}"), "An error occurred on token validation: "),
    ];
    for (query, expected) in rows {
        let mut client = WebSocket::open(site.addr, &format!("/interactive-sync{query}")).await;
        let answer = next(&mut client).await;
        assert_eq!(
            (&answer["status"], &answer["context"], &answer["data"]),
            (&json!("error"), &json!("connection"), &json!(null))
        );
        assert!(answer["message"].as_str().is_some_and(|message| message.starts_with(expected)), "{answer}");
        assert_eq!(client.next().await, None, "and no close frame");
    }
    let mut client = WebSocket::open(site.addr, &format!("/interactive-sync?client_id={WIDGET_KEY}&access_token={owner}")).await;
    assert_eq!(next(&mut client).await["status"], "ok");
    site.administer("/v1/streams/1/end", &json!({})).await;
    let mut late = WebSocket::open(site.addr, &path()).await;
    let message = next(&mut late).await["message"].as_str().expect("a text").to_owned();
    assert!(message.starts_with("An error occurred to set extension configuration: "), "{message}");
    client.say(&json!({ "context": "user_interface", "data": { "id": "1" } }).to_string()).await;
    assert_eq!(
        next(&mut client).await["message"],
        "For unknown reasons, channelID is undefined ; connection will be terminated."
    );
    assert_eq!(client.next().await, None);
}

#[tokio::test]
async fn what_a_game_sends_at_once_is_not_lost() {
    let site = Site::open().await;
    let shown = json!({ "context": "user_interface", "data": interface("1") }).to_string();
    let sent = [request(&path(), "").as_bytes(), &frame(FIN | TEXT, shown.as_bytes())].concat();
    let mut game = WebSocket::ask(site.addr, &sent).await;
    assert_eq!(next(&mut game).await["context"], "connection");
    assert_eq!(next(&mut game).await["message"], "Message was well received and transfered to Twitch API.");
}

#[tokio::test]
async fn viewers_see_what_a_game_shows_and_it_hears_what_they_do() {
    let site = Site::open().await;
    let (ann, bob) = (site.guest_token(RoomId::FIRST), site.guest_token(RoomId::FIRST));
    let seen = async || ask(&site, &ann, "GET", "/interactive-sync/user/interface/query", &json!(null)).await;
    assert_eq!(seen().await.status, 204);
    let mut game = game(&site).await;
    assert_eq!(show(&mut game, &interface("1")).await["status"], "ok");
    assert_eq!(show(&mut game, &interface("1")).await["data"], json!({ "previousID": "1", "newID": "1" }));
    assert_eq!(seen().await.json["panel"]["components"][0]["label"], "A label", "filled in");

    let press = async |token: &str, id: &str| {
        ask(
            &site,
            token,
            "POST",
            "/interactive-sync/action/input",
            &json!({ "id": id, "view": "panel", "values": { "how": "high" } }),
        )
        .await
    };
    assert_eq!(press(&ann, "fly").await.status, 403);
    assert_eq!(press(&ann, "jump").await.json, json!({ "duration": 5_000, "broadcast": true }));
    let input = json!({ "id": "jump", "view": "panel", "values": { "how": "high" }, "username": null });
    let emitted = |kind: &str, payload: &Value| json!({ "status": "ok", "context": "emit", "message": null, "data": { "type": kind, "payload": payload } });
    assert_eq!(next(&mut game).await, emitted("input", &input));
    assert_eq!((press(&ann, "jump").await.status, press(&bob, "jump").await.status), (429, 406));
    let open_at = ask(&site, &bob, "GET", "/interactive-sync/action/query", &json!(null)).await;
    assert!(open_at.json["jump"].as_i64().is_some_and(|at| at > 1_600_000_000_000), "{}", open_at.text);
    tokio::time::advance(Duration::from_secs(5)).await;
    assert_eq!(press(&bob, "jump").await.status, 200);
    assert_eq!(next(&mut game).await, emitted("input", &input));

    let click = json!({ "type": "mousedown", "clientWidth": 100, "clientHeight": 100, "clientX": 0, "clientY": 5 });
    let mut told = click.clone();
    told["username"] = json!(null);
    assert_eq!(ask(&site, &ann, "POST", "/interactive-sync/action/mouse", &click).await.json, told);
    assert_eq!(next(&mut game).await, emitted("mousedown", &told));
    let statuses = [&ann, &bob].map(|token| ask(&site, token, "POST", "/interactive-sync/action/mouse", &click));
    let [own, other] = statuses;
    assert_eq!((own.await.status, other.await.status), (429, 406));

    for (token, path, body, status) in [
        ("", "/interactive-sync/action/input", json!({}), 401),
        (&*ann, "/interactive-sync/action/input", json!({ "id": "jump" }), 400),
        (&*ann, "/interactive-sync/action/mouse", json!({ "type": "wheel" }), 400),
    ] {
        let denied = ask(&site, token, "POST", path, &body).await;
        assert_eq!((denied.status, &denied.json["statusCode"]), (status, &json!(status)), "{}", denied.text);
    }
    tokio::time::resume();
    site.administer("/v1/streams/1/settings", &json!({ "paused": true })).await;
    let denied = press(&bob, "jump").await;
    assert_eq!((denied.status, denied.json["error"].as_str()), (403, Some("Forbidden")), "who may not speak may not act");
    assert!(denied.json["message"].as_str().is_some_and(|message| message.contains("paused this chat")), "{}", denied.text);
    game.end().await;
    assert_eq!(game.next().await, None);
    assert_eq!(seen().await.status, 204, "nothing stays of a game that has gone");
}

#[tokio::test]
async fn the_second_game_of_a_channel_hears_the_same_and_keeps_what_is_shown() {
    let site = Site::open().await;
    let token = site.guest_token(RoomId::FIRST);
    let mut first = WebSocket::open(site.addr, &path()).await;
    next(&mut first).await;
    let mut second = game(&site).await;
    show(&mut first, &interface("1")).await;
    ask(&site, &token, "POST", "/interactive-sync/action/input", &json!({ "id": "jump", "view": "panel" })).await;
    assert_eq!(next(&mut first).await, next(&mut second).await);
    first.end().await;
    assert_eq!(first.next().await, None);
    assert_eq!(ask(&site, &token, "GET", "/interactive-sync/user/interface/query", &json!(null)).await.json["id"], "1");
}

#[tokio::test]
async fn too_many_warnings_end_the_connection_without_a_close() {
    let site = Site::open().await;
    let mut game = game(&site).await;
    for _ in 0..5 {
        assert_eq!(show(&mut game, &json!({ "id": "-" })).await["status"], "warning");
    }
    assert_eq!(next(&mut game).await["data"], json!({ "limit": 5 }));
    assert_eq!(game.next().await, None);
}

#[tokio::test]
async fn a_game_that_does_not_answer_a_ping_is_gone_by_the_next() {
    let site = Site::open().await;
    let mut game = game(&site).await;
    for _ in 0..3 {
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(game.next().await.expect("a ping").opcode, PING);
        game.write(&[frame(FIN | PONG, b""), frame(FIN | PING, b"")].concat()).await;
        assert_eq!(game.next().await.expect("a pong").opcode, PONG);
    }
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(game.next().await.expect("a ping").opcode, PING);
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(game.next().await, None);
}

#[tokio::test]
async fn at_the_stop_a_game_is_dropped() {
    let site = Site::open().await;
    let mut game = WebSocket::open(site.addr, &path()).await;
    next(&mut game).await;
    site.end_streams();
    assert_eq!(game.next().await, None);
    site.stop().await;
}

#[tokio::test]
async fn a_game_may_send_as_much_as_is_configured() {
    let game_limits = GameLimits { frame_units: 80, pause: Duration::ZERO, spam: Duration::ZERO, warnings: 2 };
    let site = Site::with(Setting { game_limits, ..Setting::default() }).await;
    let mut game = game(&site).await;
    let say = async |game: &mut WebSocket, id: &str| {
        game.say(&json!({ "context": "user_interface", "data": { "id": id } }).to_string()).await;
        next(game).await
    };
    // At once, on a clock that stands.
    assert_eq!(say(&mut game, "1").await["status"], "ok");
    assert_eq!(say(&mut game, "2").await["status"], "ok");
    let long = "x".repeat(40);
    let too_big = "Size of the JSON received is too big ; message is ignored.";
    assert_eq!(say(&mut game, &long).await["message"], too_big);
    assert_eq!(say(&mut game, &long).await["message"], too_big);
    assert_eq!(next(&mut game).await["data"], json!({ "limit": 2 }));
}
