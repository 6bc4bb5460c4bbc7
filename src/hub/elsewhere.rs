use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::viewers::{People, PersonId};
use crate::chat::RoomId;

/// A node that has said nothing for so long has died, or cannot be reached: its viewers come back elsewhere.
const SILENT_AFTER: Duration = Duration::from_secs(6);

/// Rooms and people that are told at once: at most some 100 kB.
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

/// How many people a node has in the rooms from the one to before the other; none in those that are not named.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Part {
    from: RoomId,
    /// `None` for all that follow.
    before: Option<RoomId>,
    counts: Vec<(RoomId, usize)>,
    /// Who they are, in small rooms. A node of an earlier release names nobody.
    #[serde(default)]
    people: Vec<(RoomId, Vec<PersonId>)>,
}

/// Whom a node has in a room: how many, and who they are if they are few.
pub(super) type Here = (RoomId, (usize, Vec<PersonId>));

/// All of a node's rooms, which are ordered by id, in parts that can be told.
pub(super) fn parts(rooms: &[Here]) -> Vec<Part> {
    let mut parts = vec![Part { from: RoomId::FIRST, before: None, counts: Vec::new(), people: Vec::new() }];
    let mut size = 0;
    for (room, (count, named)) in rooms {
        size += 1 + named.len();
        if size > PART {
            size = 1 + named.len();
            parts.iter_mut().last().into_iter().for_each(|part| part.before = Some(*room));
            parts.push(Part { from: *room, before: None, counts: Vec::new(), people: Vec::new() });
        }
        if let Some(part) = parts.last_mut() {
            part.counts.push((*room, *count));
            if !named.is_empty() {
                part.people.push((*room, named.clone()));
            }
        }
    }
    parts
}

/// Who is on the other nodes, as they said last.
#[derive(Default)]
pub(super) struct Elsewhere(BTreeMap<NodeId, Said>);

struct Said {
    heard_at: Instant,
    rooms: BTreeMap<RoomId, (usize, Vec<PersonId>)>,
}

impl Elsewhere {
    /// Whom the other nodes have in a room.
    pub(super) fn people(&self, room: RoomId) -> People {
        let mut people = People::default();
        for (count, named) in self.0.values().filter_map(|said| said.rooms.get(&room)) {
            match named.is_empty() {
                true => people.others += count,
                false => people.named.extend(named),
            }
        }
        people
    }

    /// How many other nodes there are.
    pub(super) fn nodes(&self) -> usize {
        self.0.len()
    }

    /// Takes over what a node says; gives the rooms that it is about.
    pub(super) fn note(&mut self, node: NodeId, Part { from, before, counts, people }: Part) -> Vec<RoomId> {
        let heard_at = Instant::now();
        let said = self.0.entry(node).or_insert_with(|| Said { heard_at, rooms: BTreeMap::new() });
        said.heard_at = heard_at;
        let is_meant = |room: RoomId| room >= from && before.is_none_or(|before| room < before);
        let known = said.rooms.keys().copied().filter(|room| is_meant(*room));
        let about: BTreeSet<_> = known.chain(counts.iter().map(|(room, _)| *room)).collect();
        said.rooms.retain(|room, _| !is_meant(*room));
        let mut people: BTreeMap<_, _> = people.into_iter().collect();
        let named = |(room, count)| (room, (count, people.remove(&room).unwrap_or_default()));
        said.rooms.extend(counts.into_iter().map(named));
        about.into_iter().collect()
    }

    /// A node's connections are gone; gives the rooms that it had any in.
    pub(super) fn forget(&mut self, node: NodeId) -> Vec<RoomId> {
        self.0.remove(&node).map(|said| said.rooms.into_keys().collect()).unwrap_or_default()
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

    fn person(number: u64) -> PersonId {
        serde_json::from_value(number.into()).expect("a number")
    }

    fn hear(elsewhere: &mut Elsewhere, node: u64, rooms: &[Here]) -> Vec<u32> {
        let about = parts(rooms).into_iter().flat_map(|part| {
            let words = serde_json::to_vec(&part).expect("plain data");
            assert!(words.len() < 256 << 10, "{}", words.len());
            elsewhere.note(NodeId(node), serde_json::from_slice(&words).expect("what was written"))
        });
        about.map(RoomId::get).collect()
    }

    fn tell(elsewhere: &mut Elsewhere, node: u64, counts: &[(usize, usize)]) -> Vec<u32> {
        let rooms: Vec<_> = counts.iter().map(|(number, count)| (room(*number), (*count, Vec::new()))).collect();
        hear(elsewhere, node, &rooms)
    }

    fn count(elsewhere: &Elsewhere, number: usize) -> usize {
        let People { named, others } = elsewhere.people(room(number));
        named.len() + others
    }

    #[tokio::test(start_paused = true)]
    async fn what_each_node_said_last_is_added_up() {
        let mut elsewhere = Elsewhere::default();
        assert_eq!(tell(&mut elsewhere, 1, &[(1, 2), (3, 1)]), [1, 3]);
        assert_eq!(tell(&mut elsewhere, 2, &[(1, 5)]), [1]);
        assert_eq!([1, 2, 3].map(|n| count(&elsewhere, n)), [7, 0, 1]);
        assert_eq!(tell(&mut elsewhere, 1, &[(2, 4)]), [1, 2, 3], "those too that it has none in any more");
        assert_eq!([1, 2, 3].map(|n| count(&elsewhere, n)), [5, 4, 0]);
        assert_eq!(tell(&mut elsewhere, 1, &[]), [2]);
        assert_eq!(elsewhere.forget(NodeId(2)), [RoomId::FIRST]);
        assert_eq!(count(&elsewhere, 1), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_on_two_nodes_is_named_once() {
        let mut elsewhere = Elsewhere::default();
        let of = |people: &[u64]| vec![(RoomId::FIRST, (people.len(), people.iter().map(|n| person(*n)).collect()))];
        hear(&mut elsewhere, 1, &of(&[1, 2]));
        hear(&mut elsewhere, 2, &of(&[u64::MAX, 2]));
        tell(&mut elsewhere, 3, &[(1, 500)]);
        let people = elsewhere.people(RoomId::FIRST);
        assert_eq!((people.named.len(), people.others), (3, 500));
        assert!(people.named.contains(&person(u64::MAX)));
        // As a node of an earlier release says it.
        let part = serde_json::from_str(r#"{"from":1,"before":null,"counts":[[1,4]]}"#).expect("known words");
        elsewhere.note(NodeId(1), part);
        assert_eq!((elsewhere.people(RoomId::FIRST).named.len(), elsewhere.people(RoomId::FIRST).others), (2, 504));
    }

    #[tokio::test(start_paused = true)]
    async fn many_rooms_are_told_in_parts() {
        let mut elsewhere = Elsewhere::default();
        let many: Vec<_> = (1..=2 * PART + 1).map(|n| (2 * n, n)).collect();
        assert_eq!(tell(&mut elsewhere, 1, &many).len(), many.len());
        assert!(many.iter().all(|(number, people)| count(&elsewhere, *number) == *people));
        let few: Vec<_> = (1..=PART + 1).map(|n| (3 * n, 1)).collect();
        tell(&mut elsewhere, 1, &few);
        let total: usize = (1..=6 * PART).map(|number| count(&elsewhere, number)).sum();
        assert_eq!(total, few.len(), "nothing is left of what was told before");
        let named = |n: usize| (room(n), (100, (0..100).map(|at| person(u64::MAX - (100 * n + at) as u64)).collect()));
        hear(&mut elsewhere, 1, &(1..=1_000).map(named).collect::<Vec<_>>());
        assert!((1..=1_000).all(|number| elsewhere.people(room(number)).named.len() == 100));
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_silent_is_forgotten() {
        let mut elsewhere = Elsewhere::default();
        tell(&mut elsewhere, 1, &[(1, 2)]);
        tokio::time::advance(SILENT_AFTER / 2).await;
        tell(&mut elsewhere, 2, &[(1, 3)]);
        tokio::time::advance(SILENT_AFTER / 2).await;
        assert_eq!(elsewhere.forget_silent(), [RoomId::FIRST]);
        assert_eq!(count(&elsewhere, 1), 3);
    }
}
