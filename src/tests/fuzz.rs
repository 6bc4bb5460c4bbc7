//! A bounded run of what `cargo fuzz` runs for as long as it is let: any bytes, and bytes that look like what the dialects are made of.

use axum::{
    body::Body,
    http::{HeaderValue, Request},
};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};

use super::{
    Site,
    site::ADMIN_KEY,
    web_socket::{CLOSE, WebSocket, close, frame},
};
use crate::chat::RoomId;

#[path = "../../fuzz/dialects.rs"]
mod dialects;

/// Rounds of requests with whatever is in them.
const REQUESTS: usize = 200;

/// Connections that send whatever frames.
const CONNECTIONS: usize = 150;

/// Names of the dialects' fields, and what stands in them.
const WORDS: &str = "action join_channel message_channel message_user channel_name message uuid token type chat username \
    message_text frame text binary data authenticate join_or_create id config panel mobile video_overlay \
    components mouse mousedown name button title style label cooldown duration extension values view context \
    user_interface Action SEND_MESSAGE DELETE_MESSAGE RequestId Content Attributes attributes Id roomIdentifier \
    arn:aws:ivschat:local:000000000000:room/1 messageReviewHandler \
    broadcast private request widget_key to_user_id timestamp client_message_id announcement reply_to messageText \
    name slug slow_mode_seconds blocked_words links";

/// What is written otherwise in JSON, or in HTML.
const STRANGE: [&str; 6] = ["&<>\\\"'", "\\u0000", "é", "\\ud800", "\\ud83d\\ude00", "\\u0061"];

/// JSON of the kind that the dialects take, and what is nearly that.
fn nearly_json() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(WORDS.split(' ').chain(STRANGE).collect::<Vec<_>>());
    let leaf = prop_oneof![
        3 => words.clone().prop_map(|word| format!("\"{word}\"")),
        1 => Just("null".to_owned()),
        1 => Just("true".to_owned()),
        1 => any::<i64>().prop_map(|number| number.to_string()),
        1 => any::<f64>().prop_map(|number| number.to_string()),
    ];
    let value = leaf.prop_recursive(4, 64, 8, move |inner| {
        let member = (words.clone(), inner.clone()).prop_map(|(name, value)| format!("\"{name}\":{value}"));
        prop_oneof![
            prop::collection::vec(inner, 0..8).prop_map(|values| format!("[{}]", values.join(","))),
            prop::collection::vec(member, 0..8).prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    });
    // As it is, cut off, or with one byte that is another.
    (value, any::<prop::sample::Index>(), any::<u8>(), 0..3_u8).prop_map(|(json, at, byte, spoiled)| {
        let mut bytes = json.into_bytes();
        match spoiled {
            0 => {}
            1 => bytes.truncate(at.index(bytes.len())),
            _ => {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
        }
        bytes
    })
}

fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![nearly_json(), any::<Vec<u8>>()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn apex_takes_any_bytes(bytes in any_bytes()) {
        dialects::apex(&bytes);
    }

    #[test]
    fn inlive_takes_any_bytes(bytes in any_bytes()) {
        dialects::inlive(&bytes);
    }

    #[test]
    fn interactive_sync_takes_any_bytes(bytes in any_bytes()) {
        dialects::interactive_sync(&bytes);
    }

    #[test]
    fn ivs_takes_any_bytes(bytes in any_bytes()) {
        dialects::ivs(&bytes);
    }

    #[test]
    fn the_relay_takes_any_bytes(bytes in any_bytes()) {
        dialects::relay(&bytes);
    }
}

/// Whatever is asked of inLive's endpoints, in the address, in a header or in the body, is answered, and nothing fails over it.
#[tokio::test]
async fn whatever_is_asked_of_the_widget_api_is_no_failure_of_the_server() {
    let site = Site::open().await;
    let token = site.guest_token(RoomId::FIRST);
    let (mut runner, any) = (TestRunner::deterministic(), any_bytes());
    let mut bytes = || any.new_tree(&mut runner).expect("no filter").current();
    let encoded = |bytes: Vec<u8>| percent_encode(&bytes, NON_ALPHANUMERIC).to_string();
    for _ in 0..REQUESTS {
        let query = ["token", "last_event_id", "widget_key", "before", "after", "limit", "q"];
        let query = query.map(|key| format!("{key}={}", encoded(bytes()))).join("&");
        let position = HeaderValue::from_bytes(&bytes()).unwrap_or(HeaderValue::from_static("e-1"));
        let envelope = [&br#"{"type":"broadcast","widget_key":"widget-key","message":"#[..], &bytes(), b"}"].concat();
        let post = |uri: &str, body: Vec<u8>| {
            let request = Request::post(uri).header("content-type", "application/json");
            request.header("authorization", format!("Bearer {ADMIN_KEY}")).body(Body::from(body)).expect("a request")
        };
        let get = |uri: &str| Request::get(uri).header("last-event-id", &position).body(Body::empty()).expect("a request");
        for request in [
            get(&format!("/subscribe/1?{query}")),
            get(&format!("/v1/streams/1/messages?{query}")),
            post(&format!("/publish/1?{query}"), envelope.clone()),
            post(&format!("/publish/1?token={token}"), bytes()),
            post(&format!("/publish/1?token={token}"), envelope),
            post("/v1/streams/1/settings", bytes()),
        ] {
            let asked = format!("{} {}", request.method(), request.uri());
            let answer = site.send_for_head(request).await;
            assert!(answer.as_u16() < 500, "{asked}: {answer}");
        }
    }
}

/// Whatever frames come, each in a form that a client could send, the connection ends with a close frame: had its task panicked, there
/// would be none.
#[tokio::test]
async fn whatever_frames_come_the_server_has_the_last_word() {
    let site = Site::open().await;
    let first_bytes = prop_oneof![4 => prop::sample::select(vec![0x81_u8, 0x82, 0x01, 0x00, 0x80, 0x89, 0x8a]), 1 => any::<u8>()];
    let frames = prop::collection::vec((first_bytes, prop_oneof![2 => any_bytes(), 1 => Just(vec![b'x'; 40_000])]), 0..6);
    let mut runner = TestRunner::deterministic();
    for path in ["/ws/echo", "/ws/broadcast", "/apex"].iter().cycle().take(CONNECTIONS) {
        let frames = frames.new_tree(&mut runner).expect("no filter").current();
        let sent: Vec<u8> = frames.iter().flat_map(|(first, payload)| frame(*first, payload)).chain(close(1000)).collect();
        let mut client = WebSocket::open(site.addr, path).await;
        client.write(&sent).await;
        let mut last = None;
        while let Some(received) = client.next().await {
            last = Some(received.opcode);
        }
        assert_eq!(last, Some(CLOSE), "{path}: {frames:?}");
    }
}
