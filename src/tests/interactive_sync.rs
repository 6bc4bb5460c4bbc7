//! `/interactive-sync`, and what its viewers ask for.

use std::time::Duration;

use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use super::{
    Answer, Events, Site,
    apex::site_token,
    client::SseEvent,
    site::{ADMIN_KEY, KEYED, Setting, WIDGET_KEY},
    web_socket::{FIN, PING, PONG, TEXT, WebSocket, frame, request},
};
use crate::{
    chat::{Capabilities, Command, Draft, Payload, RoomId},
    hub::Caller,
    protocol::interactive_sync::GameLimits,
};

fn path(site: &Site) -> String {
    let token = site.hub.sign_for_game(WIDGET_KEY, RoomId::FIRST, None);
    format!("/interactive-sync?client_id={WIDGET_KEY}&access_token={token}")
}

pub async fn next(game: &mut WebSocket) -> Value {
    serde_json::from_str(&game.text().await).expect("JSON")
}

/// A game that has been let in, on a clock that stands still.
pub async fn game(site: &Site) -> WebSocket {
    let mut game = WebSocket::open(site.addr, &path(site)).await;
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
    // What is shown is stored, by a thread that a clock that stands still does not wait for.
    tokio::time::resume();
    game.say(&json!({ "context": "user_interface", "data": interface }).to_string()).await;
    let answer = next(game).await;
    tokio::time::pause();
    answer
}

/// The next notice of that kind.
pub async fn notice(events: &mut Events, status: &str) -> Value {
    loop {
        let event = events.next_of("system").await;
        if event.data["message"]["status"] == status {
            assert_eq!(event.id, None, "nothing to come back after");
            return event.data["message"].clone();
        }
    }
}

async fn press(site: &Site, token: &str, body: Value) -> Answer {
    ask(site, token, "POST", "/interactive-sync/action/input", &body).await
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
        (format!("?client_id={WIDGET_KEY}&access_token={ADMIN_KEY}"), "An error occurred on token validation: the admin key "),
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
    let mut late = WebSocket::open(site.addr, &path(&site)).await;
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
    let sent = [request(&path(&site), "").as_bytes(), &frame(FIN | TEXT, shown.as_bytes())].concat();
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
    let mut events = site.subscribe().await;
    assert_eq!(events.init["message"]["interface"]["id"], "1");
    game.end().await;
    assert_eq!(game.next().await, None);
    assert_eq!(notice(&mut events, "interface").await["interface"], json!(null), "nothing stays of a game that has gone");
    assert_eq!(seen().await.status, 204);
}

#[tokio::test]
async fn the_second_game_of_a_channel_hears_the_same_and_keeps_what_is_shown() {
    let site = Site::open().await;
    let token = site.guest_token(RoomId::FIRST);
    let mut first = WebSocket::open(site.addr, &path(&site)).await;
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
async fn a_game_whose_token_was_revoked_hears_of_nobody_any_more() {
    let site = Site::open().await;
    let token = site.hub.sign_for_game(WIDGET_KEY, RoomId::FIRST, None);
    let path = format!("/interactive-sync?client_id={WIDGET_KEY}&access_token={token}");
    let mut game = WebSocket::open(site.addr, &path).await;
    assert_eq!(next(&mut game).await["status"], "ok");
    tokio::time::pause();
    show(&mut game, &interface("1")).await;
    tokio::time::resume();
    let revoked = site.administer("/v1/tokens/revoke", &json!({ "token": token })).await;
    assert_eq!(revoked.status, 200, "{}", revoked.text);
    let jump = json!({ "id": "jump", "view": "panel", "username": "Ann" });
    let pressed = press(&site, &site.guest_token(RoomId::FIRST), jump).await;
    assert_eq!((pressed.status, &pressed.json["reason"]), (409, &json!("no_game")), "{}", pressed.text);
    let last = next(&mut game).await;
    assert_eq!((&last["status"], &last["context"]), (&json!("error"), &json!("message")), "{last}");
    assert_eq!(game.next().await, None);
}

#[tokio::test]
async fn at_the_stop_a_game_is_dropped() {
    let site = Site::open().await;
    let mut game = WebSocket::open(site.addr, &path(&site)).await;
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
    tokio::time::resume();
    let say = async |game: &mut WebSocket, id: &str| {
        game.say(&json!({ "context": "user_interface", "data": { "id": id } }).to_string()).await;
        next(game).await
    };
    // At once.
    assert_eq!(say(&mut game, "1").await["status"], "ok");
    assert_eq!(say(&mut game, "2").await["status"], "ok");
    let long = "x".repeat(40);
    let too_big = "Size of the JSON received is too big ; message is ignored.";
    assert_eq!(say(&mut game, &long).await["message"], too_big);
    assert_eq!(say(&mut game, &long).await["message"], too_big);
    assert_eq!(next(&mut game).await["data"], json!({ "limit": 2 }));
}

#[tokio::test]
async fn the_room_s_stream_tells_what_is_shown_and_what_is_not_open() {
    let site = Site::open().await;
    let mut early = site.subscribe().await;
    assert!(early.init["message"].get("interface").is_none(), "{}", early.init);
    let mut game = game(&site).await;
    show(&mut game, &interface("1")).await;
    tokio::time::resume();
    let told = notice(&mut early, "interface").await["interface"].clone();
    assert_eq!((&told["id"], &told["panel"]["components"][0]["label"]), (&json!("1"), &json!("A label")));
    assert_eq!(press(&site, early.token(), json!({ "id": "jump", "view": "panel" })).await.status, 200);
    assert_eq!(notice(&mut early, "cooldown").await, json!({ "status": "cooldown", "action": "jump", "duration": 5_000 }));
    let late = site.subscribe().await;
    assert_eq!(late.init["message"]["interface"], told);
    let left = late.init["message"]["cooldowns"]["jump"].as_u64().expect("milliseconds");
    assert!((1..=5_000).contains(&left), "{left}");
    tokio::time::pause();
    show(&mut game, &json!({})).await;
    tokio::time::resume();
    assert_eq!(notice(&mut early, "interface").await, json!({ "status": "interface", "interface": null }));
    assert!(site.subscribe().await.init["message"].get("interface").is_none());
}

#[tokio::test]
async fn what_is_shown_survives_a_restart_and_its_game_may_show_it_again() {
    let site = Site::open().await;
    let mut game = game(&site).await;
    show(&mut game, &interface("1")).await;
    tokio::time::resume();
    let site = site.restart().await;
    assert_eq!(game.next().await, None);
    let guest = site.subscribe().await;
    assert_eq!(guest.init["message"]["interface"]["id"], "1");
    let jump = || json!({ "id": "jump", "view": "panel" });
    let alone = press(&site, guest.token(), jump()).await;
    assert_eq!((alone.status, &alone.json["reason"]), (409, &json!("no_game")), "{}", alone.text);
    let mut again = self::game(&site).await;
    tokio::time::resume();
    assert_eq!(press(&site, guest.token(), jump()).await.status, 200, "it is still there");
    assert_eq!(next(&mut again).await["data"]["payload"]["id"], "jump");
    tokio::time::pause();
    assert_eq!(show(&mut again, &interface("1")).await["status"], "ok");
    assert_eq!(show(&mut again, &interface("1")).await["status"], "warning", "its own");
}

/// An interface whose members are in no order but the game's own, with the defaults that are filled in behind them.
const UNORDERED: &str = r#"{"panel":{"components":[{"type":"button","name":"vote","label":"Vote","cooldown":{"duration":3000,"broadcast":false},"extension":{"submit":{"label":"Go"},"components":[{"type":"radio","name":"side","template":"classic","values":{"z":"Last","10":"Ten","a":"First","9":"Nine"}}]}}]},"id":"u1","config":{"transparent":false,"ripple":true}}"#;

#[tokio::test]
async fn the_members_of_an_interface_stay_in_the_game_s_order_everywhere() {
    let site = Site::open().await;
    let (mut events, mut game) = (site.subscribe().await, game(&site).await);
    tokio::time::resume();
    game.say(&format!(r#"{{"context":"user_interface","data":{UNORDERED}}}"#)).await;
    assert_eq!(next(&mut game).await["status"], "ok");
    loop {
        let SseEvent { data, text, .. } = events.next_of("system").await;
        if data["message"]["status"] == "interface" {
            assert!(text.contains(UNORDERED), "{text}");
            break;
        }
    }
    let site = site.restart().await;
    let guest = site.subscribe().await;
    let query = "/interactive-sync/user/interface/query";
    assert_eq!(ask(&site, guest.token(), "GET", query, &json!(null)).await.text, UNORDERED);
    let values = json!({ "side": "9" });
    let mut game = self::game(&site).await;
    tokio::time::resume();
    assert_eq!(press(&site, guest.token(), json!({ "id": "vote", "view": "panel", "values": values })).await.status, 200);
    assert_eq!(next(&mut game).await["data"]["payload"]["values"], values);
}

#[tokio::test]
async fn the_document_s_example_works() {
    let document = include_str!("../../docs/clients/interactive-sync.md");
    let example = document.split_once("### An example\n").expect("an example").1;
    let mut blocks = example.split("```json\n").skip(1).map(|block| block.split_once("```").expect("its end").0);
    let (shown, heard) = (blocks.next().expect("an interface"), blocks.next().expect("a press"));
    let [shown, heard] = [shown, heard].map(|json| serde_json::from_str::<Value>(json).expect("JSON"));
    let site = Site::open().await;
    let mut game = game(&site).await;
    assert_eq!(show(&mut game, &shown).await["status"], "ok");
    tokio::time::resume();
    let ann = site.subscribe().await;
    assert_eq!(press(&site, ann.token(), heard["payload"].clone()).await.status, 200);
    assert_eq!(next(&mut game).await["data"], heard);
}

#[tokio::test]
async fn the_end_of_a_room_takes_away_what_is_shown_for_good() {
    let site = Site::open().await;
    let mut game = game(&site).await;
    show(&mut game, &interface("1")).await;
    tokio::time::resume();
    let mut events = site.subscribe_with("/subscribe/1?wait=1", None).await;
    site.administer("/v1/streams/1/end", &json!({})).await;
    assert_eq!(notice(&mut events, "interface").await["interface"], json!(null));
    for step in ["prepare", "start"] {
        assert_eq!(site.administer(&format!("/v1/streams/1/{step}"), &json!({})).await.status, 200);
    }
    assert!(site.subscribe().await.init["message"].get("interface").is_none());
    let site = site.restart().await;
    assert!(site.subscribe().await.init["message"].get("interface").is_none());
}

#[tokio::test]
async fn a_game_is_told_who_presses() {
    let site = Site::open().await;
    let mut game = game(&site).await;
    show(&mut game, &interface("1")).await;
    let guest = site.guest_token(RoomId::FIRST);
    let given = site_token("7", "Given Name");
    let jump = |name: Option<&str>| match name {
        Some(name) => json!({ "id": "jump", "view": "panel", "username": name }),
        None => json!({ "id": "jump", "view": "panel" }),
    };
    let rows = [
        (&*guest, None, json!(null)),
        (&*guest, Some("Ann"), json!("Ann")),
        (&*guest, Some(" Bea "), json!("Bea")),
        (&*given, None, json!("Given Name")),
        (&*given, Some("Other"), json!("Given Name")),
    ];
    for (token, name, expected) in rows {
        tokio::time::advance(Duration::from_secs(5)).await;
        let pressed = press(&site, token, jump(name)).await;
        assert_eq!(pressed.status, 200, "{name:?}: {}", pressed.text);
        assert_eq!(next(&mut game).await["data"]["payload"]["username"], expected, "{name:?}");
    }
    tokio::time::advance(Duration::from_secs(5)).await;
    for (name, status) in [("admin", 409), ("\u{200b}", 400), (&*"x".repeat(65), 400)] {
        let refused = press(&site, &guest, jump(Some(name))).await;
        assert_eq!(refused.status, status, "{name:?}: {}", refused.text);
    }
    assert_eq!(press(&site, &guest, json!({ "id": "jump", "view": "panel", "username": 7 })).await.status, 400);
    let mouse =
        json!({ "type": "mousedown", "clientWidth": 9, "clientHeight": 9, "clientX": 1, "clientY": 1, "username": "Ann" });
    let answer = ask(&site, &guest, "POST", "/interactive-sync/action/mouse", &mouse).await;
    assert_eq!(
        (answer.json["username"].as_str(), next(&mut game).await["data"]["payload"]["username"].as_str()),
        (Some("Ann"), Some("Ann"))
    );
}

#[tokio::test]
async fn a_guest_who_has_spoken_is_known_by_that_name() {
    let site = Site::open().await;
    let mut game = game(&site).await;
    show(&mut game, &interface("1")).await;
    tokio::time::resume();
    let guest = site.subscribe().await;
    let payload = Payload::of(&json!({ "type": "chat", "username": "Ann", "message_text": "hi" }));
    let draft = Draft { payload, video_time: 0.0, client_message_id: None, announces: false };
    let caller = Caller { token: guest.token(), site: KEYED, from: Some([127, 0, 0, 1].into()) };
    site.hub.publish(RoomId::FIRST, caller, Command::Broadcast(draft)).await.expect("said");
    assert_eq!(press(&site, guest.token(), json!({ "id": "jump", "view": "panel" })).await.status, 200);
    assert_eq!(next(&mut game).await["data"]["payload"]["username"], "Ann");
}

#[tokio::test]
async fn each_refusal_of_a_press_says_why_and_how_long_it_lasts() {
    let site = Site::open().await;
    let guest = || site.guest_token(RoomId::FIRST);
    let jump = || json!({ "id": "jump", "view": "panel" });
    let refused = |answer: &Answer| (answer.status, answer.json["reason"].as_str().expect("a reason").to_owned());
    assert_eq!(refused(&press(&site, &guest(), jump()).await), (409, "no_game".into()));
    let mut game = game(&site).await;
    assert_eq!(refused(&press(&site, &guest(), jump()).await), (403, "unknown_action".into()), "nothing is shown");
    show(&mut game, &interface("1")).await;
    assert_eq!(refused(&press(&site, &guest(), json!({ "id": "fly", "view": "panel" })).await), (403, "unknown_action".into()));
    assert_eq!(refused(&press(&site, &guest(), json!({ "id": "jump", "view": "mobile" })).await), (403, "unknown_action".into()));
    let ann = guest();
    assert_eq!(press(&site, &ann, jump()).await.status, 200);
    tokio::time::advance(Duration::from_millis(1_500)).await;
    let rows = [(&ann, 429, "too_fast", 1_500), (&guest(), 406, "cooldown", 3_500)];
    for (token, status, reason, left) in rows {
        let answer = press(&site, token, jump()).await;
        assert_eq!(refused(&answer), (status, reason.into()));
        let told = answer.json["retryAfterMs"].as_u64().expect("milliseconds");
        assert!((1..=left).contains(&told), "{}", answer.text);
        let seconds: u64 = answer.header("retry-after").parse().expect("seconds");
        assert_eq!(seconds, told.div_ceil(1_000));
        assert!(answer.json["message"].as_str().is_some_and(|text| text.contains(&format!("in {seconds} s"))), "{}", answer.text);
    }
    tokio::time::resume();
    let banned = site.guest();
    site.administer(&format!("/v1/streams/1/users/{banned}/ban"), &json!({})).await;
    let banned = site.hub.tokens().sign(banned, RoomId::FIRST, Capabilities::guest(), None);
    assert_eq!(refused(&press(&site, &banned, jump()).await), (403, "banned".into()));
    site.administer("/v1/streams/1/end", &json!({})).await;
    assert_eq!(refused(&press(&site, &guest(), jump()).await), (409, "not_live".into()));
}

#[tokio::test]
async fn whoever_was_too_slow_to_be_told_what_is_shown_is_told_again() {
    let site = Site::open().await;
    let mut events = site.subscribe().await;
    let mut game = game(&site).await;
    show(&mut game, &interface("1")).await;
    tokio::time::resume();
    notice(&mut events, "interface").await;
    let wake: std::sync::Arc<dyn crate::hub::Wake> = std::sync::Arc::new(super::site::ByHand);
    let (mut slow, _) = site.hub.subscribe(RoomId::FIRST, site.guest(), KEYED, None, None, &wake).expect("a live room");
    slow.fell_behind(0, slow.tail().end());
    assert_eq!(notice(&mut events, "interface").await["interface"]["id"], "1");
}
