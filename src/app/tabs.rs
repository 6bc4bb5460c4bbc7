//! What the tabs of a browser say to each other, so that one of them holds the stream of a room for all. See [`Sharing`].

use std::{cell::RefCell, collections::VecDeque, rc::Rc};

use js_sys::{Array, Date, Math};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{BroadcastChannel, MessageEvent};

use super::{
    session::{Link, Refused},
    state::sharing::Sharing,
};

/// Events that a leader keeps for tabs that come later, or that are behind.
const MOST_EVENTS: usize = 500;

/// An event of the stream, as one tab relays it to the others.
#[derive(Clone, Debug)]
pub struct Relayed {
    /// The position before it.
    pub after: String,
    /// Its position; empty for a notice.
    pub id: String,
    pub data: String,
}

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
    Join(String),
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
    events: RefCell<VecDeque<Relayed>>,
}

impl Tabs {
    /// Opens the channel; none if the browser has no such thing.
    pub fn open(name: &str) -> Option<Self> {
        let channel = BroadcastChannel::new(name).ok()?;
        let sharing = Sharing::asking(Math::random(), Date::now(), Math::random());
        Some(Self { channel, sharing: RefCell::new(sharing), events: RefCell::default() })
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

    /// Keeps an event for tabs that miss it.
    pub fn keep(&self, event: Relayed) {
        let mut events = self.events.borrow_mut();
        events.push_back(event);
        if events.len() > MOST_EVENTS {
            events.pop_front();
        }
    }

    /// Forgets the events: what follows does not continue them.
    pub fn forget(&self) {
        self.events.borrow_mut().clear();
    }

    /// The events after a position, where the tab itself has reached `own`; none if it no longer has all of them.
    pub fn events_after(&self, position: &str, own: &str) -> Option<Vec<Relayed>> {
        let events = self.events.borrow();
        if position == own {
            return Some(Vec::new());
        }
        let first = events.iter().position(|event| event.after == position && !event.id.is_empty())?;
        Some(events.iter().skip(first).filter(|event| !event.id.is_empty()).cloned().collect())
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
        Said::Join(position) => vec!["join".into(), position.into()],
        Said::Joined(tab) => vec!["joined".into(), (*tab).into()],
        Said::Apart(tab) => vec!["apart".into(), (*tab).into()],
        Said::Event(Relayed { after, id, data }) => vec!["event".into(), after.into(), id.into(), data.into()],
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
        "join" => Said::Join(text(2)?),
        "joined" => Said::Joined(number(2)?),
        "apart" => Said::Apart(number(2)?),
        "event" => Said::Event(Relayed { after: text(2)?, id: text(3)?, data: text(4)? }),
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
