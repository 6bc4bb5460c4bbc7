//! Who may go by which name in a room.
//!
//! Guests share names. Protected are the names that people with a role and a site's users speak under, until their token ends, with
//! all that look like them. Where a room's names are unique, each is held by the guest who speaks under it while they are connected,
//! and for two minutes after.

use std::collections::{HashMap, hash_map::Entry};

use super::rules::look_alikes::{ConfusableSkeleton, Look, Looks, ProtectedForm};
use crate::{
    bounded_map::BoundedMap,
    chat::{AddressHash, NameClaim, Timestamp, UserId},
};

/// How long a guest's name is held after their last connection or message, where names are unique: two minutes, in milliseconds.
pub(super) const HELD_MS: i64 = 120_000;

/// Names of each kind that a room keeps at most. Beyond it those are forgotten that end soonest.
const MOST: usize = 16_384;

/// Somebody's wish to go by a name.
pub(super) struct NameRequest<'a> {
    pub(super) user: &'a UserId,
    pub(super) name: &'a str,
    pub(super) right: NameRight,
    /// When their token ends.
    pub(super) until: Timestamp,
    /// The id of the token, by which it can be revoked.
    pub(super) token: Option<&'a str>,
    /// Where they come from, if that is known; needed only where names are unique.
    pub(super) from: Option<AddressHash>,
}

/// How somebody came by their name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NameRight {
    /// A guest chose it.
    Guest,
    /// A site's user chose it.
    Chosen,
    /// Somebody who moderates chose it. They may share it, as with themselves on another device.
    Moderator,
    /// Their site gave it to them, and they may use no other.
    Given,
}

/// Somebody else holds the name, or one that looks like it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Taken;

/// The names of a room that not everybody may use.
#[derive(Default)]
pub(super) struct Names {
    protected: Register<ProtectedForm, Protection>,
    /// Empty unless names are unique.
    held: Register<ConfusableSkeleton, Hold>,
}

#[derive(Default)]
struct Protection {
    given: bool,
    /// Up to when the store knows of it.
    stored_until: Timestamp,
    /// The id of the token that it lasts as long as, if that is known.
    token: Option<Box<str>>,
}

struct Hold {
    /// As it was written.
    name: String,
    from: Option<AddressHash>,
}

impl Names {
    /// Lets somebody go by a name. A given name takes a chosen one away from others. `unique` is where a guest is if names are unique.
    /// Returns whether it is a guest who holds the name from now on, and did not before.
    ///
    /// # Errors
    /// If it is somebody else's. Nothing changes then.
    pub(super) fn claim(&mut self, request: NameRequest<'_>, now: Timestamp, unique: Option<Presence>) -> Result<bool, Taken> {
        let NameRequest { user, name, right, until, token, from } = request;
        let form = ProtectedForm::of(name);
        let is_free_to_share = matches!(right, NameRight::Moderator | NameRight::Given);
        if !is_free_to_share && self.protected.others(&form, user, now).next().is_some() {
            return Err(Taken);
        }
        let unique = unique.map(|presence| (ConfusableSkeleton::of(name), presence));
        if let Some((skeleton, _)) = &unique {
            // The same name at the same place: most likely the same person, on another device.
            let shares = |hold: &Hold| hold.name == name && from.is_some() && hold.from == from;
            let is_taken = self.held.others(skeleton, user, now).any(|(_, hold)| !shares(hold));
            if is_taken && right != NameRight::Given {
                return Err(Taken);
            }
        }
        match (right, unique) {
            (NameRight::Guest, None) => Ok(false),
            (NameRight::Guest, Some((skeleton, presence))) => {
                let is_new = self.held.find(user, &skeleton).is_none();
                let hold = Hold { name: name.to_owned(), from };
                self.held.put(user, skeleton, presence.until(now), hold, now);
                Ok(is_new)
            }
            (NameRight::Chosen | NameRight::Moderator | NameRight::Given, _) => {
                let token = token.map(Box::from);
                let protection = Protection { given: right == NameRight::Given, token, ..Protection::default() };
                self.protect(user, form, until, protection, now);
                Ok(false)
            }
        }
    }

    fn protect(&mut self, user: &UserId, form: ProtectedForm, until: Timestamp, protection: Protection, now: Timestamp) {
        if protection.given {
            let others = self.protected.others(&form, user, now).filter(|(_, other)| !other.given);
            let losers: Vec<_> = others.map(|(loser, _)| loser.clone()).collect();
            losers.iter().for_each(|loser| self.protected.forget(loser));
        }
        let known = self.protected.find(user, &form);
        let stored_until = known.map_or(Timestamp(0), |known| known.of.stored_until);
        self.protected.put(user, form, until, Protection { stored_until, ..protection }, now);
    }

    /// Protects the name that a site gave to somebody who has come in.
    pub(super) fn see(&mut self, user: &UserId, name: &str, token: Option<&str>, until: Timestamp, now: Timestamp) {
        let protection = Protection { given: true, token: token.map(Box::from), ..Protection::default() };
        self.protect(user, ProtectedForm::of(name), until, protection, now);
    }

    /// Takes over a protected name that the store knows of; `user` has no other.
    pub(super) fn note(&mut self, user: &UserId, NameClaim { name, until }: &NameClaim, now: Timestamp) {
        let (form, stored_until) = (ProtectedForm::of(name), *until);
        if let Some(known) = self.protected.names.get_mut(user).filter(|known| known.key == form) {
            known.of.stored_until = stored_until;
            known.until = known.until.max(*until);
            return;
        }
        self.protected.put(user, form, *until, Protection { stored_until, ..Protection::default() }, now);
    }

    /// Up to when the store knows the name that `user` has.
    pub(super) fn stored_until(&self, user: &UserId) -> Timestamp {
        self.protected.names.get(user).map_or(Timestamp(0), |name| name.of.stored_until)
    }

    /// Nobody protects that user's name any more.
    pub(super) fn release(&mut self, user: &UserId) {
        self.protected.forget(user);
    }

    /// Nobody protects the name of the bearer of that token any more.
    pub(super) fn release_token(&mut self, token: &str) {
        let bearers = self.protected.names.iter().filter(|(_, name)| name.of.token.as_deref() == Some(token));
        let bearers: Vec<_> = bearers.map(|(user, _)| user.clone()).collect();
        bearers.iter().for_each(|user| self.protected.forget(user));
    }

    /// Whether `user` holds a name because names are unique.
    pub(super) fn holds(&self, user: &UserId) -> bool {
        self.held.names.get(user).is_some()
    }

    /// That user came or went: what they hold ends accordingly.
    pub(super) fn set_presence(&mut self, user: &UserId, presence: Presence, now: Timestamp) {
        if let Some(held) = self.held.names.get_mut(user) {
            held.until = presence.until(now);
        }
    }

    /// Takes over that a guest holds a name by what another node says, or by what they said before a restart.
    pub(super) fn hear(&mut self, user: &UserId, name: &str, from: Option<AddressHash>, until: Timestamp, now: Timestamp) {
        let skeleton = ConfusableSkeleton::of(name);
        let before = self.held.find(user, &skeleton).map(|held| (held.until, held.of.from.clone()));
        let (until, from) = before.map_or((until, from.clone()), |(before, place)| (before.max(until), from.or(place)));
        self.held.put(user, skeleton, until, Hold { name: name.to_owned(), from }, now);
    }

    /// The names that connected guests hold, with where those come from.
    pub(super) fn connected(&self) -> impl Iterator<Item = (&UserId, &str, Option<&AddressHash>)> {
        let is_connected = |(_, held): &(_, &Name<_, _>)| held.until == Presence::Connected.until(Timestamp(0));
        self.held.names.iter().filter(is_connected).map(|(user, held)| (user, &*held.of.name, held.of.from.as_ref()))
    }

    /// Names are not unique any more.
    pub(super) fn free(&mut self) {
        self.held = Register::default();
    }
}

/// Whether a guest is connected to this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    Connected,
    Away,
}

impl Presence {
    fn until(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Connected => Timestamp(i64::MAX),
            Self::Away => Timestamp(now.0.saturating_add(HELD_MS)),
        }
    }
}

/// Names by user, of each one, and users by what their names look like.
struct Register<K, T> {
    names: BoundedMap<UserId, Name<K, T>>,
    /// Never empty of a look.
    users: HashMap<Look, Vec<UserId>>,
}

struct Name<K, T> {
    key: K,
    until: Timestamp,
    of: T,
}

impl<K, T> Default for Register<K, T> {
    fn default() -> Self {
        Self { names: BoundedMap::new(MOST), users: HashMap::new() }
    }
}

impl<K: Looks + Eq, T> Register<K, T> {
    /// Who else has a name like that, which is not over.
    fn others(&self, key: &K, user: &UserId, now: Timestamp) -> impl Iterator<Item = (&UserId, &T)> {
        let [written, folded] = key.looks().map(|look| self.users.get(&look).map_or(&[][..], |users| &users[..]));
        let also = folded.iter().filter(|other| !written.contains(other));
        let others = written.iter().chain(also).filter(move |other| *other != user);
        let others = others.filter_map(|other| Some((other, self.names.get(other)?)));
        others.filter(move |(_, name)| name.until > now).map(|(other, name)| (other, &name.of))
    }

    fn find(&self, user: &UserId, key: &K) -> Option<&Name<K, T>> {
        self.names.get(user).filter(|name| name.key == *key)
    }

    fn put(&mut self, user: &UserId, key: K, until: Timestamp, of: T, now: Timestamp) {
        if self.find(user, &key).is_none() {
            self.forget(user);
            for (gone, name) in self.names.make_room(now, |_, name| name.until) {
                self.forget_user(&gone, &name.key);
            }
            for look in key.looks() {
                self.users.entry(look).or_default().push(user.clone());
            }
        }
        self.names.insert(user.clone(), Name { key, until, of }, now, |_, name| name.until);
    }

    fn forget(&mut self, user: &UserId) {
        if let Some(name) = self.names.remove(user) {
            self.forget_user(user, &name.key);
        }
    }

    fn forget_user(&mut self, user: &UserId, key: &K) {
        for look in key.looks() {
            if let Entry::Occupied(mut users) = self.users.entry(look) {
                users.get_mut().retain(|other| other != user);
                if users.get().is_empty() {
                    users.remove();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> UserId {
        UserId::try_from(name.to_owned()).expect("a valid id")
    }

    const END: i64 = 1_000_000;

    /// What `who` gets of `name` at a moment.
    fn claim(names: &mut Names, who: &str, name: &str, right: NameRight, now: i64) -> bool {
        let request = NameRequest { user: &user(who), name, right, until: Timestamp(END), token: Some(who), from: None };
        names.claim(request, Timestamp(now), None).is_ok()
    }

    /// The same of a guest who comes from an address, where names are unique.
    fn hold(names: &mut Names, who: &str, name: &str, from: &str, presence: Presence, now: i64) -> bool {
        let from = Some(AddressHash(from.into()));
        let request = NameRequest { user: &user(who), name, right: Guest, until: Timestamp(END), token: None, from };
        names.claim(request, Timestamp(now), Some(presence)).is_ok()
    }

    use NameRight::{Chosen, Given, Guest, Moderator};
    use Presence::{Away, Connected};

    #[test]
    fn guests_share_names_and_leave_nothing_behind() {
        let mut names = Names::default();
        for who in ["a", "b", "c"] {
            assert!(claim(&mut names, who, "Ann", Guest, 0));
        }
        assert!(names.held.names.is_empty() && names.protected.names.is_empty());
    }

    #[test]
    fn a_protected_name_is_nobody_else_s_until_its_token_ends() {
        let mut names = Names::default();
        assert!(claim(&mut names, "m", "Tom", Moderator, 0));
        assert!(claim(&mut names, "l", "Лена", Moderator, 0));
        for name in ["Tom", "ЛЕНА", "лена", "TOM", "Torn", "T o m", "T.o.m", "Tóm", "★Tom★", "Ⓣom"] {
            assert!(!claim(&mut names, "a", name, Guest, 0), "{name}");
            assert!(!claim(&mut names, "s", name, Chosen, 0), "{name}");
        }
        assert!(claim(&mut names, "m", "tom", Moderator, 0), "their own");
        assert!(claim(&mut names, "n", "Tom", Moderator, 0), "on another device");
        names.release(&user("n"));
        assert!(claim(&mut names, "a", "Tommy", Guest, 0));
        assert!(claim(&mut names, "a", "Tom", Guest, END), "the token is over");
        names.release(&user("m"));
        assert!(claim(&mut names, "a", "Tom", Guest, 0));
    }

    #[test]
    fn a_given_name_is_stronger_than_a_chosen_one() {
        let mut names = Names::default();
        assert!(claim(&mut names, "m", "Ann", Chosen, 0));
        assert!(claim(&mut names, "s1", "Ann", Given, 0), "the site says so");
        assert!(!claim(&mut names, "m", "Ann", Chosen, 0), "it is not theirs any more");
        assert!(claim(&mut names, "s2", "Ann", Given, 0), "a site may have two of a name");
        assert!(claim(&mut names, "s1", "Bea", Given, 0));
        assert!(!claim(&mut names, "m", "Ann", Chosen, 0), "one is left");
        names.see(&user("s3"), "Eve", Some("t"), Timestamp(END), Timestamp(0));
        assert!(!claim(&mut names, "a", "Eve", Guest, 0), "protected before they speak");
        names.release_token("t");
        assert!(claim(&mut names, "a", "Eve", Guest, 0), "the token was revoked");
        assert!(hold(&mut names, "a", "Kim", "x", Connected, 0));
        assert!(claim(&mut names, "s1", "Kim", Given, 0) && !hold(&mut names, "a", "Kim", "x", Connected, 0));
    }

    #[test]
    fn each_user_has_one_name() {
        let mut names = Names::default();
        for name in ["One", "Two", "Three"] {
            assert!(claim(&mut names, "m", name, Chosen, 0));
            assert!(hold(&mut names, "a", &format!("{name} a"), "x", Connected, 0));
        }
        assert!(hold(&mut names, "b", "One", "y", Away, 0) && hold(&mut names, "c", "One a", "z", Away, 0), "free again");
        assert!(!claim(&mut names, "b", "Three", Guest, 0) && !hold(&mut names, "b", "Three a", "y", Away, 0));
        assert_eq!((names.protected.users.len(), names.held.users.len()), (2, 6), "two looks each");
    }

    #[test]
    fn a_unique_name_is_held_while_connected_and_two_minutes_after() {
        let mut names = Names::default();
        assert!(hold(&mut names, "a", "Tom", "x", Connected, 0));
        for name in ["Tom", "tom", "Torn", "T  om", "T0m"] {
            assert!(!hold(&mut names, "b", name, "y", Connected, END), "{name}");
        }
        assert!(hold(&mut names, "b", "Tóm", "y", Connected, 0), "with another letter");
        names.set_presence(&user("a"), Away, Timestamp(5_000));
        assert!(!hold(&mut names, "c", "Tom", "z", Away, 5_000 + HELD_MS - 1));
        assert!(hold(&mut names, "c", "Tom", "z", Away, 5_000 + HELD_MS));
        assert!(!hold(&mut names, "a", "Tom", "x", Connected, 5_000 + HELD_MS), "it is another's now");
        names.free();
        assert!(hold(&mut names, "a", "Tom", "x", Connected, 0));
    }

    #[test]
    fn the_same_name_at_the_same_address_is_shared() {
        let mut names = Names::default();
        assert!(hold(&mut names, "a", "Tom", "x", Connected, 0));
        assert!(hold(&mut names, "b", "Tom", "x", Connected, 0), "on another device");
        assert!(!hold(&mut names, "b", "tom", "x", Connected, 0), "in other letters it is another's");
        assert!(!hold(&mut names, "c", "Tom", "y", Connected, 0));
        let unknown = NameRequest { user: &user("d"), name: "Tom", right: Guest, until: Timestamp(END), token: None, from: None };
        assert_eq!(names.claim(unknown, Timestamp(0), Some(Connected)), Err(Taken));
    }

    #[test]
    fn what_another_node_says_holds_here() {
        let mut names = Names::default();
        names.hear(&user("a"), "Tom", Some(AddressHash("x".into())), Timestamp(100), Timestamp(0));
        assert!(!hold(&mut names, "b", "Tom", "y", Away, 99));
        assert!(hold(&mut names, "b", "Tom", "x", Away, 99));
        assert!(hold(&mut names, "c", "Tom", "x", Away, 99));
        assert!(hold(&mut names, "d", "Kim", "x", Connected, 99));
        let connected: Vec<_> = names.connected().map(|(user, name, _)| (user.as_str(), name)).collect();
        assert_eq!(connected, [("d", "Kim")]);
        names.hear(&user("d"), "Kim", None, Timestamp(100), Timestamp(99));
        assert_eq!(names.connected().count(), 1, "what is known here is not shortened");
    }

    #[test]
    fn what_was_stored_protects_a_name_after_a_restart() {
        let mut names = Names::default();
        let note = |names: &mut Names, name: &str, until| {
            names.note(&user("m"), &NameClaim { name: name.into(), until: Timestamp(until) }, Timestamp(0));
        };
        note(&mut names, "Ann", 100);
        assert!(!claim(&mut names, "b", "ann", Guest, 0) && claim(&mut names, "b", "ann", Guest, 100));
        assert_eq!(names.stored_until(&user("m")), Timestamp(100));
        assert!(claim(&mut names, "m", "Ann", Chosen, 0));
        assert_eq!(names.stored_until(&user("m")), Timestamp(100));
        note(&mut names, "Ann", 200);
        assert_eq!(names.stored_until(&user("m")), Timestamp(200));
        assert!(!claim(&mut names, "b", "ann", Guest, END - 1), "what they have here is not shortened");
        assert!(claim(&mut names, "m", "Bea", Chosen, 0));
        assert_eq!(names.stored_until(&user("m")), Timestamp(0), "another name is another claim");
        note(&mut names, "Eve", 300);
        assert!(claim(&mut names, "b", "Bea", Guest, 0) && !claim(&mut names, "b", "Eve", Guest, 0), "the log's word counts");
    }

    #[test]
    fn names_are_bounded_and_those_that_are_over_go_first() {
        let mut names = Names::default();
        for n in 0..64 {
            assert!(hold(&mut names, &format!("old{n}"), &format!("old {n}"), "x", Away, 0));
        }
        assert!(hold(&mut names, "new", "new", "x", Connected, HELD_MS));
        assert_eq!(names.held.names.len(), 1, "what is over is forgotten");
        for n in 0..3 * MOST {
            let presence = if n % 2 == 0 { Connected } else { Away };
            assert!(hold(&mut names, &n.to_string(), &format!("user {n}-{n:x}"), "x", presence, HELD_MS));
            assert!(names.held.names.len() <= MOST);
        }
        assert_eq!(2 * names.held.names.len(), names.held.users.values().map(Vec::len).sum::<usize>());
        for n in 0..2 * MOST {
            names.note(&user(&n.to_string()), &NameClaim { name: n.to_string(), until: Timestamp(END) }, Timestamp(0));
            assert!(names.protected.names.len() <= MOST);
        }
    }
}
