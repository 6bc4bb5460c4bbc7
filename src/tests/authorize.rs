//! `/oauth2/authorize`: the sign-in of games.

use axum::{body::Body, http::Request};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};

use super::{
    Answer, Site,
    interactive_sync::next,
    site::{ADMIN_KEY, PASSWORD, WIDGET_KEY},
    web_socket::WebSocket,
};
use crate::chat::RoomId;

const GAME: &str = "http://localhost:8080";

/// A chat whose widget key has a redirect URI.
async fn open() -> Site {
    let site = Site::open().await;
    register(&site, WIDGET_KEY, &[GAME]).await;
    site
}

async fn register(site: &Site, key: &str, uris: &[&str]) -> Answer {
    let request = Request::put(format!("/v1/widget-keys/{key}/redirect-uris")).header("content-type", "application/json");
    let request = request.header("authorization", format!("Bearer {ADMIN_KEY}"));
    site.send(request.body(Body::from(json!({ "redirect_uris": uris }).to_string())).expect("a request")).await
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// The address that a game's page sends its user to.
fn address(client_id: &str, redirect_uri: &str, state: Option<&str>) -> String {
    let state = state.map(|state| format!("&state={}", encoded(state))).unwrap_or_default();
    let (client_id, redirect_uri) = (encoded(client_id), encoded(redirect_uri));
    format!("/oauth2/authorize?client_id={client_id}&redirect_uri={redirect_uri}&response_type=token{state}")
}

fn signed_in(site: &Site) -> String {
    format!("live-chat-admin={}", site.hub.sign_in())
}

async fn allow(site: &Site, address: &str, room: u32) -> Answer {
    site.submit(address, &signed_in(site), "same-origin", format!("answer=allow&room={room}")).await
}

/// The value of a parameter in the fragment that a browser is sent back with, as `URLSearchParams` and `decodeURIComponent` read it.
fn fragment(answer: &Answer, name: &str) -> Option<String> {
    let (_, fragment) = answer.header("location").split_once('#').expect("a fragment");
    assert!(!fragment.contains([' ', '#']), "{fragment}");
    let value = fragment.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    Some(percent_decode_str(value).decode_utf8().expect("UTF-8").into_owned())
}

/// What a game is told first that shows this.
async fn connect(site: &Site, client_id: &str, token: &str) -> Value {
    let path = format!("/interactive-sync?client_id={client_id}&access_token={token}");
    next(&mut WebSocket::open(site.addr, &path).await).await
}

#[tokio::test]
async fn an_owner_signs_in_and_allows_and_the_game_runs_the_room() {
    let site = open().await;
    let address = address(WIDGET_KEY, GAME, Some("a b"));
    let form = site.page(&address, "").await;
    assert_eq!(form.status, 200);
    assert!(form.text.contains("type=\"password\"") && !form.text.contains("Allow"), "{}", form.text);
    let wrong = site.submit(&address, "", "same-origin", "password=wrong").await;
    assert_eq!(wrong.status, 403);
    assert!(wrong.text.contains("type=\"password\""), "it can be tried again");
    let right = site.submit(&address, "", "same-origin", format!("password={}", PASSWORD.replace(' ', "+"))).await;
    assert_eq!((right.status, right.header("location")), (303, &*address), "to the question");
    let cookie = right.cookie().to_owned();
    let asked = site.page(&address, &cookie).await;
    assert!(asked.text.contains("Allow") && asked.text.contains(GAME) && asked.text.contains("1: Live chat"), "{}", asked.text);
    for page in [&form, &asked] {
        assert_eq!((page.header("x-frame-options"), page.header("cache-control")), ("DENY", "no-store"));
        assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"));
    }
    assert!(
        asked.header("content-security-policy").contains(&format!("form-action 'self' {GAME};")),
        "the answer may lead there"
    );
    let back = site.submit(&address, &cookie, "same-origin", "room=1&answer=allow").await;
    assert_eq!((back.status, back.header("cache-control")), (303, "no-store"));
    assert!(back.header("location").starts_with(&format!("{GAME}#access_token=")), "{}", back.header("location"));
    assert_eq!(fragment(&back, "token_type").as_deref(), Some("bearer"));
    assert_eq!(fragment(&back, "expires_in").as_deref(), Some("3600"));
    let token = fragment(&back, "access_token").expect("a token");
    assert_eq!(connect(&site, WIDGET_KEY, &token).await["status"], "ok");
}

#[tokio::test]
async fn a_game_s_token_is_good_for_nothing_else_and_ends_with_its_session() {
    let site = open().await;
    let other = site.administer("/v1/widget-keys", &json!({ "name": "Other" })).await.json["data"]["key"].clone();
    let token = fragment(&allow(&site, &address(WIDGET_KEY, GAME, None), 1).await, "access_token").expect("a token");
    assert_eq!(connect(&site, other.as_str().expect("a key"), &token).await["status"], "error", "another client id");
    let bearer = |method: &str, uri: &str| {
        let request = Request::builder().method(method).uri(uri).header("authorization", format!("Bearer {token}"));
        request.header("content-type", "application/json").body(Body::from("{}")).expect("a request")
    };
    let rows = [
        ("POST", "/v1/streams/1/settings"),
        ("GET", "/v1/streams/1/export.jsonl"),
        ("GET", "/v1/streams/1/audit"),
        ("POST", "/v1/streams/1/ticket"),
        ("GET", "/interactive-sync/user/interface/query"),
        ("POST", "/interactive-sync/action/input"),
    ];
    for (method, uri) in rows {
        assert_eq!(site.send(bearer(method, uri)).await.status, 401, "{method} {uri}");
    }
    assert_eq!(site.say(&token, "hi").await.status, 401);
    assert_eq!(connect(&site, WIDGET_KEY, &token).await["status"], "ok");
    site.submit("/admin/sign-out", &signed_in(&site), "same-origin", "").await;
    let message = connect(&site, WIDGET_KEY, &token).await["message"].as_str().expect("a text").to_owned();
    assert_eq!(message, "An error occurred on token validation: The token has been revoked.");
}

#[tokio::test]
async fn one_game_s_token_can_be_revoked_alone() {
    let site = open().await;
    let owner = signed_in(&site);
    let mut tokens = Vec::new();
    for _ in 0..2 {
        tokens.push(fragment(&allow(&site, &address(WIDGET_KEY, GAME, None), 1).await, "access_token").expect("a token"));
    }
    assert_eq!(site.administer("/v1/tokens/revoke", &json!({ "token": tokens[0] })).await.status, 200);
    assert_eq!(connect(&site, WIDGET_KEY, &tokens[0]).await["status"], "error");
    assert_eq!(connect(&site, WIDGET_KEY, &tokens[1]).await["status"], "ok");
    assert!(site.page("/admin", &owner).await.text.contains("Sign out"), "the session goes on");
}

#[tokio::test]
async fn a_state_comes_back_as_it_was_sent() {
    let site = open().await;
    let long = "x".repeat(4_096);
    let states =
        ["", "abc-123_~.", "a b+c", "%20%2B", "&state=other#x", "=?/:@", "\r\nSet-Cookie: x", "\"'<>", "é 😀 \u{202e}", &long];
    for state in states {
        for answer in ["allow", "refuse"] {
            let body = format!("room=1&answer={answer}");
            let back = site.submit(&address(WIDGET_KEY, GAME, Some(state)), &signed_in(&site), "same-origin", body).await;
            assert_eq!(fragment(&back, "state").as_deref(), Some(state), "{answer}");
        }
    }
    // However it was encoded.
    for sent in ["a+b", "a%2Bb%20c", "a=b/c?d:e@f", "%41", "a%26b", "a,b;c", "|{}^`"] {
        let uri = format!("{}&state={sent}&scope=x", address(WIDGET_KEY, GAME, None));
        let back = allow(&site, &uri, 1).await;
        assert!(back.header("location").contains(&format!("&state={sent}&token_type=bearer")), "{}", back.header("location"));
    }
    let none = allow(&site, &address(WIDGET_KEY, GAME, None), 1).await;
    assert_eq!(fragment(&none, "state"), None);
    let page = site.page(&address(WIDGET_KEY, GAME, Some("\"><script>&")), &signed_in(&site)).await;
    assert!(!page.text.contains("\"><script>&"));
    let (too_long, owner) = (address(WIDGET_KEY, GAME, Some(&"x".repeat(4_097))), signed_in(&site));
    assert_eq!(site.page(&too_long, &owner).await.status, 400);
}

#[tokio::test]
async fn letters_that_are_not_encoded_are_read_alike() {
    let site = open().await;
    let address = format!("{}&state=é", address(WIDGET_KEY, GAME, None));
    let encoded = address.replace('é', "%C3%A9");
    let signed_in = signed_in(&site);
    let right = site.submit(&address, "", "same-origin", format!("password={}", PASSWORD.replace(' ', "+"))).await;
    assert_eq!((right.status, right.header("location")), (303, &*encoded));
    let back = site.submit(&address, &signed_in, "same-origin", "room=1&answer=allow").await;
    assert_eq!(fragment(&back, "state").as_deref(), Some("é"));
}

#[tokio::test]
async fn a_browser_is_sent_to_registered_addresses_alone() {
    let site = open().await;
    let revoked = site.administer("/v1/widget-keys", &json!({ "name": "Old" })).await.json["data"]["key"].clone();
    let revoked = revoked.as_str().expect("a key").to_owned();
    register(&site, &revoked, &[GAME]).await;
    site.hub.revoke_widget_key(&revoked).await.expect("revoked");
    let bare = site.administer("/v1/widget-keys", &json!({ "name": "Bare" })).await.json["data"]["key"].clone();
    let of = |redirect_uri: &str| address(WIDGET_KEY, redirect_uri, Some("s"));
    let rows = [
        of("http://localhost:8080/"),
        of("http://localhost:8080/other"),
        of("http://localhost:8080?x=1"),
        of("http://localhost:8080#x"),
        of("http://localhost:80800"),
        of("http://localhost:8080@evil.example"),
        of("http://localhost:8080.evil.example"),
        of("HTTP://localhost:8080"),
        of("https://evil.example"),
        of("//evil.example"),
        of("javascript:alert(1)"),
        of(""),
        address(bare.as_str().expect("a key"), GAME, None),
        address(&revoked, GAME, None),
        address("unknown", GAME, None),
        address("", GAME, None),
        format!("/oauth2/authorize?client_id={WIDGET_KEY}&response_type=token"),
        "/oauth2/authorize".to_owned(),
        format!("{}&redirect_uri=https%3A%2F%2Fevil.example", of(GAME)),
        format!("{}&client_id=x", of(GAME)),
        format!("{}&state=t", of(GAME)),
        format!("/oauth2/authorize?client_id={WIDGET_KEY}&redirect_uri=https%3A%2F%2Fevil.example&response_type=code"),
    ];
    for uri in &rows {
        for cookie in ["", &signed_in(&site)] {
            let bodies = ["room=1&answer=allow", "room=1&answer=refuse", "password=a+password+for+tests"];
            let mut answers = vec![site.page(uri, cookie).await];
            for body in bodies {
                answers.push(site.submit(uri, cookie, "same-origin", body).await);
            }
            for answer in answers {
                assert_eq!((answer.status, answer.header("location")), (400, ""), "{uri}");
                assert!(answer.text.contains("This sign-in cannot begin"), "{uri}: {}", answer.text);
            }
        }
    }
    for response_type in ["code", "", "token%20code"] {
        let uri = format!(
            "/oauth2/authorize?client_id={WIDGET_KEY}&redirect_uri={}&response_type={response_type}&state=s",
            encoded(GAME)
        );
        let back = site.page(&uri, "").await;
        assert_eq!(back.header("location"), format!("{GAME}#error=unsupported_response_type&state=s"));
    }
}

#[tokio::test]
async fn the_form_to_sign_in_says_who_asks_and_leads_back() {
    let site = open().await;
    let address = address(WIDGET_KEY, GAME, Some("a&b"));
    let wrong = site.submit(&address, "", "same-origin", "password=wrong").await;
    for page in [site.page(&address, "").await, wrong] {
        assert!(page.text.contains(GAME) && page.text.contains("Configured"), "who asks: {}", page.text);
        let back = format!("href=\"{GAME}#error=access_denied&amp;state=a%26b\"");
        assert!(page.text.contains(&back) && page.text.contains("Cancel"), "{}", page.text);
        assert!(!page.text.contains("Go to the chat"), "the game waits for an answer");
    }
    let own = site.page("/admin", "").await.text;
    assert!(own.contains("Go to the chat") && !own.contains("Cancel"), "{own}");
}

#[tokio::test]
async fn what_is_not_registered_is_shown_with_the_page_where_it_can_be() {
    let site = open().await;
    for offered in ["https://evil.example/<b>", "http://localhost:8080/"] {
        let page = site.page(&address(WIDGET_KEY, offered, None), "").await.text;
        let shown = offered.replace('<', "&lt;").replace('>', "&gt;");
        assert!(page.contains(&format!("{shown}</code>")) && page.contains("href=\"/admin/keys\""), "{page}");
        assert!(!page.contains(&format!("href=\"{offered}")), "it is no link");
    }
    let long = site.page(&address(WIDGET_KEY, &"x".repeat(5_000), None), "").await.text;
    assert!(long.contains(&"x".repeat(512)) && !long.contains(&"x".repeat(513)));
}

#[tokio::test]
async fn a_room_is_chosen_unless_there_is_one_alone() {
    let site = open().await;
    let address = address(WIDGET_KEY, GAME, None);
    let chosen = |page: &str| !page.contains("Choose a room");
    assert!(chosen(&site.page(&address, &signed_in(&site)).await.text));
    site.administer("/v1/streams/create", &json!({ "name": "Two" })).await;
    let page = site.page(&address, &signed_in(&site)).await.text;
    assert!(!chosen(&page) && page.contains("1: Live chat") && page.contains("2: Two"), "{page}");
    let unchosen = site.submit(&address, &signed_in(&site), "same-origin", "answer=allow").await;
    assert_eq!(unchosen.status, 400);
    assert!(unchosen.text.contains("aria-invalid=\"true\"") && unchosen.text.contains("name=\"answer\""), "{}", unchosen.text);
}

#[tokio::test]
async fn a_redirect_uri_that_cannot_be_is_refused_with_the_whole_reason() {
    let site = Site::open().await;
    let long = format!("https://Example.com/{}", "x".repeat(300));
    for wrong in ["https://example.com/#x", "myapp://callback", &long] {
        let refused = register(&site, WIDGET_KEY, &["https://example.com/", wrong]).await;
        let error = refused.error();
        assert!(error.starts_with(&format!("redirect_uris: {wrong:?} is not a redirect URI such as")), "{error}");
        assert!(error.ends_with("no fragment (#), at most 512 characters."), "{error}");
    }
}

#[tokio::test]
async fn nobody_else_can_answer() {
    let site = open().await;
    let address = address(WIDGET_KEY, GAME, Some("s"));
    for from in ["cross-site", "same-site"] {
        for body in ["room=1&answer=allow", "password=a+password+for+tests"] {
            let answer = site.submit(&address, &signed_in(&site), from, body).await;
            assert_eq!((answer.status, answer.header("location"), answer.header("set-cookie")), (403, "", ""), "{from} {body}");
        }
    }
    let signed_out = site.submit(&address, "", "same-origin", "room=1&answer=allow").await;
    assert_eq!((signed_out.status, signed_out.header("location")), (303, &*address), "the form to sign in");
    for (body, status) in [("answer=allow", 400), ("answer=allow&room=9", 400), ("answer=allow&room=x", 400), ("", 303)] {
        let answer = site.submit(&address, &signed_in(&site), "same-origin", body).await;
        assert_eq!(answer.status, status, "{body}");
        assert!(!answer.header("location").contains("access_token"), "{body}");
    }
    assert_eq!(
        fragment(&site.submit(&address, &signed_in(&site), "same-origin", "room=1&answer=refuse").await, "error").as_deref(),
        Some("access_denied")
    );
}

#[tokio::test]
async fn a_game_runs_a_room_that_its_key_opens() {
    let site = open().await;
    let two = site.administer("/v1/streams/create", &json!({ "name": "Two" })).await.json["data"]["widget_key"].clone();
    let two = two.as_str().expect("a key");
    for step in ["prepare", "start"] {
        site.administer(&format!("/v1/streams/2/{step}"), &json!({})).await;
    }
    register(&site, two, &[GAME]).await;
    let address = address(two, GAME, None);
    let page = site.page(&address, &signed_in(&site)).await.text;
    assert!(page.contains("2: Two") && !page.contains("1: Live chat"), "{page}");
    assert_eq!(allow(&site, &address, 1).await.status, 400);
    let token = fragment(&allow(&site, &address, 2).await, "access_token").expect("a token");
    assert_eq!(connect(&site, two, &token).await["data"], json!({ "displayName": "Two", "channelId": "2" }));
}

#[tokio::test]
async fn redirect_uris_are_registered_with_their_key_and_survive_a_restart() {
    let site = Site::open().await;
    let uris = ["http://localhost:8080", "https://example.com/game?x=1"];
    let registered = register(&site, WIDGET_KEY, &uris).await;
    assert_eq!((registered.status, &registered.json["data"]["redirect_uris"]), (200, &json!(uris)), "{}", registered.text);
    assert_eq!(register(&site, "none", &uris).await.status, 404);
    let many: Vec<_> = (0..17).map(|n| format!("https://{n}.example")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    for wrong in [&many[..], &["https://example.com/#x"], &["javascript:alert(1)"]] {
        let refused = register(&site, WIDGET_KEY, wrong).await;
        assert_eq!(refused.status, 400, "{}", refused.text);
    }
    let site = site.restart().await;
    assert_eq!(site.hub.shown_key(WIDGET_KEY).expect("a key").redirect_uris.to_string(), uris.join("\n"));

    let form = format!("/admin/keys/{WIDGET_KEY}/redirects");
    let wrong = site.submit(&form, &signed_in(&site), "same-origin", "uris=https%3A%2F%2Fexample.com%2F%23x").await;
    assert_eq!(wrong.status, 400);
    assert!(
        wrong.text.contains("is not a redirect URI such as") && wrong.text.contains("https://example.com/#x"),
        "{}",
        wrong.text
    );
    let right = site
        .submit(&form, &signed_in(&site), "same-origin", "uris=https%3A%2F%2Fa.example%2F%0D%0Ahttp%3A%2F%2Flocalhost%3A8080")
        .await;
    assert_eq!((right.status, right.header("location")), (303, "/admin/keys"));
    assert!(site.page("/admin/keys", &signed_in(&site)).await.text.contains("https://a.example/\nhttp://localhost:8080"));
}

#[tokio::test]
async fn a_game_without_a_browser_gets_its_token_by_the_admin_key() {
    let site = Site::open().await;
    let path = format!("/v1/widget-keys/{WIDGET_KEY}/game-token");
    let made = site.administer(&path, &json!({ "room": 1 })).await;
    let data = &made.json["data"];
    assert_eq!((made.status, &data["token_type"], &data["expires_in"]), (200, &json!("bearer"), &json!(3_600)), "{}", made.text);
    assert_eq!(connect(&site, WIDGET_KEY, data["access_token"].as_str().expect("a token")).await["status"], "ok");
    for (room, status) in [(0, 403), (2, 404), (-1, 403)] {
        assert_eq!(site.administer(&path, &json!({ "room": room })).await.status, status, "{room}");
    }
    assert_eq!(site.administer("/v1/widget-keys/none/game-token", &json!({ "room": 1 })).await.status, 404);
}

#[tokio::test]
async fn the_admin_key_runs_no_game() {
    let site = Site::open().await;
    let told = connect(&site, WIDGET_KEY, ADMIN_KEY).await;
    assert_eq!((&told["status"], &told["context"], &told["data"]), (&json!("error"), &json!("connection"), &json!(null)));
    let message = told["message"].as_str().expect("a text");
    assert!(message.starts_with("An error occurred on token validation: the admin key") && message.contains("/oauth2/authorize"));
    let token = site.hub.sign_for_game(WIDGET_KEY, RoomId::FIRST, None);
    assert_eq!(connect(&site, WIDGET_KEY, &token).await["status"], "ok");
}

#[tokio::test]
async fn the_answer_may_lead_to_an_ipv6_address() {
    let site = Site::open().await;
    let uri = "http://[::1]:8080/game";
    register(&site, WIDGET_KEY, &[uri]).await;
    let page = site.page(&address(WIDGET_KEY, uri, None), &signed_in(&site)).await;
    assert!(page.header("content-security-policy").contains("form-action 'self' http:;"));
}
