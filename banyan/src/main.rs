//! The command line's entry.

use std::process::ExitCode;

use clap::Parser;

/// Replies are made of many small pieces, on many threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    banyan::keep::private();
    banyan::commands::run(banyan::commands::Cli::parse())
}
