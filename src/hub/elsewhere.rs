use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::chat::RoomId;

/// A node that has said nothing for so long has died, or cannot be reached: its viewers come back elsewhere.
const SILENT_AFTER: Duration = Duration::from_secs(6);

/// Rooms whose viewers are told at once: some 50 kB.
const PART: usize = 4_096;

/// Names a node while it runs: a random number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct NodeId(u64);

impl NodeId {
    pub(super) fn random() -> Self {
        Self(getrandom::u64().expect("the operating system has random numbers"))
    }
}

/// How many connections a node has in the rooms from the one to before the other; none in those that are not named.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Part {
    from: RoomId,
    /// `None` for all that follow.
    before: Option<RoomId>,
    counts: Vec<(RoomId, usize)>,
}

/// All of a node's rooms, which are ordered by id, in parts that can be told.
pub(super) fn parts(counts: &[(RoomId, usize)]) -> Vec<Part> {
    let chunks: Vec<_> = counts.chunks(PART).collect();
    let first = |n: usize| chunks.get(n).map(|chunk| chunk[0].0);
    let part = |n: usize| Part {
        from: if n == 0 { RoomId::FIRST } else { first(n).unwrap_or(RoomId::FIRST) },
        before: first(n + 1),
        counts: chunks.get(n).map(|chunk| chunk.to_vec()).unwrap_or_default(),
    };
    (0..chunks.len().max(1)).map(part).collect()
}

/// How many connections the other nodes have, as they said last.
#[derive(Default)]
pub(super) struct Elsewhere(BTreeMap<NodeId, Said>);

struct Said {
    heard_at: Instant,
    counts: BTreeMap<RoomId, usize>,
}

impl Elsewhere {
    /// How many connections the other nodes have in a room.
    pub(super) fn count(&self, room: RoomId) -> usize {
        self.0.values().filter_map(|said| said.counts.get(&room)).sum()
    }

    /// How many other nodes there are.
    pub(super) fn nodes(&self) -> usize {
        self.0.len()
    }

    /// Takes over what a node says; gives the rooms that it is about.
    pub(super) fn note(&mut self, node: NodeId, Part { from, before, counts }: Part) -> Vec<RoomId> {
        let heard_at = Instant::now();
        let said = self.0.entry(node).or_insert_with(|| Said { heard_at, counts: BTreeMap::new() });
        said.heard_at = heard_at;
        let is_meant = |room: RoomId| room >= from && before.is_none_or(|before| room < before);
        let known = said.counts.keys().copied().filter(|room| is_meant(*room));
        let about: BTreeSet<_> = known.chain(counts.iter().map(|(room, _)| *room)).collect();
        said.counts.retain(|room, _| !is_meant(*room));
        said.counts.extend(counts);
        about.into_iter().collect()
    }

    /// A node's connections are gone; gives the rooms that it had any in.
    pub(super) fn forget(&mut self, node: NodeId) -> Vec<RoomId> {
        self.0.remove(&node).map(|said| said.counts.into_keys().collect()).unwrap_or_default()
    }

    /// The same of all nodes that have said nothing for long.
    pub(super) fn forget_silent(&mut self) -> Vec<RoomId> {
        let is_silent = |said: &Said| said.heard_at.elapsed() >= SILENT_AFTER;
        let silent: Vec<_> = self.0.iter().filter(|(_, said)| is_silent(said)).map(|(node, _)| *node).collect();
        silent.into_iter().flat_map(|node| self.forget(node)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(number: usize) -> RoomId {
        RoomId::new(number as i64).expect("in range")
    }

    fn tell(elsewhere: &mut Elsewhere, node: u64, counts: &[(usize, usize)]) -> Vec<u32> {
        let counts: Vec<_> = counts.iter().map(|(number, count)| (room(*number), *count)).collect();
        let about = parts(&counts).into_iter().flat_map(|part| {
            let words = serde_json::to_vec(&part).expect("plain data");
            elsewhere.note(NodeId(node), serde_json::from_slice(&words).expect("what was written"))
        });
        about.map(RoomId::get).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn what_each_node_said_last_is_added_up() {
        let mut elsewhere = Elsewhere::default();
        assert_eq!(tell(&mut elsewhere, 1, &[(1, 2), (3, 1)]), [1, 3]);
        assert_eq!(tell(&mut elsewhere, 2, &[(1, 5)]), [1]);
        assert_eq!([1, 2, 3].map(|n| elsewhere.count(room(n))), [7, 0, 1]);
        assert_eq!(tell(&mut elsewhere, 1, &[(2, 4)]), [1, 2, 3], "those too that it has none in any more");
        assert_eq!([1, 2, 3].map(|n| elsewhere.count(room(n))), [5, 4, 0]);
        assert_eq!(tell(&mut elsewhere, 1, &[]), [2]);
        assert_eq!(elsewhere.forget(NodeId(2)), [RoomId::FIRST]);
        assert_eq!(elsewhere.count(RoomId::FIRST), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn many_rooms_are_told_in_parts() {
        let mut elsewhere = Elsewhere::default();
        let many: Vec<_> = (1..=2 * PART + 1).map(|n| (2 * n, n)).collect();
        assert_eq!(tell(&mut elsewhere, 1, &many).len(), many.len());
        assert!(many.iter().all(|(number, count)| elsewhere.count(room(*number)) == *count));
        let few: Vec<_> = (1..=PART + 1).map(|n| (3 * n, 1)).collect();
        tell(&mut elsewhere, 1, &few);
        let total: usize = (1..=6 * PART).map(|number| elsewhere.count(room(number))).sum();
        assert_eq!(total, few.len(), "nothing is left of what was told before");
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_silent_is_forgotten() {
        let mut elsewhere = Elsewhere::default();
        tell(&mut elsewhere, 1, &[(1, 2)]);
        tokio::time::advance(SILENT_AFTER / 2).await;
        tell(&mut elsewhere, 2, &[(1, 3)]);
        tokio::time::advance(SILENT_AFTER / 2).await;
        assert_eq!(elsewhere.forget_silent(), [RoomId::FIRST]);
        assert_eq!(elsewhere.count(RoomId::FIRST), 3);
    }
}
