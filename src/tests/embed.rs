use axum::{body::Body, http::Request};
use serde_json::json;

use super::{
    Answer, Site,
    site::{Setting, WIDGET_KEY},
};
use crate::{
    chat::{Capabilities, RoomId},
    engine::now,
};

const HOME: &str = "https://home.example";
const FANS: &str = "https://fans.example";

async fn post(site: &Site, uri: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = Request::post(uri).header("content-type", "application/x-www-form-urlencoded");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    site.send(request.body(Body::from(body.to_owned())).expect("a request")).await
}

/// A directive of a page's Content-Security-Policy; empty if it is not there.
fn directive<'a>(page: &'a Answer, name: &str) -> &'a str {
    let mut all = page.header("content-security-policy").split("; ");
    all.find_map(|one| one.strip_prefix(name)).unwrap_or_default().trim()
}

/// Room 2, whose own origins stand for the installation's.
async fn with_second_room(origins: &'static [&'static str]) -> Site {
    let site = Site::with(Setting { origins, ..Setting::default() }).await;
    site.administer("/v1/streams/create", &json!({ "name": "Two", "allowed_origins": [FANS, "http://localhost:8080"] })).await;
    site
}

#[tokio::test]
async fn no_page_is_framed_but_the_embed_and_that_by_whom_it_may() {
    let session = |site: &Site| format!("live-chat-admin={}", site.hub.sign_in());
    let revoke = format!("/admin/keys/{WIDGET_KEY}/revoke");
    for installation in [&["*"][..], &[HOME]] {
        let site = with_second_room(installation).await;
        let installation = if installation == ["*"] { "" } else { "'self' https://home.example" };
        let rows = [
            ("/", 200, "'none'"),
            ("/rooms/1", 200, "'none'"),
            ("/rooms/2", 200, "'none'"),
            ("/rooms/9", 404, "'none'"),
            ("/nothing", 404, "'none'"),
            ("/admin", 200, "'none'"),
            ("/admin/keys", 200, "'none'"),
            (&*revoke, 200, "'none'"),
            ("/overlay/1", 200, "'none'"),
            ("/overlay/9", 404, "'none'"),
            ("/embed/1", 200, installation),
            ("/embed/1?readonly=1&theme=dark", 200, installation),
            ("/embed/2", 200, "'self' https://fans.example http://localhost:8080"),
            ("/embed/9", 404, installation),
            ("/embed/x", 404, installation),
        ];
        for (uri, status, ancestors) in rows {
            for cookie in ["", &session(&site)] {
                if cookie.is_empty() && uri.starts_with("/admin/") {
                    continue;
                }
                let page = site.page(uri, cookie).await;
                assert_eq!((page.status, directive(&page, "frame-ancestors")), (status, ancestors), "{uri}");
                let options = if ancestors == "'none'" { "DENY" } else { "" };
                assert_eq!(page.header("x-frame-options"), options, "{uri}");
                for name in ["default-src", "base-uri"] {
                    assert_eq!(directive(&page, name), "'none'", "{uri}");
                }
            }
        }
        for uri in ["/", "/embed/1", "/admin"] {
            let refused = post(&site, uri, &[("sec-fetch-site", "cross-site")], "username=a&message=b&password=c").await;
            let embed = uri == "/embed/1";
            assert_eq!(refused.status, 403, "{uri}");
            assert_eq!(directive(&refused, "frame-ancestors"), if embed { installation } else { "'none'" }, "{uri}");
        }
    }
}

#[tokio::test]
async fn styles_are_ours_but_over_a_video() {
    let site = Site::open().await;
    for (uri, part) in [("/", "'self'"), ("/embed/1?accent=ff0000", "'self' 'nonce-"), ("/overlay/1", "'self' 'unsafe-inline'")] {
        let page = site.get(uri).await;
        assert!(directive(&page, "style-src").starts_with(part), "{uri}: {}", directive(&page, "style-src"));
        let nonce = directive(&page, "script-src").split("'nonce-").nth(1).expect("a nonce").split('\'').next().expect("a nonce");
        assert_eq!(page.text.matches("<style").count(), page.text.matches(&format!("<style nonce=\"{nonce}\"")).count(), "{uri}");
    }
    assert!(!directive(&site.get("/").await, "style-src").contains(' '), "one's own alone");
}

#[tokio::test]
async fn the_address_of_an_embed_says_how_it_looks() {
    let site = Site::open().await;
    let check = async |uri: &str, parts: &[&str]| {
        let page = site.get(uri).await.text;
        for part in parts {
            assert!(page.contains(part), "{uri}: {part} in {page}");
        }
        assert!(page.contains("id=\"form\""), "{uri}");
    };
    check("/embed/1", &["<html class=\"embed\" lang=\"en\" dir=\"ltr\">", "content=\"light dark\""]).await;
    let dark = ["data-theme=\"dark\" class=\"embed read-only\"", "name=\"color-scheme\" content=\"dark\"", "--accent:#ff"];
    check("/embed/1?theme=dark&accent=ff8888&readonly=1", &dark).await;
    check("/embed/1?theme=sepia&accent=%22%3E%3Cb%3E&readonly=no", &["<html class=\"embed\" lang"]).await;
    for uri in ["/embed/1?theme=sepia", "/?theme=dark&accent=ff8888&readonly=1"] {
        let page = site.get(uri).await.text;
        assert!(!page.contains("data-theme") && !page.contains("<style") && !page.contains("read-only"), "{uri}");
    }
}

#[tokio::test]
async fn links_in_an_embed_keep_its_look() {
    let site = Site::open().await;
    let token = site.guest_token(RoomId::FIRST);
    for n in 0..60 {
        site.say(&token, &n.to_string()).await;
    }
    let page = site.get("/embed/1?theme=dark&readonly=1&other=x").await.text;
    assert!(page.contains("href=\"?theme=dark&amp;readonly=1&amp;before="), "{page}");
    let oldest = crate::chat::MessageId { room: RoomId::FIRST, seq: 11 };
    let older = site.get(&format!("/embed/1?theme=dark&before={oldest}")).await.text;
    assert!(older.contains("href=\"?theme=dark&amp;\"") && older.contains("data-theme=\"dark\""));
    assert!(site.get("/").await.text.contains("href=\"?before="));
}

/// What a browser would send back of the cookies whose attributes hold that.
fn cookies(answer: &Answer, attribute: &str) -> String {
    let values = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().expect("ASCII"));
    let kept = values.filter(|value| value.contains(attribute)).map(|value| value.split(';').next().unwrap_or_default());
    kept.collect::<Vec<_>>().join("; ")
}

#[tokio::test]
async fn a_guest_in_a_frame_stays_who_they_are() {
    let site = Site::open().await;
    let page = site.get("/embed/1?theme=dark").await;
    // The one that a browser takes where the frame is another site's, and that where it is of our own.
    for attribute in ["SameSite=None; Secure; Partitioned", "SameSite=Lax"] {
        let cookie = cookies(&page, attribute);
        assert!(cookie.starts_with("live-chat-"), "{cookie}");
        let own = ("sec-fetch-site", "same-origin");
        let posted = post(&site, "/embed/1?theme=dark", &[("cookie", &cookie), own], "username=Ann&message=hi").await;
        assert_eq!((posted.status, posted.header("location")), (303, "/embed/1?theme=dark"), "the look stays");
    }
    let without = post(&site, "/embed/1", &[], "username=Bob&message=hi").await;
    assert_eq!(without.status, 303, "who keeps no cookie can still write");
    let said = site.get("/v1/streams/1/messages").await.json["data"].clone();
    assert_eq!(said[0]["author_id"], said[1]["author_id"]);
    assert_ne!(said[1]["author_id"], said[2]["author_id"]);
    assert_eq!(cookies(&site.get("/").await, "Partitioned"), "", "a page of its own needs none");
    let refused = post(&site, "/embed/1", &[("sec-fetch-site", "cross-site")], "username=Eve&message=hi").await;
    assert_eq!(refused.status, 403);
}

#[tokio::test]
async fn a_stream_is_its_token_s_where_no_cookie_is_sent() {
    let site = Site::open().await;
    let first = site.subscribe().await;
    let again = site.subscribe_with(&format!("/subscribe/1?token={}", first.token()), None).await;
    assert_eq!(first.user_id(), again.user_id());
    let other = site.guest_token(RoomId::new(2).expect("a number"));
    assert_ne!(site.subscribe_with(&format!("/subscribe/1?token={other}"), None).await.user_id(), first.user_id());
}

#[tokio::test]
async fn whoever_runs_the_chat_moderates_in_no_frame() {
    let site = Site::open().await;
    let session = format!("live-chat-admin={}", site.hub.sign_in());
    for (uri, moderates) in [("/", true), ("/embed/1", false), ("/overlay/1", false)] {
        let page = site.page(uri, &session).await.text;
        assert_eq!(page.contains("\"moderates\":true"), moderates, "{uri}");
    }
}

#[tokio::test]
async fn an_overlay_shows_what_is_not_over_yet_and_nothing_private() {
    let site = Site::open().await;
    let ann = site.guest();
    let token = site.hub.tokens().sign(ann.clone(), RoomId::FIRST, Capabilities::guest(), None);
    site.say(&token, "to all").await;
    let whisper = json!({ "type": "private", "widget_key": WIDGET_KEY, "to_user_id": ann.to_string(), "message":
        { "type": "chat", "username": "ann", "message_text": "to one" } });
    assert_eq!(site.publish(&token, &whisper).await.status, 200);
    let cookie = format!("live-chat-1={token}");
    assert!(site.page("/", &cookie).await.text.contains("to one"));
    let page = site.page("/overlay/1?fade=3600", &cookie).await;
    assert!(page.text.contains("to all") && !page.text.contains("to one") && page.text.contains("\"is_overlay\":true"));
    assert!(page.text.contains("class=\"overlay fading\"") && page.text.contains(":root{--fade-after:3600s}"));
    assert_eq!(page.header("set-cookie"), "", "it is nobody's");
    assert!(site.get("/overlay/1").await.text.contains(":root{--fade-after:30s}"));
    let for_ever = site.get("/overlay/1?fade=0").await.text;
    assert!(for_ever.contains("class=\"overlay\"") && for_ever.contains("to all") && !for_ever.contains("<style"));
    // Until a second has gone by.
    let said_at = now().0;
    while now().0 <= said_at + 1_000 {
        tokio::task::yield_now().await;
    }
    let later = site.get("/overlay/1?fade=1").await.text;
    assert!(!later.contains("to all") && later.contains(&site.hub.position(2).to_string()), "it goes on from there");
}
