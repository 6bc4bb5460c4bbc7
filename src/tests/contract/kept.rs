use std::collections::HashSet;

use super::*;
use crate::{
    chat::{
        Appearance, AppearanceChange, Invitation, Kind, Logo, NameClaim, NewWidgetKey, Origins, RedirectUris, Revocation,
        Revoked, Settings, ShownInterface, Timestamp, appearance::ImageKind,
    },
    engine::{Cursors, EngineError, Webhook, WebhookId, now},
    tests::cluster::a_webhook,
};

const NEVER: Timestamp = Timestamp(i64::MAX);

fn new_key(room: Option<RoomId>) -> NewWidgetKey {
    NewWidgetKey { name: "Shop".into(), room, allowed_origins: Origins::default() }
}

fn webhook(id: &str, url: &str) -> Webhook {
    Webhook { url: url.into(), ..a_webhook(id) }
}

of_each_engine! {
    async fn widget_keys_are_kept_in_their_order(log: Log) {
        let first = log.engine.widget_keys().await.expect("readable");
        assert_eq!(first.iter().map(|key| key.room).collect::<Vec<_>>(), [None], "it opens every room");
        let key = log.engine.create_widget_key(new_key(None)).await.expect("made");
        let (room, of_room) = log.engine.create_room(Settings { slug: "two".into(), ..Settings::default() }).await.expect("made");
        assert_eq!(of_room.room, Some(room.id));
        let revoked = log.engine.revoke_widget_key(key.key.clone()).await.expect("revoked");
        assert!(revoked.revoked_at.is_some());
        assert_eq!(log.engine.revoke_widget_key(key.key.clone()).await.expect("it is already"), revoked);
        let unknown = log.engine.revoke_widget_key("none".into()).await;
        assert!(matches!(unknown, Err(EngineError::UnknownWidgetKey)), "{unknown:?}");
        let unknown = log.engine.create_widget_key(new_key(RoomId::new(9))).await;
        assert!(matches!(unknown, Err(EngineError::UnknownRoom(_))), "{unknown:?}");
        let told = |news: &News| matches!(news, News::WidgetKey(_) | News::Room { .. });
        assert_eq!(log.heard.lock().expect("not poisoned").iter().flatten().filter(|news| told(news)).count(), 5);
        let log = log.reopen().await;
        let kept = log.engine.widget_keys().await.expect("readable");
        assert_eq!(kept, [first[0].clone(), revoked, of_room]);
    }

    async fn the_redirect_uris_of_a_widget_key_are_kept(log: Log) {
        let key = log.engine.create_widget_key(new_key(None)).await.expect("made").key;
        let uris = |list: &[&str]| -> RedirectUris { list.iter().map(|uri| uri.parse().expect("valid")).collect() };
        for list in [&["https://a.example/"][..], &["https://b.example/", "http://localhost:8080"]] {
            let set = log.engine.set_redirect_uris(key.clone(), uris(list)).await.expect("set");
            assert_eq!(set.redirect_uris, uris(list));
        }
        let unknown = log.engine.set_redirect_uris("none".into(), uris(&[])).await;
        assert!(matches!(unknown, Err(EngineError::UnknownWidgetKey)), "{unknown:?}");
        let told = |news: &News| matches!(news, News::WidgetKey(told) if told.key == key);
        assert_eq!(log.heard.lock().expect("not poisoned").iter().flatten().filter(|news| told(news)).count(), 3);
        let revoked = log.engine.revoke_widget_key(key.clone()).await.expect("revoked");
        let log = log.reopen().await;
        let kept = log.engine.widget_keys().await.expect("readable");
        assert!(kept.contains(&revoked) && revoked.redirect_uris == uris(&["https://b.example/", "http://localhost:8080"]));
    }

    async fn how_the_pages_look_is_kept(log: Log) {
        let change = |patch: serde_json::Value| AppearanceChange::patch(patch.as_object().expect("an object")).expect("valid");
        assert_eq!(log.engine.appearance().await.expect("readable"), Appearance::default());
        let first = serde_json::json!({ "title": "Acme", "properties": { "--page": { "dark": "#000000" }, "--radius": "4px" } });
        log.engine.change_appearance(change(first.clone())).await.expect("changed");
        log.engine.change_appearance(change(first)).await.expect("it is so already");
        let logo = Logo { kind: ImageKind::Png, data: "iVBORw0KGgo=".into() };
        log.engine.change_appearance(AppearanceChange::of_logo(Some(logo.clone()))).await.expect("changed");
        let last = change(serde_json::json!({ "accent": "#ff0055", "properties": { "--radius": null } }));
        let last = log.engine.change_appearance(last).await.expect("changed");
        assert_eq!((last.find("title"), last.find("accent"), last.find("--radius")), (Some("Acme"), Some("#ff0055"), None));
        assert_eq!((last.find("--page.dark"), last.logo.as_ref()), (Some("#000000"), Some(&logo)));
        let of = |news: &News| match news {
            News::Appearance(told) => Some(Appearance::clone(told)),
            _ => None,
        };
        let told: Vec<_> = log.heard.lock().expect("not poisoned").iter().flatten().filter_map(of).collect();
        assert_eq!((told.len(), told.last()), (3, Some(&last)));
        let log = log.reopen().await;
        assert_eq!(log.engine.appearance().await.expect("readable"), last);
        let without = log.engine.change_appearance(AppearanceChange::of_logo(None)).await.expect("changed");
        assert_eq!((&without.logo, without.find("title")), (&None, Some("Acme")));
    }

    async fn names_are_kept_until_they_are_over(log: Log) {
        for (name, until) in [("Ann", NEVER), ("Anna", NEVER), ("Bob", Timestamp(1))] {
            let claim = NameClaim { name: name.into(), until };
            let entry = Entry { name: Some(claim), ..entry(if name == "Bob" { "bob" } else { "ann" }, "1") };
            log.engine.append(RoomId::FIRST, entry).await.expect("stored");
        }
        let names = |news: &News| matches!(news, News::Name(_));
        assert_eq!(log.heard.lock().expect("not poisoned").iter().flatten().filter(|news| names(news)).count(), 3);
        let log = log.reopen().await;
        let names = log.engine.names().await.expect("readable");
        let names: Vec<_> = names.iter().map(|held| (held.user.as_str(), &*held.claim.name)).collect();
        assert_eq!(names, [("ann", "Anna")]);
    }

    async fn revocations_and_invitations_are_kept(log: Log) {
        let revocation = |of, at| Revocation { of, at: Timestamp(at), until: NEVER };
        log.engine.revoke(revocation(Revoked::Token("t".into()), 1)).await.expect("kept");
        log.engine.revoke(revocation(Revoked::User(user("ann")), 1)).await.expect("kept");
        let later = revocation(Revoked::User(user("ann")), 2);
        log.engine.revoke(later.clone()).await.expect("kept");
        let invitation = |taken_at| Invitation {
            id: "0123456789abcdef".into(),
            room: None,
            name: "Mo".into(),
            made_at: Timestamp(1),
            taken_at,
            revoked_at: None,
        };
        log.engine.keep_invitation(invitation(None)).await.expect("kept");
        log.engine.keep_invitation(invitation(Some(Timestamp(2)))).await.expect("kept");
        let log = log.reopen().await;
        let kept = log.engine.revocations().await.expect("readable");
        assert!(kept.len() == 2 && kept.contains(&later), "{kept:?}");
        assert_eq!(log.engine.invitations().await.expect("readable"), [invitation(Some(Timestamp(2)))]);
    }

    async fn what_a_game_shows_is_kept_until_it_shows_something_else(log: Log) {
        let interface = |id: &str| ShownInterface::parse(&serde_json::json!({ "id": id }).to_string());
        let (room, _) = log.engine.create_room(Settings { slug: "two".into(), ..Settings::default() }).await.expect("made");
        let shown = [(RoomId::FIRST, interface("1")), (room.id, interface("2")), (RoomId::FIRST, interface("3")), (room.id, None)];
        for (room, interface) in &shown {
            log.engine.show_interface(*room, interface.clone()).await.expect("kept");
        }
        let of = |news: &News| match news {
            News::Interface { room, interface } => Some((*room, interface.clone())),
            _ => None,
        };
        let told: Vec<_> = log.heard.lock().expect("not poisoned").iter().flatten().filter_map(of).collect();
        assert_eq!(told, shown);
        let log = log.reopen().await;
        let kept = log.engine.shown_interfaces().await.expect("readable");
        assert_eq!(kept, [(RoomId::FIRST, interface("3").expect("an object"))]);
    }

    async fn a_user_id_may_hold_anything(log: Log) {
        let ids = ["a b", "a%20b", "é/💬", "line\r\nbreak\0", " ", ".."];
        for id in ids {
            let first = log.say_as(id, "one").await;
            assert_eq!(log.say_as(id, "one").await, first, "{id:?}");
            log.sanction(id, Measure::Ban).await;
        }
        let log = log.reopen().await;
        let authors: Vec<_> = log.read(all()).await.iter().filter_map(Event::message).map(|said| said.author.to_string()).collect();
        assert_eq!(authors, ids);
        let sanctions = log.engine.sanctions().await.expect("readable");
        let banned: HashSet<_> = sanctions.iter().filter_map(|event| match &event.kind {
            Kind::Sanction(sanction) => Some(sanction.user.to_string()),
            _ => None,
        }).collect();
        assert_eq!(banned, ids.map(str::to_owned).into());
        for id in ids {
            log.delete(Deleted::AllOf(user(id))).await;
        }
        assert_eq!(log.payloads().await, [""; 0]);
    }

    async fn a_token_is_used_once_until_it_ends(log: Log) {
        let later = Timestamp(now().0 + 3_600_000);
        let use_token = async |log: &Log, id: &str, until| log.engine.use_token(RoomId::FIRST, id.into(), until).await.expect("answered");
        let together = futures::future::join_all((0..20).map(|_| log.engine.use_token(RoomId::FIRST, "a".into(), later))).await;
        assert_eq!(together.iter().filter(|first| matches!(first, Ok(true))).count(), 1, "{together:?}");
        assert!(use_token(&log, "b", later).await);
        assert!(!use_token(&log, "over", Timestamp(1)).await, "it has ended");
        let log = log.reopen().await;
        for (id, is_used) in [("a", true), ("b", true), ("over", false), ("c", false)] {
            assert_eq!(log.engine.is_token_used(id.into()).await.expect("readable"), is_used, "{id}");
        }
        assert!(!use_token(&log, "a", later).await);
    }

    async fn webhooks_are_kept_with_where_they_stand(log: Log) {
        let two = RoomId::new(2).expect("a number");
        log.engine.put_webhook(webhook("a", "https://a"), Cursors::from([(RoomId::FIRST, 1), (two, 2)])).await.expect("kept");
        log.engine.put_webhook(webhook("b", "https://b"), Cursors::new()).await.expect("kept");
        log.engine.put_webhook(webhook("a", "https://other"), Cursors::from([(two, 5)])).await.expect("kept");
        log.engine.remove_webhook(WebhookId("b".into())).await.expect("gone");
        log.engine.remove_webhook(WebhookId("none".into())).await.expect("no error");
        let log = log.reopen().await;
        let kept = log.engine.webhooks().await.expect("readable");
        let kept: Vec<_> = kept.iter().map(|(webhook, cursors)| (&*webhook.url, cursors.clone())).collect();
        assert_eq!(kept, [("https://other", Cursors::from([(RoomId::FIRST, 1), (two, 5)]))]);
    }
}
