//! A look at the write-ahead log before SQLite opens it.
//!
//! SQLite reads it up to the first frame whose checksum is wrong, and drops the rest without a word: right for the transaction
//! that a crash has torn, which nobody was told of, and wrong for those that were acknowledged. The two can be told apart. A
//! transaction is begun only after the one before it was synced, so where one that is complete is followed by frames of the
//! next, the first is no torn one. The format: <https://www.sqlite.org/fileformat.html> 4.1 to 4.4.
//!
//! Damage to the last transaction looks like a torn one, and the end of a file that was cut off is missed by nobody here: the
//! run file knows how much there must be (see [`run`](super::run)).

use std::{fs, io, path::Path};

use super::OpenError;

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;

/// The two halves of a running checksum.
type Checksum = [u32; 2];

/// A log that is read frame by frame.
struct Log<'a> {
    header: &'a [u8],
    frames: Vec<Frame<'a>>,
    big_endian: bool,
}

/// A page as a transaction has changed it.
#[derive(Clone, Copy)]
struct Frame<'a> {
    header: &'a [u8],
    page: &'a [u8],
}

/// Refuses the write-ahead log of the database at `path` if SQLite would drop acknowledged transactions from it. Without a run
/// file the operator has given them up: SQLite takes what comes before the damage.
pub(super) fn check(path: &Path, run_file: &Path) -> Result<(), OpenError> {
    let log_path = path.with_extension("db-wal");
    let bytes = match fs::read(&log_path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(OpenError::Folder { path: log_path, source }),
    };
    if bytes.len() < HEADER_BYTES + FRAME_HEADER_BYTES {
        return Ok(()); // Nothing was written after its header, which SQLite syncs before it writes frames.
    }
    if !fs::metadata(path).is_ok_and(|file| file.len() > 0) {
        return Err(OpenError::NoDatabase(log_path));
    }
    let Some(found) = damage(&bytes) else { return Ok(()) };
    if run_file.exists() {
        return Err(OpenError::WriteAheadLog { path: log_path, found, run_file: run_file.to_owned() });
    }
    tracing::warn!(
        "the write-ahead log {} {found}: going on with what comes before, as there is no run file",
        log_path.display()
    );
    Ok(())
}

/// Whether the write-ahead log of the database at `path` may have pages that the database has yet to get: a crash in a checkpoint may
/// leave a database whose first page is newer than its end.
pub(super) fn has_pages(path: &Path) -> bool {
    fs::metadata(path.with_extension("db-wal")).is_ok_and(|file| file.len() > HEADER_BYTES as u64)
}

/// What is wrong with a log, as the end of a sentence.
fn damage(bytes: &[u8]) -> Option<String> {
    let Some(log) = Log::read(bytes) else { return Some("has a damaged header".into()) };
    let valid = log.valid_frames();
    let last = (valid + 1..log.frames.len()).rfind(|&n| log.follows_a_commit(n))?;
    Some(format!("is damaged in frame {} of at least {}", valid + 1, last + 1))
}

impl<'a> Log<'a> {
    /// Reads a log whose header is intact.
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (header, frames) = bytes.split_at(HEADER_BYTES);
        let big_endian = match number(header, 0) {
            0x377f_0682 => false,
            0x377f_0683 => true,
            _ => return None,
        };
        let page_bytes = number(header, 8) as usize;
        let plausible = page_bytes.is_power_of_two() && (512..=65_536).contains(&page_bytes);
        let intact = checksum([0, 0], &header[..24], big_endian) == [number(header, 24), number(header, 28)];
        let frames =
            if plausible { frames.chunks_exact(FRAME_HEADER_BYTES + page_bytes).map(Frame::read).collect() } else { vec![] };
        (plausible && intact).then_some(Self { header, frames, big_endian })
    }

    /// How many frames at its beginning SQLite accepts.
    fn valid_frames(&self) -> usize {
        let mut sum = [number(self.header, 24), number(self.header, 28)];
        let accepted = |frame: &&Frame<'_>| {
            sum = frame.checksum(sum, self.big_endian);
            self.is_current(frame) && sum == frame.stored_checksum()
        };
        self.frames.iter().take_while(accepted).count()
    }

    /// Whether frame `n` was written after the frame before it had completed a transaction. Its checksum continues that frame's,
    /// which may be damaged: either the stored one is right, or the one of its content is. What a transaction that failed has left
    /// behind does not continue the one that was written over its beginning.
    fn follows_a_commit(&self, n: usize) -> bool {
        let (before, frame) = (self.frames[n - 1], self.frames[n]);
        let continues = |sum| frame.checksum(sum, self.big_endian) == frame.stored_checksum();
        let of_content = || match n.checked_sub(2) {
            Some(earlier) => before.checksum(self.frames[earlier].stored_checksum(), self.big_endian),
            None => before.checksum([number(self.header, 24), number(self.header, 28)], self.big_endian),
        };
        before.commits() && self.is_current(&frame) && (continues(before.stored_checksum()) || continues(of_content()))
    }

    /// Frames with other salts are left from before the log was begun again.
    fn is_current(&self, frame: &Frame<'_>) -> bool {
        frame.header[8..16] == self.header[16..24]
    }
}

impl<'a> Frame<'a> {
    fn read(bytes: &'a [u8]) -> Self {
        let (header, page) = bytes.split_at(FRAME_HEADER_BYTES);
        Self { header, page }
    }

    /// The last frame of a transaction carries the size of the database after it.
    fn commits(&self) -> bool {
        number(self.header, 4) != 0
    }

    fn stored_checksum(&self) -> Checksum {
        [number(self.header, 16), number(self.header, 20)]
    }

    /// What its checksum should be if `before` is that of the frame before it.
    fn checksum(&self, before: Checksum, big_endian: bool) -> Checksum {
        checksum(checksum(before, &self.header[..8], big_endian), self.page, big_endian)
    }
}

/// The checksum of section 4.2, continued from `sum`.
fn checksum(sum: Checksum, bytes: &[u8], big_endian: bool) -> Checksum {
    let word = |bytes: [u8; 4]| if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
    let (pairs, _) = bytes.as_chunks::<8>();
    pairs.iter().fold(sum, |[first, second], &[a, b, c, d, e, f, g, h]| {
        let first = first.wrapping_add(word([a, b, c, d])).wrapping_add(second);
        [first, second.wrapping_add(word([e, f, g, h])).wrapping_add(first)]
    })
}

/// The big-endian number at `offset`.
fn number(bytes: &[u8], offset: usize) -> u32 {
    bytes[offset..].first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes))
}
