//! What the server sends is what the page reads: every event of the stream, every page of history, every answer.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    http::Request,
};
use serde_json::{Value, json};

use super::{
    Answer, Site,
    site::{ADMIN_KEY, WIDGET_KEY},
};
use crate::{
    app::wire::{
        self, ChatMessage, ChatPayload, Deletion, Fault, HistoryPage, Publication, Published, Reacted, Removal, RoomView,
        SettingsView, Standing, StreamEvent, interface::GameNews,
    },
    chat::{
        ChatText, Command, CustomEvent, Deleted, Deletion as Removed, Disconnection, Draft, Event, Group, Kind, Measure, Message,
        MessageId, Outcome, Payload, Profile, Reaction, Recount, Resolution, Role, RoomId, RoomState, Sanction, Settings,
        ShownInterface, Timestamp, UserId,
    },
    engine::{Audience, Entry},
    protocol::inlive,
};

fn user(name: &str) -> UserId {
    UserId::try_from(name.to_owned()).expect("a valid id")
}

fn id(seq: u64) -> String {
    MessageId { room: RoomId::FIRST, seq }.to_string()
}

/// What a page reads in a frame of the stream.
fn read(frame: &Bytes) -> StreamEvent {
    StreamEvent::read(data(frame))
}

/// The data of a frame of the stream.
fn data(frame: &Bytes) -> &str {
    let text = std::str::from_utf8(frame).expect("UTF-8");
    text.lines().find_map(|line| line.strip_prefix("data: ")).expect("data")
}

/// What a page reads of the seventh event of a room.
fn read_kind(kind: Kind) -> StreamEvent {
    let event = Event { room: RoomId::FIRST, seq: 7, sent_at: Timestamp(1_795_230_000_123), kind, client_message_id: None };
    let frame = inlive::event(&event, &"e.3-7".parse().expect("a position"), event.sent_at);
    assert!(!wire::is_notice(data(&frame)), "it is of the log");
    read(&frame)
}

fn said(payload: &str) -> Message {
    let payload = Payload::stored(payload.to_owned());
    Message { author: user("u:1"), profile: Profile::default(), payload, video_time: 0.0, reactions: Vec::new() }
}

/// The message that a page shows of one that was sent as the seventh event of a room.
fn shown(username: &str, text: &str) -> ChatMessage {
    ChatMessage {
        seq: 7,
        id: id(7),
        author: "u:1".into(),
        chat: ChatText { username: username.into(), text: text.into() },
        sent_at: "2026-11-21T03:00:00.123Z".into(),
        private: false,
        waits: false,
        role: String::new(),
        picture: String::new(),
        announces: false,
        reactions: Vec::new(),
        quote: None,
    }
}

#[test]
fn messages_are_read_as_they_are_sent() {
    let plain = || said(r#"{"type":"chat","username":" ann ","message_text":"a \"b\" \u263a 💬"}"#);
    let row = || shown("ann", "a \"b\" ☺ 💬");
    let broadcast = |message| read_kind(Kind::Message(message));
    let is = |message: ChatMessage| StreamEvent::Message(Box::new(message));

    assert_eq!(broadcast(plain()), is(row()));
    let private = Kind::Private { to: user("bob"), message: plain() };
    assert_eq!(read_kind(private), is(ChatMessage { private: true, ..row() }));
    assert_eq!(read_kind(Kind::Held(plain())), is(ChatMessage { waits: true, ..row() }));

    let picture = "https://a.example/ann.png";
    let profile = Profile { role: Role::Owner, picture: Some(picture.into()), announces: true, ..Profile::default() };
    let (emojis, own) = (["👍", "9", "🎉", "0"], [false, true, false, true]);
    let reactions: Vec<_> =
        emojis.into_iter().zip(own).map(|(emoji, own)| Reaction { emoji: emoji.into(), count: 1 << 40, own }).collect();
    let full = Message { profile, reactions: reactions.clone(), ..plain() };
    let expected = ChatMessage { role: "owner".into(), picture: picture.into(), announces: true, reactions, ..row() };
    assert_eq!(broadcast(full), is(expected), "reactions in their order");

    let reply = said(&json!({ "username": "ann", "messageText": "re", "reply_to": id(3) }).to_string());
    let StreamEvent::Message(reply) = broadcast(reply) else { panic!("a message") };
    assert_eq!((reply.chat.text.as_str(), reply.quote.map(|quote| (quote.seq, quote.id))), ("re", Some((3, id(3)))));
    let elsewhere = MessageId { room: RoomId::new(2).expect("a room"), seq: 3 }.to_string();
    let foreign = said(&json!({ "username": "ann", "message_text": "re", "reply_to": elsewhere }).to_string());
    let StreamEvent::Message(foreign) = broadcast(foreign) else { panic!("a message") };
    assert_eq!(foreign.quote, None, "a message of another room");
}

#[test]
fn what_cannot_be_displayed_does_not_lose_the_event_around_it() {
    let nested = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    let unreadable = [
        format!(r#"{{"username":"ann","message_text":"x","z":{}}}"#, nested(40)),
        nested(5_000),
        r#"{"username":"ann","message_text":"x","z":1e999}"#.to_owned(),
        r#"{"username":"ann","message_text":"\ud800"}"#.to_owned(),
        r#"{"username":"ann","username":"bob","message_text":"x"}"#.to_owned(),
        "not JSON \u{0}\u{2028}\"".to_owned(),
    ];
    for payload in unreadable {
        let StreamEvent::Message(message) = read_kind(Kind::Message(said(&payload))) else { panic!("{payload}") };
        assert!(message.is_unreadable() && message.seq == 7 && message.author == "u:1", "{payload}");
    }
    let of_other_clients =
        ["null", "7", "\"text\"", "[]", "{}", r#"{"username":"ann"}"#, r#"{"username":1,"message_text":"x"}"#, &nested(32)];
    for payload in of_other_clients {
        assert_eq!(read_kind(Kind::Message(said(payload))), StreamEvent::Other, "{payload}");
    }
    let beside = format!(
        r#"{{"username":"ann","message_text":"x","n":[1.7976931348623157e308,1e-999,-0,12345678901234567890],"deep":{}}}"#,
        nested(31)
    );
    assert_eq!(read_kind(Kind::Message(said(&beside))), StreamEvent::Message(Box::new(shown("ann", "x"))));
}

#[test]
fn decisions_are_read_as_they_are_sent() {
    let by = || user("mia");
    let rows = [
        (Kind::Room(RoomState::Prepared), StreamEvent::Room(RoomState::Prepared)),
        (Kind::Room(RoomState::Live), StreamEvent::Room(RoomState::Live)),
        (Kind::Room(RoomState::Ended), StreamEvent::Room(RoomState::Ended)),
        (
            Kind::Deletion(Removed { of: Deleted::Message(3), by: by(), reason: "rude".into(), tells_reason: true }),
            StreamEvent::Removal(Removal::Message(3)),
        ),
        (
            Kind::Deletion(Removed { of: Deleted::AllOf(user("eve")), by: by(), reason: String::new(), tells_reason: false }),
            StreamEvent::Removal(Removal::AllOf { author: "eve".into(), before: 7 }),
        ),
        (resolved(Outcome::Approved), StreamEvent::Removal(Removal::Approved(3))),
        (resolved(Outcome::Declined), StreamEvent::Removal(Removal::Message(3))),
        (
            sanctioned(Measure::Timeout { until: Timestamp(1_795_230_001_124) }),
            StreamEvent::Standing(Some(Standing {
                until: "2026-11-21T03:00:01.124Z".into(),
                seconds_left: 2,
                reason: "spam".into(),
            })),
        ),
        (
            sanctioned(Measure::Ban),
            StreamEvent::Standing(Some(Standing { until: String::new(), seconds_left: 0, reason: "spam".into() })),
        ),
        (sanctioned(Measure::Lift), StreamEvent::Standing(None)),
        (Kind::Disconnection(Disconnection { user: user("eve"), by: by(), reason: String::new() }), StreamEvent::Other),
        (Kind::Custom(CustomEvent { name: "goal".into(), attributes: [].into(), by: by() }), StreamEvent::Other),
    ];
    for (kind, expected) in rows {
        let name = format!("{kind:?}");
        assert_eq!(read_kind(kind), expected, "{name}");
    }
    let recount = |message, count| Recount { message, reactions: reactions(count) };
    let recounts = vec![recount(3, 2), recount(5, 0)];
    assert_eq!(read_kind(Kind::Reactions(recounts.clone())), StreamEvent::Reactions(7, recounts));
}

fn resolved(outcome: Outcome) -> Kind {
    Kind::Resolution(Resolution { of: 3, author: user("ann"), outcome, by: user("mia"), reason: "no".into() })
}

fn sanctioned(measure: Measure) -> Kind {
    Kind::Sanction(Sanction { user: user("eve"), measure, addresses: Vec::new(), by: user("mia"), reason: "spam".into() })
}

fn reactions(count: u64) -> Vec<Reaction> {
    ["👍", "🎉"].into_iter().take(count as usize).map(|emoji| Reaction { emoji: emoji.into(), count, own: false }).collect()
}

#[test]
fn settings_are_read_as_they_are_sent() {
    for speakers in [Group::Everyone, Group::SignedIn, Group::Moderators] {
        let settings = Settings {
            name: "A \"b\"".into(),
            slow_mode_seconds: 21_600,
            message_chars: 100,
            speakers,
            paused: true,
            ephemeral: true,
            pinned_message: id(3),
            ..Settings::default()
        };
        let expected = SettingsView {
            name: "A \"b\"".into(),
            slow_mode_seconds: 21_600,
            message_chars: 100,
            speakers,
            paused: true,
            ephemeral: true,
            pinned_message: id(3),
        };
        assert_eq!(read_kind(Kind::Settings { settings, by: user("mia") }), StreamEvent::Settings(expected));
    }
}

#[test]
fn notices_are_read_as_they_are_sent() {
    let room = RoomId::FIRST;
    assert_eq!(read(&inlive::viewers(room, 10_000)), StreamEvent::Viewers(10_000));
    assert_eq!(read(&inlive::presence(room, true, 2)), StreamEvent::Viewers(2));
    assert_eq!(read(&inlive::presence(room, false, 1)), StreamEvent::Viewers(1));
    assert_eq!(read(&inlive::waiting(room, 3)), StreamEvent::Waiting(3));
    assert_eq!(read(&inlive::link(room, false)), StreamEvent::Link(false));
    assert_eq!(read(&inlive::link(room, true)), StreamEvent::Link(true));
    assert!(wire::is_notice(data(&inlive::link(room, true))) && !wire::is_notice(""));
    assert_eq!(read(&inlive::cooldown(room, "jump", Duration::from_secs(1))), StreamEvent::Cooldown);
    assert_eq!(read(&inlive::interface(room, None)), StreamEvent::Interface(false));

    let tell = |state, moderates, waiting| inlive::Init {
        token: "t".into(),
        user_id: "u:1".into(),
        viewer_count: 3,
        position: "e-7".into(),
        gap: true,
        waiting,
        state,
        moderates,
        interface: None,
        cooldowns: [("jump".to_owned(), 5)].into(),
    };
    for state in [RoomState::Created, RoomState::Prepared, RoomState::Ended] {
        let StreamEvent::Init(init) = read(&inlive::init(room, &tell(Some(state), true, Some(4)), 1_500)) else {
            panic!("{state:?}")
        };
        assert_eq!((init.state(), init.moderates, init.waiting, init.gap, init.viewer_count), (state, true, 4, true, 3));
        assert_eq!((&*init.token, &*init.user_id), ("t", "u:1"));
    }
    let StreamEvent::Init(init) = read(&inlive::init(room, &tell(None, false, None), 1_500)) else { panic!("init") };
    assert_eq!((init.state(), init.moderates, init.waiting), (RoomState::Live, false, 0));
}

#[test]
fn what_a_newer_server_says_is_no_error() {
    let envelope = |kind: &str, message: Value| {
        let data = json!({
            "type": kind, "id": id(7), "author_id": "u:1", "sent_at": "2026-11-21T03:00:00.123Z", "message": message,
            "new": { "key": [1] }, "to_user_id": null, "timestamp": "soon",
        });
        StreamEvent::read(&data.to_string())
    };
    let said = json!({ "username": "ann", "message_text": "hi", "new": [null] });
    assert_eq!(envelope("broadcast", said.clone()), StreamEvent::Message(Box::new(shown("ann", "hi"))));
    assert_eq!(envelope("shout", said), StreamEvent::Other);
    assert_eq!(envelope("system", json!({ "status": "poll", "viewer_count": "many" })), StreamEvent::Other);
    assert_eq!(envelope("system", json!("closing")), StreamEvent::Other);
    assert_eq!(envelope("system", json!({ "status": "viewers", "viewer_count": 2, "hidden": 1 })), StreamEvent::Viewers(2));
    let settings =
        json!({ "status": "settings", "name": "n", "slow_mode_seconds": 1, "message_chars": 2, "speakers": "subscribers" });
    let StreamEvent::Settings(settings) = envelope("system", settings) else { panic!("settings") };
    assert_eq!((settings.speakers, settings.paused), (Group::Everyone, false), "the server decides who may speak");
    let init = json!({ "token": "t", "user_id": "u", "state": "paused", "viewer_count": 1, "new": true });
    let StreamEvent::Init(init) = envelope("init", init) else { panic!("init") };
    assert_eq!(init.state(), RoomState::Live);
    for data in ["", "{}", "[]", "null", "{", r#"{"type":1}"#, r#"{"type":"init"}"#, r#"{"type":"init","message":{}}"#] {
        assert_eq!(StreamEvent::read(data), StreamEvent::Other, "{data}");
    }
    for page in ["", "{}", r#"{"code":503,"message":"no","data":null}"#, "<html>", r#"{"data":[],"meta":{}}"#] {
        assert_eq!(HistoryPage::read(page), None, "{page}");
    }
}

async fn send(site: &Site, method: &str, path: &str, token: &str) -> Answer {
    let request = Request::builder().method(method).uri(format!("/v1/streams/1/{path}"));
    site.send(request.header("authorization", format!("Bearer {token}")).body(Body::empty()).expect("a request")).await
}

fn answer(answer: &Answer) -> wire::Answer {
    wire::Answer::read(answer.status, &answer.text).expect("an answer of the server")
}

async fn publish(site: &Site, token: &str, text: &str, reply_to: &str) -> Answer {
    let mut message = ChatPayload::of("Ann", text);
    message.reply_to = reply_to;
    let body = wire::write(&Publication::of(message, WIDGET_KEY, &format!("c-{}", text.bytes().map(u64::from).sum::<u64>())));
    site.publish_raw(1, token, body).await
}

#[tokio::test]
async fn answers_are_read_as_they_are_sent() {
    let site = Site::open().await;
    let token = site.guest_token(RoomId::FIRST);
    let stored = publish(&site, &token, "hello \"\u{2028}", "").await;
    let Published { position, held, .. } = answer(&stored).data().expect("what was stored");
    assert!(position.ends_with("-1") && !held, "{position}");
    publish(&site, &token, "an answer", &id(1)).await;
    let second = send(&site, "PUT", &format!("messages/{}/reactions/%F0%9F%91%8D?widget_key={WIDGET_KEY}", id(2)), &token).await;
    let reacted: Reacted = answer(&second).data().expect("the reactions");
    assert_eq!(reacted.seq(), 2, "the newest event when it was made");
    assert_eq!(reacted.reactions(), [Reaction { emoji: "👍".into(), count: 1, own: true }]);

    let one: wire::Raw = answer(&send(&site, "GET", &format!("messages/{}", id(1)), "").await).data().expect("a message");
    assert_eq!(wire::message(&one).expect("a message").chat.text, "hello \"\u{2028}");
    assert_eq!(wire::quote(&one).expect("a message").text, "hello \"\u{2028}");

    let too_long = publish(&site, &token, &"x".repeat(501), "").await;
    assert_eq!((answer(&too_long).data::<Fault>(), too_long.status), (None, 400));
    let reserved = site.say_as(&token, "admin", "hi").await;
    assert_eq!(answer(&reserved).data(), Some(Fault::USERNAME));
    assert!(!answer(&reserved).message.is_empty());
    for (status, text) in [(200, "<html>"), (502, "{}"), (200, r#"{"code":201}"#), (204, ""), (200, r#"{"code":"200"}"#)] {
        assert!(wire::Answer::read(status, text).is_none(), "{status} {text}");
    }

    send(&site, "DELETE", &format!("messages/{}?reason=rude", id(1)), ADMIN_KEY).await;
    let why = send(&site, "GET", &format!("messages/{}/deletion", id(1)), &token).await;
    assert_eq!(answer(&why).data().map(|Deletion { reason, .. }| reason).as_deref(), Some("rude"));
}

#[tokio::test]
async fn history_is_read_as_it_is_sent() {
    let site = Site::open().await;
    let token = site.guest_token(RoomId::FIRST);
    let first = HistoryPage::read(&send(&site, "GET", "messages", &token).await.text).expect("a page");
    assert_eq!((first.messages.len(), &first.bounds, first.has_more, first.end()), (0, &None, false, 0));

    publish(&site, &token, "one", "").await;
    publish(&site, &token, "two", &id(1)).await;
    site.publish_raw(1, &token, format!(r#"{{"type":"broadcast","widget_key":"{WIDGET_KEY}","message":[7]}}"#)).await;
    let payload = Payload::stored(r#"{"username":"ann","message_text":"x","z":1e999}"#.to_owned());
    let draft = Draft { payload, video_time: 0.0, client_message_id: None, announces: false };
    let entry = Entry { author: site.guest(), to: Audience::Everyone, profile: Profile::default(), draft, name: None };
    site.engine().append(RoomId::FIRST, entry).await.expect("stored");
    publish(&site, &token, "three!", &id(3)).await;

    let page = HistoryPage::read(&send(&site, "GET", "messages", &token).await.text).expect("a page");
    let texts: Vec<_> = page.messages.iter().map(|message| (message.seq, message.chat.text.as_str())).collect();
    assert_eq!(texts, [(1, "one"), (2, "two"), (4, ""), (5, "three!")]);
    assert_eq!((page.bounds.as_ref(), page.end(), page.has_more), (Some(&(id(1), id(5))), 5, false));
    let quotes: Vec<_> = page.messages.iter().map(|message| message.quote.as_ref().map(|quote| &*quote.text)).collect();
    assert_eq!(quotes, [None, Some("one"), None, None], "what is no chat message is not quoted");

    send(&site, "DELETE", &format!("messages/{}", id(1)), ADMIN_KEY).await;
    let page = HistoryPage::read(&send(&site, "GET", "messages?limit=3", &token).await.text).expect("a page");
    assert!(page.has_more);
    let page = HistoryPage::read(&send(&site, "GET", "messages?limit=4", &token).await.text).expect("a page");
    assert!(page.messages[0].quote.as_ref().is_some_and(|quote| quote.is_deleted), "{page:?}");
}

#[tokio::test]
async fn the_page_holds_what_the_browser_reads() {
    let site = Site::open().await;
    let token = site.guest_token(RoomId::FIRST);
    publish(&site, &token, "</script><!-- \u{2028}\"", "").await;
    let html = site.get("/").await.text;
    let part = |id: &str| {
        let (_, rest) = html.split_once(&format!("<script id=\"{id}\"")).expect(id);
        let (_, rest) = rest.split_once('>').expect("a tag");
        rest.split_once("</script>").expect("an end").0.to_owned()
    };
    let view: RoomView = wire::read(&part("view")).expect("the room");
    assert_eq!((view.room, view.state, view.messages.len()), (RoomId::FIRST, RoomState::Live, 1));
    assert_eq!(view.messages[0].chat.text, "</script><!-- \u{2028}\"");
    let texts: Vec<(String, String)> = wire::read(&part("texts")).expect("the texts");
    assert!(texts.iter().any(|(key, text)| key == "page.send" && !text.is_empty()));
    assert!(texts.iter().all(|(key, _)| key.starts_with("page.") || !key.contains('.')), "those of the page alone");
}

#[test]
fn the_server_reads_what_the_page_publishes() {
    let mut message = ChatPayload::of("Ann", "a \"b\"\n\u{2028}");
    let plain = wire::write(&Publication::of(ChatPayload::of("Ann", "hi"), "k", "c-1"));
    message.reply_to = "abc";
    let mut publication = Publication::of(message, "k", "c-1");
    publication.announcement = true;
    let Command::Broadcast(draft) = inlive::decode(wire::write(&publication).as_bytes()).expect("valid").command else {
        panic!("a broadcast")
    };
    assert_eq!((draft.announces, draft.client_message_id.as_deref()), (true, Some("c-1")));
    assert_eq!(ChatText::of(&draft.payload), Some(ChatText { username: "Ann".into(), text: "a \"b\"\n\u{2028}".into() }));
    assert!(draft.payload.get().contains(r#""reply_to":"abc""#), "{}", draft.payload.get());
    let Command::Broadcast(draft) = inlive::decode(plain.as_bytes()).expect("valid").command else { panic!("a broadcast") };
    assert_eq!((draft.announces, draft.payload.get()), (false, r#"{"type":"chat","username":"Ann","message_text":"hi"}"#));
}

#[tokio::test]
async fn what_a_game_shows_is_read_as_it_is_told() {
    let shown = r#"{"id":"1","config":{"transparent":false,"ripple":true},"panel":{"components":[{"type":"button","name":"jump","label":"Jump!","style":{"width":8,"color":"red"},"cooldown":{"duration":10000,"broadcast":true}}]}}"#;
    let interface = ShownInterface::parse(shown).expect("an object");
    let expected = GameNews::Shown(wire::read(shown), [].into());
    let told = inlive::interface(RoomId::FIRST, Some(&interface));
    assert_eq!((read(&told), GameNews::read(data(&told))), (StreamEvent::Interface(true), Some(expected.clone())));
    let told = inlive::interface(RoomId::FIRST, None);
    assert_eq!(
        (read(&told), GameNews::read(data(&told))),
        (StreamEvent::Interface(false), Some(GameNews::Shown(None, [].into())))
    );
    let told = inlive::cooldown(RoomId::FIRST, "jump", Duration::from_millis(9_500));
    let closed = GameNews::Closed("jump".into(), 9_500.0);
    assert_eq!((read(&told), GameNews::read(data(&told))), (StreamEvent::Cooldown, Some(closed)));
    let newer = r#"{"type":"system","message":{"status":"interface","interface":{"panel":7}}}"#;
    assert_eq!(GameNews::read(newer), Some(GameNews::Shown(None, [].into())));

    let site = Site::open().await;
    let view = async || {
        let page = site.get("/").await.text;
        let view = page.split_once(r#"<script id="view""#).and_then(|(_, rest)| rest.split_once('>')).expect("a view").1;
        wire::read::<RoomView>(view.split_once("</script>").expect("its end").0).expect("readable")
    };
    assert_eq!(view().await.game, "");
    site.hub.show_interface(RoomId::FIRST, Some(interface)).await.expect("shown");
    assert_eq!(GameNews::read(&view().await.game), Some(expected.clone()));
    let events = site.subscribe_with("/subscribe/1", None).await;
    let init = events.init.to_string();
    assert!(matches!(StreamEvent::read(&init), StreamEvent::Init(init) if init.shows_game));
    assert_eq!(GameNews::read(&init), Some(expected));
    site.hub.show_interface(RoomId::FIRST, None).await.expect("shown");
    assert_eq!(view().await.game, "");
}
