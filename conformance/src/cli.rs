//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::record::Target;

/// Exit codes, one table.
pub mod exit {
    /// All cases passed, or do not apply.
    pub const PASSED: u8 = 0;
    /// At least one case failed.
    pub const FAILED: u8 = 1;
    /// The command line or a profile is wrong.
    pub const USAGE: u8 = 64;
    /// The system under test cannot be reached, or was lost.
    pub const UNREACHABLE: u8 = 3;
    /// Nothing was selected, or nothing of it applies.
    pub const NOTHING: u8 = 4;
    /// Nothing failed, but not everything could be decided.
    pub const INCONCLUSIVE: u8 = 2;
    /// The suite itself is at fault, or cannot write its report.
    pub const OWN_ERROR: u8 = 70;
}

const EXIT_CODES: &str = "Exit codes:
  0   every case passed or does not apply
  1   a case failed or is disputed
  2   nothing failed, but a case is inconclusive
  3   the system under test cannot be reached or started, or was lost on the way
  4   nothing selected, or nothing of it applies
  64  wrong command line or malformed profile
  70  an error of the suite itself, or the report cannot be written";

/// Black-box conformance suite for oneM2M CSEs over WebSocket. Without a subcommand: `run`.
#[derive(Debug, Parser)]
#[command(name = "conformance", version, after_help = EXIT_CODES)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How to run.
    #[command(flatten)]
    pub options: RunOptions,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Play cases against the reference, or against given CSEs
    #[command(after_help = EXIT_CODES)]
    Run {
        /// Identifiers; `*` stands for any letters. None means all.
        #[arg(value_name = "CASE")]
        cases: Vec<String>,
        /// How to run.
        #[command(flatten)]
        options: Box<RunOptions>,
    },
    /// List the cases
    List {
        /// Identifiers; `*` stands for any letters.
        #[arg(value_name = "CASE")]
        cases: Vec<String>,
    },
    /// Say what a case shows, step by step, and what goes wrong as a rule
    Explain {
        /// Its identifier.
        case: String,
    },
    /// Derive the verdicts of a stored run again, from its frames alone
    Judge {
        /// Folder of the run.
        run: PathBuf,
    },
    /// Compare the schema files with the types, or write them
    Schemas {
        /// Write them.
        #[arg(long)]
        write: bool,
        /// Where they lie.
        #[arg(long, value_name = "FOLDER", default_value = "schemas")]
        folder: PathBuf,
    },
}

/// How to run.
#[derive(Debug, Clone, Args)]
pub struct RunOptions {
    /// A CSE to test instead of the reference: ws://HOST:PORT, then CSE-ID and CSEBase name
    /// behind commas if they are not /cse1, cse1 and /cse2, cse2. Twice: CSE1, then CSE2
    #[arg(long, value_name = "URL[,CSE-ID[,NAME]]", value_parser = address)]
    pub target: Vec<Address>,
    /// The program of the reference CSE, instead of building it
    #[arg(long, value_name = "PATH", conflicts_with = "target")]
    pub reference_bin: Option<PathBuf>,
    /// Also write the results here
    #[arg(long, value_name = "PATH")]
    pub json: Option<PathBuf>,
    /// Folder for reports
    #[arg(long, value_name = "FOLDER", default_value = "target/conformance")]
    pub report: PathBuf,
    /// Seed of all randomness, to repeat a run
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
    /// Cases at a time [default: the profile's, else 4]
    #[arg(long, value_name = "NUMBER", value_parser = at_least_one::<u8>)]
    pub jobs: Option<u8>,
    /// How long a case waits for a message before it asks whether anybody is there, ms
    /// [default: the profile's, else 12000]
    #[arg(long, value_name = "MS", value_parser = at_least_one::<u64>)]
    pub patience: Option<u64>,
    /// A system the suite has a profile of: reference, acme, mobius, generic
    #[arg(long, value_name = "NAME", conflicts_with_all = ["target", "reference_bin"])]
    pub sut: Option<String>,
    /// The profile of another system
    #[arg(long, value_name = "FILE", conflicts_with_all = ["target", "reference_bin", "sut"])]
    pub profile: Option<PathBuf>,
    /// Where systems under test are installed
    #[arg(long, value_name = "FOLDER", default_value = "target/suts")]
    pub environments: PathBuf,
}

/// A target as given on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    url: String,
    id: Option<String>,
    name: Option<String>,
}

impl Address {
    /// The target in this place: 0 is CSE1, 1 is CSE2.
    #[must_use]
    pub fn target(&self, place: usize) -> Target {
        let usual = format!("cse{}", place + 1);
        let id = self.id.clone().unwrap_or_else(|| format!("/{usual}"));
        let name = self
            .name
            .clone()
            .unwrap_or_else(|| id.trim_start_matches('/').to_owned());
        Target::new(&self.url, &id, &name)
    }
}

fn at_least_one<T: std::str::FromStr + PartialEq + Default>(text: &str) -> Result<T, String> {
    let number = text
        .parse::<T>()
        .map_err(|_| "not a number in range".to_owned())?;
    if number == T::default() {
        Err("must be at least 1".to_owned())
    } else {
        Ok(number)
    }
}

fn address(text: &str) -> Result<Address, String> {
    let mut parts = text.split(',').map(str::to_owned);
    let url = parts.next().unwrap_or_default();
    let authority = url
        .strip_prefix("ws://")
        .ok_or("an address begins with ws://")?;
    let authority = authority.trim_end_matches('/');
    if authority.is_empty() || authority.contains('/') {
        return Err("an address is ws://HOST:PORT without a path".to_owned());
    }
    let id = parts.next();
    if id
        .as_ref()
        .is_some_and(|id| !id.starts_with('/') || id.len() < 2)
    {
        return Err("a CSE-ID begins with a slash, such as /cse1".to_owned());
    }
    let name = parts.next();
    if parts.next().is_some() {
        return Err("at most three parts: address, CSE-ID, name".to_owned());
    }
    Ok(Address {
        url: format!("ws://{authority}"),
        id,
        name,
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_target_needs_only_its_address() {
        let given = address("ws://127.0.0.1:8080/").unwrap();

        let target = given.target(1);

        assert_eq!(
            (target.id.as_str(), target.name.as_str()),
            ("/cse2", "cse2")
        );
        assert_eq!(target.url, "ws://127.0.0.1:8080");
    }

    #[test]
    fn a_target_may_name_itself() {
        let target = address("ws://h:1,/id-in,cse-in").unwrap().target(0);

        assert_eq!(
            (target.id.as_str(), target.name.as_str()),
            ("/id-in", "cse-in")
        );
    }

    #[test]
    fn other_addresses_are_refused() {
        for wrong in [
            "h:1",
            "http://h:1",
            "ws://",
            "ws://h/p",
            "ws://h,id",
            "ws://h,/a,b,c",
        ] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }
}
