use axum::{body::Body, http::Request};
use serde_json::json;

use super::{Answer, Site, site::PASSWORD};

/// Posts a form as a page of ours does.
async fn post(site: &Site, uri: &str, cookie: &str, from_site: &str, body: String) -> Answer {
    let request = Request::post(uri).header("content-type", "application/x-www-form-urlencoded").header("cookie", cookie);
    site.send(request.header("sec-fetch-site", from_site).body(Body::from(body)).expect("a request")).await
}

async fn sign_in(site: &Site, password: &str) -> Answer {
    post(site, "/admin", "", "same-origin", format!("password={}", password.replace(' ', "+"))).await
}

async fn get(site: &Site, uri: &str, cookie: &str) -> Answer {
    site.send(Request::get(uri).header("cookie", cookie).body(Body::empty()).expect("a request")).await
}

fn cookie(answer: &Answer) -> &str {
    answer.header("set-cookie").split(';').next().expect("a cookie")
}

#[tokio::test]
async fn who_knows_the_password_signs_in_and_out() {
    let site = Site::open().await;
    site.administer("/v1/streams/create", &json!({ "name": "</td><b>Two" })).await;
    let form = site.get("/admin").await;
    assert!(form.text.contains("type=\"password\"") && !form.text.contains("Sign out"), "{}", form.text);
    let signed_in = sign_in(&site, PASSWORD).await;
    assert_eq!((signed_in.status, signed_in.header("location")), (303, "/admin"));
    let set = signed_in.header("set-cookie");
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax") && set.contains("Path=/"), "{set}");
    let rooms = get(&site, "/admin", cookie(&signed_in)).await;
    assert!(rooms.text.contains("Sign out") && rooms.text.contains("&lt;/td&gt;&lt;b&gt;Two") && !rooms.text.contains("<b>Two"));
    assert_eq!((rooms.header("cache-control"), rooms.header("set-cookie")), ("no-store", ""));
    assert!(rooms.header("content-security-policy").contains("frame-ancestors"), "no click is stolen");
    let signed_out = post(&site, "/admin/sign-out", cookie(&signed_in), "same-origin", String::new()).await;
    assert_eq!(signed_out.status, 303);
    assert!(
        signed_out.header("set-cookie").contains("live-chat-admin=; ") && signed_out.header("set-cookie").contains("Max-Age=0")
    );
}

#[tokio::test]
async fn who_does_not_know_the_password_stays_outside() {
    let site = Site::open().await;
    for wrong in ["", "x", "A PASSWORD FOR TESTS"] {
        let answer = sign_in(&site, wrong).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (403, ""), "{wrong:?}");
        assert!(answer.text.contains("This is not the password."));
    }
    for body in ["", "word=x"] {
        assert_eq!(post(&site, "/admin", "", "same-origin", body.into()).await.status, 422, "{body:?}");
    }
    let room_token = site.guest_token(crate::chat::RoomId::FIRST);
    for forged in ["live-chat-admin=", "live-chat-admin=x", &format!("live-chat-admin={room_token}")] {
        assert!(!get(&site, "/admin", forged).await.text.contains("Sign out"), "{forged}");
    }
}

#[tokio::test]
async fn attempts_are_limited() {
    let site = Site::open().await;
    for _ in 0..5 {
        assert_eq!(sign_in(&site, "wrong").await.status, 403);
    }
    let answer = sign_in(&site, PASSWORD).await;
    assert_eq!((answer.status, answer.header("set-cookie")), (429, ""), "the right one too");
    assert!(matches!(answer.header("retry-after").parse(), Ok(1..=30)));
}

#[tokio::test]
async fn other_sites_can_neither_sign_in_nor_out() {
    let site = Site::open().await;
    for from_site in ["cross-site", "same-site"] {
        let answer = post(&site, "/admin", "", from_site, format!("password={}", PASSWORD.replace(' ', "+"))).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (403, ""), "{from_site}");
        let answer = post(&site, "/admin/sign-out", "", from_site, String::new()).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (403, ""), "{from_site}");
    }
}

#[tokio::test]
async fn without_fetch_metadata_the_origin_tells_another_site() {
    let site = Site::open().await;
    for (origin, status) in
        [("http://chat.example", 303), ("http://evil.example", 403), ("null", 403), ("http://chat.example:81", 403)]
    {
        let request = Request::post("/admin/sign-out").header("host", "chat.example").header("origin", origin);
        assert_eq!(site.send(request.body(Body::empty()).expect("a request")).await.status, status, "{origin}");
    }
}

#[tokio::test]
async fn who_has_signed_in_moderates_on_the_page_and_its_stream() {
    let site = Site::open().await;
    let signed_in = sign_in(&site, PASSWORD).await;
    let session = cookie(&signed_in);
    let request = format!("GET /subscribe/1 HTTP/1.1\r\nHost: localhost\r\nCookie: {session}\r\n\r\n");
    let own = super::Events::open(site.addr, &request).await;
    let page = get(&site, "/", session).await.text;
    assert!(page.contains("\"moderates\":true") && site.get("/").await.text.contains("\"moderates\":false"));
    let stored = site.say(own.token(), "hi").await;
    let id = stored.json["data"]["id"].as_str().expect("an id").to_owned();
    let delete = async |token: &str| {
        let request = Request::delete(format!("/v1/streams/1/messages/{id}")).header("authorization", format!("Bearer {token}"));
        site.send(request.body(Body::empty()).expect("a request")).await.status
    };
    let guest = site.subscribe().await;
    assert_eq!(delete(guest.token()).await, 403);
    assert_eq!(delete(own.token()).await, 200);
}

#[tokio::test]
async fn a_password_is_made_once_and_kept_as_a_hash() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("admin-password");
    let load = || crate::server::Password::load_or_make(&path);
    let (first, password) = load().expect("made");
    let password = password.expect("told once");
    assert!(!std::fs::read_to_string(&path).expect("a file").contains(&password));
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).expect("a file").permissions());
    assert_eq!(mode & 0o777, 0o600);
    let (second, told) = load().expect("loaded");
    assert_eq!(told, None);
    for checks in [first, second] {
        assert!(checks.check(password.clone(), None).await.is_ok() && checks.check("x".into(), None).await.is_err());
    }
    std::fs::write(&path, "nonsense").expect("written");
    assert_eq!(load().map(drop).map_err(|error| error.kind()), Err(std::io::ErrorKind::InvalidData));
}
