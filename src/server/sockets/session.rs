use std::{borrow::Cow, time::Duration};

use bytes::Bytes;
use tokio::time::Instant;

use super::{Link, Outbox};
use crate::{
    chat::{Event, RoomId},
    protocol::{Dialect, frame::Frame},
};

/// One client's side of a dialect: what it does with what comes, from its client and from the rooms that it is in.
///
/// Nothing is done at once with something else, and what one thing has put into the outbox has left before the next begins. So what
/// follows a frame comes before what follows the next, and before the answer to a close; and of what comes while something is waited
/// for, the connection keeps what TCP does, and holds back the rest.
pub(in crate::server) trait Session: Send + Sized + 'static {
    /// The dialect that it speaks.
    const DIALECT: Dialect;

    /// Longest message of a client, in bytes, of however many frames. A longer one ends the connection (1009), unread.
    const MESSAGE_BYTES: usize;

    /// How often a client is asked whether it is still there.
    const PING_EVERY: Duration = Duration::from_secs(30);

    /// How many of those questions may go without an answer, or any other sign of life.
    const UNANSWERED_PINGS: u8 = 2;

    /// Begins: before the client's first frame is read, which may be there already.
    fn open(&mut self, link: &mut Link) -> impl Future<Output = Result<(), Ending>> + Send {
        let _ = link;
        async { Ok(()) }
    }

    /// The client has sent a message.
    fn hear(&mut self, frame: Frame, link: &mut Link) -> impl Future<Output = Result<(), Ending>> + Send;

    /// What an event is in this dialect: the encoded frames, none if there is no form for it. Made once for all who are told of it, so
    /// it must be the same for all.
    fn encode(&self, event: &Event) -> Bytes {
        let _ = event;
        Bytes::new()
    }

    /// Something has happened in a room; `frames` are the event's as all get them.
    fn tell(&mut self, event: &Event, frames: &Bytes, outbox: &mut Outbox) -> Result<(), Ending> {
        let _ = event;
        outbox.push(frames);
        Ok(())
    }

    /// Somebody has sent a frame over the relay. `frame` is encoded already.
    fn relayed(&mut self, frame: &Bytes, outbox: &mut Outbox) {
        let _ = (frame, outbox);
    }

    /// Until when nothing of the client is to be read: what it sends waits in its connection. Asked before each read.
    fn held_until(&mut self) -> Option<Instant> {
        None
    }

    /// The connection is not in that room any more.
    fn left(&mut self, room: RoomId, why: Left, outbox: &mut Outbox) -> Result<(), Ending> {
        let _ = (room, outbox);
        Err(why.into())
    }

    /// The connection was woken: by its client, by its rooms, or by [`Subscriptions::waker`](super::Subscriptions::waker).
    fn woken(&mut self, outbox: &mut Outbox) {
        let _ = outbox;
    }

    /// All that was in the outbox has left.
    fn flushed(&mut self) {}

    /// When something is to be done that nothing else leads to.
    fn due_at(&self) -> Option<Instant> {
        None
    }

    /// It is time. To be told again, it must say so by [`due_at`](Self::due_at).
    fn due(&mut self, link: &mut Link) -> impl Future<Output = Result<(), Ending>> + Send {
        let _ = link;
        async { Ok(()) }
    }

    /// The server stops.
    fn stop(&mut self) -> Ending {
        Ending::stopping()
    }
}

/// How a connection ends. What is in the outbox is sent before, always.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::server) enum Ending {
    /// With a close frame, which is waited for to be answered.
    Close(u16, Cow<'static, str>),
    /// With a close frame alone: what the client sends is not understood any more (RFC 6455 7.1.7).
    Fail(u16, &'static str),
    /// Without a word: to the client it is as if its network had failed.
    Drop,
}

/// Why a connection is not in a room any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Left {
    /// The room is not live any more.
    Over,
    /// The hub has ended it: what it came with was revoked.
    Ended,
    /// A moderator has ended it, and it was told so.
    Disconnected,
    /// It was too slow, and what it missed is not kept.
    Behind,
}

/// Codes of RFC 6455 7.4.1.
impl Ending {
    pub(in crate::server) const NORMAL: u16 = 1000;
    pub(in crate::server) const GOING_AWAY: u16 = 1001;
    pub(in crate::server) const PROTOCOL_ERROR: u16 = 1002;
    pub(in crate::server) const INVALID_DATA: u16 = 1007;
    pub(in crate::server) const POLICY: u16 = 1008;
    pub(in crate::server) const TOO_BIG: u16 = 1009;
    pub(in crate::server) const INTERNAL_ERROR: u16 = 1011;

    /// As most protocols end when the server stops: their clients may come back.
    pub(in crate::server) fn stopping() -> Self {
        Self::close(Self::GOING_AWAY, "The server is stopping.")
    }

    /// With that code and that reason.
    pub(in crate::server) fn close(code: u16, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Close(code, reason.into())
    }
}

impl From<Left> for Ending {
    fn from(why: Left) -> Self {
        match why {
            Left::Over => Self::close(Self::NORMAL, "The room has ended."),
            Left::Ended => Self::close(Self::POLICY, "Your access was revoked."),
            Left::Disconnected => Self::close(Self::POLICY, "You were disconnected."),
            Left::Behind => Self::close(Self::POLICY, "You read too slowly."),
        }
    }
}
