use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use metrics::{Counter, Gauge, counter, gauge};

/// Bytes that may wait in the process for all clients together, unless a setting says otherwise.
pub const DEFAULT_BYTES: usize = 64 << 20;

/// Counts the bytes that wait in the process: for clients to read them, and for clients to send the rest of them. Clones are cheap.
///
/// When there are more than the limit, the connections that hold most are closed, one after the other, until there are not. Their
/// clients can come back and resume. The limit may be exceeded for as long as that takes, by what is added meanwhile.
#[derive(Clone)]
pub struct Backlog(Arc<Inner>);

struct Inner {
    limit: usize,
    gauge: Gauge,
    evictions: Counter,
    bytes: AtomicUsize,
    peak: AtomicUsize,
    next: AtomicU64,
    /// A standard lock: held to enter or to find one.
    readers: Mutex<Readers>,
}

/// The connections that hold something.
#[derive(Default)]
struct Readers {
    by_bytes: BTreeSet<(usize, u64)>,
    all: HashMap<u64, Entry>,
    /// Bytes of the connections that were told to close and have not yet.
    closing: usize,
}

struct Entry {
    bytes: usize,
    close: Close,
    is_closing: bool,
}

/// Closes a connection soon. It is called from any thread and must not block.
pub type Close = Arc<dyn Fn() + Send + Sync>;

/// Bytes in memory, counted until this is dropped.
pub struct Charge {
    backlog: Backlog,
    bytes: usize,
}

/// A connection as the backlog knows it. It counts as holding nothing once it is dropped.
pub struct Reader {
    backlog: Backlog,
    id: u64,
    close: Close,
}

impl Default for Backlog {
    fn default() -> Self {
        Self::new(DEFAULT_BYTES)
    }
}

impl Backlog {
    /// Starts with nothing, and allows `limit` bytes.
    pub fn new(limit: usize) -> Self {
        let (gauge, evictions) = (gauge!("live_chat_backlog_bytes"), counter!("live_chat_backlog_evictions_total"));
        // A count that is there from the start can be seen to grow.
        evictions.increment(0);
        let (bytes, peak, next, readers) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicU64::new(0), Mutex::default());
        Self(Arc::new(Inner { limit, gauge, evictions, bytes, peak, next, readers }))
    }

    /// How many bytes wait at present.
    pub fn bytes(&self) -> usize {
        self.0.bytes.load(Ordering::Relaxed)
    }

    /// The most bytes that have waited at once.
    pub fn peak(&self) -> usize {
        self.0.peak.load(Ordering::Relaxed)
    }

    /// Counts bytes that may belong to several connections.
    pub fn charge(&self, bytes: usize) -> Charge {
        self.grow(bytes);
        Charge { backlog: self.clone(), bytes }
    }

    /// A connection that holds nothing yet; `close` is called at most once each time that it holds something.
    pub fn reader(&self, close: Close) -> Reader {
        Reader { backlog: self.clone(), id: self.0.next.fetch_add(1, Ordering::Relaxed), close }
    }

    fn grow(&self, bytes: usize) {
        let total = self.0.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.0.peak.fetch_max(total, Ordering::Relaxed);
        self.0.gauge.increment(bytes as f64);
        self.relieve();
    }

    fn shrink(&self, bytes: usize) {
        self.0.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.0.gauge.decrement(bytes as f64);
    }

    /// Closes the connections that hold most, while there is too much.
    fn relieve(&self) {
        if self.bytes() <= self.0.limit {
            return;
        }
        let closes = {
            let mut readers = self.readers();
            let mut closes = Vec::new();
            while self.bytes().saturating_sub(readers.closing) > self.0.limit
                && let Some(close) = readers.close_largest()
            {
                closes.push(close);
            }
            closes
        };
        self.0.evictions.increment(closes.len() as u64);
        closes.iter().for_each(|close| close());
    }

    fn readers(&self) -> MutexGuard<'_, Readers> {
        self.0.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Readers {
    fn close_largest(&mut self) -> Option<Close> {
        let (bytes, id) = self.by_bytes.pop_last()?;
        self.closing += bytes;
        self.all.get_mut(&id).map(|entry| {
            entry.is_closing = true;
            Arc::clone(&entry.close)
        })
    }

    fn set(&mut self, id: u64, close: &Close, change: impl FnOnce(usize) -> usize) {
        let entry = self.all.entry(id).or_insert_with(|| Entry { bytes: 0, close: Arc::clone(close), is_closing: false });
        let before = entry.bytes;
        entry.bytes = change(before);
        let (after, is_closing) = (entry.bytes, entry.is_closing);
        if is_closing {
            self.closing = (self.closing + after).saturating_sub(before);
        } else {
            self.by_bytes.remove(&(before, id));
            if after > 0 {
                self.by_bytes.insert((after, id));
            }
        }
        if after == 0 {
            self.all.remove(&id);
        }
    }
}

impl Reader {
    /// Says that the connection holds `bytes` that are counted elsewhere, by a [`Charge`].
    pub fn holds(&self, bytes: usize) {
        self.set(|_| bytes);
        self.backlog.relieve();
    }

    /// Counts bytes that this connection alone holds, until [`release`](Self::release).
    pub fn add(&self, bytes: usize) {
        self.set(|held| held + bytes);
        self.backlog.grow(bytes);
    }

    /// Counts bytes no more that [`add`](Self::add) has counted.
    pub fn release(&self, bytes: usize) {
        self.set(|held| held.saturating_sub(bytes));
        self.backlog.shrink(bytes);
    }

    fn set(&self, change: impl FnOnce(usize) -> usize) {
        self.backlog.readers().set(self.id, &self.close, change);
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.set(|_| 0);
        // What it shared with others is still there.
        self.backlog.relieve();
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.backlog.shrink(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    /// A connection that closes when it is told to and asked to.
    struct Connection {
        reader: Option<Reader>,
        is_told: Arc<AtomicBool>,
    }

    impl Connection {
        fn holding(backlog: &Backlog, bytes: usize) -> Self {
            let is_told = Arc::new(AtomicBool::new(false));
            let told = Arc::clone(&is_told);
            let reader = backlog.reader(Arc::new(move || told.store(true, Ordering::Relaxed)));
            reader.add(bytes);
            Self { reader: Some(reader), is_told }
        }

        fn is_told(&self) -> bool {
            self.is_told.load(Ordering::Relaxed)
        }

        fn close(&mut self, bytes: usize) {
            if let Some(reader) = self.reader.take() {
                reader.release(bytes);
            }
        }
    }

    #[test]
    fn whoever_holds_most_is_closed_and_no_more_than_need_be() {
        let backlog = Backlog::new(100);
        let (mut small, mut big) = (Connection::holding(&backlog, 30), Connection::holding(&backlog, 60));
        assert!(!small.is_told() && !big.is_told());
        let mut late = Connection::holding(&backlog, 40);
        assert!(big.is_told() && !small.is_told() && !late.is_told());
        let mut other = Connection::holding(&backlog, 10);
        assert!(!late.is_told(), "what the big one holds goes with it");
        big.close(60);
        assert_eq!(backlog.bytes(), 80);
        let mut last = Connection::holding(&backlog, 21);
        assert!(late.is_told() && !small.is_told() && !last.is_told() && !other.is_told());
        for (connection, bytes) in [(&mut small, 30), (&mut late, 40), (&mut other, 10), (&mut last, 21)] {
            connection.close(bytes);
        }
        assert_eq!(backlog.bytes(), 0);
        let readers = backlog.readers();
        assert!(readers.all.is_empty() && readers.by_bytes.is_empty() && readers.closing == 0, "nothing is left of them");
    }

    #[test]
    fn what_many_hold_counts_once() {
        let backlog = Backlog::new(100);
        let charge = Arc::new(backlog.charge(60));
        let told = Arc::new(AtomicUsize::new(0));
        let hold = || {
            let told = Arc::clone(&told);
            let reader = backlog.reader(Arc::new(move || {
                told.fetch_add(1, Ordering::Relaxed);
            }));
            reader.holds(60);
            (reader, Arc::clone(&charge))
        };
        let held: Vec<_> = (0..10).map(|_| hold()).collect();
        assert_eq!((backlog.bytes(), told.load(Ordering::Relaxed)), (60, 0));
        let more = backlog.charge(41);
        assert_eq!(told.load(Ordering::Relaxed), 1);
        let mut held = held;
        held.pop();
        assert_eq!(told.load(Ordering::Relaxed), 2, "one that shared it made no room");
        drop((held, charge, more));
        assert_eq!(backlog.bytes(), 0);
        assert_eq!(backlog.readers().closing, 0);
    }
}
