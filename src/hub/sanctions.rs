use std::{collections::HashMap, time::Duration};

use super::Refusal;
use crate::chat::{Measure, Sanction, Timestamp, UserId};

/// Who may not speak in a room.
#[derive(Default)]
pub(super) struct Sanctions(HashMap<UserId, Sanction>);

impl Sanctions {
    /// Notes what was decided at `now`, and forgets what is over by then.
    pub(super) fn note(&mut self, sanction: &Sanction, now: Timestamp) {
        self.0.retain(|_, sanction| refusal(sanction.measure, now).is_some());
        self.0.insert(sanction.user.clone(), sanction.clone());
    }

    /// What keeps `user` from speaking.
    pub(super) fn find(&self, user: &UserId, now: Timestamp) -> Option<Sanction> {
        self.0.get(user).filter(|sanction| refusal(sanction.measure, now).is_some()).cloned()
    }

    /// Whether `user` may speak.
    pub(super) fn check(&self, user: &UserId, now: Timestamp) -> Result<(), Refusal> {
        match self.0.get(user).and_then(|sanction| refusal(sanction.measure, now)) {
            Some(refusal) => Err(refusal),
            None => Ok(()),
        }
    }
}

/// Why somebody may not speak at `now` under a measure, if that is so.
pub(super) fn refusal(measure: Measure, now: Timestamp) -> Option<Refusal> {
    match measure {
        Measure::Ban => Some(Refusal::Banned),
        Measure::Timeout { until } => {
            let left = u64::try_from(until.0 - now.0).ok().filter(|&left| left > 0)?;
            Some(Refusal::TimedOut { left: Duration::from_millis(left) })
        }
        Measure::Lift => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> UserId {
        UserId::try_from(name.to_owned()).expect("a valid id")
    }

    fn sanction(name: &str, measure: Measure) -> Sanction {
        Sanction { user: user(name), measure, by: UserId::admin(), reason: String::new() }
    }

    #[test]
    fn the_last_word_counts_while_its_time_lasts() {
        let timeout = Measure::Timeout { until: Timestamp(10_000) };
        // What is decided at 0, the moment at which somebody speaks, and the seconds that are left, or `None` for ever.
        type Left = Result<(), Option<u64>>;
        let rows: [(&[Measure], i64, Left); 7] = [
            (&[], 0, Ok(())),
            (&[timeout], 9_000, Err(Some(1))),
            (&[timeout], 10_000, Ok(())),
            (&[Measure::Ban], i64::MAX, Err(None)),
            (&[timeout, Measure::Ban], 10_000, Err(None)),
            (&[Measure::Ban, timeout], 10_000, Ok(())),
            (&[Measure::Ban, Measure::Lift], 0, Ok(())),
        ];
        for (measures, at, expected) in rows {
            let mut sanctions = Sanctions::default();
            measures.iter().for_each(|measure| sanctions.note(&sanction("ann", *measure), Timestamp(0)));
            let found = sanctions.check(&user("ann"), Timestamp(at)).map_err(|refusal| match refusal {
                Refusal::TimedOut { left } => Some(left.as_secs()),
                _ => None,
            });
            assert_eq!(found, expected, "{measures:?} at {at}");
            assert!(sanctions.check(&user("bob"), Timestamp(at)).is_ok());
        }
    }

    #[test]
    fn what_is_over_is_forgotten() {
        let mut sanctions = Sanctions::default();
        for n in 0..1_000 {
            let until = Timestamp(n + 10);
            sanctions.note(&sanction(&n.to_string(), Measure::Timeout { until }), Timestamp(n));
        }
        assert!(sanctions.0.len() <= 11, "{}", sanctions.0.len());
    }
}
