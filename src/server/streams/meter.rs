use metrics::{Counter, Gauge, counter, gauge};

/// What a reactor counts. Plain numbers, handed on between slices: the hot path touches no shared memory for them.
pub(super) struct Meter {
    deliveries: u64,
    sends: u64,
    /// Times that a subscriber fell out of the ring.
    pub(super) behind: u64,
    /// Subscribers cut off because they took nothing.
    pub(super) cut_off: u64,
    counters: [Counter; 4],
    subscribers: Gauge,
    lag: Gauge,
}

impl Meter {
    /// The meter of the reactor of that number.
    pub(super) fn new(reactor: usize) -> Self {
        let reactor = reactor.to_string();
        let counters = [
            counter!("live_chat_deliveries_total"),
            counter!("live_chat_sends_total"),
            counter!("live_chat_subscribers_behind_total"),
            counter!("live_chat_subscribers_cut_off_total"),
        ];
        let subscribers = gauge!("live_chat_subscribers", "reactor" => reactor.clone());
        let lag = gauge!("live_chat_ring_lag_entries", "reactor" => reactor);
        Self { deliveries: 0, sends: 0, behind: 0, cut_off: 0, counters, subscribers, lag }
    }

    /// So many entries were given to a socket in one write.
    pub(super) fn sent(&mut self, entries: usize) {
        self.deliveries += entries as u64;
        self.sends += 1;
    }

    /// Hands on what was counted since the last time.
    pub(super) fn flush(&mut self) {
        let counted = [&mut self.deliveries, &mut self.sends, &mut self.behind, &mut self.cut_off];
        for (counter, count) in self.counters.iter().zip(counted) {
            if *count > 0 {
                counter.increment(std::mem::take(count));
            }
        }
    }

    /// How many subscribers there are, and how far the slowest of them is behind.
    pub(super) fn subscribers(&self, count: usize, lag_entries: u64) {
        self.subscribers.set(count as f64);
        self.lag.set(lag_entries as f64);
    }
}
