//! Reads the configuration, opens the engine, runs the server.

use std::process::ExitCode;

use clap::Parser;
use live_chat::server::{self, Config};

fn main() -> ExitCode {
    let config = Config::parse();
    config.start_log();
    let done = if config.check { server::check(&config) } else { server::run(config) };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
