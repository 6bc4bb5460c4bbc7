//! What the tabs of a browser say to each other, so that one of them holds the stream of a room for all (see [`Sharing`]), and the tabs of
//! all rooms have few streams together (see [`Slots`]).

use std::{cell::RefCell, rc::Rc};

use js_sys::{Array, Date, Math, Reflect};
use leptos::prelude::window;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{BroadcastChannel, MessageEvent};

use super::lock::Lock;
use crate::{
    app::{
        session::{Link, Refused},
        state::{
            backlog::{Backlog, Relayed},
            sharing::{ANSWERS_WITHIN, Election, Sharing},
            slots::Slots,
        },
        task::sleep,
    },
    chat::Position,
};

/// The channel of the tabs of all rooms. Its messages hold the sender's id and that of the tab that is answered, 0 in a question.
const STREAMS: &str = "live-chat:streams";

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
    /// The tab of that id has everything that the sender has relayed so far, and is the same user.
    Joined { tab: f64, user_id: String, token: String },
    /// The sender no longer has what the tab of that id misses: it must open a stream of its own.
    Apart(f64),
    /// Something has come.
    Event(Relayed),
    /// The stream is held back, and it is time to look at the history.
    Look,
}

/// The channel between the tabs that show a room to the same person.
pub struct Tabs {
    channel: BroadcastChannel,
    /// The lock that makes a tab the leader; none where the browser has none.
    pub lock: Option<Lock>,
    pub sharing: RefCell<Sharing>,
    /// What the leader has relayed, and what a follower has heard: it may lead next.
    pub backlog: RefCell<Backlog>,
    streams: BroadcastChannel,
    /// The tab's id among those of all rooms.
    id: f64,
    slots: Rc<RefCell<Slots>>,
}

impl Tabs {
    /// Opens the channels; none if the browser has no such thing.
    pub fn open(name: &str) -> Option<Self> {
        let channel = BroadcastChannel::new(name).ok()?;
        let streams = BroadcastChannel::new(STREAMS).ok()?;
        let lock = Lock::find(name);
        let election = if lock.is_some() { Election::Lock } else { Election::Messages };
        let id = Math::random();
        let sharing = RefCell::new(Sharing::asking(id, election, Date::now(), Math::random()));
        let slots = Rc::new(RefCell::new(Slots::new(id)));
        Some(Self { channel, lock, sharing, backlog: RefCell::default(), streams, id, slots })
    }

    /// Calls `hear` with what the others say, and with the ids of those who say it. Answers the tabs of all rooms that ask for a stream.
    pub fn listen(&self, hear: Rc<dyn Fn(f64, Said)>) {
        on_message(&self.channel, move |message| {
            if let Some((sender, said)) = decode(message) {
                hear(sender, said);
            }
        });
        let (streams, slots, id) = (self.streams.clone(), Rc::clone(&self.slots), self.id);
        on_message(&self.streams, move |message| {
            let Some((sender, answered)) = message.get(0).as_f64().zip(message.get(1).as_f64()) else { return };
            let mut slots = slots.borrow_mut();
            if answered == id {
                slots.answered(sender);
            } else if answered == 0.0 && slots.asked(sender) {
                post(&streams, &Array::of2(&id.into(), &sender.into()));
            }
        });
    }

    /// Returns whether the browser has a connection to spare for a stream of this tab, which then has it.
    pub async fn take_slot(&self) -> bool {
        if self.slots.borrow().holds() || is_multiplexed() {
            return true;
        }
        self.slots.borrow_mut().ask();
        post(&self.streams, &Array::of2(&self.id.into(), &0.into()));
        sleep(ANSWERS_WITHIN / 1_000.0).await;
        self.slots.borrow_mut().decide()
    }

    /// Leaves the connection to others.
    pub fn leave_slot(&self) {
        self.slots.borrow_mut().leave();
    }

    /// Says something to all others.
    pub fn say(&self, said: &Said) {
        post(&self.channel, &encode(self.sharing.borrow().id(), said));
    }
}

fn post(channel: &BroadcastChannel, message: &JsValue) {
    // It fails on a channel that is closed, which ours never are.
    let _ = channel.post_message(message);
}

fn on_message(channel: &BroadcastChannel, hear: impl Fn(&Array) + 'static) {
    let message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        if let Some(message) = event.data().dyn_ref() {
            hear(message);
        }
    });
    channel.set_onmessage(Some(message.as_ref().unchecked_ref()));
    // It is needed for as long as the page is there.
    message.forget();
}

/// Whether all requests of the page share one connection, as they do over HTTP/2 and HTTP/3.
fn is_multiplexed() -> bool {
    let Some(performance) = window().performance() else { return false };
    let navigation = performance.get_entries_by_type("navigation").get(0);
    let protocol = Reflect::get(&navigation, &"nextHopProtocol".into()).ok().and_then(|protocol| protocol.as_string());
    protocol.is_some_and(|protocol| protocol.starts_with("h2") || protocol.starts_with("h3"))
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
        Said::Look => vec!["look".into()],
        Said::Join(position) => vec!["join".into(), position.to_string().into()],
        Said::Joined { tab, user_id, token } => vec!["joined".into(), (*tab).into(), user_id.into(), token.into()],
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
        "look" => Said::Look,
        "join" => Said::Join(text(2)?.parse().ok()?),
        "joined" => Said::Joined { tab: number(2)?, user_id: text(3)?, token: text(4)? },
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
