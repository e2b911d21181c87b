//! What an operator can do with a store while no CSE uses it. The store stays as it is.

use super::{Store, StoreError, codec};
use clap::Subcommand;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

const GUIDE: &str = "\
Stop the CSE first: a store is used by one program at a time. Nothing is changed in it.

  cse store verify ./cse-store && cp -a ./cse-store BACKUP
  cse store export ./cse-store | grep Cae1

Exit codes:
  0  done; with verify: all is intact
  1  not done, or not intact; standard error says why";

/// What to do with a store.
#[derive(Clone, Debug, Subcommand)]
#[command(after_help = GUIDE)]
pub enum Tool {
    /// Count the records by kind
    Inspect {
        /// Folder of the store
        folder: PathBuf,
    },
    /// Compare every page with its checksum, read every record, and say whether all are intact
    Verify {
        /// Folder of the store
        folder: PathBuf,
    },
    /// Write every record as a line of JSON; keys of sessions are among them
    Export {
        /// Folder of the store
        folder: PathBuf,
    },
}

/// Why a tool did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing is in the store, not even a CSEBase.
    #[error(
        "the store in {0} is intact and empty: no CSE has come to run on it, or all is lost; if there was something, restore it from a backup"
    )]
    Empty(PathBuf),
    /// What was found cannot be written.
    #[error("cannot write: {0}")]
    Output(#[from] std::io::Error),
}

impl Tool {
    /// Does it, and writes what it found.
    pub fn run(&self, out: &mut impl Write) -> Result<(), ToolError> {
        let (Self::Inspect { folder } | Self::Verify { folder } | Self::Export { folder }) = self;
        let records = Store::look(folder)?.load()?;
        match self {
            Self::Inspect { .. } => {
                let mut kinds = BTreeMap::new();
                for record in &records {
                    let key = codec::key_text(&record.key());
                    let kind = key.split('"').nth(1).unwrap_or_default().to_owned();
                    *kinds.entry(kind).or_insert(0_u64) += 1;
                }
                writeln!(out, "format {}", codec::FORMAT)?;
                for (kind, count) in kinds {
                    writeln!(out, "{kind} {count}")?;
                }
            }
            Self::Verify { .. } if records.is_empty() => {
                return Err(ToolError::Empty(folder.clone()));
            }
            Self::Verify { .. } => writeln!(out, "{} records, all intact", records.len())?,
            Self::Export { .. } => {
                for record in &records {
                    writeln!(out, "{}", codec::text(record))?;
                }
            }
        }
        Ok(())
    }
}
