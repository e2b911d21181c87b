//! The CSE as a program; everything is in the library.

use clap::Parser;
use m2m_cse::config::Flags;
use m2m_cse::program;
use std::process::ExitCode;

fn main() -> ExitCode {
    program::cse(&Flags::parse())
}
