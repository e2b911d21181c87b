//! How the program says that it fails: for people, or in the shape of its logs in JSON.

use crate::config::{LogFormat, Logging};
use serde_json::{Value, json};
use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{IsTerminal, Write};
use std::panic::PanicHookInfo;
use std::process::ExitCode;
use tokio::task::JoinError;
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
    /// Whether it was a panic, which [`panics_in_json`] has said already.
    is_panic: bool,
}

impl Failure {
    pub(super) fn not_started(why: impl ToString) -> Self {
        Self {
            why: why.to_string().trim_end().to_owned(),
            code: NOT_STARTED,
            is_panic: false,
        }
    }

    pub(super) fn running(why: impl ToString) -> Self {
        Self {
            why: why.to_string().trim_end().to_owned(),
            code: FAILED,
            is_panic: false,
        }
    }

    /// The task that is the program has not come to its end.
    pub(super) fn of_task(why: &JoinError) -> Self {
        Self {
            is_panic: why.is_panic(),
            ..Self::running(why)
        }
    }

    /// Says it on standard error, whatever is logged.
    pub(super) fn said(&self, format: LogFormat) -> ExitCode {
        let line = match format {
            LogFormat::Text => Some(format!("error: {}", self.why)),
            LogFormat::Json if self.is_panic => None,
            LogFormat::Json => {
                let fields = json!({"message": self.why, "exit_code": self.code});
                Some(line_of(&fields))
            }
        };
        if let Some(line) = line {
            let _ = writeln!(std::io::stderr(), "{line}");
        }
        ExitCode::from(self.code)
    }
}

/// A line like those of the logs in JSON.
fn line_of(fields: &Value) -> String {
    let mut now = String::new();
    // A clock that cannot be read leaves its place empty.
    let _ = SystemTime.format_time(&mut Writer::new(&mut now));
    json!({
        "timestamp": now,
        "level": "ERROR",
        "fields": fields,
        "target": env!("CARGO_PKG_NAME").replace('-', "_"),
    })
    .to_string()
}

/// From now on a panic of any thread is one line of JSON on standard error, with the place in the source, and with a
/// backtrace where `RUST_BACKTRACE` asks for one.
pub fn panics_in_json() {
    std::panic::set_hook(Box::new(|panic| {
        let _ = writeln!(std::io::stderr(), "{}", line_of(&fields_of(panic)));
    }));
}

fn fields_of(panic: &PanicHookInfo<'_>) -> Value {
    let why = panic
        .payload_as_str()
        .unwrap_or("of another kind than text");
    let mut fields =
        json!({"message": format!("a panic, which is a defect of this program: {why}")});
    if let Some(place) = panic.location() {
        fields["location"] = place.to_string().into();
    }
    let thread = std::thread::current();
    fields["thread"] = thread.name().into();
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        fields["backtrace"] = backtrace.to_string().into();
    }
    fields
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
        LogFormat::Json => {
            logs.json().init();
            panics_in_json();
        }
    }
    Ok(())
}
