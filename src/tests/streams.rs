use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use super::{
    Answer, Site,
    site::{ADMIN_KEY, WIDGET_KEY, texts},
};
use crate::chat::RoomState;

async fn administer_get(site: &Site, uri: &str) -> Answer {
    let request = Request::get(uri).header("authorization", format!("Bearer {ADMIN_KEY}"));
    site.send(request.body(Body::empty()).expect("a request")).await
}

#[tokio::test]
async fn a_room_is_made_prepared_started_and_ended() {
    let site = Site::open().await;
    let created = site.administer("/v1/streams/create", &json!({ "name": "Talk", "slug": "talk", "description": "d" })).await;
    assert_eq!(created.status, 200, "{}", created.text);
    let data = &created.json["data"];
    assert_eq!(
        (&data["id"], &data["name"], &data["slug"], &data["state"]),
        (&json!(2), &json!("Talk"), &json!("talk"), &json!("created"))
    );
    let (id, key) = (data["id"].as_u64().expect("a number"), data["widget_key"].as_str().expect("a key").to_owned());
    let two = crate::chat::RoomId::new(2).expect("in range");
    let token = site.guest_token(two);
    let body = json!({ "type": "broadcast", "widget_key": key, "message": 1 }).to_string();

    let step = async |step: &str| site.administer(&format!("/v1/streams/{id}/{step}"), &json!({})).await;
    let early = step("start").await;
    assert_eq!(early.status, 409, "prepare comes first");
    assert!(early.error().contains("created cannot become live"), "{}", early.text);
    assert_eq!(site.publish_raw(2, &token, body.clone()).await.error(), "This chat has not started yet.");
    assert_eq!(step("prepare").await.json["data"]["state"], "prepared");
    let live = step("start").await;
    assert_eq!((live.status, &live.json["data"]["state"]), (200, &json!("live")));
    assert!(live.json["data"]["start_time"].is_string());
    assert_eq!(step("start").await.status, 200, "again changes nothing");
    let mut events = site.subscribe_with("/subscribe/2", None).await;
    let other = site.administer("/v1/streams/create", &json!({ "name": "Other" })).await;
    let wrong_key = json!({ "type": "broadcast", "widget_key": other.json["data"]["widget_key"], "message": 1 }).to_string();
    assert_eq!(site.publish_raw(2, &token, wrong_key).await.status, 403, "another room's key");
    assert_eq!(site.publish_raw(2, &token, body.clone()).await.status, 200);
    assert_eq!(events.next_of("broadcast").await.data["stream_id"], "2");
    assert_eq!(step("end").await.json["data"]["state"], "ended");
    assert_eq!(site.publish_raw(2, &token, body).await.status, 409);

    let site = site.restart().await;
    let shown = administer_get(&site, "/v1/streams/talk").await;
    assert_eq!((&shown.json["data"]["id"], &shown.json["data"]["state"]), (&json!(2), &json!("ended")), "kept over a restart");
    assert_eq!(site.get("/subscribe/2").await.status, 204);
}

#[tokio::test]
async fn rooms_are_listed_by_pages() {
    let site = Site::open().await;
    for n in 2..=5 {
        site.administer("/v1/streams/create", &json!({ "name": n.to_string() })).await;
    }
    let ids = |answer: &Answer| {
        answer.json["data"].as_array().expect("a list").iter().map(|room| room["id"].clone()).collect::<Vec<Value>>()
    };
    let page = administer_get(&site, "/v1/streams?page=2&page_size=2").await;
    assert_eq!(ids(&page), [json!(3), json!(4)]);
    assert_eq!(page.json["meta"], json!({ "page": 2, "limit": 2, "total_records": 5, "total_pages": 3 }));
    assert_eq!(ids(&administer_get(&site, "/v1/streams?page=9").await), [json!(null); 0]);
    for bad in ["page=0", "page_size=0", "page_size=101", "page=x"] {
        assert_eq!(administer_get(&site, &format!("/v1/streams?{bad}")).await.status, 400, "{bad}");
    }
}

#[tokio::test]
async fn the_stream_api_takes_the_admin_key_alone() {
    let site = Site::open().await;
    let uris = ["create", "1/prepare", "1/start", "1/end"].map(|path| ("POST", format!("/v1/streams/{path}")));
    let uris = uris.into_iter().chain([("GET", "/v1/streams".to_owned()), ("GET", "/v1/streams/1".to_owned())]);
    for (method, uri) in uris {
        for authorization in ["", "Bearer ", "Bearer wrong", "Basic x", &site.guest_token(crate::chat::RoomId::FIRST)] {
            let request = Request::builder().method(method).uri(&uri).header("authorization", authorization);
            let answer = site.send(request.body(Body::empty()).expect("a request")).await;
            assert_eq!(answer.status, 401, "{method} {uri} {authorization}");
            answer.error();
        }
    }
    assert_eq!(administer_get(&site, "/v1/streams/1").await.json["data"]["state"], "live");
}

#[tokio::test]
async fn a_room_that_cannot_be_made_is_refused_with_the_reason() {
    let site = Site::open().await;
    let rows = [
        (json!([]), 400, "JSON object"),
        (json!({}), 400, "name"),
        (json!({ "name": 1 }), 400, "name"),
        (json!({ "name": " " }), 400, "name"),
        (json!({ "name": "x".repeat(129) }), 400, "name"),
        (json!({ "name": "x", "slug": "A" }), 400, "slug"),
        (json!({ "name": "x", "slug": "12" }), 400, "slug"),
        (json!({ "name": "x", "description": "x".repeat(2_001) }), 400, "description"),
        (json!({ "name": "x", "slug": "live-chat" }), 409, "taken"),
    ];
    for (body, status, message) in rows {
        let answer = site.administer("/v1/streams/create", &body).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text);
        assert!(answer.error().contains(message), "{body}: {}", answer.text);
    }
    for uri in ["/v1/streams/9/prepare", "/v1/streams/x/end"] {
        assert_eq!(site.administer(uri, &json!({})).await.status, 404, "{uri}");
    }
    assert_eq!(administer_get(&site, "/v1/streams/none").await.status, 404);
}

#[tokio::test]
async fn history_is_read_by_pages_both_ways() {
    let site = Site::open().await;
    let token = site.guest_token(crate::chat::RoomId::FIRST);
    for n in 1..=7 {
        site.say(&token, &n.to_string()).await;
    }
    let page = async |query: &str| site.get(&format!("/v1/streams/1/messages?{query}")).await;
    let read = |answer: &Answer| texts(answer.json["data"].as_array().expect("a list"));
    let newest = page("limit=3").await;
    assert_eq!(read(&newest), ["5", "6", "7"]);
    assert_eq!(newest.json["meta"], json!({ "has_more": true, "position": site.hub.position(7).to_string() }));
    let oldest_id = newest.json["data"][0]["id"].as_str().expect("an id");
    let before = page(&format!("limit=3&before={oldest_id}")).await;
    assert_eq!(read(&before), ["2", "3", "4"]);
    let last = page(&format!("limit=3&before={}", site.hub.position(2))).await;
    assert_eq!((read(&last), &last.json["meta"]["has_more"]), (vec!["1".to_owned()], &json!(false)));
    assert_eq!(read(&page(&format!("limit=3&after={}", site.hub.position(2))).await), ["3", "4", "5"], "on from there");
    let between = format!("limit=2&after={}&before={}", site.hub.position(1), site.hub.position(6));
    assert_eq!(read(&page(&between).await), ["4", "5"], "the newest page of what lies between");
    assert_eq!(read(&page(&format!("after={}", site.hub.position(7))).await), [""; 0]);
    let elsewhere = crate::chat::MessageId { room: crate::chat::RoomId::new(2).expect("in range"), seq: 1 };
    for bad in ["limit=0", "limit=501", "limit=x", "before=x", "after=other-1", &format!("before={elsewhere}")] {
        let answer = page(bad).await;
        assert_eq!(answer.status, 400, "{bad}: {}", answer.text);
        answer.error();
    }
    assert_eq!(site.get("/v1/streams/9/messages").await.status, 404);
}

#[tokio::test]
async fn settings_change_for_everybody_at_once_and_stay() {
    let site = Site::open().await;
    let mut events = site.subscribe().await;
    let change = json!({ "name": "The <i>new</i> name", "slow_mode_seconds": 30 });
    let answer = site.administer("/v1/streams/1/settings", &change).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let check = |answer: &Answer| {
        let data = &answer.json["data"];
        assert_eq!((&data["name"], &data["slow_mode_seconds"]), (&json!("The <i>new</i> name"), &json!(30)), "{data}");
        assert_ne!(data["updated_at"], data["created_at"], "{data}");
    };
    check(&answer);
    let told = events.next_of("system").await;
    let message = json!({
        "status": "settings", "name": "The <i>new</i> name", "description": "", "slow_mode_seconds": 30, "message_chars": 0,
        "speakers": "everyone", "links": "everyone", "paused": false, "shield": false, "ephemeral": false, "pinned_message": "",
    });
    assert_eq!((told.data["message"].clone(), told.id.is_some()), (message, true));
    assert_eq!(site.administer("/v1/streams/1/settings", &change).await.status, 200);
    assert_eq!(site.administer("/v1/streams/1/settings", &json!({})).await.status, 200);
    assert_eq!(site.hub.snapshot(crate::chat::RoomId::FIRST).expect("room 1").position, site.hub.position(1), "no more events");
    check(&administer_get(&site, "/v1/streams/1").await);
    // A change of the state takes nothing back.
    site.administer("/v1/streams/1/end", &json!({})).await;
    check(&administer_get(&site, "/v1/streams/1").await);
    let site = site.restart().await;
    check(&administer_get(&site, "/v1/streams/1").await);
    assert!(site.get("/").await.text.contains("The &lt;i&gt;new&lt;/i&gt; name"));
}

#[tokio::test]
async fn settings_that_a_room_cannot_have_are_refused_with_the_reason() {
    let site = Site::open().await;
    let rows = [
        (json!({ "name": " " }), "1 to 128 characters"),
        (json!({ "name": "a\u{0}" }), "control characters"),
        (json!({ "name": "x".repeat(129) }), "1 to 128 characters"),
        (json!({ "description": "x".repeat(2_001) }), "2,000 characters"),
        (json!({ "slow_mode_seconds": 21_601 }), "0 to 21600 seconds"),
        (json!({ "slow_mode_seconds": -1 }), "cannot be read"),
        (json!({ "slowmode": 1 }), "no setting"),
        (json!({ "slug": "12" }), "not digits alone"),
        (json!([1]), "JSON object"),
    ];
    for (change, part) in rows {
        let answer = site.administer("/v1/streams/1/settings", &change).await;
        assert_eq!(answer.status, 400, "{change}");
        assert!(answer.error().contains(part), "{change}: {}", answer.text);
    }
    assert_eq!(site.administer("/v1/streams/9/settings", &json!({})).await.status, 404);
    for (key, status) in [("wrong", 401), (&*site.guest_token(crate::chat::RoomId::FIRST), 403)] {
        let request = Request::post("/v1/streams/1/settings").header("authorization", format!("Bearer {key}"));
        let request = request.header("content-type", "application/json").body(Body::from("{}")).expect("a request");
        assert_eq!(site.send(request).await.status, status);
    }
}

#[tokio::test]
async fn slow_mode_makes_everybody_wait_but_who_moderates() {
    let site = Site::open().await;
    site.administer("/v1/streams/1/settings", &json!({ "slow_mode_seconds": 600 })).await;
    let token = site.guest_token(crate::chat::RoomId::FIRST);
    let say = |id: &str| {
        let message = json!({ "type": "chat", "username": "ann", "message_text": id });
        json!({ "type": "broadcast", "widget_key": WIDGET_KEY, "client_message_id": id, "message": message })
    };
    let first = site.publish(&token, &say("a")).await;
    assert_eq!(first.status, 200);
    let slowed = site.publish(&token, &say("b")).await;
    assert_eq!((slowed.status, slowed.header("retry-after")), (429, "600"));
    assert_eq!(slowed.error(), "Slow mode is on. You can write again in 600 s.");
    let again = site.publish(&token, &say("a")).await;
    assert_eq!((again.status, &again.json["data"]["id"]), (200, &first.json["data"]["id"]), "the answer may have been lost");
    assert_eq!(site.say(&site.guest_token(crate::chat::RoomId::FIRST), "c").await.status, 200, "each on their own");
    let capabilities = crate::chat::Capabilities::owner();
    let owner = site.hub.tokens().sign(site.guest(), crate::chat::RoomId::FIRST, capabilities, None);
    for text in ["d", "e"] {
        assert_eq!(site.say(&owner, text).await.status, 200);
    }
    assert_eq!(site.publish(&token, &json!({ "type": "broadcast", "widget_key": WIDGET_KEY })).await.status, 400);
    site.administer("/v1/streams/1/settings", &json!({ "slow_mode_seconds": 0 })).await;
    assert_eq!(site.publish(&token, &say("b")).await.status, 200);
    assert_eq!(site.history().await, ["a", "c", "d", "e", "b"]);
}

#[tokio::test]
async fn a_room_is_made_and_opened_though_its_asker_goes_away() {
    let site = Site::open().await;
    let named = serde_json::from_value(json!({ "name": "Stage" })).expect("a change");
    let mut asked = Box::pin(site.hub.create_room(named));
    // Under load it may be done already.
    let _ = futures::poll!(&mut asked);
    drop(asked);
    while site.hub.rooms().len() < 2 {
        tokio::task::yield_now().await;
    }
    let room = site.hub.rooms()[1].id;
    let mut asked = Box::pin(site.hub.set_state(room, RoomState::Prepared));
    // Under load it may be done already.
    let _ = futures::poll!(&mut asked);
    drop(asked);
    while site.hub.rooms()[1].state != RoomState::Prepared {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn settings_change_only_if_they_are_as_their_author_has_seen_them() {
    let site = Site::open().await;
    let seen = administer_get(&site, "/v1/streams/1").await;
    let tag = seen.header("etag").to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 10, "{tag}");
    let change = async |tags: &str, change: Value| {
        let request = Request::post("/v1/streams/1/settings").header("authorization", format!("Bearer {ADMIN_KEY}"));
        let request = request.header("content-type", "application/json").header("if-match", tags);
        site.send(request.body(Body::from(change.to_string())).expect("a request")).await
    };
    let first = change(&tag, json!({ "slow_mode_seconds": 5 })).await;
    assert_eq!((first.status, first.header("etag") == tag), (200, false), "{}", first.text);
    let late = change(&tag, json!({ "slow_mode_seconds": 7 })).await;
    assert_eq!(late.status, 412);
    assert!(late.error().contains("changed the settings since you read them"), "{}", late.text);
    for tags in ["\"x\"", "", "W/\"x\", \"y\""] {
        assert_eq!(change(tags, json!({ "slow_mode_seconds": 7 })).await.status, 412, "{tags:?}");
    }
    assert_eq!(administer_get(&site, "/v1/streams/1").await.json["data"]["slow_mode_seconds"], 5, "nothing was saved");
    let again = change(&format!("\"x\", {}", first.header("etag")), json!({ "slow_mode_seconds": 7 })).await;
    assert_eq!((again.status, &again.json["data"]["slow_mode_seconds"]), (200, &json!(7)));
    assert_eq!(change("*", json!({ "slow_mode_seconds": 0 })).await.status, 200);

    let only_if = json!({ "slow_mode_seconds": 9, "if": { "slow_mode_seconds": 5 } });
    let refused = site.administer("/v1/streams/1/settings", &only_if).await;
    assert_eq!((refused.status, refused.error().contains("\"slow_mode_seconds\"")), (409, true), "{}", refused.text);
    let only_if = json!({ "slow_mode_seconds": 9, "if": { "slow_mode_seconds": 0 } });
    assert_eq!(site.administer("/v1/streams/1/settings", &only_if).await.status, 200);
}

#[tokio::test]
async fn of_two_changes_at_once_one_is_told_of_the_other() {
    let site = Site::open().await;
    for round in 1..=20 {
        let seen = site.hub.snapshot(crate::chat::RoomId::FIRST).expect("room 1").room.settings.slow_mode_seconds;
        let change = |seconds: u32| json!({ "slow_mode_seconds": seconds, "if": { "slow_mode_seconds": seen } });
        let (one, other) = (change(2 * round), change(2 * round + 1));
        let (one, other) =
            tokio::join!(site.administer("/v1/streams/1/settings", &one), site.administer("/v1/streams/1/settings", &other));
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "{round}");
    }
}

#[tokio::test]
async fn a_slash_at_the_end_of_a_path_means_nothing() {
    let site = Site::open().await;
    for path in ["/v1/streams", "/v1/streams/1", "/v1/widget-keys", "/v1/streams/1/messages"] {
        let [plain, slashed, query] = ["", "/", "/?page=1"].map(|end| format!("{path}{end}"));
        let answer = administer_get(&site, &plain).await;
        assert_eq!(answer.status, 200, "{plain}");
        assert_eq!(administer_get(&site, &slashed).await.json, answer.json, "{slashed}");
        assert_eq!(administer_get(&site, &query).await.status, 200, "{query}");
    }
    assert_eq!(administer_get(&site, "/v1/nothing/").await.status, 404);
    let mut events = site.subscribe_with("/subscribe/1/", None).await;
    assert!(!events.token().is_empty());
    let publication = json!({ "type": "broadcast", "widget_key": WIDGET_KEY, "message": { "text": "hi" } });
    let request = Request::post(format!("/publish/1/?token={}", events.token())).header("content-type", "application/json");
    let answer = site.send(request.body(Body::from(publication.to_string())).expect("a request")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    events.next_of("broadcast").await;
}
