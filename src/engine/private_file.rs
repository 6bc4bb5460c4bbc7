//! Files and folders that only the account of the program may read. Everything that the program keeps is made here: messages, secrets
//! and hashes are in it, whatever the umask says.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// Read and written by its owner (0600).
const FILE_MODE: u32 = 0o600;
/// Entered by its owner (0700).
const FOLDER_MODE: u32 = 0o700;

/// Creates a file that must not exist.
///
/// # Errors
/// `AlreadyExists`, and the file system's.
pub(crate) fn create_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path)
}

/// Opens a file for writing, and creates it if it does not exist. Keeps its content.
///
/// # Errors
/// The file system's.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(FILE_MODE).open(path)
}

/// Replaces a file's content, or creates the file. A crash leaves the old content or the new one, never half of it.
///
/// # Errors
/// The file system's.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("unfinished");
    // The leftover of an interrupted run may belong to somebody else, or be readable by others.
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = create_new(&unfinished)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    sync_folder_of(path)
}

/// Creates a folder and those above it, unless they exist.
///
/// # Errors
/// The file system's.
pub(crate) fn create_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(path)
}

/// Makes the name of a new file durable.
///
/// # Errors
/// The file system's.
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).map_or_else(|| PathBuf::from("."), Path::to_owned);
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("a file").permissions().mode() & 0o777
    }

    #[test]
    fn files_and_folders_are_for_their_owner_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let below = folder.path().join("a/b");
        create_folder(&below).expect("created");
        create_folder(&below).expect("it exists");
        assert_eq!((mode(&below), mode(&folder.path().join("a"))), (0o700, 0o700));
        let [new, opened, replaced] = ["new", "opened", "replaced"].map(|name| below.join(name));
        create_new(&new).expect("created");
        assert_eq!(create_new(&new).expect_err("it exists").kind(), io::ErrorKind::AlreadyExists);
        open(&opened).expect("created").write_all(b"kept").expect("written");
        open(&opened).expect("it exists");
        assert_eq!(fs::read(&opened).expect("readable"), b"kept");
        replace(&replaced, b"one").expect("created");
        replace(&replaced, b"two").expect("replaced");
        assert_eq!(fs::read(&replaced).expect("readable"), b"two");
        assert_eq!([&new, &opened, &replaced].map(|path| mode(path)), [0o600; 3]);
    }

    #[test]
    fn a_leftover_that_others_can_read_is_not_written_to() {
        let folder = tempfile::tempdir().expect("a folder");
        let leftover = folder.path().join("secret.unfinished");
        fs::write(&leftover, "planted").expect("written");
        fs::set_permissions(&leftover, fs::Permissions::from_mode(0o666)).expect("set");
        let path = folder.path().join("secret");
        replace(&path, b"new").expect("replaced");
        assert_eq!((mode(&path), fs::read(&path).expect("readable")), (0o600, b"new".to_vec()));
        assert!(!leftover.exists());
    }
}
