//! The stream: what is written into it, read of it, and taken out.

use std::time::Duration;

use async_nats::{
    HeaderMap,
    jetstream::{
        Context, ErrorCode,
        consumer::pull::OrderedConfig,
        context::{ContextBuilder, PublishAckFuture, PublishError, PublishErrorKind},
        message::PublishMessage,
        publish::PublishAck,
        stream::{Config, DeleteMessageErrorKind, Info, LastRawMessageErrorKind, StorageType, Stream},
    },
};
use bytes::Bytes;
use futures::{StreamExt, future::try_join_all};
use tokio::time::{Instant, timeout};

use super::{Command, Kept, Nats, NatsError};
use crate::{
    chat::{RoomId, Timestamp},
    engine::{EngineError, Fault},
};

/// Up to how long after the first a second publish of the same id is recognized by the servers. Later ones are by the index.
const DUPLICATES_WITHIN: Duration = Duration::from_secs(300);

/// How long the servers are asked for one acknowledgement: long enough for them to choose another leader.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(10);

/// The same while this node is connected to none of them.
const GIVEN_UP_WITHIN: Duration = Duration::from_secs(3);

/// How long one answer of theirs may take before they are asked again.
const ANSWERED_WITHIN: Duration = Duration::from_secs(2);

const ASKED_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Entries that are erased at once.
const ERASED_AT_ONCE: usize = 32;

/// Acknowledgements that may be awaited at once.
const UNACKNOWLEDGED: usize = 10_000;

/// What the servers say of an entry that is not there.
const NOT_THERE: [ErrorCode; 3] =
    [ErrorCode::SEQUENCE_NOT_FOUND, ErrorCode::NO_MESSAGE_FOUND, ErrorCode::STREAM_MESSAGE_DELETE_FAILED];

/// Says that an entry is ours, and in which form.
const FORM: &str = "Live-Chat-Form";
const THIS_FORM: &str = "1";

/// The log of a cluster.
pub(super) struct Log {
    context: Context,
    name: String,
    stream: Stream,
}

/// What an entry of the stream is.
pub(super) enum Read {
    /// One of ours.
    Command(Box<Command>),
    /// Somebody else's: it is passed over, by all nodes.
    Foreign,
    /// Of a later version of this program.
    Unknown(String),
}

impl Log {
    /// Opens the stream, made if it is not there, and on as many servers as are asked for.
    pub(super) async fn open(context: Context, nats: &Nats) -> Result<Self, NatsError> {
        let wanted = Config {
            name: nats.stream.clone(),
            description: Some("The log of live-chat".into()),
            subjects: vec![format!("{}.>", nats.stream)],
            storage: StorageType::File,
            num_replicas: nats.replicas,
            duplicate_window: DUPLICATES_WITHIN,
            allow_direct: true,
            ..Config::default()
        };
        let failed = |cause: String| NatsError::Stream { name: nats.stream.clone(), cause };
        let stream = stream(&context, wanted).await.map_err(failed)?;
        Ok(Self { context, name: nats.stream.clone(), stream })
    }

    /// What is written to the servers with room for many acknowledgements.
    pub(super) fn context(client: async_nats::Client) -> Context {
        ContextBuilder::new()
            .timeout(ANSWERED_WITHIN)
            .ack_timeout(ANSWERED_WITHIN)
            .max_ack_inflight(UNACKNOWLEDGED)
            .backpressure_on_inflight(true)
            .build(client)
    }

    /// The stream, to read from.
    pub(super) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// How the stream is.
    pub(super) async fn info(&self) -> Result<Info, Fault> {
        match timeout(ANSWERED_WITHIN, self.stream.get_info()).await {
            Ok(Ok(info)) => Ok(info),
            Ok(Err(error)) => Err(unreachable(&error)),
            Err(late) => Err(unreachable(&late)),
        }
    }

    /// Stores a command under that id, unless there is one, and gives its number when the servers have acknowledged it. A lost
    /// acknowledgement is asked for again, under the same id.
    ///
    /// While a server can be reached, others are given the time to choose a leader: to know whether a message is stored is worth the
    /// wait. Without a connection that time is shorter.
    pub(super) async fn publish(&self, id: &str, command: &Command, is_connected: impl Fn() -> bool) -> Result<u64, EngineError> {
        let began = Instant::now();
        loop {
            match self.send(id, command, None).await {
                Ok(PublishAck { sequence, .. }) => return Ok(sequence),
                Err(error) if error.kind() == PublishErrorKind::MaxPayloadExceeded => return Err(self.too_large()),
                Err(error) if began.elapsed() > patience(is_connected()) => return Err(unreachable(&error).into()),
                Err(error) => {
                    tracing::debug!(id, %error, "asked again for an acknowledgement");
                    tokio::time::sleep(ASKED_AGAIN_AFTER).await;
                }
            }
        }
    }

    /// Stores commands in this order, and gives the number of the last. Not all of them may be there if it fails.
    pub(super) async fn publish_all(&self, commands: impl Iterator<Item = Command>) -> Result<Option<u64>, EngineError> {
        let mut acknowledged = Vec::new();
        for command in commands {
            let begun = self.begin(&command.id(), &command, None).await;
            acknowledged.push(begun.map_err(|error| match error.kind() {
                PublishErrorKind::MaxPayloadExceeded => self.too_large(),
                _ => unreachable(&error).into(),
            })?);
        }
        let mut last = None;
        for acknowledged in acknowledged {
            last = Some(acknowledged.await.map_err(|error| unreachable(&error))?.sequence);
        }
        Ok(last)
    }

    /// Stores a command behind that entry, if no other has come in between; `None` if one has.
    pub(super) async fn publish_after(&self, number: u64, command: &Command) -> Result<Option<u64>, Fault> {
        match self.send(&command.id(), command, Some(number)).await {
            Ok(PublishAck { sequence, .. }) => Ok(Some(sequence)),
            Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => Ok(None),
            Err(error) => Err(unreachable(&error)),
        }
    }

    async fn send(&self, id: &str, command: &Command, after: Option<u64>) -> Result<PublishAck, PublishError> {
        self.begin(id, command, after).await?.await
    }

    async fn begin(&self, id: &str, command: &Command, after: Option<u64>) -> Result<PublishAckFuture, PublishError> {
        let payload = Bytes::from(serde_json::to_vec(command).expect("plain data"));
        let message = PublishMessage::build().payload(payload).message_id(id).header(FORM, THIS_FORM);
        let message = match after {
            Some(number) => message.expected_last_sequence(number),
            None => message,
        };
        self.context.send_publish(self.subject(command), message).await
    }

    /// The newest epoch that the log was given, if it has one.
    pub(super) async fn epoch(&self) -> Result<Option<String>, Fault> {
        let newest = self.stream.get_last_raw_message_by_subject(&format!("{}.epoch", self.name)).await;
        match newest {
            Ok(message) => match read(Some(&message.headers), &message.payload) {
                Read::Command(command) => match *command {
                    Command::Epoch(epoch) => Ok(Some(epoch)),
                    _ => Ok(None),
                },
                _ => Ok(None),
            },
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(unreachable(&error)),
        }
    }

    /// The number of the newest entry that is there, 0 if there is none.
    pub(super) async fn last(&self) -> Result<u64, Fault> {
        match self.stream.get_last_raw_message_by_subject(&format!("{}.>", self.name)).await {
            Ok(message) => Ok(message.sequence),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(0),
            Err(error) => Err(unreachable(&error)),
        }
    }

    /// What the log calls that entry; `None` if it is not there any more.
    pub(super) async fn id_of(&self, number: u64) -> Result<Option<String>, Fault> {
        match self.stream.get_raw_message(number).await {
            Ok(message) => Ok(id(Some(&message.headers))),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(unreachable(&error)),
        }
    }

    /// Takes an entry out of the stream, and writes over it. One that is not there: no error.
    pub(super) async fn erase(&self, number: u64) -> Result<(), Fault> {
        match self.stream.delete_message(number).await {
            Ok(_) => Ok(()),
            Err(error) => match error.kind() {
                DeleteMessageErrorKind::JetStream(refused) if NOT_THERE.contains(&refused.error_code()) => Ok(()),
                _ => Err(unreachable(&error)),
            },
        }
    }

    /// Takes what was said in a room up to that entry out of the stream, and writes over it, one by one: what is purged at once stays in
    /// the servers' files until they put them in order, which may be never.
    pub(super) async fn erase_said(&self, room: RoomId, up_to: u64) -> Result<(), Fault> {
        let config =
            OrderedConfig { filter_subject: self.room_subject(room, Kept::Said), headers_only: true, ..OrderedConfig::default() };
        let consumer = self.stream.create_consumer(config).await.map_err(|error| unreachable(&error))?;
        if consumer.cached_info().num_pending == 0 {
            return Ok(());
        }
        let messages = consumer.messages().await.map_err(|error| unreachable(&error))?;
        let mut numbers = Box::pin(messages.map(|message| {
            let message = message.map_err(|error| unreachable(&error))?;
            let info = message.info().map_err(|error| Fault::Unreachable(error.to_string().into()))?;
            Ok::<_, Fault>((info.stream_sequence, info.pending))
        }));
        let mut is_last = false;
        while !is_last {
            let mut some = Vec::with_capacity(ERASED_AT_ONCE);
            while some.len() < ERASED_AT_ONCE && !is_last {
                let (number, pending) = match timeout(ANSWERED_WITHIN, numbers.next()).await {
                    Ok(Some(next)) => next?,
                    Ok(None) => return Err(Fault::Unreachable("the servers have ended it".into())),
                    Err(late) => return Err(unreachable(&late)),
                };
                is_last = pending == 0 || number >= up_to;
                some.extend((number <= up_to).then_some(number));
            }
            try_join_all(some.into_iter().map(|number| self.erase(number))).await?;
        }
        Ok(())
    }

    /// Whether that entry is one of ours that this version can read.
    pub(super) async fn can_read(&self, number: u64) -> Result<bool, Fault> {
        match self.stream.get_raw_message(number).await {
            Ok(message) => Ok(matches!(read(Some(&message.headers), &message.payload), Read::Command(_))),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(false),
            Err(error) => Err(unreachable(&error)),
        }
    }

    fn too_large(&self) -> EngineError {
        EngineError::TooLarge { most: self.context.client().max_payload() }
    }

    /// Returns the first entry behind `after` that holds for a time only, and when that is over.
    pub(super) async fn next_expiring(&self, after: u64) -> Result<Option<(u64, Timestamp)>, Fault> {
        let subjects = format!("{}.room.*.names", self.name);
        match self.stream.get_first_raw_message_by_subject(subjects, after + 1).await {
            Ok(message) => {
                let until = match read(Some(&message.headers), &message.payload) {
                    Read::Command(command) => match *command {
                        Command::Claim { claim, .. } => claim.until,
                        Command::UseToken { until, .. } => until,
                        _ => Timestamp(i64::MAX),
                    },
                    Read::Foreign | Read::Unknown(_) => Timestamp(i64::MAX),
                };
                Ok(Some((message.sequence, until)))
            }
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(unreachable(&error)),
        }
    }

    fn subject(&self, command: &Command) -> String {
        match command.belongs_to() {
            (Some(room), kept) => self.room_subject(room, kept),
            (None, _) if matches!(command, Command::Epoch(_)) => format!("{}.epoch", self.name),
            (None, _) => format!("{}.all", self.name),
        }
    }

    fn room_subject(&self, room: RoomId, kept: Kept) -> String {
        let kept = match kept {
            Kept::Said => "said",
            Kept::Done => "done",
            Kept::Expiring => "names",
        };
        format!("{}.room.{room}.{kept}", self.name)
    }
}

/// A stream, made as `wanted` if it is not there, and on as many servers as that says.
pub(super) async fn stream(context: &Context, wanted: Config) -> Result<Stream, String> {
    let stream = context.get_or_create_stream(wanted.clone()).await.map_err(|error| error.to_string())?;
    let found = stream.cached_info().config.clone();
    if found.num_replicas == wanted.num_replicas {
        return Ok(stream);
    }
    tracing::info!(
        stream = wanted.name,
        from = found.num_replicas,
        to = wanted.num_replicas,
        "the number of replicas is changed"
    );
    let changed = Config { num_replicas: wanted.num_replicas, ..found };
    context.update_stream(changed).await.map_err(|error| error.to_string())?;
    context.get_stream(&wanted.name).await.map_err(|error| error.to_string())
}

/// What an entry is.
pub(super) fn read(headers: Option<&HeaderMap>, payload: &[u8]) -> Read {
    let form = headers.and_then(|headers| headers.get(FORM));
    match (form.map(|form| form.as_str()), serde_json::from_slice(payload)) {
        (None, _) => Read::Foreign,
        (Some(THIS_FORM), Ok(command)) => Read::Command(Box::new(command)),
        (Some(THIS_FORM), Err(error)) => Read::Unknown(error.to_string()),
        (Some(form), _) => Read::Unknown(format!("form {form}")),
    }
}

/// What the log calls an entry.
pub(super) fn id(headers: Option<&HeaderMap>) -> Option<String> {
    headers?.get(async_nats::header::NATS_MESSAGE_ID).map(|id| id.as_str().to_owned())
}

/// How long the servers are asked for one acknowledgement.
fn patience(is_connected: bool) -> Duration {
    if is_connected { ACKNOWLEDGED_WITHIN } else { GIVEN_UP_WITHIN }
}

pub(super) fn unreachable(error: &dyn std::error::Error) -> Fault {
    Fault::Unreachable(error.to_string().into())
}
