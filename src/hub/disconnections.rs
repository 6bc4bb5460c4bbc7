use super::Origin;
use crate::{
    bounded_map::BoundedMap,
    chat::{Disconnection, Timestamp, UserId},
};

/// Most users of a room that are remembered. If more are disconnected within the time, the earliest are forgotten.
const MOST_KEPT: usize = 65_536;

/// For how long a disconnection is remembered: as long as a token of Amazon IVS Chat lasts at most.
const REMEMBERED_MS: i64 = 3 * 3_600 * 1_000;

/// Who was disconnected from a room, and when. Whoever comes back needs a token that their site has issued since, so that it is the
/// site that decides whether they may; a token of Amazon's is good for one connection alone. In memory.
pub(super) struct Disconnections(BoundedMap<String, Timestamp>);

impl Default for Disconnections {
    fn default() -> Self {
        Self(BoundedMap::new(MOST_KEPT))
    }
}

impl Disconnections {
    pub(super) fn note(&mut self, disconnection: &Disconnection, at: Timestamp) {
        let expires_at = |_: &String, earlier: &Timestamp| Timestamp(earlier.0.saturating_add(REMEMBERED_MS));
        self.0.insert(disconnection.user.own().to_owned(), at, at, expires_at);
    }

    /// Whether what somebody comes with is older than that they were disconnected. It says in which second it was issued.
    pub(super) fn refuse(&self, user: &UserId, origin: &Origin) -> bool {
        let gone_at = || self.0.get(user.own()).map(|at| Timestamp(at.0 - at.0 % 1_000));
        origin.issued_at().is_some_and(|issued_at| gone_at().is_some_and(|gone_at| issued_at < gone_at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> UserId {
        UserId::try_from(name.to_owned()).expect("a valid id")
    }

    #[test]
    fn a_token_from_before_lets_nobody_back_in() {
        let mut gone = Disconnections::default();
        let note = |gone: &mut Disconnections, name: &str, at| {
            let disconnection = Disconnection { user: user(name), by: UserId::admin(), reason: String::new() };
            gone.note(&disconnection, Timestamp(at));
        };
        note(&mut gone, "ann", 10_500);
        let rows = [
            ("site:ann", Some(9), true),
            ("site:ann", Some(10), false),
            ("site:ann", Some(11), false),
            ("site:ann", None, false),
            ("ann", Some(9), true),
            ("site:bob", Some(9), false),
        ];
        for (name, issued_at, expected) in rows {
            let origin = Origin { issued_at, ..Origin::default() };
            assert_eq!(gone.refuse(&user(name), &origin), expected, "{name} {issued_at:?}");
        }
        for n in 0..10_000 {
            note(&mut gone, &n.to_string(), 20_000 + n * 60_000);
        }
        assert!(gone.0.len() < 1_000, "{}", gone.0.len());
    }
}
