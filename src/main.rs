//! Reads the configuration, opens the engine, runs the server; or does the one thing that was asked for.

use std::process::ExitCode;

use clap::Parser;
use live_chat::server::{self, Command, Config};

fn main() -> ExitCode {
    let config = Config::parse();
    config.start_log();
    let done = match &config.command {
        Some(Command::Backup { file }) => server::back_up(&config, file),
        Some(Command::Copy { from, to }) => server::copy(&config, from, to),
        None if config.check => server::check(&config),
        None => server::run(config),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
