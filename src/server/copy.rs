use std::time::Instant;

use super::{
    Config, RunError,
    config::{EngineChoice, EngineChoice::Sqlite},
};
use crate::engine::{Census, JetStream};

/// The files in the data folder that all nodes of a cluster share.
pub(super) const SECRETS: [&str; 4] = ["token-secret", "admin-key", "admin-password", "review-secret"];

/// Copies a log from one engine into another as an operator asks for it (`copy`), and says what was copied.
///
/// # Errors
/// [`RunError::Copy`], and [`RunError::SameEngine`] for what another command is for.
pub fn copy(config: &Config, from: &EngineChoice, to: &EngineChoice) -> Result<(), RunError> {
    let began = Instant::now();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let folder = &config.data_dir;
    let copied = match (from, to) {
        (Sqlite, EngineChoice::Nats(servers)) => {
            runtime.block_on(JetStream::copy_from(folder, &config.nats_at(servers), &SECRETS))
        }
        (EngineChoice::Nats(servers), Sqlite) => runtime.block_on(JetStream::copy_to(folder, &config.nats_at(servers), &SECRETS)),
        (Sqlite, Sqlite) | (EngineChoice::Nats(_), EngineChoice::Nats(_)) => return Err(RunError::SameEngine),
    };
    for Census { table, rows, checksum } in copied? {
        println!("{rows:>10} {table:<17} sha256 {}", &checksum[..16]);
    }
    println!("copied and compared in {:.1} s", began.elapsed().as_secs_f64());
    Ok(())
}
