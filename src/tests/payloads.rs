//! Whatever `publish` accepts can be read in every way that there is; what it does not accept gets in nowhere; and what got in
//! before the rule for payloads held does no harm.

use axum::{body::Body, http::Request};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use serde_json::{Value, json};

use super::{
    Answer, Receiver, Reply, Site,
    site::{ADMIN_KEY, PASSWORD, WIDGET_KEY},
    web_socket::{FIN, PING, PONG, TEXT, WebSocket, frame},
    webhooks,
};
use crate::{
    chat::{Capabilities, Draft, Payload, Profile, RoomId, any_json},
    engine::{Audience, Entry},
};

/// Payloads that are made up at random.
const RANDOM: usize = 60;

/// Payloads at the edges of the rule, then others of any kind, half of them as a part of a chat message.
fn payloads() -> Vec<String> {
    let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    let edges = [
        nested(32),
        nested(33),
        nested(20_000),
        r#"{"__proto__":{"username":"x"},"constructor":1}"#.to_owned(),
        r#"{"n":[1.7976931348623157e308,1e-999,-0,1e999]}"#.to_owned(),
        r#"{"n":[1.7976931348623157e308,-1.7976931348623157e308,1e-999,-0]}"#.to_owned(),
        r#""\ud83d\ude00\u2028\u0000\u001b<script>]]>&amp;""#.to_owned(),
        "\"\u{2028}\u{2029}\u{85}\u{feff}\u{202e}\"".to_owned(),
        r#"{"type":"chat","username":"ann","message_text":"odd","z":1e999}"#.to_owned(),
        r#"{"type":"chat","username":"ann","message_text":"odd","z":"\ud800"}"#.to_owned(),
        r#"{"\ud800":1,"type":"chat","username":"Admin","message_text":"odd"}"#.to_owned(),
        r#"{"type":"chat","username":"ann","username":"Admin","message_text":"odd"}"#.to_owned(),
        r#"{"type":"chat","us\u0065rname":"ann","message_text":"odd","x":{"a":"\\","b":[]}}"#.to_owned(),
    ];
    let chat = any_json().prop_map(|json| format!(r#"{{"type":"chat","username":"ann","message_text":"odd","z":{json}}}"#));
    let any = prop_oneof![any_json(), chat];
    let mut runner = TestRunner::deterministic();
    let random = (0..RANDOM).map(|_| any.new_tree(&mut runner).expect("few are filtered").current());
    edges.into_iter().chain(random.collect::<Vec<_>>()).collect()
}

async fn ask(site: &Site, method: &str, uri: &str) -> Answer {
    let request = Request::builder().method(method).uri(uri).header("authorization", format!("Bearer {ADMIN_KEY}"));
    site.send(request.body(Body::empty()).expect("a request")).await
}

async fn read(site: &Site, uri: &str) -> Answer {
    let answer = ask(site, "GET", uri).await;
    assert_eq!(answer.status, 200, "{uri}: {}", answer.text);
    answer
}

async fn publish(site: &Site, token: &str, payload: &str) -> Answer {
    let body = format!(r#"{{"type":"broadcast","widget_key":"{WIDGET_KEY}","message":{payload}}}"#);
    site.publish_raw(1, token, body).await
}

fn id_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json["data"]["id"].as_str().expect("an id").to_owned()
}

/// A connection of each dialect that is told of messages at once.
async fn sockets(site: &Site) -> [WebSocket; 3] {
    let token = site.guest_token(RoomId::FIRST);
    let ivs = WebSocket::open_with(site.addr, "/ivschat/ws", &format!("Sec-WebSocket-Protocol: {token}\r\n")).await;
    let mut apex = WebSocket::open(site.addr, "/apex").await;
    apex.say(r#"[{"action":"join_channel","channel_name":"live-chat"}]"#).await;
    apex.write(&frame(FIN | PING, b"")).await;
    assert_eq!(apex.next().await.expect("an answer").opcode, PONG);
    [ivs, apex, WebSocket::open(site.addr, "/ws/broadcast").await]
}

/// Has each dialect told of a message that was just said.
async fn hear(sockets: &mut [WebSocket; 3]) -> [String; 3] {
    let [ivs, apex, relay] = sockets;
    let (ivs, apex) = (ivs.text().await, apex.text().await);
    for text in [&ivs, &apex] {
        assert!(serde_json::from_str::<Value>(text).expect("JSON").is_object(), "{text}");
    }
    let relayed = relay.next().await.expect("a frame");
    assert_eq!(relayed.opcode, TEXT);
    [ivs, apex, String::from_utf8(relayed.payload).expect("UTF-8")]
}

/// The pages and lists that show messages, to anybody and to who runs the chat.
async fn read_all(site: &Site) -> Vec<Answer> {
    let mut all = Vec::new();
    for uri in [
        "/v1/streams/1/messages?limit=500",
        "/v1/streams/1/replay?limit=500",
        "/v1/streams/1/search?q=odd&limit=500",
        "/v1/streams/1/held?limit=500",
        "/v1/streams/1/audit?limit=500",
        "/v1/streams/1/export.jsonl",
        "/v1/streams/1/export.csv",
        "/rooms/1",
        "/rooms/1/replay",
        "/embed/1",
        "/overlay/1",
    ] {
        all.push(read(site, uri).await);
    }
    let signed_in = site.sign_in(PASSWORD).await;
    let cookie = signed_in.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
    for uri in ["/admin/rooms/1/log", "/admin/rooms/1/queue"] {
        let page = site.page(uri, &cookie).await;
        assert_eq!(page.status, 200, "{uri}: {}", page.text);
        all.push(page);
    }
    all
}

/// The messages of an export, byte for byte.
fn exported(export: &str) -> Vec<String> {
    let message = |line: &str| {
        let (_, message) = line.split_once("\"message\":").expect("a message");
        message.strip_suffix('}').expect("an object").to_owned()
    };
    export.lines().map(message).collect()
}

#[tokio::test]
async fn what_is_accepted_survives_every_way_to_read_it() {
    let site = Site::open().await;
    let mut receiver = Receiver::open().await;
    webhooks::make(&site, json!({ "url": receiver.url })).await;
    let mut events = site.subscribe().await;
    let mut listeners = sockets(&site).await;
    let token = site.guest_token(RoomId::FIRST);
    let (mut accepted, mut refused) = (Vec::new(), 0);
    for payload in payloads() {
        let answer = publish(&site, &token, &payload).await;
        let Ok(parsed) = Payload::parse(&payload) else {
            refused += 1;
            assert!(answer.status == 400 && answer.error().contains("byte"), "{payload}: {}", answer.text);
            continue;
        };
        // Names and texts have rules of their own.
        if answer.status == 400 {
            continue;
        }
        let (id, payload) = (id_of(&answer), parsed.get().to_owned());
        let is_new = accepted.iter().all(|(_, known)| *known != payload);
        let told = format!("\"message\":{payload}}}");
        let block = loop {
            let block = events.block().await.expect("an event");
            if block.contains("broadcast") {
                break block;
            }
        };
        assert!(block.ends_with(&format!("{told}\n\n")), "{block}");
        let [_, _, relayed] = hear(&mut listeners).await;
        assert_eq!(relayed, payload, "the relay");
        assert!(receiver.next().await.body.contains(&told), "{payload}");
        assert!(read(&site, &format!("/v1/streams/1/messages/{id}")).await.text.contains(&told));
        if is_new {
            accepted.push((id, payload));
        }
    }
    assert!(accepted.len() > 20 && refused > 10, "{} accepted, {refused} refused", accepted.len());

    for (id, _) in &accepted {
        id_of(&publish(&site, &token, &format!(r#"{{"username":"ann","message_text":"re","reply_to":"{id}"}}"#)).await);
    }
    let all = read_all(&site).await;
    for (_, payload) in &accepted {
        // As a message, and as one that is quoted.
        assert!(all[0].text.matches(&format!("\"message\":{payload}}}")).count() >= 2, "{payload}");
        for lists in [&all[1], &all[5]] {
            assert!(lists.text.contains(&format!("\"message\":{payload}}}")), "{payload}");
        }
    }
    let before = exported(&all[5].text);
    let import = Request::post("/v1/streams/import?name=again").header("authorization", format!("Bearer {ADMIN_KEY}"));
    let imported = site.send(import.body(Body::from(all[5].text.clone())).expect("a request")).await;
    assert_eq!(imported.status, 200, "{}", imported.text);
    assert_eq!(exported(&read(&site, "/v1/streams/2/export.jsonl").await.text), before);

    for (id, _) in &accepted {
        assert_eq!(ask(&site, "DELETE", &format!("/v1/streams/1/messages/{id}")).await.status, 200);
    }
    let audit = &read_all(&site).await[4].text;
    for (_, payload) in &accepted {
        assert!(audit.contains(&format!("\"message\":{payload}}}")), "{payload}");
    }
}

#[tokio::test]
async fn what_is_accepted_can_be_held_and_reviewed() {
    let site = Site::open().await;
    let receiver = Receiver::open().await;
    let verdict = json!({ "ReviewResult": "ALLOW", "Attributes": { "checked": "\u{2028}\"\\" } }).to_string();
    receiver.reply(std::iter::repeat_n(Reply::json(&verdict), 200));
    let settings = json!({ "review_url": receiver.url, "review_fallback": "deny", "hold_newcomers": true });
    assert_eq!(site.administer("/v1/streams/1/settings", &settings).await.status, 200);
    let mut held = 0;
    for payload in payloads().into_iter().filter(|payload| Payload::parse(payload).is_ok()) {
        let answer = publish(&site, &site.guest_token(RoomId::FIRST), &payload).await;
        // Names and texts have rules of their own.
        if answer.status == 400 {
            continue;
        }
        let id = id_of(&answer);
        let listed = read(&site, "/v1/streams/1/held?limit=500").await;
        assert_eq!(listed.json["data"].as_array().map(Vec::len), Some(1), "{payload}");
        read_all(&site).await;
        let decided = if held % 2 == 0 { "approve" } else { "decline" };
        let path = format!("/v1/streams/1/held/{id}/{decided}");
        assert_eq!(ask(&site, "POST", &path).await.status, 200, "{payload}");
        held += 1;
    }
    assert!(held > 20, "{held}");
    read_all(&site).await;
}

#[tokio::test]
async fn what_is_refused_gets_in_nowhere() {
    let site = Site::open().await;
    let token = site.hub.tokens().sign(site.guest(), RoomId::FIRST, Capabilities::owner(), None);
    let mut ivs = WebSocket::open_with(site.addr, "/ivschat/ws", &format!("Sec-WebSocket-Protocol: {token}\r\n")).await;
    let mut apex = WebSocket::open(site.addr, "/apex").await;
    let deep = "[".repeat(40) + &"]".repeat(40);
    for bad in ["1e999", r#""\ud800""#, r#"{"\udc00":1}"#, r#"{"a":1,"\u0061":2}"#, &deep] {
        for body in [
            format!(
                r#"{{"type":"broadcast","widget_key":"{WIDGET_KEY}","message":{{"type":"chat","username":"Admin","z":{bad}}}}}"#
            ),
            format!(r#"{{"type":"private","to_user_id":"bob","widget_key":"{WIDGET_KEY}","message":{bad}}}"#),
            format!(r#"{{"type":"broadcast","widget_key":"{WIDGET_KEY}","message":1,"z":{bad}}}"#),
            format!(r#"{{"type":"request","widget_key":"{WIDGET_KEY}","z":{bad}}}"#),
        ] {
            let answer = site.publish_raw(1, &token, body.clone()).await;
            assert!(answer.status == 400 && answer.error().contains("byte"), "{body}: {}", answer.text);
        }
        ivs.say(&format!(r#"{{"Action":"SEND_MESSAGE","RequestId":"r","Content":"x","z":{bad}}}"#)).await;
        let answer: Value = serde_json::from_str(&ivs.text().await).expect("JSON");
        assert_eq!((&answer["Type"], &answer["ErrorCode"]), (&json!("ERROR"), &json!(400)), "{bad}");
        apex.say(&format!(r#"[{{"action":"message_channel","channel_name":"live-chat","message":"x","z":{bad}}}]"#)).await;
        assert!(apex.text().await.contains("Did not receive valid JSON"), "{bad}");
        let posts = [
            ("/v1/streams/1/settings", format!(r#"{{"name":"x","z":{bad}}}"#)),
            (
                "/ivschat/SendEvent",
                format!(r#"{{"roomIdentifier":"arn:aws:ivschat:local:000000000000:room/1","eventName":"e","z":{bad}}}"#),
            ),
        ];
        for (path, body) in posts {
            let request = Request::post(path).header("content-type", "application/json");
            let request = request.header("authorization", format!("Bearer {ADMIN_KEY}"));
            let answer = site.send(request.body(Body::from(body)).expect("a request")).await;
            assert!(answer.status == 400 && answer.text.contains("byte"), "{path} {bad}: {}", answer.text);
        }
        let line = |message: &str| format!(r#"{{"sent_at":"2026-11-21T03:00:00Z","author_id":"a","message":{message}}}"#);
        let import = Request::post("/v1/streams/import?name=again").header("authorization", format!("Bearer {ADMIN_KEY}"));
        let lines = format!("{}\n{}\n", line("1"), line(bad));
        let answer = site.send(import.body(Body::from(lines)).expect("a request")).await;
        assert!(answer.status == 400 && answer.error().starts_with("Line 2: "), "{bad}: {}", answer.text);
    }
    assert_eq!(read(&site, "/v1/streams/1/messages").await.json["data"], json!([]));
    assert_eq!(read(&site, "/v1/streams").await.json["data"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn an_older_payload_that_breaks_the_rule_is_kept_and_shown_as_unreadable() {
    let site = Site::open().await;
    let deep = "[".repeat(200) + &"]".repeat(200);
    let old = [
        r#"{"type":"chat","username":"ann","message_text":"odd","z":1e999}"#,
        r#"{"\ud800":1,"type":"chat","username":"Admin","message_text":"odd"}"#,
        r#"{"type":"chat","username":"ann","username":"Admin","message_text":"odd"}"#,
        "{\n\"z\" : \"\\ud800\"}",
        &deep,
        "no JSON at all: \u{1}",
    ];
    let mut listeners = sockets(&site).await;
    for text in old {
        let draft =
            Draft { payload: Payload::stored(text.to_owned()), video_time: 0.0, client_message_id: None, announces: false };
        let entry = Entry { author: site.guest(), to: Audience::Everyone, profile: Profile::default(), draft, name: None };
        site.engine().append(RoomId::FIRST, entry).await.expect("stored");
        let [ivs, apex, relayed] = hear(&mut listeners).await;
        for shown in [ivs, apex] {
            assert!(shown.contains("This message cannot be displayed."), "{shown}");
        }
        assert_eq!(serde_json::from_str::<String>(&relayed).expect("a string"), text);
    }
    drop(listeners);
    let site = site.restart().await;
    let messages = read(&site, "/v1/streams/1/messages?limit=500").await.json["data"].clone();
    let messages = messages.as_array().expect("a list");
    assert_eq!(messages.len(), old.len());
    let token = site.guest_token(RoomId::FIRST);
    for (message, text) in messages.iter().zip(old) {
        assert_eq!((&message["unreadable"], &message["message"]), (&json!(true), &json!(text)));
        let id = message["id"].as_str().expect("an id");
        id_of(&publish(&site, &token, &format!(r#"{{"username":"bob","message_text":"re","reply_to":"{id}"}}"#)).await);
    }
    let all = read_all(&site).await;
    assert_eq!(all[7].text.matches(">This message cannot be displayed.<").count(), old.len(), "the page");
    let german = Request::get("/rooms/1").header("accept-language", "de").body(Body::empty()).expect("a request");
    assert!(site.send(german).await.text.contains("Diese Nachricht kann nicht angezeigt werden."));
    let texts: Vec<_> = exported(&all[5].text).into_iter().take(old.len()).collect();
    assert_eq!(texts, old.map(|text| json!(text).to_string()));
    let import = Request::post("/v1/streams/import?name=again").header("authorization", format!("Bearer {ADMIN_KEY}"));
    let imported = site.send(import.body(Body::from(all[5].text.clone())).expect("a request")).await;
    assert_eq!(imported.status, 200, "{}", imported.text);
    for message in messages {
        let id = message["id"].as_str().expect("an id");
        assert_eq!(ask(&site, "DELETE", &format!("/v1/streams/1/messages/{id}")).await.status, 200);
    }
    let audit = read_all(&site).await[4].json["data"].clone();
    for (act, text) in audit.as_array().expect("a list").iter().rev().zip(old) {
        assert_eq!((&act["deleted"]["unreadable"], &act["deleted"]["message"]), (&json!(true), &json!(text)));
    }
}
