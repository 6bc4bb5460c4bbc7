use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use rusqlite::{
    Connection,
    backup::{Backup, StepResult},
    ffi,
};

use super::{BackupError, check};
use crate::engine::private_file;

/// Copies what `from` shows at this moment into the new file `to`: checked, and durable.
///
/// It is written under another name beside it, so that half a copy is never taken for a whole one; the name itself is held by an
/// empty file meanwhile, so that no other file of that name is overwritten.
pub(super) fn copy(from: &Connection, to: &Path) -> Result<(), BackupError> {
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let files = [New::create(to.with_file_name(name))?, New::create(to.to_owned())?];
    let [part, whole] = &files;
    write(from, &part.0)?;
    let failed = |source| BackupError::File { path: to.to_owned(), source };
    File::open(&part.0).and_then(|file| file.sync_all()).map_err(failed)?;
    fs::rename(&part.0, &whole.0).map_err(failed)?;
    files.into_iter().for_each(New::keep);
    private_file::sync_folder_of(to).map_err(failed)
}

/// All pages in one step: the source is read as it was at its beginning, and its writer goes on meanwhile. By several steps it
/// would begin again at each commit of another process, and never end beside a busy one.
fn write(from: &Connection, to: &Path) -> Result<(), BackupError> {
    let failed = |source| BackupError::Copy { path: to.to_owned(), source };
    let mut copy = Connection::open(to).map_err(failed)?;
    let step = Backup::new(from, &mut copy).and_then(|backup| backup.step(-1)).map_err(failed)?;
    if step != StepResult::Done {
        return Err(failed(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_BUSY), None)));
    }
    match &check::everything(&copy).map_err(failed)?[..] {
        [] => copy.close().map_err(|(_, source)| failed(source)),
        complaints => Err(BackupError::Damaged(complaints.join("; "))),
    }
}

/// A file that was made here; removed when it is dropped.
struct New(PathBuf);

impl New {
    fn create(path: PathBuf) -> Result<Self, BackupError> {
        match private_file::create_new(&path) {
            Ok(_) => Ok(Self(path)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(BackupError::Exists(path)),
            Err(source) => Err(BackupError::File { path, source }),
        }
    }

    fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for New {
    fn drop(&mut self) {
        // There is nobody to be told, and why it is dropped is told already.
        let _ = fs::remove_file(&self.0);
    }
}
