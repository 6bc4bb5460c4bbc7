use serde_json::{Value, json};

use super::{
    Site,
    site::Setting,
    web_socket::{BINARY, FIN, TEXT, WebSocket, frame, request},
};
use crate::{
    chat::{Attributes, Capabilities, Capability, Deleted, Limits, MessageId, Room, RoomId, UserId},
    hub::{Authority, Identity, Origin, Removal},
    server::IvsQuotas,
};

const PATH: &str = "/ivschat/ws";

fn all() -> Capabilities {
    [Capability::SendMessage, Capability::DeleteMessage, Capability::DisconnectUser].into_iter().collect()
}

fn token(site: &Site, user: &str, capabilities: Capabilities) -> String {
    let user = UserId::try_from(format!("site:{user}")).expect("a valid id");
    let attributes: Attributes = [("colour".to_owned(), "red".to_owned())].into();
    site.hub.tokens().sign(
        Identity { user, origin: Origin { attributes, ..Origin::default() } },
        RoomId::FIRST,
        capabilities,
        None,
    )
}

async fn open(site: &Site, token: &str) -> WebSocket {
    let socket = WebSocket::open_with(site.addr, PATH, &format!("Sec-WebSocket-Protocol: {token}\r\n")).await;
    assert_eq!(socket.header("sec-websocket-protocol"), Some(token));
    socket
}

async fn join(site: &Site, user: &str) -> WebSocket {
    open(site, &token(site, user, all())).await
}

async fn next(socket: &mut WebSocket) -> Value {
    serde_json::from_str(&socket.text().await).expect("JSON")
}

async fn ask(socket: &mut WebSocket, request: Value) -> Value {
    socket.say(&request.to_string()).await;
    next(socket).await
}

fn send(request_id: &str, content: &str) -> Value {
    json!({ "Action": "SEND_MESSAGE", "RequestId": request_id, "Content": content })
}

const A: &str = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff";
const B: &str = "7f9619ff-8b86-4d01-b42d-00cf4fc964ff";

#[tokio::test]
async fn a_message_is_the_answer_to_its_sender_and_news_to_the_others() {
    let site = Site::open().await;
    let (mut ann, mut bob) = (join(&site, "ann").await, join(&site, "bob").await);
    let own = ask(&mut ann, send(A, "hi")).await;
    let sender = json!({ "UserId": "ann", "Attributes": { "colour": "red", "username": "ann" } });
    assert_eq!(
        (&own["Type"], &own["RequestId"], &own["Content"], &own["Sender"]),
        (&json!("MESSAGE"), &json!(A), &json!("hi"), &sender)
    );
    let other = next(&mut bob).await;
    assert_eq!((&other["Id"], &other["RequestId"]), (&own["Id"], &json!("")));
    let mut second = join(&site, "ann").await;
    assert_eq!(next(&mut second).await, own, "on a new connection too, at once");
    site.say(&site.guest_token(RoomId::FIRST), "from a page").await;
    for socket in [&mut ann, &mut bob, &mut second] {
        assert_eq!(next(socket).await["Content"], "from a page");
    }
}

#[tokio::test]
async fn each_request_has_one_answer_whatever_its_name_is() {
    let site = Site::open().await;
    let mut ann = join(&site, "ann").await;
    let first = ask(&mut ann, send(A, "one")).await;
    assert_eq!(ask(&mut ann, send(A, "one")).await, first, "what is sent twice is stored once, and answered twice");
    for name in ["", "x", "x"] {
        let answer = ask(&mut ann, send(name, "two")).await;
        assert_eq!(
            (&answer["Type"], &answer["RequestId"]),
            (&json!("MESSAGE"), &json!(name)),
            "a name that is used again is none of a message"
        );
    }
    assert_eq!(site.history().await, ["one", "two", "two", "two"]);
    // All of them are there before the first is answered.
    let many: Vec<u8> =
        (0..20).flat_map(|n| frame(FIN | TEXT, send(&format!("r{n}"), &n.to_string()).to_string().as_bytes())).collect();
    ann.write(&many).await;
    for n in 0..20 {
        let answer = next(&mut ann).await;
        assert_eq!((&answer["RequestId"], &answer["Content"]), (&json!(format!("r{n}")), &json!(n.to_string())));
    }
    let error = ask(&mut ann, json!({ "Action": "SHOUT", "RequestId": "e" })).await;
    assert_eq!((&error["Type"], &error["RequestId"], &error["ErrorCode"]), (&json!("ERROR"), &json!("e"), &json!(400)));
    ann.write(&frame(FIN | BINARY, b"{}")).await;
    assert_eq!(next(&mut ann).await["ErrorCode"], 400);
    assert_eq!(ask(&mut ann, send(B, &"x".repeat(100_000))).await["ErrorCode"], 413, "it stays open");
}

#[tokio::test]
async fn deletions_and_disconnections_answer_who_asked_for_them() {
    let site = Site::open().await;
    let (mut ann, mut bob) = (join(&site, "ann").await, join(&site, "bob").await);
    let id = ask(&mut ann, send(A, "bad")).await["Id"].clone();
    next(&mut bob).await;
    let delete = json!({ "Action": "DELETE_MESSAGE", "RequestId": "d", "Id": id, "Reason": "spam" });
    let deleted = ask(&mut bob, delete.clone()).await;
    let attributes = json!({ "MessageID": id, "MessageId": id, "Reason": "spam" });
    assert_eq!((&deleted["EventName"], &deleted["RequestId"]), (&json!("aws:DELETE_MESSAGE"), &json!("d")));
    assert_eq!(deleted["Attributes"], attributes);
    let told = next(&mut ann).await;
    assert_eq!((&told["Id"], &told["RequestId"]), (&deleted["Id"], &json!("")));
    let again = ask(&mut bob, delete).await;
    assert_eq!((&again["RequestId"], &again["Attributes"]), (&json!("d"), &attributes));
    assert_ne!(again["Id"], deleted["Id"], "a client passes over an id that it knows");
    let other = MessageId { room: RoomId::new(2).expect("in range"), seq: 1 }.to_string();
    let unknown = ask(&mut bob, json!({ "Action": "DELETE_MESSAGE", "RequestId": "u", "Id": other })).await;
    assert_eq!((&unknown["RequestId"], &unknown["ErrorCode"]), (&json!("u"), &json!(404)));

    let mut guest = open(&site, &token(&site, "eve", [Capability::SendMessage].into_iter().collect())).await;
    for id in [id.as_str().expect("an id"), &*other, "000000000000", "zzzzzzzzzzzz"] {
        let refused = ask(&mut guest, json!({ "Action": "DELETE_MESSAGE", "RequestId": "n", "Id": id })).await;
        assert_eq!((&refused["RequestId"], &refused["ErrorCode"]), (&json!("n"), &json!(403)), "{id}");
    }

    let gone = ask(&mut bob, json!({ "Action": "DISCONNECT_USER", "RequestId": "k", "UserId": "ann", "Reason": "rude" })).await;
    assert_eq!((&gone["EventName"], &gone["RequestId"]), (&json!("aws:DISCONNECT_USER"), &json!("k")));
    assert_eq!(next(&mut ann).await["Attributes"], json!({ "UserId": "ann", "Reason": "rude" }));
    assert_eq!(ann.next().await.expect("a close").close().0, 1000);
}

#[tokio::test]
async fn whoever_was_disconnected_needs_a_token_that_was_issued_since() {
    let site = Site::open().await;
    let user = UserId::try_from("site:ann".to_owned()).expect("a valid id");
    let now = u64::try_from(crate::engine::now().0 / 1_000).expect("after 1970");
    let issued = |at| {
        let origin = Origin { issued_at: Some(at), ..Origin::default() };
        site.hub.tokens().sign(Identity { user: user.clone(), origin }, RoomId::FIRST, all(), None)
    };
    let (before, after) = (issued(now - 60), issued(now + 60));
    let mut ann = open(&site, &before).await;
    site.hub.disconnect(RoomId::FIRST, &Authority::Admin, user.clone(), String::new()).await.expect("stored");
    assert_eq!(next(&mut ann).await["EventName"], "aws:DISCONNECT_USER");
    assert_eq!(ann.next().await.expect("a close").close().0, 1000);
    let refused = WebSocket::ask(site.addr, request(PATH, &format!("Sec-WebSocket-Protocol: {before}\r\n")).as_bytes()).await;
    assert!(refused.head.starts_with("HTTP/1.1 401 "), "{}", refused.head);
    open(&site, &after).await;
}

#[tokio::test]
async fn who_may_not_is_told_so_before_anything_else() {
    let site = Site::open().await;
    let mut reader = open(&site, &token(&site, "ann", Capabilities::none())).await;
    let rows = [
        json!({ "Action": "SEND_MESSAGE", "RequestId": "r" }),
        json!({ "Action": "SEND_MESSAGE", "RequestId": "r", "Content": 7 }),
        json!({ "Action": "SEND_MESSAGE", "RequestId": "r", "Content": "x".repeat(501) }),
        json!({ "Action": "SEND_MESSAGE", "RequestId": "r", "Content": "x", "Attributes": [] }),
        json!({ "Action": "DELETE_MESSAGE", "RequestId": "r" }),
        json!({ "Action": "DELETE_MESSAGE", "RequestId": "r", "Id": "M1" }),
        json!({ "Action": "DELETE_MESSAGE", "RequestId": "r", "Id": "00000000000z", "Reason": "x".repeat(257) }),
        json!({ "Action": "DISCONNECT_USER", "RequestId": "r" }),
        json!({ "Action": "DISCONNECT_USER", "RequestId": "r", "UserId": "" }),
    ];
    for row in rows {
        let refused = ask(&mut reader, row.clone()).await;
        assert_eq!((&refused["RequestId"], &refused["ErrorCode"]), (&json!("r"), &json!(403)), "{row}");
    }
    let refused = ask(&mut reader, json!({ "Action": "DISCONNECT_USER", "RequestId": 7, "UserId": "x" })).await;
    assert_eq!((&refused["RequestId"], &refused["ErrorCode"]), (&json!(""), &json!(403)));
    for unknown in [json!({ "Action": "SHOUT", "RequestId": "r" }), json!({ "RequestId": "r" }), json!([])] {
        assert_eq!(ask(&mut reader, unknown.clone()).await["ErrorCode"], 400, "{unknown}");
    }
}

#[tokio::test]
async fn what_is_deleted_before_it_is_told_is_answered_all_the_same() {
    let site = Site::open().await;
    let mut ann = join(&site, "ann").await;
    // One who deletes whatever he hears of.
    let (hub, mut news) = (site.hub.clone(), site.hub.news());
    let janitor = tokio::spawn(async move {
        loop {
            news.changed().await.expect("the hub is there");
            let head = hub.heads()[&RoomId::FIRST];
            for seq in 1..=head {
                let removal = Removal::quiet(Deleted::Message(seq), String::new());
                let _ = hub.delete(RoomId::FIRST, &Authority::Admin, removal).await;
            }
        }
    });
    for n in 0..20 {
        ann.say(&send(&format!("r{n}"), "x").to_string()).await;
        let mut answers = 0;
        // The deletion of it is told after the answer, or with it.
        while answers == 0 {
            answers += usize::from(next(&mut ann).await["RequestId"] == format!("r{n}"));
        }
    }
    janitor.abort();
}

#[tokio::test]
async fn who_is_to_come_back_is_not_closed_politely() {
    let site = Site::open().await;
    let mut ann = join(&site, "ann").await;
    site.end_streams();
    assert_eq!(ann.next().await, None, "no close frame: the npm client would stay away");
}

#[tokio::test]
async fn who_is_to_stay_away_is_closed_with_1000() {
    let site = Site::open().await;
    let (mut ann, mut bob, mut eve) = (join(&site, "ann").await, join(&site, "bob").await, join(&site, "eve").await);
    site.administer("/v1/tokens/revoke", &json!({ "user": "site:ann" })).await;
    assert_eq!(ann.next().await.expect("a close").close().0, 1000);
    site.administer("/v1/streams/1/users/site:bob/ban", &json!({ "reason": "rude" })).await;
    let told = next(&mut bob).await;
    assert_eq!(
        (&told["EventName"], &told["Attributes"]),
        (&json!("aws:DISCONNECT_USER"), &json!({ "UserId": "bob", "Reason": "rude" }))
    );
    assert_eq!(bob.next().await.expect("a close").close().0, 1000);
    let mut bob = open(&site, &token(&site, "bob", Capabilities::guest())).await;
    let refused = ask(&mut bob, send(A, "hi")).await;
    assert_eq!((&refused["RequestId"], &refused["ErrorCode"]), (&json!(A), &json!(403)), "he may read");
    site.administer("/v1/streams/1/end", &json!({})).await;
    let gone = next(&mut eve).await;
    assert_eq!((&gone["Type"], &gone["ErrorCode"], &gone["RequestId"]), (&json!("ERROR"), &json!(404), &json!("")));
    assert_eq!(eve.next().await.expect("a close").close().0, 1000);
}

#[tokio::test]
async fn a_session_s_end_is_told_and_nothing_is_done_any_more() {
    let site = Site::open().await;
    let user = UserId::try_from("site:ann".to_owned()).expect("a valid id");
    let now = u64::try_from(crate::engine::now().0 / 1_000).expect("after 1970");
    let origin = Origin { until: Some(now + 2), ..Origin::default() };
    let token = site.hub.tokens().sign(Identity { user, origin }, RoomId::FIRST, all(), None);
    let mut ann = open(&site, &token).await;
    let over = next(&mut ann).await;
    assert_eq!((&over["Type"], &over["ErrorCode"], &over["RequestId"]), (&json!("ERROR"), &json!(401), &json!("")));
    let refused = ask(&mut ann, send(A, "late")).await;
    assert_eq!((&refused["RequestId"], &refused["ErrorCode"]), (&json!(A), &json!(401)));
    let again = WebSocket::ask(site.addr, request(PATH, &format!("Sec-WebSocket-Protocol: {token}\r\n")).as_bytes()).await;
    assert!(again.head.starts_with("HTTP/1.1 401 "), "{}", again.head);
}

#[tokio::test]
async fn a_handshake_needs_a_token_that_counts() {
    let site = Site::open().await;
    let good = token(&site, "ann", all());
    let other_room = {
        let Room { id, .. } =
            site.hub.create_room(serde_json::from_value(json!({ "name": "closed" })).expect("settings")).await.expect("made");
        let user = UserId::try_from("site:ann".to_owned()).expect("a valid id");
        site.hub.tokens().sign(user, id, all(), None)
    };
    let rows = [("", 401), ("Sec-WebSocket-Protocol: x\r\n", 401), (&*format!("Sec-WebSocket-Protocol: {good}x\r\n"), 401)];
    for (header, status) in rows {
        let answer = WebSocket::ask(site.addr, request(PATH, header).as_bytes()).await;
        assert!(answer.head.starts_with(&format!("HTTP/1.1 {status} ")), "{header}: {}", answer.head);
    }
    let closed = format!("Sec-WebSocket-Protocol: {other_room}\r\n");
    let answer = WebSocket::ask(site.addr, request(PATH, &closed).as_bytes()).await;
    assert!(answer.head.starts_with("HTTP/1.1 409 "), "{}", answer.head);
    let two = format!("Sec-WebSocket-Protocol: {good}, other\r\n");
    let socket = WebSocket::open_with(site.addr, PATH, &two).await;
    assert_eq!(socket.header("sec-websocket-protocol"), Some(&*good), "one of them");
}

#[tokio::test]
async fn a_connection_takes_so_many_requests_a_second() {
    let site = Site::with(Setting { ivs_quotas: IvsQuotas::default(), ..Setting::default() }).await;
    let mut ann = join(&site, "ann").await;
    let (mut sent, mut code) = (0, json!(null));
    while code != 429 {
        let answer = ask(&mut ann, send(&format!("r{sent}"), "x")).await;
        assert_eq!(answer["RequestId"], format!("r{sent}"));
        (sent, code) = (sent + 1, answer["ErrorCode"].clone());
        if code == 429 {
            assert_eq!(answer["ErrorMessage"], "rate limit exceeded");
        }
    }
    assert!(sent > 10, "{sent}");
    let site = Site::limited(Limits { rate_per_second: 0.01, burst: 1.0, ..Limits::default() }).await;
    let mut bob = join(&site, "bob").await;
    assert_eq!(ask(&mut bob, send("a", "x")).await["Type"], "MESSAGE");
    assert_eq!(ask(&mut bob, send("b", "x")).await["ErrorMessage"], "rate limit exceeded", "the installation's own limit");
}

#[tokio::test]
async fn who_waits_for_a_moderator_is_answered_so() {
    let site = Site::open().await;
    site.administer("/v1/streams/1/settings", &json!({ "hold_newcomers": true })).await;
    let guest = site.guest();
    let token = site.hub.tokens().sign(guest, RoomId::FIRST, Capabilities::guest(), None);
    let mut guest = open(&site, &token).await;
    let held = ask(&mut guest, send(A, "may I?")).await;
    assert_eq!((&held["RequestId"], &held["ErrorCode"]), (&json!(A), &json!(406)));
    let waiting = site.hub.snapshot(RoomId::FIRST).expect("room 1").waiting;
    assert_eq!(waiting, 1);
    // What comes next is about something else: the message was told to nobody.
    site.hub.tell(RoomId::FIRST, &Authority::Admin, "poll".into(), Attributes::new()).await.expect("told");
    assert_eq!(next(&mut guest).await["EventName"], "poll");
}
