//! What is logged, and how.

use super::{File, Flags};
use clap::ValueEnum;
use serde::Deserialize;

/// The format of logs.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

/// What is logged, and how.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Logging {
    /// A level, or levels by module.
    pub filter: String,
    /// The format.
    pub format: LogFormat,
}

impl Logging {
    /// What the flags say of it, else the file.
    #[must_use]
    pub fn of(flags: &Flags, file: &File) -> Self {
        let filter = flags.log.as_ref().or(file.log.as_ref());
        let format = flags.log_format.or(file.log_format);
        Self {
            filter: filter.map_or_else(|| "info".to_owned(), Clone::clone),
            format: format.unwrap_or_default(),
        }
    }
}
