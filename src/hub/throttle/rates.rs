use super::Buckets;

/// A per-second rate allows this many seconds' worth at once.
const BURST_SECONDS: f64 = 10.0;

/// Highest rate that can be set.
const HIGHEST: f64 = 1_000_000_000.0;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// A token is issued: a new guest, or a connection that subscribes.
    Token,
    /// A message is published.
    Message,
    /// A byte of a message's payload is published.
    Byte,
    /// Somebody speaks under another name than before.
    Name,
    /// Somebody reacts to a message, or takes the reaction back.
    Reaction,
    /// History is read: a page, a part of the log, or one message.
    Read,
}

impl Activity {
    /// All of them.
    pub(crate) const ALL: [Self; 6] = [Self::Token, Self::Message, Self::Byte, Self::Name, Self::Reaction, Self::Read];

    /// Its name in settings and metrics.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Token => "tokens",
            Self::Message => "messages",
            Self::Byte => "bytes",
            Self::Name => "names",
            Self::Reaction => "reactions",
            Self::Read => "reads",
        }
    }

    /// The seconds that a rate counts: tokens and names are rarer, and counted by the minute.
    fn period(self) -> f64 {
        match self {
            Self::Token | Self::Name => 60.0,
            Self::Message | Self::Byte | Self::Reaction | Self::Read => 1.0,
        }
    }
}

/// How often each activity may happen: tokens and names a minute, all others a second; 0 turns a limit off. A minute's worth of
/// tokens and names, and ten seconds' worth of all others, may come at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    tokens: f64,
    messages: f64,
    bytes: f64,
    names: f64,
    reactions: f64,
    reads: f64,
}

impl Rates {
    /// No limits.
    pub const fn none() -> Self {
        Self { tokens: 0.0, messages: 0.0, bytes: 0.0, names: 0.0, reactions: 0.0, reads: 0.0 }
    }

    /// The default for one user of a room. How fast they send messages and reactions is a setting of its own.
    pub const fn per_user() -> Self {
        Self { tokens: 120.0, messages: 0.0, bytes: 16_384.0, names: 30.0, reactions: 0.0, reads: 20.0 }
    }

    /// The default for one address, behind which there may be a hall of 2,000 people.
    pub const fn per_address() -> Self {
        Self { tokens: 4_000.0, messages: 20.0, bytes: 65_536.0, names: 2_000.0, reactions: 100.0, reads: 200.0 }
    }

    /// The same with another rate for one activity.
    pub fn with(mut self, activity: Activity, rate: f64) -> Self {
        *self.rate_mut(activity) = rate;
        self
    }

    /// Reads the rates that differ from these, such as `messages=40,tokens=0`, or `none`. Only these `activities` can be named.
    pub(crate) fn parse(mut self, text: &str, activities: &[Activity]) -> Option<Self> {
        if text.trim() == "none" {
            return Some(Self::none());
        }
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, rate) = part.split_once('=')?;
            let activity = activities.iter().find(|activity| activity.name() == name.trim())?;
            *self.rate_mut(*activity) =
                rate.trim().parse().ok().filter(|rate| *rate == 0.0 || (0.01..=HIGHEST).contains(rate))?;
        }
        Some(self)
    }

    /// The buckets that hold an activity to its rate.
    pub(super) fn buckets<K: Eq + std::hash::Hash>(mut self, activity: Activity) -> Buckets<K> {
        let per_second = *self.rate_mut(activity) / activity.period();
        Buckets::new(per_second, per_second * activity.period().max(BURST_SECONDS))
    }

    fn rate_mut(&mut self, activity: Activity) -> &mut f64 {
        match activity {
            Activity::Token => &mut self.tokens,
            Activity::Message => &mut self.messages,
            Activity::Byte => &mut self.bytes,
            Activity::Name => &mut self.names,
            Activity::Reaction => &mut self.reactions,
            Activity::Read => &mut self.reads,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_that_differ_from_the_default_are_read() {
        let default = Rates::per_address();
        let check = |text: &str, expected: Option<Rates>| assert_eq!(default.parse(text, &Activity::ALL), expected, "{text:?}");
        check("", Some(default));
        check("messages=40", Some(default.with(Activity::Message, 40.0)));
        check(" tokens = 0, reads=0.5,", Some(default.with(Activity::Token, 0.0).with(Activity::Read, 0.5)));
        let all = "tokens=0,messages=0,bytes=0,names=0,reactions=0,reads=0";
        check(all, Some(Rates::none()));
        check("none", Some(Rates::none()));
        for bad in
            ["messages", "messages=", "messages=-1", "messages=NaN", "messages=inf", "bytes=1e10", "other=1", "reads=0.001"]
        {
            check(bad, None);
        }
        assert_eq!(default.parse("messages=1", &[Activity::Read]), None);
    }
}
