use axum::{body::Body, http::Request};

use super::{Answer, Site};

async fn post(site: &Site, uri: &str, cookie: &str, body: &str) -> Answer {
    let request = Request::post(uri).header("content-type", "application/x-www-form-urlencoded").header("cookie", cookie);
    site.send(request.body(Body::from(body.to_owned())).expect("a request")).await
}

async fn get(site: &Site, uri: &str, cookie: &str) -> Answer {
    site.send(Request::get(uri).header("cookie", cookie).body(Body::empty()).expect("a request")).await
}

/// What a browser would send back.
fn cookies(answer: &Answer) -> String {
    let values = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().expect("ASCII"));
    values.map(|value| value.split(';').next().unwrap_or_default()).collect::<Vec<_>>().join("; ")
}

#[tokio::test]
async fn the_page_stands_in_the_server_s_html() {
    let site = Site::open().await;
    let token = site.guest_token(crate::chat::RoomId::FIRST);
    for n in 0..60 {
        site.say(&token, &format!("message {n:02}.")).await;
    }
    let page = site.get("/").await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert_eq!(page.header("cache-control"), "no-store, no-transform", "nothing on the way rewrites it");
    assert!(page.text.contains(r#"<meta name="format-detection" content="telephone=no, date=no, address=no, email=no">"#));
    for part in ["id=\"list\"", "id=\"form\"", "id=\"username\"", "id=\"message\"", "Send the Message", "role=\"log\""] {
        assert!(page.shown().contains(part), "{part}");
    }
    assert!(page.text.contains(&site.hub.position(60).to_string()), "its position");
    assert!(page.text.contains("message 10.") && page.text.contains("message 59."), "the newest 50");
    assert!(!page.text.contains("message 09."), "and no more");
    let oldest = crate::chat::MessageId { room: crate::chat::RoomId::FIRST, seq: 11 };
    let older = site.get(&format!("/?before={oldest}")).await;
    assert!(older.text.contains("message 00.") && older.text.contains("message 09.") && !older.text.contains("message 10."));
    assert_eq!(site.get("/rooms/1").await.status, 200);
}

#[tokio::test]
async fn the_title_is_the_room_s_name_and_nothing_else() {
    let site = Site::open().await;
    assert!(site.get("/").await.text.contains("<title>Live chat · live-chat</title>"));
    site.administer("/v1/streams/create", &serde_json::json!({ "name": "</title><b>R&D" })).await;
    assert!(site.get("/rooms/2").await.text.contains("<title>&lt;/title&gt;&lt;b&gt;R&amp;D · live-chat</title>"));
    assert!(site.get("/rooms/9").await.text.contains("<title>There is no such room · live-chat</title>"));
}

#[tokio::test]
async fn a_shared_link_previews_the_room() {
    let site = Site::open().await;
    site.administer("/v1/streams/create", &serde_json::json!({ "name": "R&D \"7\" <b>" })).await;
    let request = |uri: &str| Request::get(uri.to_owned()).header("host", "chat.example:8443").header("accept-language", "de");
    let page = site.send(request("/rooms/2").body(Body::empty()).expect("a request")).await.text;
    let head = page.split("</head>").next().unwrap_or_default();
    for part in [
        r#"<meta property="og:title" content="R&amp;D &quot;7&quot; &lt;b&gt;">"#,
        r#"<meta property="og:url" content="http://chat.example:8443/rooms/2">"#,
        r#"<link href="http://chat.example:8443/rooms/2" rel="canonical">"#,
        r#"<meta property="og:locale" content="de">"#,
        r#"<meta name="twitter:title" content="R&amp;D &quot;7&quot; &lt;b&gt;">"#,
        "<meta property=\"og:description\" content=\"Der Live-Chat",
    ] {
        assert!(head.contains(part), "{part} in {head}");
    }
    assert_eq!(head.matches("<title>").count(), 1);
    site.administer("/v1/streams/2/settings", &serde_json::json!({ "description": "Every Tuesday" })).await;
    let page = site.send(request("/rooms/2").body(Body::empty()).expect("a request")).await.text;
    assert!(page.contains(r#"<meta property="og:description" content="Every Tuesday">"#));
    // Room 1 has one address, whatever leads to it, and keeps the language that it was shared in.
    let first = site.send(request("/?lang=en&before=9").body(Body::empty()).expect("a request")).await.text;
    assert!(first.contains(r#"content="http://chat.example:8443/rooms/1?lang=en""#));
    assert!(first.contains(r#"<meta property="og:locale" content="en">"#));
}

#[tokio::test]
async fn a_form_posts_without_javascript() {
    let site = Site::open().await;
    let page = site.get("/rooms/1").await;
    let cookie = cookies(&page);
    let set = page.header("set-cookie");
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax") && set.contains("Path=/"), "{set}");
    let posted = post(&site, "/rooms/1", &cookie, "username=Ann+%26+Bob&message=1+%3C+2").await;
    assert_eq!((posted.status, posted.header("location")), (303, "/rooms/1"));
    let shown = get(&site, "/rooms/1", &cookies(&posted)).await;
    assert!(shown.text.contains("1 &lt; 2"), "the message is in the list");
    assert!(shown.text.contains("value=\"Ann &amp; Bob\""), "the name is remembered");
    let again = post(&site, "/", &cookies(&posted), "username=Ann&message=two").await;
    assert_eq!((again.status, again.header("location")), (303, "/"));
    let authors: Vec<_> = site.get("/v1/streams/1/messages").await.json["data"].as_array().expect("a list").to_vec();
    assert_eq!(authors[0]["author_id"], authors[1]["author_id"], "the cookie says who it is");
}

#[tokio::test]
async fn a_refused_post_keeps_what_was_typed() {
    let site = Site::open().await;
    let long = "x".repeat(501);
    let rows = [
        ("username=&message=hello+there".to_owned(), 400, "The name is empty", "hello there"),
        ("username=Ann&message=+".to_owned(), 400, "The message is empty", "Ann"),
        (format!("username=Ann&message={long}"), 400, "at most 500", &*long),
        ("username=Ann".to_owned(), 422, "could not be read", ""),
        (format!("username=Ann&message={}", "y".repeat(70_000)), 413, "could not be read", ""),
    ];
    for (body, status, error, kept) in rows {
        let answer = post(&site, "/", "", &body).await;
        assert_eq!(answer.status, status, "{body}");
        assert!(answer.shown().contains(error) && answer.text.contains("role=\"alert\""), "{error}: {}", answer.text);
        assert!(answer.text.contains(kept), "{kept} is kept");
        assert!(answer.text.contains("id=\"form\""));
    }
    assert_eq!(site.history().await, [""; 0]);
}

#[tokio::test]
async fn a_form_sent_twice_is_stored_once() {
    let site = Site::open().await;
    let cookie = cookies(&site.get("/").await);
    let body = "username=Ann&message=once&client_message_id=6a1b9ef5-7b58-4e4d-9d13-111111111111";
    for _ in 0..2 {
        assert_eq!(post(&site, "/", &cookie, body).await.status, 303);
    }
    assert_eq!(site.history().await, ["once"]);
    let other = body.replace("once", "something+else");
    assert_eq!(post(&site, "/", &cookie, &other).await.status, 303);
    assert_eq!(site.history().await, ["once", "something else"], "the form of a browser that went back");
}

#[tokio::test]
async fn a_form_on_another_site_is_refused() {
    let site = Site::open().await;
    let request = Request::post("/").header("content-type", "application/x-www-form-urlencoded");
    let request = request.header("sec-fetch-site", "cross-site").body(Body::from("username=Eve&message=hi"));
    assert_eq!(site.send(request.expect("a request")).await.status, 403);
    assert_eq!(site.history().await, [""; 0]);
}

#[tokio::test]
async fn nothing_but_our_script_may_run() {
    let site = Site::open().await;
    let token = site.guest_token(crate::chat::RoomId::FIRST);
    site.say(&token, "<script>alert(1)</script><img src=x onerror=alert(1)>").await;
    let page = site.get("/").await;
    assert!(!page.text.contains("<script>alert") && !page.text.contains("<img src=x"), "markup is text");
    let policy = page.header("content-security-policy").to_owned();
    let nonce = policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).expect("a nonce");
    assert!(nonce.len() >= 16);
    for directive in ["default-src 'none'", "style-src 'self'", "base-uri 'none'", "form-action 'self'"] {
        assert!(policy.contains(directive), "{directive} in {policy}");
    }
    assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"));
    for tag in page.text.split("<script").skip(1) {
        let tag = &tag[..tag.find('>').expect("an end")];
        assert!(tag.contains(&format!("nonce=\"{nonce}\"")), "{tag}");
    }
    let other = site.get("/").await.header("content-security-policy").to_owned();
    assert_ne!(other, policy, "a nonce is used once");
}

#[tokio::test]
async fn an_ended_room_shows_its_history() {
    let site = Site::open().await;
    site.say(&site.guest_token(crate::chat::RoomId::FIRST), "remember me").await;
    site.administer("/v1/streams/1/end", &serde_json::json!({})).await;
    let page = site.get("/").await;
    assert!(page.shown().contains("This chat has ended") && page.text.contains("remember me"));
    let posted = post(&site, "/", "", "username=Ann&message=late").await;
    assert_eq!(posted.status, 409);
}

#[tokio::test]
async fn what_does_not_exist_is_said_on_a_page() {
    let site = Site::open().await;
    for uri in ["/rooms/9", "/rooms/x", "/nothing", "/rooms/1/2", "/pkg/none.js"] {
        let answer = site.get(uri).await;
        assert_eq!((answer.status, answer.header("content-type")), (404, "text/html; charset=utf-8"), "{uri}");
    }
    assert_eq!(post(&site, "/rooms/9", "", "username=a&message=b").await.status, 404);
}

#[tokio::test]
async fn a_name_that_no_file_system_holds_does_not_exist() {
    let site = Site::open().await;
    for uri in [format!("/{}", "a".repeat(256)), format!("/pkg/{}.js", "a".repeat(5_000)), "/a".repeat(4_000), "/%00".into()] {
        assert_eq!(site.get(&uri).await.status, 404, "{uri}");
    }
}

/// Asks for the page at `/` of a site with so many more rooms, whose names are numbers.
async fn lobby(site: &Site, names: &[&str]) -> String {
    for name in names {
        site.administer("/v1/streams/create", &serde_json::json!({ "name": name })).await;
    }
    site.get("/").await.text
}

#[tokio::test]
async fn several_rooms_have_a_lobby_and_one_has_none() {
    let site = Site::open().await;
    assert!(site.get("/").await.text.contains("id=\"form\""), "one room is shown itself");
    let page = lobby(&site, &["<b>Second</b>", "Third"]).await;
    assert!(!page.contains("id=\"form\""));
    site.administer("/v1/streams/3/prepare", &serde_json::json!({})).await;
    site.administer("/v1/streams/3/start", &serde_json::json!({})).await;
    site.administer("/v1/streams/1/end", &serde_json::json!({})).await;
    let page = site.get("/").await.text;
    let order: Vec<_> = ["Third", "&lt;b&gt;Second&lt;/b&gt;", "Live chat</bdi>"].map(|name| page.find(name)).into();
    assert!(order.is_sorted() && order.iter().all(Option::is_some), "live, not started, ended: {order:?}");
    assert!(page.contains("href=\"/rooms/1/replay\"") && !page.contains("href=\"/rooms/3/replay\""));
    assert!(page.contains("0 watching"), "only the live room says how many watch");
    assert_eq!(page.matches("watching</p>").count(), 1);
    assert_eq!(site.get("/rooms/1").await.status, 200, "every room keeps its own address");
}

#[tokio::test]
async fn a_form_that_was_open_before_the_lobby_still_posts() {
    let site = Site::open().await;
    let cookie = cookies(&site.get("/").await);
    lobby(&site, &["Second"]).await;
    let posted = post(&site, "/?lang=de", &cookie, "username=Ann&message=hi").await;
    assert_eq!((posted.status, posted.header("location")), (303, "/rooms/1?lang=de"));
}

#[tokio::test]
async fn a_lobby_of_many_rooms_has_pages() {
    let site = Site::open().await;
    let names: Vec<_> = (0..104).map(|n| n.to_string()).collect();
    let page = lobby(&site, &names.iter().map(|name| &**name).collect::<Vec<_>>()).await;
    assert_eq!(page.matches("<li id=\"room-").count(), 100);
    assert!(page.contains("href=\"?page=2\""));
    let last = site.get("/?page=2").await.text;
    assert_eq!(last.matches("<li id=\"room-").count(), 5);
    for page in ["3", "99999999999999999999", "18446744073709551615", "0", "x"] {
        assert_eq!(site.get(&format!("/?page={page}")).await.status, 200, "{page}");
    }
}
