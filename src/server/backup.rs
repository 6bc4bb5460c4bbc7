use std::path::Path;

use super::{Config, RunError};
use crate::engine::Sqlite;

/// Copies the database into a new file as an operator asks for it (`backup`), and says that it is there.
///
/// # Errors
/// [`RunError::Backup`], and [`RunError::InNats`] for a log that is not in a file.
pub fn back_up(config: &Config, file: &Path) -> Result<(), RunError> {
    config.is_in_a_file()?;
    Sqlite::back_up(&config.data_dir, file)?;
    println!("backed up and checked: {}", file.display());
    Ok(())
}
