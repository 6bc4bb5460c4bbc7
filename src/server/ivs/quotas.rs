use crate::{hub::Buckets, protocol::ivs::Problem};

/// How many requests a second are carried out; 0 for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// Of each connection that talks.
    pub(super) messages: u32,
    /// `SendEvent`, `DeleteMessage` and `DisconnectUser`, each.
    events: u32,
    /// `CreateChatToken`.
    tokens: u32,
    /// What is done with rooms, each.
    rooms: u32,
    /// What is done with tags, each.
    tags: u32,
    /// What is asked of logging configurations, each.
    logging: u32,
}

impl Default for Quotas {
    /// Those of Amazon IVS Chat.
    fn default() -> Self {
        Self { messages: 10, events: 100, tokens: 200, rooms: 5, tags: 10, logging: 3 }
    }
}

impl Quotas {
    /// No limits.
    pub fn none() -> Self {
        Self { messages: 0, events: 0, tokens: 0, rooms: 0, tags: 0, logging: 0 }
    }

    /// Reads those that are other than the default, such as `rooms=10,tags=0`.
    pub(in crate::server) fn parse(text: &str) -> Option<Self> {
        let mut quotas = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, number) = part.split_once('=')?;
            let number = number.trim().parse().ok().filter(|number| *number <= 1_000_000)?;
            *quotas.of(name.trim())? = number;
        }
        Some(quotas)
    }

    fn of(&mut self, name: &str) -> Option<&mut u32> {
        match name {
            "messages" => Some(&mut self.messages),
            "events" => Some(&mut self.events),
            "tokens" => Some(&mut self.tokens),
            "rooms" => Some(&mut self.rooms),
            "tags" => Some(&mut self.tags),
            "logging" => Some(&mut self.logging),
            _ => None,
        }
    }

    /// Of what an operation is one, and how many of it are carried out a second.
    fn of_operation(&self, operation: &str) -> (&'static str, u32) {
        match operation {
            "SendEvent" | "DeleteMessage" | "DisconnectUser" => ("events", self.events),
            "CreateChatToken" => ("tokens", self.tokens),
            "TagResource" | "UntagResource" | "ListTagsForResource" => ("tags", self.tags),
            logging if logging.contains("LoggingConfiguration") => ("logging", self.logging),
            _ => ("rooms", self.rooms),
        }
    }
}

/// Counts the requests.
pub(super) struct Meters {
    pub(super) quotas: Quotas,
    /// By operation. One for each kind of quota, for each has a rate.
    buckets: [(&'static str, Buckets<String>); 5],
}

impl Meters {
    pub(super) fn new(quotas: Quotas) -> Self {
        let bucket = |name, rate: u32| (name, Buckets::new(rate.into(), rate.into()));
        let Quotas { events, tokens, rooms, tags, logging, .. } = quotas;
        let buckets = [
            bucket("events", events),
            bucket("tokens", tokens),
            bucket("rooms", rooms),
            bucket("tags", tags),
            bucket("logging", logging),
        ];
        Self { quotas, buckets }
    }

    /// Counts a request, if it is not one too many. What is no operation counts as one all together.
    ///
    /// # Errors
    /// [`Problem::Throttled`].
    pub(super) fn take(&self, operation: &str, is_known: bool) -> Result<(), Problem> {
        let (kind, limit) = self.quotas.of_operation(operation);
        let (_, buckets) = self.buckets.iter().find(|(name, _)| *name == kind).expect("one for each kind");
        let name = if is_known { operation } else { "" };
        buckets.take(name.to_owned()).map_err(|_| Problem::Throttled { resource_type: "ROOM", limit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_read() {
        let check = |text: &str, expected| assert_eq!(Quotas::parse(text), expected, "{text:?}");
        check("", Some(Quotas::default()));
        check("rooms=7, tags = 0", Some(Quotas { rooms: 7, tags: 0, ..Quotas::default() }));
        for bad in ["rooms", "rooms=", "rooms=-1", "rooms=1.5", "other=1", "rooms=1000001"] {
            check(bad, None);
        }
    }

    #[test]
    fn each_operation_has_a_quota_of_its_own() {
        let meters = Meters::new(Quotas { rooms: 1, ..Quotas::default() });
        assert_eq!(meters.take("GetRoom", true), Ok(()));
        assert_eq!(meters.take("ListRooms", true), Ok(()));
        assert_eq!(meters.take("GetRoom", true), Err(Problem::Throttled { resource_type: "ROOM", limit: 1 }));
        assert_eq!(meters.take("Nonsense", false), Ok(()));
        assert!(meters.take("Other", false).is_err(), "nonsense does not fill the memory");
        assert_eq!(meters.take("SendEvent", true), Ok(()));
    }
}
