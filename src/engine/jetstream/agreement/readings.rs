//! What a node has read of the log.

use std::collections::BTreeMap;

use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

/// Entries that are told together.
const ENTRIES: u64 = 256;

/// Blocks that are remembered: what is older is not compared any more.
pub(super) const BLOCKS: u64 = 256;

/// The newest entries that this node has read, by their digests.
#[derive(Default)]
pub(in crate::engine::jetstream) struct Readings(BTreeMap<u64, Vec<u32>>);

/// What was read of [`ENTRIES`] entries in a row, beginning with a multiple of that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Block {
    /// The number of the first, divided by how many they are.
    pub(super) number: u64,
    /// The digest of each; 0 for one that was not read: it is older than the node's reading, erased, or to come.
    digests: Vec<u32>,
}

impl Readings {
    /// Takes an entry down.
    pub(in crate::engine::jetstream) fn note(&mut self, number: u64, id: &str, at_nanos: i128, payload: &[u8]) {
        let block = self.0.entry(number / ENTRIES).or_insert_with(|| vec![0; ENTRIES as usize]);
        block[(number % ENTRIES) as usize] = digest(id, at_nanos, payload);
        if self.0.len() as u64 > BLOCKS {
            self.0.pop_first();
        }
    }

    /// What was read in the block of an entry and in all later ones.
    pub(super) fn since(&self, number: u64) -> Vec<Block> {
        let blocks = self.0.range(number / ENTRIES..);
        blocks.map(|(number, digests)| Block { number: *number, digests: digests.clone() }).collect()
    }

    /// The entries that both have read, and not the same.
    pub(super) fn differing(&self, other: &Block) -> Vec<u64> {
        let Some(own) = self.0.get(&other.number) else { return Vec::new() };
        let pairs = (other.number * ENTRIES..).zip(own.iter().zip(&other.digests));
        pairs.filter(|(_, (own, other))| **own != 0 && **other != 0 && own != other).map(|(number, _)| number).collect()
    }
}

impl Block {
    /// Whether an entry is one of these.
    pub(super) fn holds(&self, number: u64) -> bool {
        number / ENTRIES == self.number
    }

    /// The last entry that was read in it.
    pub(super) fn last(&self) -> Option<u64> {
        let last = self.digests.iter().rposition(|digest| *digest != 0)?;
        self.number.checked_mul(ENTRIES)?.checked_add(last as u64)
    }
}

/// Never 0.
fn digest(id: &str, at_nanos: i128, payload: &[u8]) -> u32 {
    let mut context = Context::new(&SHA256);
    context.update(id.as_bytes());
    context.update(&[0]);
    context.update(&at_nanos.to_be_bytes());
    context.update(payload);
    let digest = context.finish();
    digest.as_ref().first_chunk().map_or(1, |first| u32::from_be_bytes(*first).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(entries: &[(u64, &str)]) -> Readings {
        let mut readings = Readings::default();
        entries.iter().for_each(|(number, text)| readings.note(*number, "id", 1, text.as_bytes()));
        readings
    }

    #[test]
    fn what_both_have_read_is_compared() {
        let told = read(&[(254, "a"), (255, "b"), (257, "d"), (258, "e")]).since(0);
        assert_eq!(told.iter().map(Block::last).collect::<Vec<_>>(), [Some(255), Some(258)]);
        let differing = |entries| told.iter().flat_map(|block| read(entries).differing(block)).collect::<Vec<_>>();
        assert_eq!(differing(&[(254, "a"), (255, "b"), (256, "c"), (257, "d"), (259, "f")]), [0; 0]);
        assert_eq!(differing(&[(254, "a"), (255, "x"), (257, "d"), (258, "x")]), [255, 258]);
        assert_eq!(differing(&[(258, "e")]), [0; 0], "what was erased, or is older than its reading");
        assert_eq!(differing(&[(1_000_000, "f")]), [0; 0]);
    }

    #[test]
    fn each_part_of_an_entry_counts() {
        let rows = [("b", 1, "x"), ("a", 2, "x"), ("a", 1, "y")];
        assert_eq!(digest("a", 1, b"x"), digest("a", 1, b"x"));
        rows.iter().for_each(|(id, at, payload)| assert_ne!(digest(id, *at, payload.as_bytes()), digest("a", 1, b"x")));
    }

    #[test]
    fn the_newest_are_remembered_and_told() {
        let mut readings = Readings::default();
        (1..ENTRIES * (BLOCKS + 2)).for_each(|number| readings.note(number, "id", 1, b"text"));
        let all = readings.since(0);
        assert_eq!((all.len() as u64, all[0].number), (BLOCKS, 2));
        assert_eq!(readings.since(ENTRIES * (BLOCKS + 1) + 7), all[BLOCKS as usize - 1..]);
        assert_eq!(readings.since(u64::MAX), []);
    }

    #[test]
    fn what_others_write_there_does_no_harm() {
        let block = |number, digests| Block { number, digests };
        let readings = read(&[(1, "a")]);
        for block in [block(u64::MAX, vec![1]), block(0, vec![]), block(u64::MAX, vec![0; 1_000]), block(0, vec![0; 1_000])] {
            assert_eq!(readings.differing(&block), [0; 0]);
            assert_eq!(block.last(), None);
        }
    }
}
