use std::collections::{HashMap, HashSet, hash_map::Entry};

use unicode_security::skeleton;

use crate::chat::{NameClaim, Timestamp, UserId};

/// How many names are kept before those that nobody holds any more are looked for.
const KEPT: usize = 4_096;

/// What names have in common that people take for each other.
///
/// The skeleton of Unicode confusables (UTS #39, 4), made of the name in upper and in lower case as well, since each case has
/// look-alikes of its own: `ADMlN`, `аdmin` with a Cyrillic letter and `adm1n` are all like `admin`. White space and what is not
/// drawn (default-ignorable characters, which the skeleton leaves out) make no difference.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Likeness(String);

impl Likeness {
    pub(super) fn of(name: &str) -> Self {
        let visible: String = name.chars().filter(|c| !c.is_whitespace()).collect();
        let alike = |text: String| skeleton(&text).collect::<String>();
        // As it stands first: a Greek capital looks like a Latin one whose small letter the Greek small letter is not like.
        Self(alike(alike(alike(visible).to_uppercase()).to_lowercase()))
    }

    /// Whether nothing of the name can be seen.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Names that are for those who moderate alone, and all that look like them.
#[derive(Clone, Debug, Default)]
pub struct ReservedNames(HashSet<Likeness>);

impl ReservedNames {
    /// These.
    pub fn new(names: impl IntoIterator<Item: AsRef<str>>) -> Self {
        Self(names.into_iter().map(|name| Likeness::of(name.as_ref())).filter(|likeness| !likeness.is_empty()).collect())
    }

    pub(super) fn contain(&self, likeness: &Likeness) -> bool {
        self.0.contains(likeness)
    }
}

/// Who goes by which name in a room. A name is its holder's while they are connected to this node, and, if their identity outlives
/// their connections, until that is over, on all nodes.
#[derive(Default)]
pub(super) struct Names {
    /// Never none of a name; more than one only where the site that they come from has given it to several.
    holders: HashMap<Likeness, Vec<Holder>>,
    /// Each user has one name, the latest.
    names: HashMap<UserId, Likeness>,
    /// At how many those that nobody holds are looked for next: each time twice as many as were left the last time.
    prune_at: usize,
}

struct Holder {
    user: UserId,
    /// Whether it is the only name that they may use: it was given to them, and cannot be another's first.
    given: bool,
    /// Up to when they hold it without a connection.
    until: Timestamp,
    /// The same as the store has it.
    stored_until: Timestamp,
}

/// Somebody's wish to go by a name.
pub(super) struct Wish<'a> {
    pub(super) user: &'a UserId,
    pub(super) name: Likeness,
    /// Whether they were given it, and may use no other.
    pub(super) given: bool,
    /// Up to when it is to be theirs without a connection.
    pub(super) until: Timestamp,
}

/// Somebody else holds the name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Taken;

impl Names {
    /// Gives somebody a name, and takes the one away that they had before. They hold it until that moment, and while they are among
    /// those who are `present`. Who chose a name loses it to those who were given it.
    ///
    /// # Errors
    /// If another holds it, or one that looks like it.
    pub(super) fn claim<'a>(
        &mut self,
        Wish { user, name, given, until }: Wish<'_>,
        now: Timestamp,
        present: impl Iterator<Item = &'a UserId> + Clone,
    ) -> Result<(), Taken> {
        let is_held = |holder: &Holder| holder.until > now || present.clone().any(|user| *user == holder.user);
        let others = self.holders.get(&name).into_iter().flatten().filter(|holder| holder.user != *user);
        if !given && others.clone().any(is_held) {
            return Err(Taken);
        }
        let gone: Vec<_> = others.filter(|other| !given || !other.given).map(|other| other.user.clone()).collect();
        gone.iter().for_each(|user| self.forget(user));
        let stored_until = self.holder_of(user, &name).map_or(Timestamp(0), |holder| holder.stored_until);
        self.give(name, Holder { user: user.clone(), given, until, stored_until }, now, present);
        Ok(())
    }

    /// Takes over what the store knows: `user` holds that name, and no other.
    pub(super) fn note<'a>(
        &mut self,
        user: &UserId,
        NameClaim { name, until }: &NameClaim,
        now: Timestamp,
        present: impl Iterator<Item = &'a UserId>,
    ) {
        let (name, stored_until) = (Likeness::of(name), *until);
        let known = self.holder_of(user, &name).map(|holder| (holder.given, holder.until));
        let (given, until) = known.map_or((false, *until), |(given, before)| (given, before.max(*until)));
        self.give(name, Holder { user: user.clone(), given, until, stored_until }, now, present);
    }

    /// Up to when the store knows that `user` holds their name.
    pub(super) fn stored_until(&self, user: &UserId) -> Timestamp {
        let holder = self.names.get(user).and_then(|name| self.holder_of(user, name));
        holder.map_or(Timestamp(0), |holder| holder.stored_until)
    }

    fn holder_of(&self, user: &UserId, name: &Likeness) -> Option<&Holder> {
        self.holders.get(name)?.iter().find(|holder| holder.user == *user)
    }

    fn give<'a>(&mut self, name: Likeness, holder: Holder, now: Timestamp, present: impl Iterator<Item = &'a UserId>) {
        self.forget(&holder.user);
        self.names.insert(holder.user.clone(), name.clone());
        self.holders.entry(name).or_default().push(holder);
        if self.names.len() > self.prune_at.max(KEPT) {
            self.prune(now, present.collect());
        }
    }

    /// That user holds no name any more.
    pub(super) fn forget(&mut self, user: &UserId) {
        let Some(name) = self.names.remove(user) else { return };
        if let Entry::Occupied(mut holders) = self.holders.entry(name) {
            holders.get_mut().retain(|holder| holder.user != *user);
            if holders.get().is_empty() {
                holders.remove();
            }
        }
    }

    fn prune(&mut self, now: Timestamp, present: HashSet<&UserId>) {
        let holders = self.holders.values().flatten();
        let over = holders.filter(|holder| holder.until <= now && !present.contains(&holder.user));
        let over: Vec<_> = over.map(|holder| holder.user.clone()).collect();
        over.iter().for_each(|user| self.forget(user));
        self.prune_at = 2 * self.names.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> UserId {
        UserId::try_from(name.to_owned()).expect("a valid id")
    }

    #[test]
    fn names_that_people_take_for_each_other_are_alike() {
        let rows = [
            ("admin", "ADMIN"),
            ("admin", "Ad min "),
            ("admin", "adm1n"),
            ("admin", "ADMlN"),
            ("admin", "adrnin"),
            ("admin", "a\u{200d}dmin"),
            ("admin", "ad\u{ad}min\u{fe0f}"),
            ("admin", "\u{430}dmin"),
            ("admin", "\u{ff21}\u{ff24}\u{ff2d}\u{ff29}\u{ff2e}"),
            ("admin", "\u{1d41a}\u{1d41d}\u{1d426}\u{1d422}\u{1d427}"),
            ("moderator", "M0DERAT0R"),
            ("Alice", "AIice"),
            ("Nick", "\u{39d}ick"),
            ("Strasse", "STRA\u{df}e"),
            ("José", "Jose\u{301}"),
            ("👩‍🚀", "👩🚀"),
        ];
        for (one, other) in rows {
            assert_eq!(Likeness::of(one), Likeness::of(other), "{one} and {other}");
        }
        for (one, other) in [("Ann", "Anna"), ("José", "Jose"), ("木村", "木"), ("🙂", "🙃"), ("Ann", "Ann2"), ("Олег", "Олена")]
        {
            assert_ne!(Likeness::of(one), Likeness::of(other), "{one} and {other}");
        }
        assert!(Likeness::of(" \u{3164}\u{200b}").is_empty());
    }

    #[test]
    fn a_likeness_is_its_own() {
        for name in ["admin", "ADMIN", "Ωmega", "İstanbul", "ﬀ", "ŉ", "ẞß", "ς", "1lI|", "👩‍🚀"] {
            let likeness = Likeness::of(name);
            assert_eq!(Likeness::of(&likeness.0), likeness, "{name}");
        }
    }

    /// What `who` gets of `name` at a moment, while those are present.
    fn claim(names: &mut Names, who: &str, name: &str, until: i64, now: i64, present: &[&str]) -> bool {
        let present: Vec<_> = present.iter().map(|who| user(who)).collect();
        let wish = Wish { user: &user(who), name: Likeness::of(name), given: false, until: Timestamp(until) };
        names.claim(wish, Timestamp(now), present.iter()).is_ok()
    }

    #[test]
    fn a_name_that_was_given_is_stronger_than_one_that_was_chosen() {
        let mut names = Names::default();
        let give = |names: &mut Names, who: &str, name: &str| {
            let wish = Wish { user: &user(who), name: Likeness::of(name), given: true, until: Timestamp(100) };
            names.claim(wish, Timestamp(0), [].iter()).is_ok()
        };
        assert!(claim(&mut names, "a", "Ann", 100, 0, &[]));
        assert!(give(&mut names, "s1", "Ann"), "the site says so");
        assert!(!claim(&mut names, "a", "Ann", 100, 0, &["a"]), "it is not theirs any more");
        assert!(give(&mut names, "s2", "Ann"), "a site may have two of a name");
        assert!(give(&mut names, "s1", "Bea"));
        assert!(!claim(&mut names, "a", "Ann", 100, 0, &[]), "one is left");
        assert!(give(&mut names, "s2", "Eve"));
        assert!(claim(&mut names, "a", "Ann", 100, 0, &[]));
        assert!(!claim(&mut names, "b", "Ann", 100, 0, &[]));
    }

    #[test]
    fn a_name_is_its_holder_s_while_they_last() {
        let mut names = Names::default();
        assert!(claim(&mut names, "a", "Ann", 100, 0, &[]));
        assert!(!claim(&mut names, "b", "ANN", 100, 99, &[]), "until their identity is over");
        assert!(claim(&mut names, "a", "ann", 200, 99, &[]), "theirs, in other letters, and longer");
        assert!(!claim(&mut names, "b", "Ann", 100, 199, &["b"]));
        assert!(!claim(&mut names, "b", "Ann", 300, 200, &["a"]), "and while they are here");
        assert!(claim(&mut names, "b", "Ann", 300, 200, &["b"]));
        assert!(!claim(&mut names, "a", "Ann", 300, 200, &["a"]), "it is another's now");
    }

    #[test]
    fn who_only_connects_holds_a_name_while_connected() {
        let mut names = Names::default();
        assert!(claim(&mut names, "a", "Ann", 0, 1, &["a"]));
        assert!(!claim(&mut names, "b", "Ann", 0, 1, &["a", "b"]));
        assert!(claim(&mut names, "b", "Ann", 0, 1, &["b"]));
    }

    #[test]
    fn each_user_has_one_name() {
        let mut names = Names::default();
        for name in ["One", "Two", "Three"] {
            assert!(claim(&mut names, "a", name, 100, 0, &[]));
        }
        assert!(claim(&mut names, "b", "One", 100, 0, &[]), "free again");
        assert!(!claim(&mut names, "b", "Three", 100, 0, &[]));
        assert_eq!((names.holders.len(), names.names.len()), (2, 2));
        assert!(claim(&mut names, "b", "Two", 100, 0, &[]));
        assert!(claim(&mut names, "a", "One", 100, 0, &[]));
    }

    #[test]
    fn what_was_stored_holds_everywhere_and_after_a_restart() {
        let mut names = Names::default();
        let note = |names: &mut Names, name: &str, until| {
            let claim = NameClaim { name: name.into(), until: Timestamp(until) };
            names.note(&user("a"), &claim, Timestamp(0), [].iter());
        };
        note(&mut names, "Ann", 100);
        assert!(!claim(&mut names, "b", "ann", 100, 0, &[]));
        assert_eq!(names.stored_until(&user("a")), Timestamp(100));
        assert!(claim(&mut names, "a", "Ann", 200, 0, &[]));
        assert_eq!(names.stored_until(&user("a")), Timestamp(100));
        note(&mut names, "Ann", 150);
        assert_eq!(names.stored_until(&user("a")), Timestamp(150));
        assert!(!claim(&mut names, "b", "ann", 300, 199, &[]), "what they have here is not shortened");
        note(&mut names, "Ann", 200);
        assert_eq!(names.stored_until(&user("a")), Timestamp(200));
        assert!(claim(&mut names, "a", "Bea", 200, 0, &[]));
        assert_eq!(names.stored_until(&user("a")), Timestamp(0), "another name is another claim");
        note(&mut names, "Eve", 300);
        assert!(
            claim(&mut names, "b", "Bea", 300, 0, &[]) && !claim(&mut names, "c", "Eve", 300, 0, &[]),
            "the log's word counts"
        );
    }

    #[test]
    fn names_that_nobody_holds_are_forgotten() {
        let mut names = Names::default();
        for n in 0..=KEPT {
            assert!(claim(&mut names, &n.to_string(), &format!("user {n:x}-{n}"), n as i64 + 2, n as i64, &["0"]));
        }
        assert_eq!(names.holders.len(), names.names.len());
        assert!(names.holders.len() < 10, "{}", names.holders.len());
        assert!(!claim(&mut names, "x", "user 0-0", 0, KEPT as i64, &["0"]), "but who is here keeps theirs");
    }

    #[test]
    fn reserved_names_are_known_in_any_disguise() {
        let reserved = ReservedNames::new(["admin", " ", "support"]);
        for name in ["Admin", "\u{430}dmin", "Supp0rt", "s u p p o r t"] {
            assert!(reserved.contain(&Likeness::of(name)), "{name}");
        }
        assert!(!reserved.contain(&Likeness::of("administrator")) && !reserved.contain(&Likeness::of("")));
    }
}
