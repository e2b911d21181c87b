//! How the program says that it fails: for people, or in the shape of its logs in JSON.

use crate::config::{LogFormat, Logging};
use serde_json::json;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

/// The program was stopped by a failure.
const FAILED: u8 = 1;
/// The program could not start as it was asked to.
const NOT_STARTED: u8 = 2;

/// Why the program ends, and with which exit code.
#[derive(Debug)]
pub(super) struct Failure {
    why: String,
    code: u8,
}

impl Failure {
    pub(super) fn not_started(why: impl ToString) -> Self {
        Self {
            why: why.to_string().trim_end().to_owned(),
            code: NOT_STARTED,
        }
    }

    pub(super) fn running(why: impl ToString) -> Self {
        Self {
            why: why.to_string().trim_end().to_owned(),
            code: FAILED,
        }
    }

    /// Says it on standard error, whatever is logged.
    pub(super) fn said(&self, format: LogFormat) -> ExitCode {
        let line = match format {
            LogFormat::Text => format!("error: {}", self.why),
            LogFormat::Json => self.json(),
        };
        let _ = writeln!(std::io::stderr(), "{line}");
        ExitCode::from(self.code)
    }

    fn json(&self) -> String {
        let mut now = String::new();
        // A clock that cannot be read leaves its place empty.
        let _ = SystemTime.format_time(&mut Writer::new(&mut now));
        json!({
            "timestamp": now,
            "level": "ERROR",
            "fields": {"message": self.why, "exit_code": self.code},
            "target": env!("CARGO_PKG_NAME").replace('-', "_"),
        })
        .to_string()
    }
}

/// The format of logs that a command line asks for that is not understood as a whole.
pub(super) fn format_asked_for(arguments: &[String]) -> LogFormat {
    let separate = arguments
        .windows(2)
        .any(|pair| pair[0] == "--log-format" && pair[1] == "json");
    if separate || arguments.iter().any(|one| one == "--log-format=json") {
        LogFormat::Json
    } else {
        LogFormat::Text
    }
}

pub(super) fn start_logging(logging: &Logging) -> Result<(), String> {
    let asked = &logging.filter;
    let filter = EnvFilter::try_new(asked).map_err(|why| {
        format!(
            "--log {asked} is not understood: {why}; write a level, for example debug, with --log, \
             in CSE_LOG or as log in the file"
        )
    })?;
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match logging.format {
        LogFormat::Text => logs.init(),
        LogFormat::Json => logs.json().init(),
    }
    Ok(())
}
