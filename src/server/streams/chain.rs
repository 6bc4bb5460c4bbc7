use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;

use super::frames::Frames;
use crate::{
    hub::{Batch, Entry, Found, LiveTail, Wake},
    server::streams::stream::joined,
};

/// Bytes of frames that are joined to one link, about: what leaves in one `send`, and what a reader that stalls may hold.
const LINK_BYTES: usize = 64 * 1024;

/// Links that are kept for readers that lag a little. Who lags more reads the ring, at the cost of a link of their own.
const KEPT: usize = 16;

/// A room's newest entries, read and joined once for all of a reactor's subscribers.
///
/// It grows only when a round begins, so that all who are served in the round stand at its end afterwards, and share the next
/// link again. Who stands elsewhere (new, or slow) gets what is up to the next boundary between links, and is with the others then.
pub(super) struct Chain {
    tail: LiveTail,
    links: VecDeque<Link>,
    /// The number of the entry after the last link.
    end: u64,
}

/// A run of entries and their frames.
pub(super) struct Link {
    from: u64,
    pub(super) batch: Batch,
    /// The frames as all see them, joined.
    pub(super) frames: Frames,
}

/// What a cursor finds.
pub(super) enum At<'a> {
    /// A link of the chain.
    Link(&'a Link),
    /// One that was made for this cursor alone.
    Own(Link),
    /// The chain's end; there may be more at the next round.
    End,
    /// Its entries are gone from memory.
    Gone { head: u64, end: u64 },
}

impl Chain {
    pub(super) fn new(tail: LiveTail) -> Self {
        let end = tail.end();
        Self { tail, links: VecDeque::new(), end }
    }

    /// Adds what came since the last time.
    pub(super) fn extend(&mut self, encode: impl Fn(&Entry) -> Bytes) {
        loop {
            match self.tail.read(self.end, u64::MAX, LINK_BYTES) {
                Found::Batch(batch) if batch.entries.is_empty() => break,
                Found::Batch(batch) => {
                    if batch.deletes {
                        self.links.clear();
                    }
                    let link = Link::new(self.end, batch, &encode);
                    self.end += link.batch.entries.len() as u64;
                    self.links.push_back(link);
                }
                Found::Gone { end, .. } => {
                    self.links.clear();
                    self.end = end;
                }
            }
        }
        self.links.drain(..self.links.len().saturating_sub(KEPT));
    }

    /// All who are served here have been given the chain up to its end.
    pub(super) fn reached(&self, wake: &Arc<dyn Wake>) {
        self.tail.reached(wake, self.end);
    }

    /// How many entries are after `cursor`.
    pub(super) fn behind(&self, cursor: u64) -> u64 {
        self.end.saturating_sub(cursor)
    }

    /// What is at `cursor`.
    pub(super) fn at(&self, cursor: u64, encode: impl Fn(&Entry) -> Bytes) -> At<'_> {
        if cursor >= self.end {
            return At::End;
        }
        let next = self.links.partition_point(|link| link.from <= cursor);
        match next.checked_sub(1).and_then(|at| self.links.get(at)).filter(|link| link.from == cursor) {
            Some(link) => At::Link(link),
            None => {
                let boundary = self.links.get(next).map_or(self.end, |link| link.from);
                match self.tail.read(cursor, boundary, LINK_BYTES) {
                    Found::Batch(batch) => At::Own(Link::new(cursor, batch, encode)),
                    Found::Gone { head, end, .. } => At::Gone { head, end },
                }
            }
        }
    }
}

impl Link {
    fn new(from: u64, batch: Batch, encode: impl Fn(&Entry) -> Bytes) -> Self {
        let frames = joined(batch.entries.iter().map(|entry| encode(entry))).into();
        Self { from, batch, frames }
    }
}
