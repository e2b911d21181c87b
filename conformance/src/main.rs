//! The `conformance` program.

use std::process::ExitCode;

use clap::Parser as _;
use m2m_conformance::cli::{Cli, exit};
use m2m_conformance::{command, console};

#[tokio::main]
async fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            error.print().ok();
            return ExitCode::from(if error.use_stderr() {
                exit::USAGE
            } else {
                exit::PASSED
            });
        }
    };
    let code = command::execute(cli).await;
    ExitCode::from(code.unwrap_or_else(|complaint| {
        console::complain(&complaint.text);
        complaint.code
    }))
}
