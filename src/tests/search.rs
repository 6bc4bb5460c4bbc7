use axum::{body::Body, http::Request};
use serde_json::json;

use super::{
    Answer, Site,
    site::{ADMIN_KEY, WIDGET_KEY, texts},
};
use crate::chat::{Capabilities, RoomId};

async fn search(site: &Site, query: &str) -> Answer {
    let request = Request::get(format!("/v1/streams/1/search?{query}")).header("authorization", format!("Bearer {ADMIN_KEY}"));
    site.send(request.body(Body::empty()).expect("a request")).await
}

async fn found(site: &Site, words: &str) -> Vec<String> {
    let words = percent_encoding::utf8_percent_encode(words, percent_encoding::NON_ALPHANUMERIC);
    let answer = search(site, &format!("q={words}")).await;
    assert_eq!((answer.status, &answer.json["meta"]["not_searched"]), (200, &json!(0)), "{words}: {}", answer.text);
    texts(answer.json["data"].as_array().expect("a list"))
}

async fn say_as(site: &Site, username: &str, text: &str) -> String {
    let message = json!({ "type": "chat", "username": username, "message_text": text });
    let body = json!({ "type": "broadcast", "widget_key": WIDGET_KEY, "message": message });
    let answer = site.publish(&site.guest_token(RoomId::FIRST), &body).await;
    answer.json["data"]["id"].as_str().expect("stored").to_owned()
}

async fn delete(site: &Site, path: &str) {
    let request = Request::delete(format!("/v1/streams/1/{path}")).header("authorization", format!("Bearer {ADMIN_KEY}"));
    assert_eq!(site.send(request.body(Body::empty()).expect("a request")).await.status, 200);
}

#[tokio::test]
async fn messages_are_found_by_their_words_and_their_author_s_name() {
    let site = Site::open().await;
    for (username, text) in [
        ("Ann", "Déjà vu at the Café"),
        ("bob", "the cafeteria is closed"),
        ("Ann", "see you there"),
        ("eve", "AND \"quoted\" NOT"),
    ] {
        say_as(&site, username, text).await;
    }
    let private = json!({
        "type": "private", "widget_key": WIDGET_KEY, "to_user_id": "bob",
        "message": { "type": "chat", "username": "ann", "message_text": "a private cafe" },
    });
    assert_eq!(site.publish(&site.guest_token(RoomId::FIRST), &private).await.status, 200);
    let rows: [(&str, &[&str]); 11] = [
        ("cafe", &["the cafeteria is closed", "Déjà vu at the Café"]),
        ("CAFÉ the", &["the cafeteria is closed", "Déjà vu at the Café"]),
        ("deja cafe", &["Déjà vu at the Café"]),
        ("ann", &["see you there", "Déjà vu at the Café"]),
        ("ann there", &["see you there"]),
        ("feteria", &[]),
        ("and", &["AND \"quoted\" NOT"]),
        ("\"quoted\" NOT", &["AND \"quoted\" NOT"]),
        ("cafe OR there", &[]),
        ("private", &[]),
        ("username:ann", &[]),
    ];
    for (words, expected) in rows {
        assert_eq!(found(&site, words).await, expected, "{words}");
    }
}

#[tokio::test]
async fn nothing_that_is_typed_is_a_query_of_the_store() {
    let site = Site::open().await;
    say_as(&site, "ann", "hello").await;
    let quotes = "\"".repeat(200);
    for words in [
        "\"",
        "\"\"",
        "'",
        "*",
        "hello*",
        "^hello",
        "-hello",
        "NEAR(hello, 2)",
        "(",
        ")",
        "{a b}:c",
        "username : ann",
        "a AND",
        "OR",
        "+",
        "!!!",
        "\0hello\0",
        "hello\0\"",
        "🙂",
        "; DROP TABLE words",
        "%",
        "\\",
        &quotes,
    ] {
        let encoded = percent_encoding::utf8_percent_encode(words, percent_encoding::NON_ALPHANUMERIC);
        let answer = search(&site, &format!("q={encoded}")).await;
        assert_eq!(answer.status, 200, "{words}: {}", answer.text);
    }
    assert_eq!(found(&site, "\0hello\0").await, ["hello"], "what cannot be typed separates words");
    for query in ["", "q=", "q=%20%00", &format!("q={}", "x".repeat(201)), "q=x&limit=0", "q=x&before=x"] {
        let answer = search(&site, query).await;
        assert_eq!(answer.status, 400, "{query}");
        answer.error();
    }
}

#[tokio::test]
async fn what_is_deleted_or_not_kept_is_not_found() {
    let site = Site::open().await;
    let mut ids = Vec::new();
    for n in 0..6 {
        ids.push(say_as(&site, "ann", &format!("word {n}")).await);
    }
    assert_eq!(found(&site, "word").await.len(), 6);
    delete(&site, &format!("messages/{}", ids[4])).await;
    let author =
        site.get("/v1/streams/1/messages?limit=1").await.json["data"][0]["author_id"].as_str().expect("an id").to_owned();
    delete(&site, &format!("users/{author}/messages")).await;
    assert_eq!(found(&site, "word").await, ["word 3", "word 2", "word 1", "word 0"]);
    say_as(&site, "ann", "word 6").await;
    // Six messages, two deletions, a message and this change: the first four go.
    site.administer("/v1/streams/1/settings", &json!({ "retention_messages": 6 })).await;
    while found(&site, "word").await != ["word 6"] {
        tokio::task::yield_now().await;
    }
    let site = site.restart().await;
    assert_eq!(found(&site, "word").await, ["word 6"]);
}

#[tokio::test]
async fn hits_come_by_pages() {
    let site = Site::open().await;
    for n in 0..5 {
        say_as(&site, "ann", &format!("word {n}")).await;
        say_as(&site, "ann", "something else").await;
    }
    let first = search(&site, "q=word&limit=3").await;
    assert_eq!(texts(first.json["data"].as_array().expect("a list")), ["word 4", "word 3", "word 2"]);
    assert_eq!(first.json["meta"]["has_more"], true);
    let last = first.json["data"][2]["id"].as_str().expect("an id");
    let second = search(&site, &format!("q=word&limit=3&before={last}")).await;
    assert_eq!(texts(second.json["data"].as_array().expect("a list")), ["word 1", "word 0"]);
    assert_eq!(second.json["meta"]["has_more"], false);
}

#[tokio::test]
async fn a_room_with_more_than_can_be_indexed_at_once_is_searched_as_far_as_it_is() {
    let site = Site::open().await;
    let line = |n: u64| {
        let message = json!({ "username": "ann", "message_text": format!("word {n}") });
        format!("{}\n", json!({ "sent_at": "2025-11-21T03:00:00Z", "author_id": "ann", "message": message }))
    };
    let lines: String = (1..=6_500).map(line).collect();
    let request = Request::post("/v1/streams/import?name=Large").header("authorization", format!("Bearer {ADMIN_KEY}"));
    assert_eq!(site.send(request.body(Body::from(lines)).expect("a request")).await.status, 200);
    let find = async || {
        let request = Request::get("/v1/streams/2/search?q=word&limit=1").header("authorization", format!("Bearer {ADMIN_KEY}"));
        let answer = site.send(request.body(Body::empty()).expect("a request")).await;
        let not_searched = answer.json["meta"]["not_searched"].as_u64().expect("a number");
        (texts(answer.json["data"].as_array().expect("a list")).remove(0), not_searched)
    };
    let (newest, not_searched) = find().await;
    assert!(not_searched <= 1_500 && newest == format!("word {}", 6_500 - not_searched), "{newest}, {not_searched}");
    assert_eq!(find().await, ("word 6500".to_owned(), 0));
}

#[tokio::test]
async fn search_is_for_moderators() {
    let site = Site::open().await;
    let sign = |capabilities| site.hub.tokens().sign(site.guest(), RoomId::FIRST, capabilities, None);
    for (bearer, status) in [(sign(Capabilities::owner()), 200), (sign(Capabilities::guest()), 403), (String::new(), 401)] {
        let request = Request::get("/v1/streams/1/search?q=x").header("authorization", format!("Bearer {bearer}"));
        assert_eq!(site.send(request.body(Body::empty()).expect("a request")).await.status, status);
    }
}
