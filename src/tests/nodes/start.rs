use std::sync::Arc;

use futures::{FutureExt, future::BoxFuture};
use serde_json::{Map, json};

use super::super::{node::Cluster, site_users::sign};
use crate::{
    chat::{
        Measure, NewWidgetKey, Origins, Revocation, Revoked, RoomId, RoomState, Sanction, Settings, SettingsChange, Timestamp,
        UserId,
    },
    engine::{Engine, Sqlite},
};

fn settings(name: &str) -> Settings {
    SettingsChange::from(Map::from_iter([("name".to_owned(), json!(name))])).make(name).expect("valid")
}

fn user(sub: &str) -> UserId {
    UserId::try_from(format!("site:{sub}")).expect("an id")
}

/// What other nodes do while one starts, one thing after each of its reads: of what it has just read.
fn meanwhile(log: &Arc<Sqlite>) -> Vec<BoxFuture<'static, ()>> {
    let [a, b, c, d] = [(); 4].map(|()| Arc::clone(log));
    let make = async move { drop(a.create_room(settings("two")).await.expect("made")) };
    let ban = async move {
        let (user, by, reason) = (user("ann"), UserId::admin(), String::new());
        let sanction = Sanction { user, measure: Measure::Ban, addresses: Vec::new(), by, reason };
        b.sanction(RoomId::FIRST, sanction).await.expect("decided");
    };
    let key = async move {
        let key = NewWidgetKey { name: "late".into(), room: None, allowed_origins: Origins::default() };
        c.create_widget_key(key).await.expect("made");
    };
    let revoke = async move {
        let revocation = Revocation { of: Revoked::User(user("bob")), at: Timestamp(i64::MAX), until: Timestamp(i64::MAX) };
        d.revoke(revocation).await.expect("revoked");
    };
    vec![make.boxed(), ban.boxed(), key.boxed(), revoke.boxed()]
}

#[tokio::test]
async fn nothing_that_happens_during_a_start_is_lost_or_comes_twice() {
    let cluster = Cluster::of(1);
    let log = Arc::clone(&cluster.nodes[0].log);
    // After the engine opened, but before the start: it is in what is read, and comes as news too.
    let (early, _) = log.create_room(settings("early")).await.expect("made");
    log.set_state(early.id, RoomState::Prepared).await.expect("prepared");
    cluster.nodes[0].meanwhile.lock().expect("not poisoned").extend(meanwhile(&log));
    let site = cluster.start().await.remove(0);
    let rooms: Vec<_> = site.hub.rooms().into_iter().map(|room| (room.settings.name, room.state)).collect();
    assert_eq!(rooms[1..], [("early".to_owned(), RoomState::Prepared), ("two".to_owned(), RoomState::Created)]);
    let [ann, bob, eve] = ["ann", "bob", "eve"].map(|sub| sign(json!({ "sub": sub, "iat": 1 })));
    assert_eq!(site.say(&ann, "hi").await.status, 403, "banned");
    assert_eq!(site.say(&bob, "hi").await.status, 401, "revoked");
    assert!(site.hub.widget_keys().iter().any(|key| key.name == "late"));
    assert_eq!(site.say(&eve, "hi").await.status, 200);
    let heads: Vec<_> = site.hub.heads().into_values().collect();
    assert_eq!(heads, [2, 1, 0], "the ban and a message, a state, nothing");
}
