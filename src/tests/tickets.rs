//! Tickets, by which a moderator's stream opens without a token in its address.

use axum::{body::Body, http::Request};

use super::{Answer, Site, invitations::page_token, node::Cluster, site::PASSWORD};
use crate::chat::RoomId;

async fn ask_for(site: &Site, token: &str) -> Answer {
    let request = Request::post("/v1/streams/1/ticket").header("authorization", format!("Bearer {token}"));
    site.send(request.body(Body::empty()).expect("a request")).await
}

/// The address of a stream, by a ticket that `token` gets.
async fn address(site: &Site, token: &str) -> String {
    let answer = ask_for(site, token).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"), "{}", answer.text);
    assert_eq!(answer.json["data"]["expires_in_seconds"], 60);
    format!("/subscribe/1?ticket={}", answer.json["data"]["ticket"].as_str().expect("a ticket"))
}

#[tokio::test]
async fn a_ticket_opens_one_stream_as_its_owner() {
    let site = Site::open().await;
    let token = page_token(&site, site.sign_in(PASSWORD).await.cookie()).await;
    let address = address(&site, &token).await;
    assert!(!address.contains(&token));
    let events = site.subscribe_with(&address, None).await;
    assert!(events.init["message"]["waiting"].is_number(), "told as a moderator is: {}", events.init);
    let again = site.get(&address).await;
    assert_eq!(again.status, 401, "it was used");
    assert!(again.error().contains("ticket"), "{}", again.text);
    // The stream's own token comes in its first event, and gets the next ticket.
    let next = self::address(&site, events.token()).await;
    assert_eq!(site.subscribe_with(&next, None).await.user_id(), events.user_id());
}

#[tokio::test]
async fn what_is_no_ticket_opens_nothing() {
    let site = Site::open().await;
    let token = page_token(&site, site.sign_in(PASSWORD).await.cookie()).await;
    let guest = site.guest_token(RoomId::FIRST);
    for ticket in ["", "x", &token, &guest, &site.hub.sign_in()] {
        assert_eq!(site.get(&format!("/subscribe/1?ticket={ticket}")).await.status, 401, "{ticket}");
    }
    let made = address(&site, &token).await;
    let ticket = made.split_once('=').expect("a ticket").1;
    assert_eq!(site.say(ticket, "hello").await.status, 401, "a ticket is no token");
    assert_eq!([ask_for(&site, &guest).await.status, ask_for(&site, "x").await.status], [403, 401]);
    site.hub.sign_out().await.expect("signed out");
    assert_eq!(site.get(&made).await.status, 401, "its owner has signed out");
}

#[tokio::test]
async fn a_moderator_s_token_is_refused_in_an_address() {
    let site = Site::open().await;
    let owner = site.sign_in(PASSWORD).await.cookie().to_owned();
    let invited = site.administer("/v1/streams/1/invites", &serde_json::json!({ "name": "Robin" })).await;
    let link = invited.json["data"]["link"].as_str().expect("a link").to_owned();
    let moderator = site.submit(&link, "", "same-origin", "").await.cookie().to_owned();
    for cookie in [owner, moderator] {
        let token = page_token(&site, &cookie).await;
        let refused = site.get(&format!("/subscribe/1?token={token}")).await;
        assert_eq!(refused.status, 401, "{}", refused.text);
        assert!(refused.error().contains("ticket"), "{}", refused.text);
    }
    let guest = site.guest_token(RoomId::FIRST);
    assert_eq!(site.subscribe_with(&format!("/subscribe/1?token={guest}"), None).await.init["type"], "init");
}

#[tokio::test]
async fn a_ticket_is_good_once_on_all_nodes_together() {
    let [one, other] = Cluster::of(2).start().await.try_into().ok().expect("two");
    let token = page_token(&one, one.sign_in(PASSWORD).await.cookie()).await;
    let address = address(&one, &token).await;
    let events = other.subscribe_with(&address, None).await;
    assert!(events.init["message"]["waiting"].is_number(), "{}", events.init);
    for site in [&one, &other] {
        assert_eq!(site.get(&address).await.status, 401);
    }
}
