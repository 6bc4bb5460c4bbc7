use std::{fs, io, path::Path};

use crate::engine::private_file;

/// The secret in `path`; made there of random bytes as `text` writes them, for the owner's eyes alone (mode 0600), if the file is not
/// there.
///
/// # Errors
/// The file's, and `InvalidData` if it holds nothing.
pub(crate) fn load_or_make(path: &Path, text: fn(&[u8; 32]) -> String) -> io::Result<String> {
    match fs::read_to_string(path) {
        Ok(text) if text.trim().len() >= 32 => Ok(text.trim().to_owned()),
        Ok(_) => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "it must hold at least 32 characters; delete it to have a new one made",
        )),
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(path, text),
        Err(error) => Err(error),
    }
}

/// The digits of a secret that nobody but us has to read.
pub(crate) fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn make(path: &Path, text: fn(&[u8; 32]) -> String) -> io::Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    let secret = text(&bytes);
    write(path, &secret)?;
    Ok(secret)
}

/// Writes a secret. An interrupted start leaves no half of it.
pub(super) fn write(path: &Path, text: &str) -> io::Result<()> {
    private_file::replace(path, text.as_bytes())
}
