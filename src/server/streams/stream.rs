use std::{
    io::{self, ErrorKind, Read, Write},
    sync::Arc,
};

use bytes::Bytes;
use mio::net::TcpStream;

use super::{chain::Link, frames::Frames, inbox::Inbox, meter::Meter};
use crate::{
    chat::{Position, RoomId},
    hub::{Counts, Entry, Hub, Item, SETTLED_AT_ONCE, Subscriber},
    protocol::inlive,
    server::{
        admission::Permit,
        subscribe,
        transport::{Backlog, Charge, Pace, Reader},
    },
};

/// Ticks of a window of [`Pace`]: a minute, if heartbeats are 15 seconds apart.
const WINDOW_TICKS: u32 = 60;

/// Most bytes that a client may send on a stream, in all.
const UPLOAD_BYTES: u16 = 4_096;

/// A subscriber and its socket.
pub(super) struct Stream {
    socket: TcpStream,
    pub(super) subscriber: Subscriber,
    /// How many viewers its client has counted: those of `init`, and one more or less with each notice.
    counted: usize,
    /// What the socket did not take yet, and since when it waits.
    unsent: Bytes,
    waiting: Option<Box<Waiting>>,
    /// Whether the socket took less than it was given, and has not said since that it takes more.
    is_blocked: bool,
    /// Whether something is read from the store for it. Nothing else is given to it until then.
    pub(super) is_fetching: bool,
    /// Whether it waits for its next turn to be served.
    pub(super) is_queued: bool,
    /// Bytes that its client has sent.
    uploaded: u16,
    /// Its place among the room's members.
    pub(super) place: usize,
    /// The tick at which its socket took something last.
    pub(super) sent_at: u32,
    _permit: Permit,
}

/// What waits for a socket, as the backlog knows it.
struct Waiting {
    _charge: Arc<Charge>,
    _reader: Reader,
    pace: Pace,
    /// The tick at which its window began.
    began: u32,
}

/// What a stream needs of its reactor.
pub(super) struct Desk {
    pub(super) backlog: Backlog,
    pub(super) inbox: Arc<Inbox>,
    pub(super) tick: u32,
}

/// The stream is over: its client has gone.
pub(super) struct Gone;

impl Stream {
    /// A stream whose client has been told that there are `counted` viewers.
    pub(super) fn new(socket: TcpStream, subscriber: Subscriber, counted: usize, permit: Permit, place: usize) -> Self {
        let (unsent, is_blocked, is_fetching, is_queued) = (Bytes::new(), false, false, false);
        let (uploaded, sent_at) = (0, 0);
        Self {
            socket,
            subscriber,
            counted,
            unsent,
            waiting: None,
            is_blocked,
            is_fetching,
            is_queued,
            uploaded,
            place,
            sent_at,
            _permit: permit,
        }
    }

    /// Whether its socket takes no more at present.
    pub(super) fn is_blocked(&self) -> bool {
        self.is_blocked
    }

    /// The socket says that it takes more.
    pub(super) fn unblock(&mut self) {
        self.is_blocked = false;
    }

    /// Sends what is for its reader of a link that begins at its cursor.
    pub(super) fn give(&mut self, link: &Link, hub: &Hub, meter: &mut Meter, desk: &Desk) -> Result<(), Gone> {
        if self.subscriber.shares(&link.batch) && self.count_along(link.batch.counts) {
            self.subscriber.pass(&link.batch);
            meter.sent(link.batch.entries.len());
            return self.send(&link.frames, desk);
        }
        let room = self.subscriber.room();
        let picked = self.subscriber.pick(&link.batch);
        meter.sent(picked.len());
        let frames: Vec<_> = picked.into_iter().flat_map(|(entry, own)| self.frames(hub, room, entry, own.as_ref())).collect();
        self.send(&joined(frames.into_iter()).into(), desk)
    }

    /// Returns the frames of an entry. Of people who come and leave its client is told as many as lead from what it has counted to how
    /// many there are, which is one unless some were not told.
    fn frames(&mut self, hub: &Hub, room: RoomId, entry: &Entry, own: Option<&Position>) -> Vec<Bytes> {
        match entry.item {
            Item::Presence { viewer_count, .. } => self.settle(room, viewer_count),
            Item::Viewers { viewer_count, settles: true } => {
                let mut frames = self.settle(room, viewer_count);
                frames.push(subscribe::shared_frame(hub, room, entry));
                frames
            }
            _ => vec![subscribe::frame(hub, room, entry, own)],
        }
    }

    fn settle(&mut self, room: RoomId, viewer_count: usize) -> Vec<Bytes> {
        let off = viewer_count.abs_diff(self.counted).min(SETTLED_AT_ONCE);
        let joined = viewer_count > self.counted;
        self.counted = if joined { self.counted + off } else { self.counted - off };
        vec![inlive::presence(room, joined, viewer_count); off]
    }

    /// Returns whether the notices of a batch are right for its client as they are, and counts them then.
    fn count_along(&mut self, counts: Counts) -> bool {
        match counts {
            Counts::Same => true,
            Counts::From(from, to) if from == self.counted => {
                self.counted = to;
                true
            }
            Counts::From(..) | Counts::Broken => false,
        }
    }

    /// Sends frames; what the socket does not take is kept. Only to be called when all was sent that came before.
    pub(super) fn send(&mut self, frames: &Frames, desk: &Desk) -> Result<(), Gone> {
        debug_assert!(self.unsent.is_empty(), "nothing may be overtaken");
        let sent = self.write(&frames.bytes, desk.tick)?;
        if sent < frames.bytes.len() {
            self.unsent = frames.bytes.slice(sent..);
            let (inbox, connection) = (Arc::clone(&desk.inbox), self.subscriber.connection());
            let charge = frames.charge(&desk.backlog);
            let reader = desk.backlog.reader(Arc::new(move || inbox.crowd_out(connection)));
            reader.holds(frames.bytes.len());
            self.waiting = Some(Box::new(Waiting { _charge: charge, _reader: reader, pace: Pace::default(), began: desk.tick }));
        }
        Ok(())
    }

    /// Whether something waits for its socket.
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// Whether its reader has taken too little of what waits for it.
    pub(super) fn is_too_slow(&mut self, tick: u32) -> bool {
        match &mut self.waiting {
            Some(waiting) if tick - waiting.began >= WINDOW_TICKS => {
                waiting.began = tick;
                !waiting.pace.next_window()
            }
            Some(_) | None => false,
        }
    }

    /// Sends on what was not sent, as far as the socket takes it.
    pub(super) fn flush(&mut self, tick: u32) -> Result<(), Gone> {
        if !self.is_blocked && !self.unsent.is_empty() {
            let unsent = std::mem::take(&mut self.unsent);
            let sent = self.write(&unsent, tick)?;
            if sent == unsent.len() {
                self.waiting = None;
            } else if let Some(waiting) = &mut self.waiting {
                waiting.pace.took(sent);
                self.unsent = unsent.slice(sent..);
            }
        }
        Ok(())
    }

    /// How much of `bytes` the socket takes; [`is_blocked`](Self::is_blocked) if that is not all.
    fn write(&mut self, bytes: &[u8], tick: u32) -> Result<usize, Gone> {
        let mut written = 0;
        while written < bytes.len() {
            match self.socket.write(&bytes[written..]) {
                Ok(0) => return Err(Gone),
                Ok(sent) => (written, self.sent_at) = (written + sent, tick),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.is_blocked = true;
                    break;
                }
                Err(_) => return Err(Gone),
            }
        }
        Ok(written)
    }

    /// Throws away what the client sends, which is nothing in this protocol, and notices when it closes. A client that sends more than
    /// [`UPLOAD_BYTES`] is gone: to read on would keep the reactor from all others.
    pub(super) fn drain(&mut self) -> Result<(), Gone> {
        let mut scratch = [0; 1_024];
        loop {
            match self.socket.read(&mut scratch) {
                Ok(0) => return Err(Gone),
                Ok(read) => {
                    self.uploaded = self.uploaded.saturating_add(u16::try_from(read).unwrap_or(u16::MAX));
                    if self.uploaded > UPLOAD_BYTES {
                        return Err(Gone);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Err(Gone),
            }
        }
    }

    pub(super) fn register(&mut self, registry: &mio::Registry, token: mio::Token) -> io::Result<()> {
        registry.register(&mut self.socket, token, mio::Interest::READABLE | mio::Interest::WRITABLE)
    }
}

/// Frames in one piece, so that they leave in one `send`.
pub(in crate::server) fn joined(frames: impl Iterator<Item = Bytes>) -> Bytes {
    let mut frames = frames.peekable();
    let first = frames.next().unwrap_or_default();
    if frames.peek().is_none() {
        return first;
    }
    let mut all = Vec::from(first);
    frames.for_each(|frame| all.extend_from_slice(&frame));
    all.into()
}
