//! `/interactive-sync` with Twitch's word on who a game is, given by a stand-in.

use std::{sync::Arc, time::Duration};

use axum::{body::Body, http::Request};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{
    Answer, Receiver, Reply, Site,
    site::{Setting, WIDGET_KEY, tls},
    web_socket::{FIN, PING, TEXT, WebSocket, frame, request},
};
use crate::{
    chat::RoomId,
    server::{Guard, HookClient, Twitch, TwitchChannels},
};

const PATH: &str = "/interactive-sync?client_id=app&access_token=token";
const VALID: &str = r#"{"client_id":"app","login":"ann","scopes":[],"user_id":"12345","expires_in":5520838}"#;
const HOUR: Duration = Duration::from_secs(60 * 60);

/// A chat in which 12345 has room 1, 67890 the room `stage`, and 777 a room that is not there; Twitch is `receiver`.
async fn open(receiver: &Receiver) -> Site {
    open_to(receiver, &["*"]).await
}

/// The same, for pages of these origins alone.
async fn open_to(receiver: &Receiver, origins: &'static [&'static str]) -> Site {
    let client = HookClient::new(Guard::anywhere(), tls());
    let channels = TwitchChannels::parse("12345=1,67890=stage,777=7").expect("channels");
    let twitch = Twitch::new(client, Twitch::url(&receiver.url).expect("an address"), channels);
    Site::with(Setting { twitch: Some(twitch), origins, ..Setting::default() }).await
}

/// Makes the room `stage`, which gets that number, and begins it.
async fn make_stage(site: &Site, number: u32) {
    site.administer("/v1/streams/create", &json!({ "name": "Stage", "slug": "stage" })).await;
    for step in ["prepare", "start"] {
        assert_eq!(site.administer(&format!("/v1/streams/{number}/{step}"), &json!({})).await.status, 200);
    }
}

/// The next text, whatever pings come before it.
async fn next(game: &mut WebSocket) -> Value {
    loop {
        let received = game.next().await.expect("the connection goes on");
        if received.opcode != PING {
            return serde_json::from_str(received.text()).expect("JSON");
        }
    }
}

async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// What the viewers of a room see.
async fn seen(site: &Site, room: i64) -> Answer {
    let token = site.guest_token(RoomId::new(room).expect("a number"));
    let request = Request::get("/interactive-sync/user/interface/query").header("authorization", format!("Bearer {token}"));
    site.send(request.body(Body::empty()).expect("a request")).await
}

/// What the next frame says.
async fn told(game: &mut WebSocket) -> String {
    next(game).await["message"].as_str().expect("a text").to_owned()
}

/// What a game is told that is not let in.
async fn rejected(site: &Site, path: &str) -> String {
    let mut game = WebSocket::open(site.addr, path).await;
    let answer = next(&mut game).await;
    assert_eq!(
        (&answer["status"], &answer["context"], &answer["data"]),
        (&json!("error"), &json!("connection"), &json!(null)),
        "{answer}"
    );
    assert_eq!(game.next().await, None, "and no close frame");
    answer["message"].as_str().expect("a text").to_owned()
}

fn interface(id: &str) -> String {
    json!({ "context": "user_interface", "data": { "id": id } }).to_string()
}

/// Shows an interface, and gives what the game is told of it.
async fn show(game: &mut WebSocket, id: &str) -> String {
    game.say(&interface(id)).await;
    told(game).await
}

const SHOWN: &str = "Message was well received and transfered to Twitch API.";
const LOST: &str = "For unknown reasons, channelID is undefined ; connection will be terminated.";

#[tokio::test]
async fn a_user_of_twitch_runs_the_room_that_their_channel_is() {
    let mut twitch = Receiver::open().await;
    let site = open(&twitch).await;
    make_stage(&site, 2).await;
    let bob = VALID.replace("ann", "bob").replace("12345", "67890");
    for (valid, login, channel, room) in [(VALID, "ann", "12345", 1), (&*bob, "bob", "67890", 2)] {
        twitch.reply([Reply::json(valid)]);
        let mut game = WebSocket::open(site.addr, PATH).await;
        let expected = json!({
            "status": "ok", "context": "connection", "message": "You are well connected with the channel",
            "data": { "displayName": login, "channelId": channel },
        });
        assert_eq!(next(&mut game).await, expected);
        let asked = twitch.next().await;
        assert!(asked.head.starts_with("GET /hook/oauth2/validate HTTP/1.1\r\n"), "{}", asked.head);
        assert_eq!((&*asked.headers["authorization"], &*asked.body), ("OAuth token", ""));
        assert_eq!(show(&mut game, channel).await, SHOWN);
        assert!(twitch.waiting().is_empty(), "it is asked once an hour");
        assert_eq!(seen(&site, room).await.json["id"], channel);
    }
}

#[tokio::test]
async fn what_twitch_does_not_vouch_for_is_not_let_in() {
    let twitch = Receiver::open().await;
    let site = open(&twitch).await;
    let token = "An error occurred on token validation: ";
    let channel = "An error occurred to set extension configuration: ";
    let rows = [
        (Reply::json(&VALID.replace("app", "other")), format!("{token}Client ID and OAuth token do not match")),
        (Reply::json_with(401, r#"{"status":401,"message":"invalid access token"}"#), format!("{token}invalid access token")),
        (
            Reply::json(r#"{"client_id":"app","scopes":[],"expires_in":5520838}"#),
            "We cant find user_id with your token. It must be an user access token retrieved with implitit code flow or authorization code flow.".into(),
        ),
        (
            Reply::json(&VALID.replace("12345", "54321")),
            format!(
                "{channel}The channel of the Twitch user 54321 is no room of this chat: its operator has to name one with \
                 --interactive-sync-twitch-channels."
            ),
        ),
        (Reply::json(&VALID.replace("12345", "67890")), format!("{channel}There is no room \"stage\".")),
        (Reply::json(&VALID.replace("12345", "777")), format!("{channel}There is no room 7.")),
        (Reply::json("<html>"), format!("{token}Twitch's answer is not understood.")),
        (Reply::status(500), format!("{token}Twitch answered with status 500.")),
        (
            Reply::Bytes(b"HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n".to_vec()),
            format!("{token}Twitch answered with status 307."),
        ),
        (
            Reply::json(&VALID.replace("ann", &"x".repeat(20_000))),
            format!("{token}Twitch's answer cannot be read: length limit exceeded"),
        ),
    ];
    for (reply, expected) in rows {
        twitch.reply([reply]);
        assert_eq!(rejected(&site, PATH).await, expected);
    }
    for reply in [Reply::Closed, Reply::Bytes(b"hello\r\n\r\n".to_vec())] {
        twitch.reply([reply]);
        let message = rejected(&site, PATH).await;
        assert!(message.starts_with(&format!("{token}Twitch cannot be asked: ")), "{message}");
    }
    twitch.reply([Reply::json(VALID)]);
    site.administer("/v1/streams/1/end", &json!({})).await;
    assert!(rejected(&site, PATH).await.starts_with(channel), "its room has ended");
    twitch.close().await;
    let message = rejected(&site, PATH).await;
    assert!(message.starts_with(&format!("{token}Twitch cannot be asked: it cannot be reached: ")), "{message}");
}

#[tokio::test]
async fn what_needs_no_word_of_twitch_is_not_asked() {
    let mut twitch = Receiver::open().await;
    let site = open(&twitch).await;
    let own = format!("/interactive-sync?client_id={WIDGET_KEY}");
    let invalid = "An error occurred on token validation: ";
    for (path, expected) in [
        ("/interactive-sync", "Query parameters are missing ; connection will be terminated."),
        ("/interactive-sync?client_id=app", "ClientID or accessToken is missing ; connection will be terminated."),
        (&format!("{own}&access_token=token"), invalid),
        ("/interactive-sync?client_id=app&access_token=a%0Ab", invalid),
    ] {
        let message = rejected(&site, path).await;
        assert!(message.starts_with(expected), "{path}: {message}");
    }
    let token = site.hub.sign_for_game(WIDGET_KEY, RoomId::FIRST, None);
    let mut game = WebSocket::open(site.addr, &format!("{own}&access_token={token}")).await;
    assert_eq!(next(&mut game).await["data"], json!({ "displayName": "Live chat", "channelId": "1" }));
    assert!(twitch.waiting().is_empty());
}

#[tokio::test]
async fn what_a_game_sends_while_twitch_is_asked_is_answered_after_it() {
    let mut twitch = Receiver::open().await;
    let site = open(&twitch).await;
    let answer = Arc::new(Notify::new());
    let Reply::Bytes(valid) = Reply::json(VALID) else { unreachable!("bytes") };
    twitch.reply([Reply::Late(valid, Arc::clone(&answer))]);
    let mut game = WebSocket::open(site.addr, PATH).await;
    twitch.next().await;
    game.write(&[frame(FIN | TEXT, interface("1").as_bytes()), frame(FIN | TEXT, b"{")].concat()).await;
    answer.notify_one();
    assert_eq!(next(&mut game).await["data"], json!({ "displayName": "ann", "channelId": "12345" }));
    assert_eq!(told(&mut game).await, SHOWN);
    // It came too soon after the first, or much too soon.
    let second = next(&mut game).await;
    assert!(second["context"] == "message" && second["status"] != "ok", "{second}");
}

#[tokio::test]
async fn a_game_that_went_while_twitch_was_asked_is_in_no_channel() {
    let mut twitch = Receiver::open().await;
    let site = open(&twitch).await;
    let answer = Arc::new(Notify::new());
    let Reply::Bytes(valid) = Reply::json(VALID) else { unreachable!("bytes") };
    twitch.reply([Reply::Late(valid, Arc::clone(&answer))]);
    let sent = [request(PATH, "").as_bytes(), &frame(FIN | TEXT, interface("1").as_bytes())].concat();
    let mut game = WebSocket::ask(site.addr, &sent).await;
    twitch.next().await;
    game.end().await;
    answer.notify_one();
    assert_eq!(next(&mut game).await["context"], "connection");
    assert_eq!(told(&mut game).await, SHOWN, "what it has sent counts");
    assert_eq!(game.next().await, None);
    let gone = async {
        while seen(&site, 1).await.status != 204 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), gone).await.expect("nothing stays of it");
}

#[tokio::test]
async fn twitch_is_not_waited_for_without_end() {
    let mut twitch = Receiver::open().await;
    let site = open(&twitch).await;
    twitch.reply([Reply::hang()]);
    let mut game = WebSocket::open(site.addr, PATH).await;
    twitch.next().await;
    pass(Duration::from_secs(5)).await;
    let expected = "An error occurred on token validation: Twitch did not answer within 5s.";
    assert_eq!(told(&mut game).await, expected);
    assert_eq!(game.next().await, None);
}

#[tokio::test]
async fn twitch_is_asked_again_when_its_word_is_an_hour_old() {
    let mut twitch = Receiver::open().await;
    let site = open(&twitch).await;
    twitch.reply([Reply::json(VALID)]);
    let mut game = WebSocket::open(site.addr, PATH).await;
    assert_eq!(next(&mut game).await["status"], "ok");
    twitch.next().await;
    for (later, replies, expected, asked) in [
        (Duration::from_secs(1), vec![], SHOWN, 0),
        (HOUR, vec![Reply::json(VALID)], SHOWN, 1),
        (Duration::from_secs(2), vec![], SHOWN, 0),
        // While Twitch is away it stays, and Twitch is not asked for each frame.
        (HOUR, vec![Reply::status(500)], SHOWN, 1),
        (Duration::from_secs(30), vec![], SHOWN, 0),
        (Duration::from_secs(31), vec![Reply::Closed], SHOWN, 1),
        (Duration::from_secs(61), vec![Reply::json_with(401, r#"{"status":401,"message":"invalid access token"}"#)], LOST, 1),
    ] {
        twitch.reply(replies);
        pass(later).await;
        assert_eq!(show(&mut game, &uuid::Uuid::new_v4().simple().to_string()).await, expected);
        assert_eq!(twitch.waiting().len(), asked, "after {later:?}");
    }
    assert_eq!(game.next().await, None);
}

#[tokio::test]
async fn a_room_that_ends_ends_its_game_within_the_hour() {
    let mut twitch = Receiver::open().await;
    let site = open(&twitch).await;
    twitch.reply([Reply::json(VALID)]);
    let mut game = WebSocket::open(site.addr, PATH).await;
    assert_eq!(next(&mut game).await["status"], "ok");
    twitch.next().await;
    site.administer("/v1/streams/1/end", &json!({})).await;
    assert_eq!(show(&mut game, "1").await, LOST);
    assert_eq!(game.next().await, None);
    assert!(twitch.waiting().is_empty());
}

#[tokio::test]
async fn a_channel_that_has_become_another_room_ends_its_game() {
    let twitch = Receiver::open().await;
    let site = open(&twitch).await;
    make_stage(&site, 2).await;
    twitch.reply([Reply::json(&VALID.replace("12345", "67890"))]);
    let mut game = WebSocket::open(site.addr, PATH).await;
    assert_eq!(next(&mut game).await["status"], "ok");
    assert_eq!(site.administer("/v1/streams/2/settings", &json!({ "slug": "hall" })).await.status, 200);
    make_stage(&site, 3).await;
    assert_eq!(show(&mut game, "1").await, LOST);
    assert_eq!(game.next().await, None);
}

#[tokio::test]
async fn a_page_with_a_game_needs_the_room_s_leave_too() {
    let twitch = Receiver::open().await;
    let site = open_to(&twitch, &["https://fans.example"]).await;
    for (origin, status) in [("https://other.example", "error"), ("https://fans.example", "ok")] {
        twitch.reply([Reply::json(VALID)]);
        let mut game = WebSocket::open_with(site.addr, PATH, &format!("Origin: {origin}\r\n")).await;
        let answer = next(&mut game).await;
        assert_eq!(answer["status"], status, "{answer}");
        let verified =
            !answer["message"].as_str().is_some_and(|text| text.starts_with("An error occurred on ClientID verification: "));
        assert_eq!(verified, status == "ok", "{answer}");
    }
}
