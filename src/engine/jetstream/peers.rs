use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_nats::{Client, Message, Subject};
use bytes::Bytes;
use futures::{FutureExt, StreamExt, future::BoxFuture};
use tokio::{runtime::Handle, sync::Semaphore};

use crate::engine::{Ear, Peers};

/// How long an answer is waited for.
const ANSWERED_WITHIN: Duration = Duration::from_secs(1);

/// Questions whose answers take a while that are open at once. Further ones get no answer.
const OPEN_QUESTIONS: usize = 1_024;

/// What the nodes tell each other over NATS itself, beside the stream: it is kept nowhere.
pub(super) struct NatsPeers {
    client: Client,
    subject: Subject,
    runtime: Handle,
    listening: Mutex<Option<tokio::task::JoinHandle<()>>>,
}

impl NatsPeers {
    pub(super) fn new(client: Client, stream: &str) -> Self {
        // Not below the stream's own subjects: what is said here is no entry of it.
        let subject = format!("{stream}-peers").into();
        Self { client, subject, runtime: Handle::current(), listening: Mutex::default() }
    }

    pub(super) fn stop(&self) {
        if let Some(listening) = self.listening.lock().unwrap_or_else(PoisonError::into_inner).take() {
            listening.abort();
        }
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
        let task = self.runtime.spawn(async move {
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
        });
        if let Some(before) = self.listening.lock().unwrap_or_else(PoisonError::into_inner).replace(task) {
            before.abort();
        }
    }
}

/// Sends an answer, if there is one.
async fn send(client: &Client, reply: Subject, answer: Option<Vec<u8>>) {
    if let Some(answer) = answer {
        // Whoever cannot be reached gets none: that is the promise.
        let _ = client.publish(reply, Bytes::from(answer)).await;
    }
}
