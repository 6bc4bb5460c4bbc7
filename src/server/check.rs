use super::{Config, RunError};
use crate::engine::Sqlite;

/// Checks the database as an operator asks for it (`--check`), and prints `ok`.
///
/// # Errors
/// [`RunError::Open`] for a database that the server would refuse, [`RunError::Damaged`] for one that it might take, and
/// [`RunError::InNats`] for a log that is not in a file.
pub fn check(config: &Config) -> Result<(), RunError> {
    config.is_in_a_file()?;
    let complaints = Sqlite::check(&config.data_dir)?;
    if !complaints.is_empty() {
        return Err(RunError::Damaged(complaints.join("; ")));
    }
    println!("ok");
    Ok(())
}
