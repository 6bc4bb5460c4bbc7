//! Numbers, places and names at the ends of their ranges and beyond: wherever a request can carry one, no answer is a server error.

use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use super::{
    Answer, Site,
    client::Events,
    roles::every_route,
    site::{ADMIN_KEY, WIDGET_KEY},
};
use crate::chat::{Capabilities, RoomId, UserId};

/// Numbers around every limit that a type here has, as texts.
const NUMBERS: [&str; 26] = [
    "-170141183460469231731687303715884105728",
    "-9223372036854775809",
    "-9223372036854775808",
    "-1",
    "-0",
    "0",
    "1",
    "01",
    "1.5",
    "255",
    "65536",
    "2147483647",
    "2147483648",
    "4294967295",
    "4294967296",
    "1099511627775",
    "1099511627776",
    "9007199254740993",
    "8640000000000001",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1e308",
    "NaN",
    "%D9%A1",
];

/// Some of them: a body is tried with each in each of its fields.
const SOME_NUMBERS: [&str; 9] = [
    "-9223372036854775808",
    "-1",
    "0",
    "1.5",
    "2147483648",
    "1099511627776",
    "8640000000000001",
    "18446744073709551615",
    "1e308",
];

/// What the query of a route of the API may hold.
const KEYS: [&str; 9] = ["before", "after", "limit", "page", "page_size", "at", "from", "to", "room"];

/// Keys of which each value may be a position.
const PLACES: [&str; 3] = ["before", "after", "last_event_id"];

/// What a body of any route may hold.
const FIELDS: [&str; 17] = [
    "seconds",
    "slow_mode_seconds",
    "messages_per_minute",
    "message_chars",
    "established_minutes",
    "repeat_seconds",
    "retention_days",
    "retention_messages",
    "video_time",
    "room",
    "maxResults",
    "sessionDurationInMinutes",
    "maximumMessageLength",
    "maximumMessageRatePerSecond",
    "x",
    "y",
    "value",
];

/// The same, where a number comes as text.
const TEXTS: [&str; 8] = ["room", "id", "user", "message", "pinned_message", "nextToken", "roomIdentifier", "seconds"];

/// Operations of the IVS control plane, which share one route.
const OPERATIONS: [&str; 6] = ["CreateRoom", "UpdateRoom", "ListRooms", "CreateChatToken", "SendEvent", "DeleteMessage"];

async fn ask(site: &Site, route: &str, number: &str, query: &str, body: &str, is_form: bool) -> Answer {
    let (method, path) = route.split_once(' ').expect("a method and a path");
    let content_type = if is_form { "application/x-www-form-urlencoded" } else { "application/json" };
    let request = Request::builder()
        .method(method)
        .uri(format!("{path}?widget_key={WIDGET_KEY}&{query}"))
        .header("authorization", format!("Bearer {ADMIN_KEY}"))
        .header("cookie", format!("live-chat-admin={}", site.hub.sign_in()))
        .header("last-event-id", number.replace('%', ""))
        .header("sec-fetch-site", "same-origin")
        .header("content-type", content_type);
    site.send(request.body(Body::from(body.to_owned())).expect("a request")).await
}

/// The route with `number` in place of what it leaves open; the room is the first one if that is asked for.
fn fill(route: &str, number: &str, is_first_room: bool) -> String {
    let route = if is_first_room { route.replacen("{id}", "1", 1) } else { route.to_owned() };
    ["{id}", "{message}", "{act}", "{user}", "{emoji}", "{key}", "{invite}", "{link}", "{operation}"]
        .iter()
        .fold(route, |route, open| route.replace(open, number))
}

/// Ends rooms, revokes keys or signs out: the rest of the test needs those.
fn is_drastic(route: &str) -> bool {
    ["/end", "/sign-out", "/state", "/revoke", "/import"].iter().any(|part| route.ends_with(part))
}

fn assert_no_fault(answer: &Answer, asked: &str) {
    assert!(answer.status < 500, "{asked}: {} {}", answer.status, answer.text);
}

#[tokio::test]
async fn no_number_in_an_address_is_a_server_error() {
    let site = Site::open().await;
    site.say(&site.guest_token(RoomId::FIRST), "there is something to find").await;
    let epoch = site.hub.position(0).epoch;
    let routes = every_route();
    // A stream that opens has no end.
    for route in routes.iter().filter(|route| !is_drastic(route) && !route.starts_with("GET /subscribe")) {
        for number in NUMBERS {
            let one_by_one = KEYS.iter().map(|key| format!("q=something&{key}={number}"));
            let places: Vec<_> = PLACES.iter().map(|key| format!("{key}={epoch}-{number}")).collect();
            let together = format!("at={number}&{}", places.join("&"));
            // In the API the first value that is refused would hide the others.
            let queries: Vec<_> = match route.starts_with("GET /v1") {
                true => one_by_one.chain(places).collect(),
                false => vec![together],
            };
            let known = fill(route, number, true);
            for query in queries {
                assert_no_fault(&ask(&site, &known, number, &query, "", false).await, &format!("{known}?{query}"));
            }
            let unknown = fill(route, number, false);
            assert_no_fault(&ask(&site, &unknown, number, "", "", false).await, &unknown);
        }
    }
}

#[tokio::test]
async fn no_number_in_a_body_is_a_server_error() {
    let site = Site::open().await;
    let routes = every_route();
    let operations = OPERATIONS.iter().map(|name| format!("POST /ivschat/{name}"));
    let routes = routes.iter().filter(|route| !route.starts_with("GET ") && !is_drastic(route)).cloned().chain(operations);
    for route in routes.map(|route| fill(&route, "1", true)) {
        for number in SOME_NUMBERS {
            let texts = TEXTS.iter().map(|field| format!("\"{field}\":\"{number}\""));
            for said in FIELDS.iter().map(|field| format!("\"{field}\":{number}")).chain(texts) {
                let body =
                    format!("{{\"name\":\"Name\",\"roomIdentifier\":\"arn:aws:ivschat:local:000000000000:room/1\",{said}}}");
                assert_no_fault(&ask(&site, &route, "1", "", &body, false).await, &format!("{route} {body}"));
            }
            let form: Vec<_> = FIELDS.iter().chain(&TEXTS).map(|field| format!("{field}={number}")).collect();
            let form = format!("name=Name&{}", form.join("&"));
            assert_no_fault(&ask(&site, &route, "1", "", &form, true).await, &format!("{route} {form}"));
        }
    }
}

#[tokio::test]
async fn a_stream_begins_afresh_at_a_position_that_cannot_exist() {
    let site = Site::open().await;
    let epoch = site.hub.position(0).epoch;
    for number in NUMBERS {
        let places = [format!("{epoch}-{number}"), format!("{epoch}.{number}-{number}"), format!("{epoch}.0-{number}")];
        for place in places {
            let by_query: Events = site.subscribe_with(&format!("/subscribe/1?last_event_id={place}"), None).await;
            assert_eq!(by_query.init["type"], "init", "{place}");
            if !place.contains('%') {
                let by_header = site.subscribe_with("/subscribe/1", Some(&place)).await;
                assert_eq!(by_header.init["type"], "init", "{place}");
            }
        }
    }
}

#[tokio::test]
async fn a_site_s_token_may_say_any_time_and_room() {
    let site = Site::open().await;
    for number in [json!(0), json!(-1), json!(u64::MAX), json!(i64::MAX), json!(u32::MAX), json!(1e300), json!("1")] {
        for key in ["exp", "iat", "nbf", "room", "since"] {
            let mut claims = json!({ "sub": "42" });
            claims[key] = number.clone();
            let token = super::site_users::sign(claims);
            let said = site.say(&token, "hello").await;
            assert_no_fault(&said, &format!("{key}: {number}"));
            let form = format!("token={token}");
            assert_no_fault(&site.submit("/rooms/1/enter", "", "same-origin", form).await, &format!("{key}: {number}"));
        }
    }
}

#[tokio::test]
async fn a_held_message_is_looked_for_at_places_that_exist() {
    let site = Site::open().await;
    let moderator = UserId::try_from("mo".to_owned()).expect("a valid id");
    let token = site.hub.tokens().sign(moderator, RoomId::FIRST, Capabilities::owner(), None);
    let epoch = site.hub.position(0).epoch;
    for (number, status) in [("1099511627775", 200), ("1099511627776", 400), ("18446744073709551615", 400)] {
        let request = Request::get(format!("/v1/streams/1/held?after={epoch}-{number}"));
        let request = request.header("authorization", format!("Bearer {token}")).body(Body::empty()).expect("a request");
        let answer = site.send(request).await;
        assert_eq!(answer.status, status, "{number}: {}", answer.text);
        if status == 200 {
            assert_eq!(answer.json["data"], Value::Array(Vec::new()));
        }
    }
}

#[tokio::test]
async fn no_route_takes_a_list_for_an_object() {
    let site = Site::open().await;
    let bodies =
        ["[]", r#"["x"]"#, r#"["x",1]"#, r#"["x",null,null,null]"#, r#"["request","widget",null,null,null,null,1]"#, "null", "7"];
    let paths = [
        "/v1/streams/create",
        "/v1/streams/1/settings",
        "/v1/streams/1/users/somebody/ban",
        "/v1/streams/1/users/somebody/timeout",
        "/v1/streams/1/users/somebody/lift",
        "/v1/streams/1/invites",
        "/v1/tokens/revoke",
        "/v1/webhooks",
        "/v1/widget-keys",
    ];
    for path in paths {
        for body in bodies {
            let request = Request::post(path)
                .header("authorization", format!("Bearer {ADMIN_KEY}"))
                .header("content-type", "application/json")
                .body(Body::from(body))
                .expect("a request");
            let answer = site.send(request).await;
            assert_eq!(answer.status, 400, "{path} {body}: {}", answer.text);
            assert!(
                answer.text.contains("must be one JSON object") && !answer.text.contains("struct"),
                "{path} {body}: {}",
                answer.text
            );
        }
    }
}
