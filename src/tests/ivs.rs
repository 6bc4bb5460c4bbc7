use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use super::{
    Answer, Site,
    site::{Setting, WIDGET_KEY},
};
use crate::{
    chat::{Limits, RoomId},
    hub::TokenError,
    protocol::{moment, sigv4::Credentials},
    server::{IvsAccess, IvsQuotas},
};

const FIRST: &str = "arn:aws:ivschat:local:000000000000:room/1";

async fn ask(site: &Site, operation: &str, body: Value) -> Answer {
    let request = Request::post(format!("/ivschat/{operation}")).header("content-type", "application/json");
    site.send(request.body(Body::from(body.to_string())).expect("a request")).await
}

/// The answer to an operation that succeeds.
async fn done(site: &Site, operation: &str, body: Value) -> Value {
    let answer = ask(site, operation, body).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"), "{operation}: {}", answer.text);
    answer.json
}

/// Checks that an answer is that exception.
fn check(answer: &Answer, status: u16, name: &str, part: &str) {
    assert_eq!((answer.status, answer.header("x-amzn-errortype")), (status, name), "{}", answer.text);
    assert!(!answer.header("x-amzn-requestid").is_empty());
    assert!(answer.json["message"].as_str().expect("a message").contains(part), "{}", answer.text);
}

#[tokio::test]
async fn a_room_is_made_told_of_changed_and_ended() {
    let site = Site::open().await;
    let body = json!({ "name": "Stage", "maximumMessageLength": 20, "maximumMessageRatePerSecond": 2, "tags": { "a": "b" } });
    let room = done(&site, "CreateRoom", body).await;
    let arn = room["arn"].as_str().expect("an ARN");
    assert_eq!((arn, &room["id"]), ("arn:aws:ivschat:local:000000000000:room/2", &json!("2")));
    assert_eq!((&room["maximumMessageLength"], &room["maximumMessageRatePerSecond"]), (&json!(20), &json!(2)));
    assert_eq!(done(&site, "GetRoom", json!({ "identifier": arn })).await, room);
    let stream = site.hub.snapshot(RoomId::new(2).expect("in range")).expect("it is there").room;
    assert_eq!((stream.state.name(), stream.settings.message_chars, stream.settings.messages_per_minute), ("live", 20, 120));

    let review = json!({ "uri": "http://127.0.0.1:9/", "fallbackResult": "DENY" });
    let body = json!({ "identifier": arn, "name": "Hall", "messageReviewHandler": review });
    let changed = done(&site, "UpdateRoom", body).await;
    assert_eq!(
        (&changed["name"], &changed["messageReviewHandler"], &changed["tags"]),
        (&json!("Hall"), &review, &json!({ "a": "b" }))
    );
    let at = |told: &Value| moment::parse(told["updateTime"].as_str().expect("a moment")).expect("a moment");
    assert!(at(&changed) >= at(&room));
    let detached = done(&site, "UpdateRoom", json!({ "identifier": arn, "messageReviewHandler": { "uri": "" } })).await;
    assert_eq!(detached.get("messageReviewHandler"), None);
    let answer =
        ask(&site, "UpdateRoom", json!({ "identifier": arn, "messageReviewHandler": { "uri": "arn:aws:lambda:x" } })).await;
    check(&answer, 400, "ValidationException", "review");

    let answer = ask(&site, "DeleteRoom", json!({ "identifier": arn })).await;
    assert_eq!((answer.status, &*answer.text), (204, ""));
    for operation in ["GetRoom", "DeleteRoom", "UpdateRoom"] {
        let answer = ask(&site, operation, json!({ "identifier": arn })).await;
        check(&answer, 404, "ResourceNotFoundException", arn);
        assert_eq!((&answer.json["resourceId"], &answer.json["resourceType"]), (&json!(arn), &json!("ROOM")));
    }
}

#[tokio::test]
async fn what_is_wrong_is_an_exception_of_the_model() {
    let site = Site::open().await;
    let answer = ask(&site, "CreateRoom", json!({ "name": "a b", "maximumMessageLength": 0 })).await;
    check(&answer, 400, "ValidationException", "name");
    assert_eq!(answer.json["reason"], "FIELD_VALIDATION_FAILED");
    let names: Vec<_> = answer.json["fieldList"].as_array().expect("a list").iter().map(|field| &field["name"]).collect();
    assert_eq!(names, ["name", "maximumMessageLength"]);
    let answer = ask(&site, "Sing", json!({})).await;
    check(&answer, 400, "ValidationException", "Sing");
    assert_eq!(answer.json["reason"], "UNKNOWN_OPERATION");
    for uri in ["/ivschat", "/ivschat/", "/ivschat/GetRoom", "/ivschat/a/b"] {
        let answer = site.get(uri).await;
        assert!(answer.status == 400 || answer.status == 404, "{uri}: {}", answer.text);
    }
    check(&ask(&site, "CreateLoggingConfiguration", json!({ "name": "x" })).await, 400, "ValidationException", "no logs");
    assert_eq!(done(&site, "ListLoggingConfigurations", json!({})).await, json!({ "loggingConfigurations": [] }));
    let large = json!({ "name": "x".repeat(70_000) });
    check(&ask(&site, "CreateRoom", large).await, 400, "ValidationException", "too large");
    let unknown = json!({ "roomIdentifier": FIRST, "id": "00000000000z" });
    check(&ask(&site, "DeleteMessage", unknown).await, 404, "ResourceNotFoundException", "no message \"00000000000z\"");
}

#[tokio::test]
async fn rooms_are_listed_page_by_page() {
    let site = Site::open().await;
    for name in ["a", "b", "a"] {
        done(&site, "CreateRoom", json!({ "name": name })).await;
    }
    site.administer("/v1/streams/create", &json!({ "name": "not-open" })).await;
    let (mut names, mut token) = (Vec::new(), Value::Null);
    loop {
        let page = done(&site, "ListRooms", json!({ "maxResults": 3, "nextToken": token })).await;
        names.extend(page["rooms"].as_array().expect("a list").iter().map(|room| room["name"].clone()));
        token = page.get("nextToken").cloned().unwrap_or_default();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(names, ["a", "b", "a", "Live chat"], "the newest change first");
    let found = done(&site, "ListRooms", json!({ "name": "a" })).await;
    assert_eq!(found["rooms"].as_array().map(Vec::len), Some(2));
    check(&ask(&site, "ListRooms", json!({ "nextToken": "x" })).await, 400, "ValidationException", "nextToken");
}

#[tokio::test]
async fn tags_are_those_of_the_room() {
    let site = Site::open().await;
    let uri = "/ivschat/tags/arn%3Aaws%3Aivschat%3Alocal%3A000000000000%3Aroom%2F1";
    let post = |body: Value| site.send(Request::post(uri).body(Body::from(body.to_string())).expect("a request"));
    assert_eq!(post(json!({ "tags": { "a": "1", "b": "2", "c": "3" } })).await.status, 200);
    assert_eq!(post(json!({ "tags": { "a": "9" } })).await.status, 200);
    let remove = Request::delete(format!("{uri}?tagKeys=b&tagKeys=c")).body(Body::empty()).expect("a request");
    assert_eq!(site.send(remove).await.status, 200);
    assert_eq!(site.get(uri).await.json, json!({ "tags": { "a": "9" } }));
    assert_eq!(done(&site, "GetRoom", json!({ "identifier": FIRST })).await["tags"], json!({ "a": "9" }));
    let many: serde_json::Map<_, _> = (0..50).map(|n| (n.to_string(), json!(""))).collect();
    check(&post(json!({ "tags": many })).await, 400, "ValidationException", "at most 50");
    let rows = [
        (json!({ "aws:x": "1" }), "aws:"),
        (json!({ "AWS:": "1" }), "aws:"),
        (json!({ "": "1" }), "keys of 1 to 128"),
        (json!({ "x".repeat(129): "1" }), "keys of 1 to 128"),
        (json!({ "x": "1".repeat(257) }), "at most 256"),
        (json!(null), "required"),
        (json!(["a"]), "an object"),
    ];
    for (tags, part) in rows {
        let refused = post(json!({ "tags": tags })).await;
        check(&refused, 400, "ValidationException", part);
        assert_eq!(refused.json["fieldList"][0]["name"], "tags", "{tags}");
        if !tags.is_null() {
            let refused = ask(&site, "CreateRoom", json!({ "tags": tags })).await;
            assert_eq!((refused.status, &refused.json["fieldList"][0]["name"]), (400, &json!("tags")), "{tags}");
        }
    }
    let more: serde_json::Map<_, _> = (0..51).map(|n| (n.to_string(), json!(""))).collect();
    for refused in [
        post(json!({ "tags": more })).await,
        post(json!({ "tags": many })).await,
        ask(&site, "CreateRoom", json!({ "tags": more })).await,
    ] {
        assert_eq!((refused.status, &refused.json["fieldList"][0]["name"]), (400, &json!("tags")), "{}", refused.text);
    }
    let remove = Request::delete(format!("{uri}?tagKeys=aws%3Ax")).body(Body::empty()).expect("a request");
    assert_eq!(site.send(remove).await.json["fieldList"][0]["name"], "tagKeys");
    for malformed in ["x", "arn%3Aaws%3Aivschat%3Alocal", "arn%3Aaws%3As3%3Alocal%3A0%3Aroom%2F1", "1"] {
        for method in ["GET", "POST", "DELETE"] {
            let request = Request::builder().method(method).uri(format!("/ivschat/tags/{malformed}?tagKeys=a"));
            let refused = site.send(request.body(Body::from(r#"{"tags":{}}"#)).expect("a request")).await;
            check(&refused, 400, "ValidationException", "ARN");
            assert_eq!(refused.json["fieldList"][0]["name"], "resourceArn", "{malformed}");
        }
    }
    for absent in ["room%2Fnone", "logging-configuration%2Fx"] {
        let uri = format!("/ivschat/tags/arn%3Aaws%3Aivschat%3Alocal%3A000000000000%3A{absent}");
        check(&site.get(&uri).await, 404, "ResourceNotFoundException", "There is no room");
    }
    check(&site.send(Request::put(uri).body(Body::empty()).expect("a request")).await, 400, "ValidationException", "PUT");
}

#[tokio::test]
async fn an_endpoint_without_its_path_is_answered_as_sdks_read_it() {
    let site = Site::open().await;
    let rows = [
        ("POST", "/CreateRoom", "authorization", "AWS4-HMAC-SHA256 Credential=a/b"),
        ("POST", "/ListRooms", "x-amz-date", "20261130T000000Z"),
        ("GET", "/tags/arn%3Aaws%3Aivschat%3Alocal%3A000000000000%3Aroom%2F1", "amz-sdk-request", "attempt=1"),
        ("DELETE", "/tags/x", "x-amz-content-sha256", "x"),
    ];
    for (method, uri, name, value) in rows {
        let request = Request::builder().method(method).uri(uri).header(name, value).body(Body::from("{}"));
        check(&site.send(request.expect("a request")).await, 400, "ValidationException", "ends in /ivschat");
    }
    let behind_cloudfront = Request::get("/nothing").header("x-amz-cf-id", "x").body(Body::empty()).expect("a request");
    let page = site.send(behind_cloudfront).await;
    assert!(page.status == 404 && page.header("content-type").starts_with("text/html"), "{:?}", page.headers);
}

#[tokio::test]
async fn rooms_that_are_not_open_to_all_are_out_of_reach() {
    let site = Site::open().await;
    let direct = site.hub.direct_channel().await.expect("made");
    let creator = crate::chat::UserId::of_site("ann").expect("an id");
    let channel = async |name, visibility| site.hub.open_channel(name, visibility, &creator, None).await.expect("made");
    let private = channel("secret", crate::chat::Visibility::Private).await;
    let public = channel("hall", crate::chat::Visibility::Public).await;
    let asked = |arn: &str| {
        [
            ("GetRoom", json!({ "identifier": arn })),
            ("UpdateRoom", json!({ "identifier": arn, "name": "mine" })),
            ("SendEvent", json!({ "roomIdentifier": arn, "eventName": "x" })),
            ("CreateChatToken", json!({ "roomIdentifier": arn, "userId": "ann" })),
            ("DeleteMessage", json!({ "roomIdentifier": arn, "id": "000000000001" })),
            ("DisconnectUser", json!({ "roomIdentifier": arn, "userId": "ann" })),
            ("DeleteRoom", json!({ "identifier": arn })),
        ]
    };
    for room in [direct, private] {
        let arn = crate::protocol::ivs::arn(room);
        for (operation, body) in asked(&arn) {
            check(&ask(&site, operation, body).await, 404, "ResourceNotFoundException", &arn);
        }
        let tags = site.get(&format!("/ivschat/tags/{}", arn.replace(':', "%3A").replace('/', "%2F"))).await;
        check(&tags, 404, "ResourceNotFoundException", &arn);
    }
    let known = done(&site, "GetRoom", json!({ "identifier": crate::protocol::ivs::arn(public) })).await;
    assert_eq!(known["name"], "hall", "everybody may know of it");
}

#[tokio::test]
async fn a_token_is_one_of_ours() {
    let site = Site::open().await;
    let body = json!({
        "roomIdentifier": FIRST, "userId": "ann", "capabilities": ["SEND_MESSAGE"], "sessionDurationInMinutes": 5,
        "attributes": { "username": "Ann", "avatar": "https://e.example/a.png", "colour": "red" },
    });
    let answer = done(&site, "CreateChatToken", body).await;
    let token = answer["token"].as_str().expect("a token");
    assert_eq!(answer["tokenExpirationTime"], answer["sessionExpirationTime"]);
    let claims = site.hub.check(token, RoomId::FIRST).expect("ours");
    assert_eq!((claims.user.as_str(), claims.origin.name.as_deref()), ("site:ann", Some("Ann")));
    let said = json!({ "type": "chat", "username": "Ann", "message_text": "hi" });
    let publish = json!({ "type": "broadcast", "widget_key": WIDGET_KEY, "message": said });
    assert_eq!(site.publish(token, &publish).await.status, 200);
    let told = &site.get("/v1/streams/1/messages").await.json["data"][0];
    assert_eq!((&told["author_id"], &told["picture"]), (&json!("site:ann"), &json!("https://e.example/a.png")));
    assert_eq!(site.hub.check(token, RoomId::new(2).expect("in range")), Err(TokenError::OtherRoom));

    let other = "arn:aws:ivschat:local:000000000000:room/9";
    let answer = ask(&site, "CreateChatToken", json!({ "roomIdentifier": other, "userId": "ann" })).await;
    check(&answer, 404, "ResourceNotFoundException", other);
    let name = json!({ "roomIdentifier": FIRST, "userId": "ann", "attributes": { "username": "\u{7}" } });
    let refused = ask(&site, "CreateChatToken", name).await;
    check(&refused, 400, "ValidationException", "attributes.username");
    assert!(refused.text.contains("The name contains control characters."), "{}", refused.text);
    let reader = done(&site, "CreateChatToken", json!({ "roomIdentifier": FIRST, "userId": "x".repeat(123) })).await;
    let claims = site.hub.check(reader["token"].as_str().expect("a token"), RoomId::FIRST).expect("ours");
    assert_eq!(claims.origin.name.map(|name| name.len()), Some(64), "a name is never too long");
    assert_eq!(claims.capabilities, crate::chat::Capabilities::none(), "who is given nothing reads");
}

#[tokio::test]
async fn what_is_done_over_the_control_plane_is_told_to_all() {
    let site = Site::open().await;
    let mut ann = site.subscribe().await;
    let said = site.say(ann.token(), "one").await;
    ann.next_of("broadcast").await;
    let id = said.json["data"]["id"].as_str().expect("an id").to_owned();
    let deleted = done(&site, "DeleteMessage", json!({ "roomIdentifier": FIRST, "id": id, "reason": "rude" })).await;
    let event =
        done(&site, "SendEvent", json!({ "roomIdentifier": FIRST, "eventName": "poll", "attributes": { "a": "b" } })).await;
    let user = ann.user_id().to_owned();
    let answer = done(&site, "DisconnectUser", json!({ "roomIdentifier": FIRST, "userId": user })).await;
    assert_eq!(answer, json!({}));
    let mut told = Vec::new();
    while let Some(event) = ann.next().await {
        let data = event.data;
        if data["type"] == "system" && data["message"]["viewer_count"].is_null() {
            told.push((data["id"].clone(), data["message"].clone()));
        }
    }
    assert_eq!(told.len(), 3, "{told:?}");
    assert_eq!(told[0], (deleted["id"].clone(), json!({ "status": "delete", "id": id })));
    assert_eq!(told[1], (event["id"].clone(), json!({ "status": "event", "name": "poll", "attributes": { "a": "b" } })));
    assert_eq!(told[2].1, json!({ "status": "disconnect", "user_id": format!("site:{user}"), "reason": "" }));
}

#[tokio::test]
async fn nobody_runs_rooms_without_the_key() {
    let key = Credentials { access_key_id: "AKID".into(), secret_access_key: "secret-secret-secret".into() };
    let rows = [
        (IvsAccess::Nobody, "AccessDeniedException", "--ivs-access-key-id"),
        (IvsAccess::Holder(key), "MissingAuthenticationTokenException", "not signed"),
    ];
    for (ivs, name, part) in rows {
        let site = Site::with(Setting { ivs, ..Setting::default() }).await;
        check(&ask(&site, "ListRooms", json!({})).await, 403, name, part);
        check(&ask(&site, "Nonsense", json!({})).await, 403, name, part);
        let tags = site.get("/ivschat/tags/arn%3Aaws%3Aivschat%3Alocal%3A000000000000%3Aroom%2F1").await;
        check(&tags, 403, name, part);
    }
}

#[tokio::test]
async fn a_signature_error_says_what_the_server_saw() {
    let key = Credentials { access_key_id: "AKID".into(), secret_access_key: "secret-secret-secret".into() };
    let site = Site::with(Setting { ivs: IvsAccess::Holder(key), ..Setting::default() }).await;
    let signed = |date: &str| {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=AKID/{}/local/ivschat/aws4_request, SignedHeaders=host;x-amz-date, Signature={}",
            &date[..8],
            "0".repeat(64)
        );
        let request = Request::post("/ivschat/ListRooms").header("host", "chat.example").header("x-amz-date", date);
        request.header("authorization", authorization).body(Body::from("{}")).expect("a request")
    };
    let now = moment::rfc3339(crate::engine::now());
    let now: String = now.split('.').next().expect("a moment").chars().filter(|c| c.is_alphanumeric()).collect();
    let mismatch = site.send(signed(&format!("{}Z", now.trim_end_matches('Z')))).await;
    check(&mismatch, 403, "SignatureDoesNotMatch", "host \"chat.example\" and path \"/ivschat/ListRooms\"");
    check(&site.send(signed("20150830T123600Z")).await, 403, "RequestTimeTooSkewed", "15 minutes apart");
    let mut over_http_2 = signed(&format!("{}Z", now.trim_end_matches('Z')));
    over_http_2.headers_mut().remove("host");
    *over_http_2.uri_mut() = "https://chat.example:8443/ivschat/ListRooms".parse().expect("an address");
    check(&site.send(over_http_2).await, 403, "SignatureDoesNotMatch", "host \"chat.example:8443\" and path");
}

#[tokio::test]
async fn an_endpoint_may_end_in_a_slash() {
    let site = Site::open().await;
    let request = Request::post("/ivschat//ListRooms").body(Body::from("{}")).expect("a request");
    assert_eq!(site.send(request).await.status, 200);
    assert_eq!(site.get("/ivschat//tags/arn%3Aaws%3Aivschat%3Alocal%3A000000000000%3Aroom%2F1").await.status, 200);
}

#[tokio::test]
async fn who_asks_too_often_is_throttled() {
    let quotas = IvsQuotas::default();
    let site = Site::with(Setting { ivs_quotas: quotas, limits: Limits::default(), ..Setting::default() }).await;
    for _ in 0..5 {
        done(&site, "GetRoom", json!({ "identifier": FIRST })).await;
    }
    let mut answer = ask(&site, "GetRoom", json!({ "identifier": FIRST })).await;
    // On a slow machine one more may be let in meanwhile.
    while answer.status == 200 {
        answer = ask(&site, "GetRoom", json!({ "identifier": FIRST })).await;
    }
    check(&answer, 429, "ThrottlingException", "Rate exceeded");
    assert_eq!(answer.json["limit"], 5);
    done(&site, "ListRooms", json!({})).await;
}

#[tokio::test]
async fn the_backend_of_the_sample_apps_answers_them() {
    let site = Site::open().await;
    let post = |path: &str, body: Value| {
        let request = Request::post(format!("/ivschat/demo/{path}")).header("origin", "https://app.example");
        site.send(request.body(Body::from(body.to_string())).expect("a request"))
    };
    let body =
        json!({ "arn": FIRST, "userId": "ann", "attributes": {}, "capabilities": ["SEND_MESSAGE"], "durationInMinutes": 55 });
    let answer = post("auth", body).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, "*"), "{}", answer.text);
    assert!(site.hub.check(answer.json["token"].as_str().expect("a token"), RoomId::FIRST).is_ok());
    assert_eq!(post("auth", json!({ "roomIdentifier": FIRST, "userId": "ann" })).await.status, 200);
    let answer =
        post("event", json!({ "arn": FIRST, "eventName": "app:DELETE_BY_USER", "eventAttributes": { "userId": "a" } })).await;
    assert_eq!(answer.json, json!({ "arn": FIRST, "status": "success" }));
    assert_eq!(site.get("/ivschat/demo/list").await.json["rooms"][0]["arn"], FIRST);
    let wrong = post("auth", json!({ "arn": "1", "userId": "ann" })).await;
    check(&wrong, 400, "ValidationException", "such as arn:aws:ivschat:local:000000000000:room/1");

    let closed = Site::with(Setting { ivs_demo: false, ..Setting::default() }).await;
    check(&closed.get("/ivschat/demo/list").await, 400, "ValidationException", "--ivs-demo");
}
