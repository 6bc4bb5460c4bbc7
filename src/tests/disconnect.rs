use serde_json::{Value, json};

use super::{Events, Site, site::ADMIN_KEY};
use crate::{
    chat::{Attributes, Capabilities, RoomId, UserId},
    hub::{Authority, Refusal},
};

async fn disconnect(site: &Site, user: &str) {
    let user = UserId::try_from(user.to_owned()).expect("a valid id");
    site.hub.disconnect(RoomId::FIRST, &Authority::Admin, user, "bye".into()).await.expect("stored");
}

/// What the next system events say, up to the first with that status.
async fn told(events: &mut Events, status: &str) -> Value {
    loop {
        let message = events.next_of("system").await.data["message"].take();
        if message["status"] == status {
            return message;
        }
    }
}

#[tokio::test]
async fn whoever_is_disconnected_is_told_so_and_ends_and_may_come_back() {
    let site = Site::open().await;
    let (mut ann, mut bob) = (site.subscribe().await, site.subscribe().await);
    let user = bob.user_id().to_owned();
    disconnect(&site, &user).await;
    let expected = json!({ "status": "disconnect", "user_id": user, "reason": "bye" });
    assert_eq!(told(&mut ann, "disconnect").await, expected);
    assert_eq!(told(&mut bob, "disconnect").await, expected);
    assert!(bob.next().await.is_none(), "the stream ends after it");
    let mut again = site.resume(&bob.last_event_id).await;
    site.say(ann.token(), "still here").await;
    assert_eq!(again.next_texts(1).await, ["still here"]);
    assert_eq!(ann.next_texts(1).await, ["still here"]);
}

#[tokio::test]
async fn a_disconnection_that_somebody_missed_is_not_theirs() {
    let site = Site::open().await;
    let mut bob = site.subscribe_with(&format!("/subscribe/1?token={}", site.guest_token(RoomId::FIRST)), None).await;
    let (user, token) = (bob.user_id().to_owned(), bob.token().to_owned());
    site.say(&token, "one").await;
    assert_eq!(bob.next_texts(1).await, ["one"]);
    let position = bob.last_event_id.clone();
    drop(bob);
    site.viewers(0).await;
    disconnect(&site, &user).await;
    let mut bob = site.subscribe_with(&format!("/subscribe/1?token={token}"), Some(&position)).await;
    assert_eq!(bob.user_id(), user);
    told(&mut bob, "disconnect").await;
    site.say(&token, "two").await;
    assert_eq!(bob.next_texts(1).await, ["two"]);
}

#[tokio::test]
async fn a_site_s_user_is_known_by_the_id_that_their_site_gave_them() {
    let site = Site::open().await;
    let ann = UserId::try_from("site:ann".to_owned()).expect("a valid id");
    let token = site.hub.tokens().sign(ann, RoomId::FIRST, Capabilities::guest(), None);
    // Nothing says how far such a token is good: as its bearer, it subscribes as a site's user does.
    let mut ann = site.subscribe_with(&format!("/subscribe/1?token={token}"), None).await;
    assert_eq!(ann.user_id(), "site:ann");
    disconnect(&site, "ann").await;
    told(&mut ann, "disconnect").await;
    assert!(ann.next().await.is_none());
}

#[tokio::test]
async fn a_custom_event_is_one_of_the_log() {
    let site = Site::open().await;
    let mut ann = site.subscribe().await;
    let attributes: Attributes = [("question".to_owned(), "Tea?".to_owned())].into();
    let tell = |site: &Site, who: Authority| {
        let (hub, attributes) = (site.hub.clone(), attributes.clone());
        async move { hub.tell(RoomId::FIRST, &who, "poll".into(), attributes).await }
    };
    let stored = tell(&site, Authority::Admin).await.expect("stored");
    let message = told(&mut ann, "event").await;
    assert_eq!(message, json!({ "status": "event", "name": "poll", "attributes": { "question": "Tea?" } }));
    let guest = tell(&site, Authority::Bearer(ann.token().to_owned())).await;
    assert!(matches!(guest, Err(Refusal::Capability(_))), "{guest:?}");
    assert_eq!(site.get("/v1/streams/1/messages").await.json["data"], json!([]), "no message");
    let mut again = site.resume(&site.hub.position(stored.seq - 1).to_string()).await;
    assert_eq!(told(&mut again, "event").await, message);
    drop((ann, again));

    let site = site.restart().await;
    let mut again = site.resume(&site.hub.position(stored.seq - 1).to_string()).await;
    assert_eq!(told(&mut again, "event").await, message);
    site.administer("/v1/streams/1/end", &json!({})).await;
    let ended = tell(&site, Authority::Admin).await;
    assert!(matches!(ended, Err(Refusal::NotLive(_))), "{ended:?}");
}

#[tokio::test]
async fn a_disconnection_is_an_act_of_the_audit_log() {
    let site = Site::open().await;
    disconnect(&site, "ann").await;
    let request = axum::http::Request::get("/v1/streams/1/audit").header("authorization", format!("Bearer {ADMIN_KEY}"));
    let answer = site.send(request.body(axum::body::Body::empty()).expect("a request")).await;
    let act = &answer.json["data"][0];
    assert_eq!((&act["what"], &act["to"], &act["reason"]), (&json!("disconnect"), &json!("ann"), &json!("bye")));
}
