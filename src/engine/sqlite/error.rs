use std::{io, path::PathBuf};

/// Why the log could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder or a file in it cannot be used.
    #[error("cannot use {path}: {source}")]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process has it open.
    #[error("the data folder {0} is in use by another live-chat")]
    InUse(PathBuf),
    /// It was written by a later version of this program.
    #[error(
        "the database {path} has schema version {found}, and this program knows versions up to {known}: use a newer live-chat"
    )]
    NewerSchema {
        /// The database file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// It is somebody else's.
    #[error("{0} is a database of another program")]
    Foreign(PathBuf),
    /// It is damaged, or cannot be read.
    #[error("the database {path} cannot be used: {source}. Restore it from a backup, or move it away to start afresh")]
    Database {
        /// The database file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// Its write-ahead log is there, and it is not.
    #[error("the write-ahead log {0} has no database beside it: bring that back, or move this one away to start afresh")]
    NoDatabase(PathBuf),
    /// Its write-ahead log is damaged.
    #[error(
        "the write-ahead log {path} {found}: messages that were acknowledged would be lost without a word. Restore both files from \
         a backup; or, to go on with what was stored before the damage, delete {} and start again",
        .run_file.display()
    )]
    WriteAheadLog {
        /// The write-ahead log.
        path: PathBuf,
        /// What is wrong with it, as the end of a sentence.
        found: String,
        /// What says that there must be more.
        run_file: PathBuf,
    },
    /// It has less in it than was stored.
    #[error(
        "the database {path} has {found} rooms and events, and {stored} were stored here: its end is lost. Restore it from a \
         backup, or bring back its write-ahead log ({path}-wal) if that was removed; or, to go on without them, delete {} and \
         start again",
        .run_file.display()
    )]
    Lost {
        /// The database file.
        path: PathBuf,
        /// How many there are.
        found: u64,
        /// How many were acknowledged.
        stored: u64,
        /// What says so.
        run_file: PathBuf,
    },
    /// Its structure or an event in it is damaged.
    #[error("the database {path} is damaged: {found}. Restore it from a backup, or recover what can be read (see README)")]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// What the check says.
        found: String,
    },
    /// It ends early.
    #[error(
        "the database {path} is cut short ({found_bytes} of {expected_bytes} bytes). Restore it from a backup, or move it away to start afresh"
    )]
    Truncated {
        /// The database file.
        path: PathBuf,
        /// Its length.
        found_bytes: u64,
        /// The length that it says it has.
        expected_bytes: u64,
    },
}

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is nothing to be copied, or it would be refused at a start.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A file of that name is there.
    #[error("{0} is there already, and is not overwritten: name another file, or move it away")]
    Exists(PathBuf),
    /// The file cannot be written.
    #[error("cannot write {path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The copy failed.
    #[error("the database could not be copied to {path}: {source}")]
    Copy {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// What was copied is damaged, as it is in the original.
    #[error("the database is damaged, and was not backed up: {0}. Recover what can be read (see README)")]
    Damaged(String),
}
