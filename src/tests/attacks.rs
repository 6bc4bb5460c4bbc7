//! What a malicious user tries on the pages: markup, forged forms, frames, headers and addresses.

use axum::{body::Body, http::Request};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::{
    Answer, Site,
    site::{ADMIN_KEY, PASSWORD, WIDGET_KEY},
};
use crate::chat::RoomId;

/// Markup that would run a script, or end the element that it stands in.
const MARKUP: [&str; 6] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "</script></title></textarea></style><svg onload=alert(1)>",
    "<!--<script>",
    "{{evil}}${evil}<b>evil",
];

async fn ask(site: &Site, method: &str, uri: &str) -> Answer {
    let request = Request::builder().method(method).uri(uri).header("authorization", format!("Bearer {ADMIN_KEY}"));
    site.send(request.body(Body::empty()).expect("a request")).await
}

fn form(fields: &[(&str, &str)]) -> String {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&")
}

/// Checks that nothing of what an attacker wrote is markup in a page.
fn check_page(page: &Answer, uri: &str) {
    for forbidden in ["<script>alert", "<img src=x", "<svg onload", "<!--<script", "<b>evil"] {
        assert!(!page.text.contains(forbidden), "{uri}: {forbidden}\n{}", page.text);
    }
    // A JSON island ends at the first end tag in it.
    for island in page.text.split("type=\"application/json\"").skip(1) {
        let json = island.split_once('>').and_then(|(_, rest)| rest.split_once("</script>")).expect("an island").0;
        assert!(serde_json::from_str::<Value>(json).is_ok(), "{uri}: {json}");
    }
    let policy = page.header("content-security-policy");
    assert!(policy.contains("script-src 'self' 'nonce-") && !policy.contains("script-src 'unsafe"), "{uri}: {policy}");
    assert_eq!(page.header("x-content-type-options"), "nosniff", "{uri}");
}

#[tokio::test]
async fn nothing_that_people_write_is_markup_on_any_page() {
    let site = Site::open().await;
    let signed_in = site.sign_in(PASSWORD).await;
    let session = signed_in.cookie();
    for (n, markup) in MARKUP.iter().enumerate() {
        let description =
            json!({ "name": markup, "description": markup, "blocked_words": [markup], "tags": { *markup: markup } });
        assert_eq!(site.administer("/v1/streams/1/settings", &description).await.status, 200, "{markup}");
        let guest = site.guest_token(RoomId::FIRST);
        let said = site.say_as(&guest, &format!("{n}"), &format!("reply {n}")).await;
        let reply_to = said.json["data"]["id"].clone();
        site.administer("/v1/streams/1/settings", &json!({ "blocked_words": [] })).await;
        let said = json!({
            "type": "broadcast", "widget_key": WIDGET_KEY, "timestamp": 1,
            "message": { "type": "chat", "username": markup, "message_text": markup, "reply_to": reply_to, "x": markup },
        });
        let said = site.publish(&site.guest_token(RoomId::FIRST), &said).await;
        assert_eq!(said.status, 200, "{}", said.text);
        let raw = json!({ "type": "broadcast", "widget_key": WIDGET_KEY, "message": markup });
        assert_eq!(site.publish(&guest, &raw).await.status, 200);
        let id = said.json["data"]["id"].as_str().expect("an id").to_owned();
        assert_eq!(site.administer("/v1/streams/1/settings", &json!({ "pinned_message": id })).await.status, 200);
        let reason = utf8_percent_encode(markup, NON_ALPHANUMERIC);
        let gone = reply_to.as_str().expect("an id");
        assert_eq!(ask(&site, "DELETE", &format!("/v1/streams/1/messages/{gone}?reason={reason}")).await.status, 200);
        let ban = site.administer(&format!("/v1/streams/1/users/u%22%3E%3Cb%3Eevil{n}/ban"), &json!({ "reason": markup })).await;
        assert_eq!(ban.status, 200, "{}", ban.text);
        let key = site.administer("/v1/widget-keys", &json!({ "name": markup })).await;
        assert_eq!(key.status, 200, "{}", key.text);
        let invited =
            site.submit("/admin/people", session, "same-origin", form(&[("name", &format!("{markup} zz")), ("room", "")])).await;
        check_page(&invited, "/admin/people");
        let description = json!({ "blocked_words": [markup], "allowed_origins": [], "description": markup });
        assert_eq!(site.administer("/v1/streams/1/settings", &description).await.status, 200, "{markup}");
        for uri in ["/", "/rooms/1/replay?at=0", "/embed/1", "/overlay/1", "/admin", "/admin/rooms/1", "/admin/rooms/1/log"] {
            check_page(&site.page(uri, session).await, uri);
        }
        site.administer("/v1/streams/1/settings", &json!({ "blocked_words": [] })).await;
    }
    site.administer("/v1/streams/1/settings", &json!({ "hold_newcomers": true })).await;
    for markup in MARKUP {
        let held = site.say_as(&site.guest_token(RoomId::FIRST), markup, markup).await;
        assert_eq!((held.status, &held.json["data"]["held"]), (200, &json!(true)), "{}", held.text);
    }
    let evil = utf8_percent_encode("\"><script>alert(1)</script>", NON_ALPHANUMERIC).to_string();
    let uris = [
        "/".to_owned(),
        "/rooms/1".into(),
        "/rooms/1/replay?at=0".into(),
        "/embed/1".into(),
        "/overlay/1".into(),
        format!("/?lang={evil}&before={evil}"),
        format!("/embed/1?theme={evil}&accent={evil}&readonly={evil}&lang={evil}&before={evil}"),
        format!("/overlay/1?fade={evil}&lang={evil}"),
        format!("/rooms/1/replay?at={evil}&play={evil}&before={evil}"),
        format!("/rooms/{evil}"),
        format!("/{evil}"),
        format!("/invites/{evil}"),
        "/admin".into(),
        "/admin/rooms/1".into(),
        "/admin/rooms/1/queue".into(),
        format!("/admin/rooms/1/queue?after={evil}&done={evil}"),
        "/admin/rooms/1/log".into(),
        format!("/admin/rooms/1/log?before={evil}"),
        "/admin/keys".into(),
        format!("/admin/keys/{evil}/revoke"),
        "/admin/people".into(),
        format!("/admin/rooms/{evil}"),
    ];
    for uri in uris {
        let page = site.page(&uri, session).await;
        if page.status != 303 {
            check_page(&page, &uri);
        }
    }
    let key = form(&[("name", MARKUP[1]), ("room", MARKUP[1]), ("origins", MARKUP[3])]);
    check_page(&site.submit("/admin/keys", session, "same-origin", key).await, "a refused key");
    let settings = form(&[("name", MARKUP[1]), ("slug", MARKUP[3]), ("description", MARKUP[3]), ("tags", MARKUP[2])]);
    check_page(&site.submit("/admin/rooms/1", session, "same-origin", settings).await, "refused settings");
    let said = form(&[("username", MARKUP[1]), ("message", ""), ("client_message_id", MARKUP[1])]);
    check_page(&site.submit("/rooms/1", "", "same-origin", said.clone()).await, "a refused message");
    check_page(&site.submit("/embed/1?accent=%22%3E%3Cb%3Eevil", "", "same-origin", said).await, "a refused message");
    let name = format!("live-chat-name={}", utf8_percent_encode(MARKUP[1], NON_ALPHANUMERIC));
    check_page(&site.page("/", &name).await, "a forged cookie");
}

#[tokio::test]
async fn no_other_site_s_form_does_anything() {
    let site = Site::open().await;
    site.administer("/v1/streams/1/settings", &json!({ "hold_newcomers": true })).await;
    let held = site.say(&site.guest_token(RoomId::FIRST), "held").await.json["data"]["id"].as_str().expect("an id").to_owned();
    let invited = site.administer("/v1/streams/1/invites", &json!({ "name": "Mod" })).await;
    let (link, invitation) = (invited.json["data"]["link"].as_str().expect("a link"), invited.json["data"]["id"].as_str());
    let revoke_invitation = format!("/admin/people/{}/revoke", invitation.expect("an id"));
    let signed_in = site.sign_in(PASSWORD).await;
    let session = signed_in.cookie();
    let said = form(&[("username", "eve"), ("message", "forged")]);
    let approve = form(&[("message", &held), ("act", "approve")]);
    let forms = [
        ("/", said.clone()),
        ("/rooms/1", said.clone()),
        ("/embed/1", said),
        ("/admin", form(&[("password", PASSWORD)])),
        ("/admin/sign-out", String::new()),
        ("/admin/rooms", form(&[("name", "Forged")])),
        ("/admin/rooms/1", form(&[("name", "Forged")])),
        ("/admin/rooms/1/state", form(&[("state", "ended")])),
        ("/admin/rooms/1/lift", form(&[("user", "eve")])),
        ("/admin/rooms/1/queue", approve),
        ("/admin/keys", form(&[("name", "Forged"), ("room", ""), ("origins", "")])),
        ("/admin/keys/widget-key/revoke", String::new()),
        ("/admin/people", form(&[("name", "Forged"), ("room", "")])),
        (&revoke_invitation, String::new()),
        (link, String::new()),
    ];
    let before = site.hub.snapshot(RoomId::FIRST).expect("room 1");
    for (uri, body) in &forms {
        for from_site in ["cross-site", "same-site", "", "nonsense"] {
            let answer = site.submit(uri, session, from_site, body.clone()).await;
            assert_eq!(answer.status, 403, "{uri} from {from_site:?}: {}", answer.text);
        }
        // Over plain HTTP a browser says no more than the origin.
        for origin in ["http://evil.example", "null", "http://chat.example:81", "https://chat.example.evil.example", ""] {
            let request = Request::post(*uri).header("host", "chat.example").header("origin", origin).header("cookie", session);
            let request = request.header("content-type", "application/x-www-form-urlencoded").body(Body::from(body.clone()));
            let answer = site.send(request.expect("a request")).await;
            assert_eq!(answer.status, 403, "{uri} from {origin:?}: {}", answer.text);
        }
    }
    let after = site.hub.snapshot(RoomId::FIRST).expect("room 1");
    assert_eq!((before.position, before.room.settings), (after.position, after.room.settings), "nothing has happened");
    assert_eq!((site.hub.rooms().len(), site.hub.widget_keys().len()), (1, 1));
    assert!(site.page("/admin", session).await.text.contains("Sign out"), "still signed in");
    for (uri, body) in [&forms[5], &forms[10]] {
        assert_eq!(site.submit(uri, session, "same-origin", body.clone()).await.status, 303, "{uri}: its own forms do");
    }
}

#[tokio::test]
async fn a_session_acts_on_the_api_for_pages_of_its_own_alone() {
    let site = Site::open().await;
    let signed_in = site.sign_in(PASSWORD).await;
    let calls = [
        ("GET", "/v1/widget-keys", Value::Null),
        ("POST", "/v1/widget-keys", json!({ "name": "Forged" })),
        ("DELETE", "/v1/widget-keys/widget-key", Value::Null),
    ];
    for (method, uri, body) in calls {
        let request = Request::builder().method(method).uri(uri).header("cookie", signed_in.cookie());
        let request = request.header("content-type", "application/json").header("sec-fetch-site", "cross-site");
        let answer = site.send(request.body(Body::from(body.to_string())).expect("a request")).await;
        assert_eq!(answer.status, 403, "{method} {uri}: {}", answer.text);
    }
    for (uri, body) in [
        ("/v1/streams/create", json!({ "name": "Forged" })),
        ("/v1/streams/1/end", json!({})),
        ("/v1/streams/1/settings", json!({ "name": "Forged" })),
        ("/v1/streams/1/invites", json!({ "name": "Forged" })),
        ("/v1/webhooks", json!({ "url": "https://evil.example/" })),
    ] {
        let request = Request::post(uri).header("cookie", signed_in.cookie()).header("content-type", "application/json");
        let answer = site.send(request.body(Body::from(body.to_string())).expect("a request")).await;
        assert_eq!(answer.status, 401, "{uri}: a cookie is not asked for");
    }
}

#[tokio::test]
async fn no_page_but_the_embed_stands_in_a_frame() {
    let site = Site::open().await;
    site.administer("/v1/streams/1/settings", &json!({ "allowed_origins": ["https://fan.example"] })).await;
    let link = site.administer("/v1/streams/1/invites", &json!({ "name": "Mod" })).await.json["data"]["link"].clone();
    let signed_in = site.sign_in(PASSWORD).await;
    let uris = [
        "/",
        "/rooms/1",
        "/rooms/1/replay",
        "/overlay/1",
        "/rooms/9",
        "/nothing",
        "/admin",
        "/admin/rooms/1",
        "/admin/rooms/1/queue",
        "/admin/rooms/1/log",
        "/admin/keys",
        "/admin/keys/widget-key/revoke",
        "/admin/people",
        "/invites/x",
        link.as_str().expect("a link"),
    ];
    for uri in uris {
        for cookie in ["", signed_in.cookie()] {
            let page = site.page(uri, cookie).await;
            if page.status == 303 {
                continue;
            }
            assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"), "{uri}");
            assert_eq!(page.header("x-frame-options"), "DENY", "{uri}");
        }
    }
    let embed = site.get("/embed/1").await;
    let policy = embed.header("content-security-policy");
    assert!(policy.contains("frame-ancestors 'self' https://fan.example"), "{policy}");
}

#[tokio::test]
async fn an_address_leads_to_no_other_site_and_out_of_no_folder() {
    let site = Site::open().await;
    for uri in [
        "/?next=//evil.example",
        "/rooms/1?x=%0d%0aSet-Cookie:%20a=b",
        "/rooms/1?//evil.example",
        "/embed/1?to=http://evil.example",
    ] {
        let said = form(&[("username", &uri[1..uri.len().min(20)]), ("message", "hi")]);
        let answer = site.submit(uri, "", "same-origin", said).await;
        let location = answer.header("location");
        assert_eq!((answer.status, location), (303, uri), "back to where the form is");
        assert!(location.starts_with('/') && !location.starts_with("//"), "{location}");
    }
    for uri in [
        "//evil.example/rooms/1",
        "//evil.example",
        "/\\evil.example",
        "/rooms//evil.example",
        "/../etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/pkg/..%5c..%5cetc%5cpasswd",
        "/emoji/%2e%2e%2f%2e%2e%2fCargo.toml",
        "/rooms/1%00",
        "/rooms/%ff",
        "/rooms/1/..%2f2",
        "/admin/rooms/%ff/queue",
        "/admin/keys/%ff/revoke",
        "/invites/%ff",
        "/v1/streams/%ff",
        "/embed/%ff",
        "/overlay/%ff",
        "/overlay/1%0d%0aX:%20y",
        "/?lang=%ff&before=%ff",
    ] {
        let Ok(request) = Request::get(uri).body(Body::empty()) else { continue };
        let answer = site.send(request).await;
        assert!(matches!(answer.status, 200 | 303 | 400 | 401 | 404), "{uri}: {}", answer.status);
        assert!(!answer.text.contains("root:") && !answer.text.contains("[package]"), "{uri}");
        assert!(answer.headers.get("location").is_none_or(|to| to.as_bytes().starts_with(b"/admin")), "{uri}");
        assert!(answer.headers.get("x").is_none(), "{uri}");
    }
}

#[tokio::test]
async fn forms_of_another_kind_are_refused_and_do_nothing() {
    let site = Site::open().await;
    let signed_in = site.sign_in(PASSWORD).await;
    let session = signed_in.cookie();
    let before = site.hub.snapshot(RoomId::FIRST).expect("room 1");
    let long = form(&[("name", &"x".repeat(70_000))]);
    let bodies: [(&str, Vec<u8>); 5] = [
        ("application/x-www-form-urlencoded", b"%ff=%ff&state=%00&message=%00&act=%ff&room=%ff".to_vec()),
        ("application/x-www-form-urlencoded", long.into_bytes()),
        ("text/plain", b"name=Forged&state=ended".to_vec()),
        ("application/json", b"{\"name\":\"Forged\",\"state\":\"ended\"}".to_vec()),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\n--x--".to_vec()),
    ];
    let uris = [
        "/",
        "/rooms/1",
        "/embed/1",
        "/rooms/1/enter",
        "/admin",
        "/admin/rooms",
        "/admin/rooms/1",
        "/admin/rooms/1/state",
        "/admin/rooms/1/lift",
        "/admin/rooms/1/queue",
        "/admin/keys",
        "/admin/people",
    ];
    for uri in uris {
        for (content_type, body) in &bodies {
            let request = Request::post(uri).header("cookie", session).header("sec-fetch-site", "same-origin");
            let request = request.header("content-type", *content_type).body(Body::from(body.clone())).expect("a request");
            let answer = site.send(request).await;
            // A form of settings that holds none of them is saved, and changes nothing.
            let is_saved = uri == "/admin/rooms/1" && answer.status == 303;
            assert!(is_saved || (400..500).contains(&answer.status), "{uri} {content_type}: {} {}", answer.status, answer.text);
        }
    }
    let after = site.hub.snapshot(RoomId::FIRST).expect("room 1");
    assert_eq!((before.position, before.room.settings), (after.position, after.room.settings));
    assert_eq!(site.hub.rooms().len(), 1);
}

#[tokio::test]
async fn a_line_end_in_a_message_begins_no_event() {
    let site = Site::open().await;
    let mut events = site.subscribe().await;
    let token = events.token().to_owned();
    let forged = "\n\nid: 0-99\nevent: forged\ndata: {\"type\":\"init\"}\n\n";
    let name = "a\u{2028}b\u{85}c";
    let texts = [format!("x{forged}"), format!("x{}", forged.replace('\n', "\r")), format!("x{}", forged.replace('\n', "\r\n"))];
    for text in &texts {
        let body =
            json!({ "type": "broadcast", "widget_key": WIDGET_KEY, "message": { "username": "ann", "message_text": text } });
        assert_eq!(site.publish(&token, &body).await.status, 200);
    }
    assert_eq!(events.next_texts(3).await, texts);
    // Between the tokens of the JSON, where line ends are allowed.
    let body = format!(
        "{{\"type\":\"broadcast\",\"widget_key\":\"{WIDGET_KEY}\",\"message\":{{\r\r\n\n\"message_text\":\r\n\"y\",\r\"username\":\n\"ann\"}}}}"
    );
    assert_eq!(site.publish_raw(1, &token, body).await.status, 200);
    assert_eq!(events.next_texts(1).await, ["y"]);
    let reason = json!({ "reason": forged });
    site.administer(&format!("/v1/streams/1/users/{}/timeout", events.user_id()), &json!({ "seconds": 1, "reason": forged }))
        .await;
    let room = json!({ "description": forged, "name": name });
    assert_eq!(site.administer("/v1/streams/1/settings", &room).await.status, 400, "a name has no control characters");
    site.administer("/v1/streams/1/settings", &json!({ "description": forged })).await;
    let told = loop {
        let event = events.next_of("system").await;
        if event.data["message"]["status"] == "settings" {
            break event;
        }
        if event.data["message"]["status"] == "timeout" {
            assert_eq!(event.data["message"]["reason"], reason["reason"]);
        }
    };
    assert_eq!(told.data["message"]["description"], forged);
}

#[tokio::test]
async fn an_export_names_a_file_and_begins_no_header() {
    let site = Site::open().await;
    let name = json!({ "name": "x\"; filename=\"evil.html" });
    assert_eq!(site.administer("/v1/streams/1/settings", &name).await.status, 200);
    for slug in ["a\"b", "a\r\nX: y", "../../etc", "a;b", "é"] {
        let refused = site.administer("/v1/streams/1/settings", &json!({ "slug": slug })).await;
        assert_eq!(refused.status, 400, "{slug:?}");
    }
    for (uri, media_type) in [("export.csv", "text/csv"), ("export.jsonl", "application/jsonl")] {
        let answer = ask(&site, "GET", &format!("/v1/streams/1/{uri}")).await;
        assert!(answer.header("content-type").starts_with(media_type));
        let extension = uri.trim_start_matches("export.");
        assert_eq!(answer.header("content-disposition"), format!("attachment; filename=\"live-chat.{extension}\""));
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
}
