//! The CSE as a program; everything is in the library.

use clap::{Parser, Subcommand};
use m2m_cse::config::Flags;
use m2m_cse::program;
use m2m_cse::store::tool::Tool;
use mimalloc::MiMalloc;
use std::process::ExitCode;

/// A request makes and frees dozens of small pieces, many of them on different threads.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// A reference CSE of oneM2M that speaks WebSocket and manages sessions.
#[derive(Debug, Parser)]
#[command(name = "cse", version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    flags: Flags,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Look into a store that no CSE uses
    #[command(subcommand)]
    Store(Tool),
}

fn main() -> ExitCode {
    let arguments = std::env::args_os().map(|text| text.to_string_lossy().into_owned());
    let arguments: Vec<String> = arguments.collect();
    let Arguments { command, flags } = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(why) => return program::misunderstood(&why, &arguments),
    };
    match command {
        Some(Command::Store(tool)) => program::store(&tool),
        None => program::cse(&flags),
    }
}
