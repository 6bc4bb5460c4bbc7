//! What is known beside the database about the log in it: the run file.
//!
//! The file answers two questions that a database cannot answer about itself. Is it the one that ran here last? Else positions
//! that were handed out may mean other events, and the log needs another epoch. And is everything in it that was acknowledged?
//! SQLite takes a write-ahead log that was damaged or cut for one that ends there.
//!
//! It is one line of fixed length, written in place: a crash of the program leaves the old line or the new one. Only its first
//! and last lines of a run are synced. After a power cut it may be older than the log, and then asks for less than there was,
//! never for more.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use rusqlite::Connection;

use super::{
    OpenError,
    schema::{meta, random_name, set_meta},
};
use crate::engine::private_file;

/// The run file's name in the data folder.
pub(super) const FILE: &str = "live-chat.run";

/// A run of the program on a log, and the file that says so.
pub(super) struct Run {
    path: PathBuf,
    file: File,
    line: Line,
}

/// What the run file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// The run id in the database: the first before it is changed there, the second after.
    ids: [String; 2],
    /// Whether the run has not ended, as far as the file knows.
    running: bool,
    /// How many rooms, events and widget keys were stored, and keys revoked.
    stored: u64,
}

/// What a database is to the run file beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lineage {
    /// The log that ran here last.
    Same,
    /// A new one, or one that was brought here.
    Other,
}

/// A database as it is at the start.
pub(super) struct Found<'a> {
    pub(super) connection: &'a Connection,
    pub(super) path: &'a Path,
    /// There was a file, and nothing in it.
    pub(super) emptied: bool,
    /// How many of them are in it.
    pub(super) stored: u64,
}

impl Line {
    /// Reads the run file. One that cannot be understood is taken for none, which makes the log a new one.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, OpenError> {
        match fs::read(path) {
            Ok(bytes) => Ok(std::str::from_utf8(&bytes).ok().and_then(Self::parse)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(OpenError::Folder { path: path.to_owned(), source }),
        }
    }

    /// Whether the log that was found is the one that ran here.
    ///
    /// # Errors
    /// [`OpenError::Lost`] when there is less in it than was acknowledged, and nobody has exchanged it: after a run that ended
    /// well a database may be replaced by an older one, but the files that a crash has left belong together, and a file with
    /// nothing in it (`emptied`) is nobody's backup.
    pub(super) fn lineage(&self, found: Found<'_>, run_file: &Path) -> Result<Lineage, OpenError> {
        let Found { connection, path, emptied, stored: found } = found;
        let in_database = |source| OpenError::Database { path: path.to_owned(), source };
        let inside = meta(connection, "run").map_err(in_database)?;
        let same = inside.is_some_and(|id| self.ids.contains(&id));
        if found < self.stored && (same || self.running || emptied) {
            let (path, run_file) = (path.to_owned(), run_file.to_owned());
            return Err(OpenError::Lost { path, found, stored: self.stored, run_file });
        }
        Ok(if same { Lineage::Same } else { Lineage::Other })
    }

    fn parse(text: &str) -> Option<Self> {
        let (line, checksum) = text.split('\n').next()?.rsplit_once(' ')?;
        if checksum != checksum_of(line) {
            return None;
        }
        let [first, second, state, stored] = line.split(' ').collect::<Vec<_>>().try_into().ok()?;
        Some(Self { ids: [first.to_owned(), second.to_owned()], running: state == "running", stored: stored.parse().ok()? })
    }

    fn format(&self) -> String {
        let Self { ids: [first, second], running, stored } = self;
        let line = format!("{first} {second} {} {stored:020}", if *running { "running" } else { "stopped" });
        format!("{line} {}\n", checksum_of(&line))
    }
}

impl Run {
    /// Puts a fresh run id into the database, which holds so much `stored`, and into the file beside it.
    pub(super) fn begin(connection: &Connection, path: &Path, stored: u64) -> Result<Self, OpenError> {
        let in_file = |source| OpenError::Folder { path: path.to_owned(), source };
        let file = private_file::open(path).map_err(in_file)?;
        let id = meta(connection, "run").map_err(|source| in_database(connection, source))?.unwrap_or_else(random_name);
        let mut run = Self { path: path.to_owned(), file, line: Line { ids: [id.clone(), id], running: true, stored } };
        run.turn(connection)?;
        Ok(run)
    }

    /// Notes that so much more is durable.
    pub(super) fn advance(&mut self, more: usize) -> io::Result<()> {
        self.line.stored += more as u64;
        self.write()
    }

    /// Ends the run and closes the database. From then on, a copy that was made while it ran is an old one.
    pub(super) fn end(mut self, connection: Connection) -> Result<(), OpenError> {
        self.turn(&connection)?;
        // Until everything is in the database itself, its write-ahead log must not be lost.
        let busy: bool = connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
            .map_err(|source| in_database(&connection, source))?;
        drop(connection);
        self.line.running = busy;
        self.write().and_then(|()| self.file.sync_data()).map_err(|source| OpenError::Folder { path: self.path, source })
    }

    /// Changes the run id. Killed in between, the next start finds the old or the new one, and the file knows both.
    fn turn(&mut self, connection: &Connection) -> Result<(), OpenError> {
        let in_file = |source| OpenError::Folder { path: self.path.clone(), source };
        let next = random_name();
        self.line.ids[1].clone_from(&next);
        self.write().and_then(|()| self.file.sync_data()).map_err(in_file)?;
        set_meta(connection, "run", &next).map_err(|source| in_database(connection, source))?;
        self.line.ids[0] = next;
        self.write().and_then(|()| self.file.sync_data()).map_err(in_file)
    }

    fn write(&self) -> io::Result<()> {
        self.file.write_all_at(self.line.format().as_bytes(), 0)
    }
}

fn in_database(connection: &Connection, source: rusqlite::Error) -> OpenError {
    OpenError::Database { path: connection.path().map(PathBuf::from).unwrap_or_default(), source }
}

fn checksum_of(line: &str) -> String {
    format!("{:08x}", crc32fast::hash(line.as_bytes()))
}
