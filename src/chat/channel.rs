use serde::{Deserialize, Serialize};

use crate::chat::{AddressHash, UserId};

/// A room that a client of Apex has made by joining it. It is in no list for visitors, and goes when nobody uses it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// Its name, unique among channels: 1 to 128 characters, none of them for control.
    pub name: String,
    /// Who may read and write there.
    pub visibility: Visibility,
    /// Who made it, and may write whatever its visibility.
    pub creator: UserId,
    /// Where they came from, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<AddressHash>,
}

/// Who may read a channel and write there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Everybody may do both.
    Public,
    /// Everybody may read; its creator and those who moderate may write.
    Protected,
    /// Only its creator and the holder of the admin key may do either.
    Private,
    /// Those whom a site has signed in may write to each other there, each to one alone.
    Direct,
}

impl Visibility {
    /// Whether visitors who are in no such channel may know of it.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Public | Self::Protected)
    }
}

impl Channel {
    /// Whether that user may read it.
    pub fn admits(&self, user: &UserId) -> bool {
        match self.visibility {
            Visibility::Public | Visibility::Protected => true,
            Visibility::Private => self.is_run_by(user),
            Visibility::Direct => user.is_of_site() || self.is_run_by(user),
        }
    }

    /// Whether that user, who does not moderate, may write there.
    pub fn lets_write(&self, user: &UserId) -> bool {
        match self.visibility {
            Visibility::Public => true,
            Visibility::Protected | Visibility::Private => self.is_run_by(user),
            Visibility::Direct => self.admits(user),
        }
    }

    fn is_run_by(&self, user: &UserId) -> bool {
        *user == self.creator || *user == UserId::admin()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_s_visibility_says_who_reads_and_who_writes() {
        let user = |name: &str| UserId::try_from(name.to_owned()).expect("an id");
        let may = |visibility, name: &str| {
            let channel = Channel { name: "hall".into(), visibility, creator: user("ann"), from: None };
            (channel.admits(&user(name)), channel.lets_write(&user(name)))
        };
        for visibility in [Visibility::Public, Visibility::Protected, Visibility::Private, Visibility::Direct] {
            assert_eq!([may(visibility, "ann"), may(visibility, "admin")], [(true, true), (true, true)]);
        }
        assert_eq!(may(Visibility::Public, "bob"), (true, true));
        assert_eq!(may(Visibility::Protected, "bob"), (true, false));
        assert_eq!(may(Visibility::Private, "bob"), (false, false));
        assert_eq!([may(Visibility::Direct, "bob"), may(Visibility::Direct, "site:bob")], [(false, false), (true, true)]);
    }
}
