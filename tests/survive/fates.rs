//! What became of messages: what their authors were told, what is stored, and what others heard.

use std::collections::{HashMap, HashSet};

use super::client::{Listener, Stored};

/// What publishers know of their messages, by their texts: the id of an acknowledged one, `None` for one that was given up on.
pub type Fates = HashMap<String, Option<String>>;

/// All that was acknowledged is stored once, under the id that was acknowledged, and every listener heard just what is stored.
pub fn check(history: &[Stored], fates: &Fates, listeners: &[Listener]) {
    let mut seen = HashSet::new();
    for Stored { id, text } in history {
        assert!(seen.insert(text), "{text} is stored twice");
        let fate = fates.get(text).unwrap_or_else(|| panic!("nobody wrote {text}"));
        assert!(fate.as_ref().is_none_or(|acknowledged| acknowledged == id), "{text} is {id}, acknowledged as {fate:?}");
    }
    for (text, _) in fates.iter().filter(|(_, fate)| fate.is_some()) {
        assert!(seen.contains(text), "{text} was acknowledged and is lost");
    }
    for listener in listeners {
        assert_same("what a listener heard", &listener.heard, history);
    }
    let acknowledged = fates.values().flatten().count();
    let connections: usize = listeners.iter().map(|listener| listener.connections).sum();
    println!(
        "{acknowledged} acknowledged, {} given up, {} stored; {connections} connections of listeners",
        fates.len() - acknowledged,
        history.len()
    );
}

/// The same messages, in the same order.
pub fn assert_same(what: &str, found: &[Stored], expected: &[Stored]) {
    let differs = |at: &usize| found.get(*at) != expected.get(*at);
    if let Some(at) = (0..found.len().max(expected.len())).find(differs) {
        panic!(
            "{what}, of {} and {}, differs at {at}: {:?}, not {:?}",
            found.len(),
            expected.len(),
            found.get(at),
            expected.get(at)
        );
    }
}
