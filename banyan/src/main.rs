//! The command line's entry.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    banyan::commands::run(banyan::commands::Cli::parse())
}
