/// The wire protocols that a room's events are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Server-Sent Events in inLive's envelope, and the page's own.
    Inlive,
    /// Amazon IVS Chat.
    Ivs,
    /// Interactive Sync.
    InteractiveSync,
    /// Apex's web socket server.
    Apex,
    /// What is said, and nothing else.
    Relay,
}

impl Dialect {
    /// How many there are beside the page's own.
    pub const OTHERS: usize = 4;

    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Inlive => "inlive",
            Self::Ivs => "ivs",
            Self::InteractiveSync => "interactive-sync",
            Self::Apex => "apex",
            Self::Relay => "relay",
        }
    }

    /// Its number among the [`OTHERS`](Self::OTHERS); `None` for the page's own.
    pub fn other(self) -> Option<usize> {
        match self {
            Self::Inlive => None,
            Self::Ivs => Some(0),
            Self::InteractiveSync => Some(1),
            Self::Apex => Some(2),
            Self::Relay => Some(3),
        }
    }
}
