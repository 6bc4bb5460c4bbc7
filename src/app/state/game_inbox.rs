/// Most closed components that are kept for later: an interface has fewer.
const MOST_CLOSED: usize = 128;

/// What the page was told of the room's game, unread: the part of the page that shows the game reads it, which is loaded once there is
/// anything to show.
#[derive(Debug, Default)]
pub struct GameInbox {
    told: Vec<Told>,
    is_there: bool,
    is_due: bool,
    is_read: bool,
}

/// Something that was told.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// The event's data.
    pub data: String,
    /// When it came, in milliseconds since the page was opened.
    pub at: f64,
}

impl GameInbox {
    /// What is told with the page; empty for nothing.
    pub fn new(told: &str) -> Self {
        let mut inbox = Self::default();
        inbox.shows(!told.is_empty(), told.to_owned(), 0.0);
        inbox
    }

    /// The game shows something else, or nothing. What came before does not matter to who has not read it.
    pub fn shows(&mut self, is_there: bool, data: String, at: f64) {
        (self.is_there, self.is_due) = (is_there, is_there);
        if !self.is_read {
            self.told.clear();
        }
        if is_there || self.is_read {
            self.told.push(Told { data, at });
        }
    }

    /// A component is closed.
    pub fn closes(&mut self, data: String, at: f64) {
        if self.is_there && self.told.len() <= MOST_CLOSED {
            self.told.push(Told { data, at });
        }
    }

    /// Whether the game shows anything.
    pub fn is_there(&self) -> bool {
        self.is_there
    }

    /// Whether the part that reads this is to be loaded now: once each time that the game shows something, until it is there.
    pub fn take_due(&mut self) -> bool {
        std::mem::take(&mut self.is_due) && !self.is_read
    }

    /// The part is there, and reads this from now on. Returns whether it is the first to do so.
    pub fn begin(&mut self) -> bool {
        !std::mem::replace(&mut self.is_read, true)
    }

    /// Takes out what was told, oldest first.
    pub fn take(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(inbox: &mut GameInbox) -> Vec<String> {
        inbox.take().into_iter().map(|told| told.data).collect()
    }

    #[test]
    fn a_room_without_a_game_needs_nothing() {
        let mut inbox = GameInbox::new("");
        inbox.closes("jump".into(), 1.0);
        inbox.shows(false, "init".into(), 2.0);
        assert!(!inbox.take_due() && !inbox.is_there());
        assert_eq!(inbox.take(), []);
    }

    #[test]
    fn the_part_is_due_with_each_interface_until_it_is_there() {
        let mut inbox = GameInbox::new("page");
        assert!(inbox.is_there() && inbox.take_due() && !inbox.take_due());
        inbox.closes("jump".into(), 1.0);
        assert!(!inbox.take_due(), "a closed component is no reason to try again");
        inbox.shows(true, "init".into(), 2.0);
        assert!(inbox.take_due());
        inbox.closes("duck".into(), 3.0);
        assert!(inbox.begin() && !inbox.begin(), "two may have asked for it");
        assert_eq!(inbox.take(), [Told { data: "init".into(), at: 2.0 }, Told { data: "duck".into(), at: 3.0 }]);
        inbox.shows(true, "other".into(), 4.0);
        inbox.closes("up".into(), 5.0);
        inbox.shows(false, "none".into(), 6.0);
        assert!(!inbox.take_due());
        assert_eq!(taken(&mut inbox), ["other", "up", "none"]);
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut inbox = GameInbox::new("page");
        (0..1_000).for_each(|_| inbox.closes("jump".into(), 0.0));
        assert_eq!(inbox.take().len(), MOST_CLOSED + 1);
    }
}
