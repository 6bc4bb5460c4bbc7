//! Channels: the rooms that clients of Apex make by joining them.
//!
//! A channel is a room like all others to those who are in it. It is in no list for visitors, and one that nobody uses is removed.

use std::{net::IpAddr, time::Duration};

use ring::digest;

use super::{Hub, Refusal};
use crate::{
    chat::{AddressHash, Channel, Room, RoomId, Settings, UserId, Visibility},
    engine::EngineError,
};

/// Channels that clients of one address may have made. The holder of the admin key may make more.
pub const MOST_CHANNELS_OF_ADDRESS: usize = 10;

/// Channels that there may be.
const MOST_CHANNELS: usize = 10_000;

/// How long a channel stays without members and messages.
pub(super) const QUIET_FOR: Duration = Duration::from_secs(24 * 3_600);

/// How often it is looked whether one is quiet.
pub(super) const LOOKED_EVERY: Duration = Duration::from_secs(60);

/// Channels that are removed in one look: each is a commit.
const REMOVED_AT_ONCE: usize = 100;

/// Days for which private messages between members of no common channel are kept.
const DIRECT_RETENTION_DAYS: u32 = 1;

/// The name of the channel for those messages. No client can name it.
const DIRECT: &str = "pm:";

/// Longest name of a channel, in Unicode code points.
pub const CHANNEL_NAME_CHARS: usize = 128;

impl Hub {
    /// The channel of that name.
    pub fn channel(&self, name: &str) -> Option<RoomId> {
        self.0.rooms.find_channel(name)
    }

    /// What a room is as a channel, if it is one.
    pub fn as_channel(&self, room: RoomId) -> Option<Channel> {
        self.find(room).ok()?.channel().cloned()
    }

    /// Whether that user may know of a room.
    pub fn admits(&self, room: RoomId, user: &UserId) -> bool {
        self.find_for(room, user).is_ok()
    }

    /// All channels, ordered by id.
    pub fn channels(&self) -> Vec<Room> {
        self.0.rooms.all().iter().filter(|room| room.channel().is_some()).map(|room| room.room()).collect()
    }

    /// The channel of that name, made by `creator` if it is not there.
    ///
    /// # Errors
    /// [`Refusal::ChannelName`], [`Refusal::TooManyChannels`], [`Refusal::DiskLow`], [`Refusal::Stopping`], or the engine's.
    pub async fn open_channel(
        &self,
        name: &str,
        visibility: Visibility,
        creator: &UserId,
        from: Option<IpAddr>,
    ) -> Result<RoomId, Refusal> {
        if !is_channel_name(name) {
            return Err(Refusal::ChannelName);
        }
        let from = from.filter(|_| *creator != UserId::admin()).map(|from| self.0.tokens.hash(from));
        self.make_channel(Channel { name: name.to_owned(), visibility, creator: creator.clone(), from }, 0).await
    }

    /// The channel in which authenticated users can reach each other who share no other.
    ///
    /// # Errors
    /// Those of [`open_channel`](Self::open_channel).
    pub async fn direct_channel(&self) -> Result<RoomId, Refusal> {
        let channel = Channel { name: DIRECT.into(), visibility: Visibility::Direct, creator: UserId::admin(), from: None };
        self.make_channel(channel, DIRECT_RETENTION_DAYS).await
    }

    async fn make_channel(&self, channel: Channel, retention_days: u32) -> Result<RoomId, Refusal> {
        // One at a time: of two that make the same one, the second finds it, and the limits hold.
        let _turn = self.0.making_channel.lock().await;
        if let Some(room) = self.channel(&channel.name) {
            return Ok(room);
        }
        if self.is_stopping() {
            return Err(Refusal::Stopping);
        }
        self.check_disk()?;
        self.check_channels(channel.from.as_ref())?;
        let name = channel.name.clone();
        let settings =
            Settings { name: name.clone(), slug: slug(&name), retention_days, channel: Some(channel), ..Settings::default() };
        match self.0.engine.open_channel(settings).await {
            Ok(room) => Ok(room.id),
            // Another node was quicker, which this one knows by now.
            Err(EngineError::SlugTaken(slug)) => self.channel(&name).ok_or(Refusal::SlugTaken(slug)),
            Err(error) => Err(error.into()),
        }
    }

    fn check_channels(&self, from: Option<&AddressHash>) -> Result<(), Refusal> {
        let rooms = self.0.rooms.all();
        let channels: Vec<_> = rooms.iter().filter_map(|room| room.channel()).collect();
        let of_address = channels.iter().filter(|channel| from.is_some() && channel.from.as_ref() == from).count();
        if of_address >= MOST_CHANNELS_OF_ADDRESS {
            return Err(Refusal::TooManyChannels { most: MOST_CHANNELS_OF_ADDRESS });
        }
        if channels.len() >= MOST_CHANNELS { Err(Refusal::TooManyChannels { most: MOST_CHANNELS }) } else { Ok(()) }
    }

    /// Removes channels that have had no member and no message for that long, if this node is the one that does what one alone must do.
    /// The time that this node does not know of counts from its start.
    pub async fn remove_quiet_channels(&self, quiet_for: Duration) {
        if !self.0.engine.leads_now() || self.is_stopping() {
            return;
        }
        let all = self.0.rooms.all();
        for room in all.iter().filter(|room| room.channel().is_some() && room.is_quiet(quiet_for)).take(REMOVED_AT_ONCE) {
            match self.0.engine.remove_room(room.id()).await {
                Ok(()) => tracing::info!(room = room.id().get(), "a channel that nobody used was removed"),
                Err(error) => tracing::warn!(room = room.id().get(), %error, "a channel that nobody uses stays for now"),
            }
        }
    }
}

fn is_channel_name(name: &str) -> bool {
    let length = name.chars().count();
    (1..=CHANNEL_NAME_CHARS).contains(&length)
        && !name.trim().is_empty()
        && !name.chars().any(char::is_control)
        && !name.starts_with(DIRECT)
}

/// The address name of a channel: nothing that an owner would choose for a room, and the same on all nodes.
fn slug(name: &str) -> String {
    let hash = digest::digest(&digest::SHA256, name.as_bytes());
    let hex: String = hash.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("channel-{hex}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::is_slug;

    #[test]
    fn a_channel_may_have_any_name_that_people_can_read() {
        let long = "ü".repeat(CHANNEL_NAME_CHARS);
        for name in ["example", "Café №5", "42", "my_channel", "a b", long.as_str()] {
            assert!(is_channel_name(name) && is_slug(&slug(name)), "{name}");
        }
        let too_long = "x".repeat(CHANNEL_NAME_CHARS + 1);
        for name in ["", " ", "a\nb", "\0", "pm:", "pm:a+b", too_long.as_str()] {
            assert!(!is_channel_name(name), "{name:?}");
        }
        assert_ne!(slug("Hall"), slug("hall"));
    }
}
