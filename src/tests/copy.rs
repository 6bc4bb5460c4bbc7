//! Logs that are copied from one engine into another.

use std::{fs, path::Path, sync::Arc};

use serde_json::json;
use tempfile::TempDir;

use super::{
    cluster::{a_webhook, assert_same, content, delete, everything, many_things, say, stream, user},
    nats,
};
use crate::{
    chat::{
        AppearanceChange, Deleted, Invitation, Logo, Revocation, Revoked, RoomId, Settings, ShownInterface, Timestamp, UserId,
        appearance::{ImageKind, LOGO_BYTES},
    },
    engine::{CopyError, Cursors, Engine, JetStream, Nats, NatsError, Sqlite},
};

const NEVER: Timestamp = Timestamp(i64::MAX);
const SECRETS: [&str; 2] = ["token-secret", "admin-key"];

fn at(stream: &str) -> Nats {
    Nats { servers: nats::servers(), credentials: None, stream: stream.to_owned(), replicas: 1, insecure: false }
}

fn sqlite(folder: &Path) -> Sqlite {
    Sqlite::open(folder, None, Arc::new(|_| {})).expect("a usable folder")
}

async fn node(folder: &Path, stream: &str) -> JetStream {
    let node = nats::open(folder, stream, Arc::new(|_| {})).await;
    node.begin();
    node
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// A log with something of everything, and what is in it.
async fn a_log(seed: u64, steps: usize) -> (TempDir, Vec<String>, Vec<u64>) {
    let folder = folder();
    let engine = sqlite(folder.path());
    let said = many_things(&[&engine], seed, steps).await;
    // What is deleted is not copied, what was not told is told at the next start, and the end of the room's log is compared too.
    engine.tell_reactions(RoomId::FIRST).await.expect("told");
    say(&engine, "ann", "the last", None).await.expect("stored");
    engine.create_room(Settings { slug: "two".into(), ..Settings::default() }).await.expect("made");
    let revocation = Revocation { of: Revoked::User(user("eve")), at: Timestamp(1), until: NEVER };
    engine.revoke(revocation).await.expect("kept");
    let (id, name) = ("0123456789abcdef".to_owned(), "Mo".to_owned());
    let invitation = Invitation { id, room: None, name, made_at: Timestamp(1), taken_at: None, revoked_at: None };
    engine.keep_invitation(invitation).await.expect("kept");
    engine.use_token(RoomId::FIRST, "used".into(), NEVER).await.expect("kept");
    let interface = ShownInterface::parse(r#"{"panel":{"components":[]},"id":"vote"}"#).expect("an object");
    engine.show_interface(RoomId::FIRST, Some(interface)).await.expect("kept");
    let look = json!({ "title": "Acme", "properties": { "--page": { "light": "#ffffff" } } });
    let look = AppearanceChange::patch(look.as_object().expect("an object")).expect("valid");
    let logo = Logo { kind: ImageKind::Svg, data: "A".repeat(LOGO_BYTES / 3 * 4) };
    engine.change_appearance(look.with_logo(Some(logo))).await.expect("changed");
    engine.put_webhook(a_webhook("a"), Cursors::from([(RoomId::FIRST, 3)])).await.expect("kept");
    let all = known(&engine).await;
    engine.close();
    fs::write(folder.path().join("token-secret"), "a secret of the site").expect("written");
    (folder, all, said)
}

async fn known(engine: &dyn Engine) -> Vec<String> {
    let mut all = everything(engine).await;
    all.push(format!("{:?}", engine.revocations().await.expect("readable")));
    all.push(format!("{:?}", engine.invitations().await.expect("readable")));
    all.push(format!("used: {}", engine.is_token_used("used".into()).await.expect("readable")));
    all.push(format!("{:?}", engine.shown_interfaces().await.expect("readable")));
    all.push(format!("{:?}", engine.appearance().await.expect("readable")));
    for (webhook, cursors) in engine.webhooks().await.expect("readable") {
        all.push(format!("{} {cursors:?}", webhook.url));
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_goes_to_a_cluster_and_back() {
    let (stream, back) = (stream(), folder());
    let (from, all, _) = a_log(1, 300).await;
    let copied = JetStream::copy_from(from.path(), &at(&stream), &SECRETS).await.expect("copied");
    let events = copied.iter().find(|census| census.table == "events").expect("a table");
    assert!(events.rows > 100, "{copied:?}");
    let again = JetStream::copy_from(from.path(), &at(&stream), &SECRETS).await.expect("it is there");
    assert_eq!(again, copied);

    let nodes = [folder(), folder()];
    let nodes = [node(nodes[0].path(), &stream).await, node(nodes[1].path(), &stream).await];
    for node in &nodes {
        assert_same(&known(node).await, &all, 1);
    }
    assert_eq!(nodes[0].shared("token-secret").await.expect("readable").as_deref(), Some("a secret of the site"));
    let said = many_things(&[&nodes[0], &nodes[1]], 2, 50).await;
    nodes[0].tell_reactions(RoomId::FIRST).await.expect("told");
    say(&nodes[0], "ann", "this node has all that there is", None).await.expect("stored");
    let (copied, after) = (events.rows, known(&nodes[0]).await);
    assert!(said.iter().all(|seq| *seq > copied), "what follows has later places");
    let [first, second] = nodes;
    first.close();
    second.close();

    JetStream::copy_to(back.path(), &at(&stream), &SECRETS).await.expect("copied");
    let engine = sqlite(back.path());
    assert_same(&known(&engine).await, &after, 1);
    many_things(&[&engine], 3, 50).await;
    engine.close();
    assert_eq!(fs::read_to_string(back.path().join("token-secret")).expect("a file"), "a secret of the site");
    assert_eq!(Sqlite::check(back.path()).expect("checked"), Vec::<String>::new());
    for file in fs::read_dir(back.path()).expect("a folder").map(|file| file.expect("a file")) {
        let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().expect("a file").permissions());
        assert_eq!(mode & 0o777, 0o600, "{:?}", file.file_name());
    }
    let exists = JetStream::copy_to(back.path(), &at(&stream), &SECRETS).await;
    assert!(matches!(exists, Err(CopyError::Exists(_))), "{exists:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_was_interrupted_goes_on() {
    let stream = stream();
    let (from, all, _) = a_log(4, 1_500).await;
    let context = async_nats::jetstream::new(nats::client().await);
    let entries = async || match context.get_stream(&stream).await {
        Ok(stream) => stream.cached_info().state.last_sequence,
        Err(_) => 0,
    };
    for least in [100, 400, 700] {
        let (nats, some_are_there) = (at(&stream), async { while entries().await < least {} });
        tokio::select! {
            copied = JetStream::copy_from(from.path(), &nats, &SECRETS) => drop(copied.expect("copied")),
            () = some_are_there => {}
        }
    }
    let served = JetStream::open(folder().path(), &at(&stream), None, Arc::new(|_| {})).await;
    if let Err(error) = served {
        assert!(matches!(error, NatsError::Copying(_)), "a part of a log is not served: {error}");
    }
    JetStream::copy_from(from.path(), &at(&stream), &SECRETS).await.expect("copied");
    let index = folder();
    assert_same(&known(&node(index.path(), &stream).await).await, &all, 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_is_copied_to_where_there_is_none() {
    let stream = stream();
    let (from, ..) = a_log(5, 20).await;
    let index = folder();
    node(index.path(), &stream).await.close();
    let refused = JetStream::copy_from(from.path(), &at(&stream), &SECRETS).await;
    assert!(matches!(refused, Err(CopyError::NotEmpty(_))), "{refused:?}");
    let none = JetStream::copy_from(folder().path(), &at(&stream), &SECRETS).await;
    assert!(matches!(none, Err(CopyError::Open(_))), "{none:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_copied_is_erased_too() {
    let stream = stream();
    let from = folder();
    let engine = sqlite(from.path());
    let said = many_things(&[&engine], 6, 100).await;
    engine.close();
    JetStream::copy_from(from.path(), &at(&stream), &SECRETS).await.expect("copied");
    let index = folder();
    let node = node(index.path(), &stream).await;
    let now = node.messages(RoomId::FIRST, said.clone()).await.expect("readable");
    let (seq, event) = now.into_iter().find_map(|(seq, event)| Some((seq, event?))).expect("a message");
    let words = event.message().expect("a message").payload.get().to_owned();
    let in_stream = async || content(&stream).await.iter().filter(|entry| entry.contains(words.trim_matches('"'))).count();
    let before = in_stream().await;
    assert!(before > 0);
    delete(&node, Deleted::Message(seq)).await;
    while in_stream().await >= before {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let change = serde_json::from_value(json!({ "retention_messages": 1 })).expect("an object");
    node.configure(RoomId::FIRST, change, UserId::admin()).await.expect("configured");
    while content(&stream).await.iter().any(|entry| entry.contains("said ")) {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
