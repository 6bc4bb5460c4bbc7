use super::{Authority, Hub, Refusal};
use crate::{
    chat::{Capability, RoomId},
    engine::{Hits, Search},
};

/// Longest text to look for, in code points.
const TEXT_CHARS: usize = 200;

impl Hub {
    /// Looks for the messages of a room that have all the words of `text` in their name or text, newest first, at most `limit`, and
    /// older than the event `before` if one is given. In any state of the room.
    ///
    /// # Errors
    /// [`Refusal::Token`], [`Refusal::Capability`], [`Refusal::UnknownRoom`], [`Refusal::Search`], or the engine's.
    pub async fn search(
        &self,
        room: RoomId,
        who: &Authority,
        text: &str,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Hits, Refusal> {
        self.find(room)?;
        self.authorize(room, who, Capability::DeleteMessage)?;
        let separates = |c: char| c.is_whitespace() || c.is_control();
        let words: Vec<_> = text.split(separates).filter(|word| !word.is_empty()).map(str::to_owned).collect();
        if words.is_empty() || text.chars().count() > TEXT_CHARS {
            return Err(Refusal::Search);
        }
        Ok(self.0.engine.search(Search { room, words, before, limit }).await?)
    }
}
