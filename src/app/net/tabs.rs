//! What the tabs of a browser say to each other, so that one of them holds the stream of a room for all. See [`Sharing`].

use std::{cell::RefCell, rc::Rc};

use js_sys::{Array, Date, Math};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{BroadcastChannel, MessageEvent};

use crate::{
    app::{
        session::{Link, Refused},
        state::{
            backlog::{Backlog, Relayed},
            sharing::Sharing,
        },
    },
    chat::Position,
};

/// What one tab says to the others.
#[derive(Clone, Debug)]
pub enum Said {
    /// Is there a leader?
    Who,
    /// Look after the stream: the reader is back.
    Wake,
    /// The sender leads, and the connection is like this.
    Lead(Link),
    /// The sender leads no more.
    Bye,
    /// The sender follows, and has reached this position.
    Join(Position),
    /// The tab of that id has everything that the sender has relayed so far.
    Joined(f64),
    /// The sender no longer has what the tab of that id misses: it must open a stream of its own.
    Apart(f64),
    /// Something has come.
    Event(Relayed),
}

/// The channel between the tabs that show a room to the same person.
pub struct Tabs {
    channel: BroadcastChannel,
    pub sharing: RefCell<Sharing>,
    /// What the leader has relayed, and what a follower has heard: it may lead next.
    pub backlog: RefCell<Backlog>,
}

impl Tabs {
    /// Opens the channel; none if the browser has no such thing.
    pub fn open(name: &str) -> Option<Self> {
        let channel = BroadcastChannel::new(name).ok()?;
        let sharing = Sharing::asking(Math::random(), Date::now(), Math::random());
        Some(Self { channel, sharing: RefCell::new(sharing), backlog: RefCell::default() })
    }

    /// Calls `hear` with what the others say, and with the ids of those who say it.
    pub fn listen(&self, hear: Rc<dyn Fn(f64, Said)>) {
        let message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some((sender, said)) = event.data().dyn_ref::<Array>().and_then(decode) {
                hear(sender, said);
            }
        });
        self.channel.set_onmessage(Some(message.as_ref().unchecked_ref()));
        // It is needed for as long as the page is there.
        message.forget();
    }

    /// Says something to all others.
    pub fn say(&self, said: &Said) {
        // It fails on a channel that is closed, which this one never is.
        let _ = self.channel.post_message(&encode(self.sharing.borrow().id(), said));
    }
}

fn encode(sender: f64, said: &Said) -> JsValue {
    let parts: Vec<JsValue> = match said {
        Said::Who => vec!["who".into()],
        Said::Wake => vec!["wake".into()],
        Said::Lead(link) => {
            let (name, seconds) = link_name(*link);
            vec!["lead".into(), name.into(), seconds.into()]
        }
        Said::Bye => vec!["bye".into()],
        Said::Join(position) => vec!["join".into(), position.to_string().into()],
        Said::Joined(tab) => vec!["joined".into(), (*tab).into()],
        Said::Apart(tab) => vec!["apart".into(), (*tab).into()],
        Said::Event(Relayed { after, at, data }) => {
            let at = at.as_ref().map_or_else(String::new, Position::to_string);
            vec!["event".into(), after.to_string().into(), at.into(), data.into()]
        }
    };
    let message = Array::of1(&sender.into());
    for part in &parts {
        message.push(part);
    }
    message.into()
}

/// Passes over what another version of this program says otherwise.
fn decode(message: &Array) -> Option<(f64, Said)> {
    let text = |at| message.get(at).as_string();
    let number = |at| message.get(at).as_f64();
    let said = match &*text(1)? {
        "who" => Said::Who,
        "wake" => Said::Wake,
        "lead" => Said::Lead(link(&text(2)?, number(3)? as u32)?),
        "bye" => Said::Bye,
        "join" => Said::Join(text(2)?.parse().ok()?),
        "joined" => Said::Joined(number(2)?),
        "apart" => Said::Apart(number(2)?),
        "event" => Said::Event(Relayed { after: text(2)?.parse().ok()?, at: text(3)?.parse().ok(), data: text(4)? }),
        _ => return None,
    };
    Some((number(0)?, said))
}

fn link_name(link: Link) -> (&'static str, u32) {
    match link {
        Link::Connecting => ("connecting", 0),
        Link::Live => ("live", 0),
        Link::Waiting(seconds) => ("waiting", seconds),
        Link::HeldBack => ("held back", 0),
        Link::Offline => ("offline", 0),
        Link::Refused(Refused::AccessEnded) => ("access ended", 0),
        Link::Refused(Refused::Unavailable) => ("unavailable", 0),
    }
}

fn link(name: &str, seconds: u32) -> Option<Link> {
    match name {
        "connecting" => Some(Link::Connecting),
        "live" => Some(Link::Live),
        "waiting" => Some(Link::Waiting(seconds)),
        "held back" => Some(Link::HeldBack),
        "offline" => Some(Link::Offline),
        "access ended" => Some(Link::Refused(Refused::AccessEnded)),
        "unavailable" => Some(Link::Refused(Refused::Unavailable)),
        _ => None,
    }
}
