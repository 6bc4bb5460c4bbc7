//! Looks for damage to the database file: at the start, beside the work, or when the operator asks.

use std::{fs, path::Path, thread::JoinHandle};

use rusqlite::{Connection, ErrorCode, InterruptHandle, OpenFlags};

use super::{OpenError, health::Health, readable, reader};
use crate::engine::Fault;

/// Up to this size the whole structure is checked before the start, which takes up to a second. Of a larger database all but the
/// indexes is checked beside the work: what is stored meanwhile may go into a damaged file, and a damaged index may miss that a
/// message is a repeat. `--check` finds that too.
const AT_START_BYTES: u64 = 64 << 20;

/// What a check says at most: one page in the wrong place makes hundreds of complaints.
const COMPLAINTS: usize = 5;

/// A check that runs beside the work.
pub(super) struct Background {
    interrupt: InterruptHandle,
    thread: JoinHandle<()>,
}

/// Refuses a database whose structure is damaged, unless it is too large to be checked now.
pub(super) fn at_start(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    if is_large(path) {
        return Ok(());
    }
    let failed = |source| OpenError::Database { path: path.to_owned(), source };
    match &structure(connection, "integrity_check").map_err(failed)?[..] {
        [] => Ok(()),
        complaints => Err(OpenError::Damaged { path: path.to_owned(), found: complaints.join("; ") }),
    }
}

/// Begins the check of a database that was too large for the start. If it finds damage, nothing more is written.
pub(super) fn in_background(path: &Path, health: &Health) -> Result<Option<Background>, OpenError> {
    if !is_large(path) {
        return Ok(None);
    }
    let connection = read_only(path).map_err(|source| OpenError::Database { path: path.to_owned(), source })?;
    let (interrupt, health) = (connection.get_interrupt_handle(), health.clone());
    let check = move || match structure(&connection, "quick_check") {
        Ok(complaints) if complaints.is_empty() => tracing::info!("the database was checked and is well"),
        Ok(complaints) => {
            let fault = Fault::Damaged(complaints.join("; ").into());
            tracing::error!("{fault}");
            health.fail(fault);
        }
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {}
        Err(error) => tracing::warn!(%error, "the database could not be checked"),
    };
    let thread = std::thread::Builder::new().name("log-check".into()).spawn(check);
    let thread = thread.map_err(|source| OpenError::Folder { path: path.to_owned(), source })?;
    Ok(Some(Background { interrupt, thread }))
}

impl Background {
    /// Ends it, finished or not.
    pub(super) fn stop(self) {
        self.interrupt.interrupt();
        // It only reads: there is nothing to be lost, and a panic has been reported.
        let _ = self.thread.join();
    }
}

/// All that can be checked: the structure, the indexes, and every event. Empty if all is well.
pub(super) fn everything(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut complaints = structure(connection, "integrity_check")?;
    if complaints.is_empty() {
        complaints = reader::damaged_events(connection)?;
        complaints.extend(readable::unlisted(connection, COMPLAINTS)?);
    }
    complaints.truncate(COMPLAINTS);
    Ok(complaints)
}

/// A connection that changes nothing.
pub(super) fn read_only(path: &Path) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
}

/// What <https://www.sqlite.org/pragma.html#pragma_quick_check> or `integrity_check` complains of.
fn structure(connection: &Connection, check: &str) -> rusqlite::Result<Vec<String>> {
    let mut complaints = Vec::new();
    connection.pragma(None, check, COMPLAINTS as i64, |row| {
        complaints.push(row.get::<_, String>(0)?.replace('\n', " "));
        Ok(())
    })?;
    complaints.retain(|complaint| complaint != "ok");
    Ok(complaints)
}

fn is_large(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.len() > AT_START_BYTES)
}
