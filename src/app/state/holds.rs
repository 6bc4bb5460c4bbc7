//! Why the list holds still. What comes meanwhile waits, and is counted.

use super::connection::Millis;

/// A pointer that rests on a row holds the list for this long after its last movement: people leave it lying there and read on.
pub const RESTS_FOR: Millis = 60_000.0;

/// A touch on a row holds the list for this long: a finger that taps moves no pointer away again.
pub const TOUCHED_FOR: Millis = 3_000.0;

/// Where a pointer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pointer {
    /// Not on the list.
    Away,
    /// On a row.
    OnRow,
    /// On something in a row that can be pressed.
    OnControl,
    /// A finger that touches a row.
    Touch,
}

/// What holds the list still.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Holds {
    /// Until when the pointer does. It is infinite while the pointer is on a control.
    pointer_until: Millis,
    /// Whether the menu of a row is open.
    pub menu: bool,
    /// Whether some of its text is selected.
    pub selection: bool,
    /// Whether the keyboard's focus is on a row.
    pub keys: bool,
}

impl Holds {
    /// The pointer is somewhere else now, or has moved there.
    pub fn point(&mut self, pointer: Pointer, now: Millis) {
        self.pointer_until = match pointer {
            Pointer::Away => 0.0,
            Pointer::OnRow => now + RESTS_FOR,
            Pointer::OnControl => Millis::INFINITY,
            Pointer::Touch => now + TOUCHED_FOR,
        };
    }

    /// Returns whether anything holds the list now.
    pub fn is_held(&self, now: Millis) -> bool {
        self.menu || self.selection || self.keys || self.pointer_until > now
    }

    /// Returns after how long that may change by itself; none if it cannot.
    pub fn changes_in(&self, now: Millis) -> Option<Millis> {
        let left = self.pointer_until - now;
        (left > 0.0 && left.is_finite()).then_some(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_holds_the_list_by_itself() {
        let idle = Holds::default();
        assert!(!idle.is_held(1.0));
        let held = [Holds { menu: true, ..idle }, Holds { selection: true, ..idle }, Holds { keys: true, ..idle }];
        for holds in held {
            assert!(holds.is_held(1.0), "{holds:?}");
            assert_eq!(holds.changes_in(1.0), None);
        }
    }

    #[test]
    fn a_pointer_that_rests_lets_go_in_time_and_on_a_control_never() {
        let mut holds = Holds::default();
        holds.point(Pointer::OnRow, 1_000.0);
        assert!(holds.is_held(1_000.0 + RESTS_FOR - 1.0) && !holds.is_held(1_000.0 + RESTS_FOR));
        assert_eq!(holds.changes_in(2_000.0), Some(RESTS_FOR - 1_000.0));
        holds.point(Pointer::OnRow, 5_000.0);
        assert!(holds.is_held(1_000.0 + RESTS_FOR), "it has moved");

        holds.point(Pointer::OnControl, 5_000.0);
        assert!(holds.is_held(1e12));
        assert_eq!(holds.changes_in(5_000.0), None);

        holds.point(Pointer::Touch, 5_000.0);
        assert!(holds.is_held(5_000.0 + TOUCHED_FOR - 1.0) && !holds.is_held(5_000.0 + TOUCHED_FOR));
        holds.point(Pointer::Away, 6_000.0);
        assert!(!holds.is_held(6_000.0));
        assert_eq!(holds.changes_in(6_000.0), None);
    }
}
