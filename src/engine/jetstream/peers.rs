use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_nats::{Client, Message, Subject, connection::State};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use futures::{FutureExt, StreamExt, future::BoxFuture};
use tokio::{runtime::Handle, sync::Semaphore, task::JoinHandle, time::Instant};

use crate::{
    chat::RoomId,
    engine::{Ear, Peers, RelayEar, RelayedFrame},
};

/// How long an answer is waited for.
const ANSWERED_WITHIN: Duration = Duration::from_secs(1);

/// Questions whose answers take a while that are open at once. Further ones get no answer.
const OPEN_QUESTIONS: usize = 1_024;

/// How long it is waited until other nodes have a frame of the relay.
const RELAYED_WITHIN: Duration = Duration::from_millis(500);

/// How long no node is waited for after that was in vain: as long as it takes until a node counts as gone.
const HURRIED_FOR: Duration = Duration::from_secs(6);

/// The bytes before a relayed frame: its room in four and the event before it in eight, the highest first.
const HEAD_BYTES: usize = 12;

/// What the nodes tell each other over NATS itself, beside the stream: it is kept nowhere.
pub(super) struct NatsPeers {
    client: Client,
    subject: Subject,
    relay_subject: Subject,
    runtime: Handle,
    /// When other nodes were last waited for in vain.
    hurried_at: Mutex<Option<Instant>>,
    listening: Mutex<Vec<JoinHandle<()>>>,
}

impl NatsPeers {
    pub(super) fn new(client: Client, stream: &str) -> Self {
        // Not below the stream's own subjects: what is said here is no entry of it.
        let [subject, relay_subject] = ["peers", "relay"].map(|name| format!("{stream}-{name}").into());
        Self {
            client,
            subject,
            relay_subject,
            runtime: Handle::current(),
            hurried_at: Mutex::default(),
            listening: Mutex::default(),
        }
    }

    pub(super) fn stop(&self) {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner).drain(..).for_each(|task| task.abort());
    }

    /// Publishes a frame, and waits until it has left and so many nodes have it.
    async fn relay_to(&self, nodes: usize, frame: Bytes) -> Option<()> {
        if nodes == 0 {
            self.client.publish(self.relay_subject.clone(), frame).await.ok()?;
            return self.client.flush().await.ok();
        }
        let inbox = self.client.new_inbox();
        let mut answers = self.client.subscribe(inbox.clone()).await.ok()?;
        self.client.publish_with_reply(self.relay_subject.clone(), inbox, frame).await.ok()?;
        for _ in 0..nodes {
            answers.next().await?;
        }
        Some(())
    }

    /// Whether a node has not answered a short while ago. It is not waited for then, until it is known to have gone.
    fn is_hurried(&self) -> bool {
        let hurried_at = self.hurried_at.lock().unwrap_or_else(PoisonError::into_inner);
        hurried_at.is_some_and(|at| at.elapsed() < HURRIED_FOR)
    }

    fn keep(&self, task: JoinHandle<()>) {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner).push(task);
    }
}

impl Peers for NatsPeers {
    fn tell(&self, words: Vec<u8>) {
        let (client, subject) = (self.client.clone(), self.subject.clone());
        self.runtime.spawn(async move {
            // Who cannot be reached hears nothing: that is the promise.
            let _ = client.publish(subject, words.into()).await;
        });
    }

    fn ask(&self, words: Vec<u8>) -> BoxFuture<'_, Option<Vec<u8>>> {
        let answer = self.client.request(self.subject.clone(), words.into());
        async move {
            let answer = tokio::time::timeout(ANSWERED_WITHIN, answer).await;
            answer.ok()?.ok().map(|Message { payload, .. }| payload.to_vec())
        }
        .boxed()
    }

    fn listen(&self, ear: Ear) {
        let (client, subject) = (self.client.clone(), self.subject.clone());
        self.keep(self.runtime.spawn(async move {
            // It fails only for a client that is closed.
            let Ok(mut words) = client.subscribe(subject).await else { return };
            let open = Arc::new(Semaphore::new(OPEN_QUESTIONS));
            while let Some(Message { payload, reply, .. }) = words.next().await {
                let (Some(mut answer), Some(reply)) = (ear(&payload), reply) else { continue };
                match answer.as_mut().now_or_never() {
                    Some(answer) => send(&client, reply, answer).await,
                    // What comes next must not wait for it.
                    None => {
                        if let Ok(open) = Arc::clone(&open).try_acquire_owned() {
                            let client = client.clone();
                            tokio::spawn(async move {
                                send(&client, reply, answer.await).await;
                                drop(open);
                            });
                        }
                    }
                }
            }
        }));
    }

    fn relay(&self, frame: RelayedFrame, nodes: usize) -> BoxFuture<'_, ()> {
        async move {
            // What the client would keep until it is connected again could be much, and late.
            if self.client.connection_state() != State::Connected {
                return;
            }
            let nodes = if self.is_hurried() { 0 } else { nodes };
            if tokio::time::timeout(RELAYED_WITHIN, self.relay_to(nodes, encode(&frame))).await.is_err() {
                *self.hurried_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            }
        }
        .boxed()
    }

    fn relayed_bytes(&self) -> usize {
        self.client.max_payload().saturating_sub(HEAD_BYTES)
    }

    fn hear_relayed(&self, ear: RelayEar) {
        let (client, subject) = (self.client.clone(), self.relay_subject.clone());
        self.keep(self.runtime.spawn(async move {
            let Ok(mut words) = client.subscribe(subject).await else { return };
            while let Some(Message { payload, reply, .. }) = words.next().await {
                let Some(frame) = decode(payload) else { continue };
                ear(frame);
                if let Some(reply) = reply {
                    let _ = client.publish(reply, Bytes::new()).await;
                }
            }
        }));
    }
}

fn encode(RelayedFrame { room, after, frame }: &RelayedFrame) -> Bytes {
    let mut words = BytesMut::with_capacity(HEAD_BYTES + frame.len());
    words.put_u32(room.get());
    words.put_u64(*after);
    words.extend_from_slice(frame);
    words.freeze()
}

/// A frame as another node has sent it; `None` for what no node sends.
fn decode(mut words: Bytes) -> Option<RelayedFrame> {
    if words.len() < HEAD_BYTES {
        return None;
    }
    let (room, after) = (RoomId::new(words.get_u32().into())?, words.get_u64());
    Some(RelayedFrame { room, after, frame: words })
}

/// Sends an answer, if there is one.
async fn send(client: &Client, reply: Subject, answer: Option<Vec<u8>>) {
    if let Some(answer) = answer {
        // A node that cannot be reached gets none: that is the promise.
        let _ = client.publish(reply, Bytes::from(answer)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relayed_frame_arrives_as_it_was_sent() {
        for frame in [&b""[..], b"\x81\x02hi"] {
            let sent = RelayedFrame { room: RoomId::FIRST, after: u64::MAX, frame: Bytes::copy_from_slice(frame) };
            assert_eq!(decode(encode(&sent)), Some(sent));
        }
        for foreign in [&b""[..], b"words", &[0; HEAD_BYTES]] {
            assert_eq!(decode(Bytes::copy_from_slice(foreign)), None, "room 0 is none");
        }
    }
}
