//! Reads the log, entry by entry and each once, and hands it to the index.
//!
//! An entry that cannot be read is passed over, reported, and noted in the index: one entry must not stop all nodes. A version that can
//! read it makes the index anew when it starts (`opening`).

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use async_nats::jetstream::{
    Message,
    consumer::{DeliverPolicy, pull::OrderedConfig},
};
use futures::StreamExt;

use super::{Cluster, Command, log};
use crate::{
    chat::Timestamp,
    engine::sqlite::{Job, Place, unheard},
};

/// Entries that may wait for the index: bounds the memory of a node that has much to catch up with.
const AHEAD: u64 = 5_000;

const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// Why the reading stopped. It begins again behind what was handed over.
struct Stop(String);

/// Follows the log for as long as the node runs.
pub(super) async fn follow(cluster: Arc<Cluster>) {
    let mut turn = cluster.progress.turn();
    loop {
        let Stop(why) = read_on(&cluster, turn).await;
        tracing::info!(%why, "the log is read on");
        tokio::time::sleep(AGAIN_AFTER).await;
        if turn != cluster.progress.turn() {
            // What was handed over in the turn that ended was refused, from the first on that could not be stored.
            let mut handed = cluster.handed.lock().await;
            turn = cluster.progress.turn();
            *handed = cluster.progress.applied();
        }
    }
}

async fn read_on(cluster: &Cluster, turn: u64) -> Stop {
    let handed = *cluster.handed.lock().await;
    let config = OrderedConfig {
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: handed + 1 },
        ..OrderedConfig::default()
    };
    let opened = async {
        let last = cluster.log.info().await.map_err(|fault| fault.to_string())?.state.last_sequence;
        let consumer = cluster.log.stream().create_consumer(config).await.map_err(|error| error.to_string())?;
        if consumer.cached_info().num_pending == 0 {
            // What the stream counts beyond is erased.
            cluster.standing.nothing_up_to(last);
            cluster.caught_up.send_replace(Some(handed));
        }
        consumer.messages().await.map_err(|error| error.to_string())
    };
    let mut entries = match opened.await {
        Ok(entries) => entries,
        Err(why) => return Stop(why),
    };
    loop {
        tokio::select! {
            entry = entries.next() => match entry {
                Some(Ok(entry)) => {
                    if let Err(stop) = hand_over(cluster, turn, &entry).await {
                        return stop;
                    }
                }
                Some(Err(error)) => return Stop(error.to_string()),
                None => return Stop("the servers have ended it".into()),
            },
            () = cluster.progress.lost() => return Stop("the index could not be written".into()),
            () = cluster.standing.stalled() => return Stop("nothing came of what there is".into()),
        }
    }
}

/// Gives one entry to the index, unless it has it.
async fn hand_over(cluster: &Cluster, turn: u64, entry: &Message) -> Result<(), Stop> {
    let info = entry.info().map_err(|error| Stop(error.to_string()))?;
    let number = info.stream_sequence;
    cluster.standing.heard_of(number + info.pending);
    let mut handed = cluster.handed.lock().await;
    if number > *handed {
        let id = log::id(entry.headers.as_ref()).unwrap_or_default();
        let published = info.published.unix_timestamp_nanos();
        cluster.readings().note(number, &id, published, &entry.payload);
        let job = match log::read(entry.headers.as_ref(), &entry.payload) {
            log::Read::Command(command) => {
                if let (Command::Epoch(epoch), true) = (&*command, cluster.has_begun()) {
                    cluster.standing.damage(format!("it is another one now ({epoch}): start this node again"));
                }
                if command.changes_state() {
                    cluster.changed.store(number, Ordering::Release);
                }
                if let Command::Copying(copying) = &*command {
                    cluster.floor.store(copying.floor, Ordering::Release);
                }
                command.into_job(cluster.asker(&id))
            }
            log::Read::Foreign => {
                tracing::warn!(number, "an entry of the log is not ours, and is passed over");
                Job::Pass { reply: unheard() }
            }
            log::Read::Unknown(why) => {
                cluster.note_unread(number, &why);
                Job::Unread { reply: unheard() }
            }
        };
        let at = Timestamp(i64::try_from(published / 1_000_000).unwrap_or(i64::MAX));
        let (first_seq, last_seq) = (cluster.first_seq(number), cluster.first_seq(number + 1) - 1);
        cluster.index.follow(Place { number, id, first_seq, last_seq, at, turn }, job);
        *handed = number;
    }
    drop(handed);
    if info.pending == 0 {
        cluster.caught_up.send_replace(Some(number));
    }
    keep_near(cluster, number, turn).await;
    Ok(())
}

/// Waits while the index is far behind.
async fn keep_near(cluster: &Cluster, number: u64, turn: u64) {
    while number.saturating_sub(cluster.progress.applied()) > AHEAD && cluster.progress.turn() == turn {
        // The second for a turn that ends meanwhile.
        let near = cluster.progress.reached(number - AHEAD / 2);
        let _ = tokio::time::timeout(Duration::from_secs(1), near).await;
    }
}
