//! How keys lead from row to row.

use super::{RowKey, Timeline};

/// Where a key leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// To the row before.
    Back,
    /// To the row after.
    On,
    /// To the first row.
    First,
    /// To the last row.
    Last,
}

/// A row, and the id of its message.
pub type Stop = (RowKey, String);

impl Timeline {
    /// Returns whether the list has that row.
    pub fn has(&self, (log, seq): RowKey) -> bool {
        log == self.log && self.index(seq).is_ok()
    }

    /// Returns the row that a step leads to from `from`: from the first row back, and from the last one on, to that row itself.
    pub fn step(&self, from: RowKey, step: Step) -> Option<Stop> {
        match (step, self.index(from.1)) {
            (Step::First | Step::Last, _) => self.edge(step),
            (Step::Back, Ok(at) | Err(at)) => self.stop(at.saturating_sub(1)),
            (Step::On, Ok(at)) => self.stop(at + 1).or_else(|| self.stop(at)),
            (Step::On, Err(_)) => self.at_or_after(from),
        }
    }

    /// Returns the first row for [`Step::First`], and the last one otherwise.
    pub fn edge(&self, step: Step) -> Option<Stop> {
        let last = self.entries.len().checked_sub(1)?;
        self.stop(if step == Step::First { 0 } else { last })
    }

    /// Returns that row, or the one that is in its place now.
    pub fn at_or_after(&self, (_, seq): RowKey) -> Option<Stop> {
        let (Ok(at) | Err(at)) = self.index(seq);
        self.stop(at).or_else(|| self.edge(Step::Last))
    }

    /// Returns the row of the message with that id.
    pub fn row_of(&self, id: &str) -> Option<Stop> {
        let at = self.entries.iter().position(|entry| entry.message.id == id)?;
        self.stop(at)
    }

    fn stop(&self, at: usize) -> Option<Stop> {
        let message = &self.entries.get(at)?.message;
        Some(((self.log, message.seq), message.id.clone()))
    }

    fn index(&self, seq: u64) -> Result<usize, usize> {
        self.entries.binary_search_by_key(&seq, |entry| entry.message.seq)
    }
}
