//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::case::Group;
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
  0   every case passed or does not apply, or the run is as its baseline says
  1   a case failed or is disputed, or the run is not as its baseline says
  2   nothing failed, but a case is inconclusive, or the run was interrupted
  3   the system under test cannot be reached or started, or was lost on the way
  4   nothing selected, or nothing of it applies
  64  wrong command line, malformed profile or baseline
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
        /// Which cases.
        #[command(flatten)]
        selected: Selected,
        /// How to run.
        #[command(flatten)]
        options: Box<RunOptions>,
    },
    /// List the cases
    List {
        /// Which cases.
        #[command(flatten)]
        selected: Selected,
        /// Print the whole records as JSON
        #[arg(long)]
        json: bool,
        /// Folder of reports, for --failed
        #[arg(long, value_name = "FOLDER", default_value = REPORTS)]
        report: PathBuf,
    },
    /// Say what a case shows, what it sends and what goes wrong as a rule
    Explain {
        /// Its identifier.
        case: String,
        /// Folder of a run whose messages are shown [default: the last run]
        #[arg(long, value_name = "FOLDER")]
        run: Option<PathBuf>,
        /// Folder of reports in which the last run is looked for
        #[arg(long, value_name = "FOLDER", default_value = REPORTS)]
        report: PathBuf,
    },
    /// Find out what a system supports, or compare it with what its profile says
    Ics {
        /// Which of the two.
        #[command(subcommand)]
        what: IcsCommand,
    },
    /// Derive the verdicts of a stored run again, from its frames alone
    Judge {
        /// Folder of the run.
        run: PathBuf,
    },
    /// Set several runs side by side, one column each
    Matrix {
        /// Folders of runs, or their results.json.
        #[arg(value_name = "RUN", required = true)]
        runs: Vec<PathBuf>,
        /// Also write the whole table as a page
        #[arg(long, value_name = "FILE")]
        html: Option<PathBuf>,
        /// Also write the whole table in Markdown
        #[arg(long, value_name = "FILE")]
        markdown: Option<PathBuf>,
    },
    /// Make a baseline of what did not pass in a run, or compare a run with one
    Baseline {
        /// Folder of the run, or its results.json.
        run: PathBuf,
        /// Write the baseline here instead of printing it; then say in it why each is accepted
        #[arg(long, value_name = "FILE", conflicts_with = "against")]
        write: Option<PathBuf>,
        /// Compare with this baseline: a failure beyond it or a stale entry gives exit code 1
        #[arg(long, value_name = "FILE")]
        against: Option<PathBuf>,
    },
    /// Write the normalised transcripts of a system, to review what changed between two of its
    /// versions with `cargo insta review --workspace-root FOLDER`
    Snapshot {
        /// Which cases.
        #[command(flatten)]
        selected: Selected,
        /// Which system.
        #[command(flatten)]
        system: Box<SystemOptions>,
        /// Where the transcripts lie
        #[arg(long, value_name = "FOLDER", default_value = "snapshots")]
        folder: PathBuf,
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
    /// Test the cases: play them against the reference made wrong on purpose, defect by defect
    #[command(after_help = MUTANTS)]
    Mutants(MutantOptions),
}

const MUTANTS: &str = "\
A defect is a server, or an AE, that is wrong on purpose; a harmless change must not matter. The
matrix of cases and defects, conformance/mutants/matrix.ndjson, says which case fails under which
defect. A case that no defect can fail proves nothing, and a defect that no case catches is missed.
A defect counts as the killer of a case only if at least 80 % of the cases still pass under it.

Without --full, --update or --again the matrix is replayed: each case with its named killer, each
defect, each case under a harmless change. An interrupted filling goes on where it ended.

Examples:
  conformance mutants                                  replay, as the gate does
  conformance mutants --list                           defects, with a sentence each
  conformance mutants --case 'HSK-*'                   replay a part
  conformance mutants --update                         play what is new or changed
  conformance mutants --again --defect se-end-twice    play one defect before every case again
  conformance mutants --full                           play everything, up to an hour

Exit codes:
  0   every case can fail, every defect is caught, no harmless change fails anything
  1   one of these does not hold, or the tables have changed since the matrix was written
  3   the reference cannot be built or started
  4   nothing selected
  64  wrong command line";

/// How to test the cases.
#[derive(Debug, Clone, Args)]
pub struct MutantOptions {
    /// Play every case under every defect and write the matrix
    #[arg(long, conflicts_with_all = ["update", "again"])]
    pub full: bool,
    /// Play what is new or changed since the matrix was written, and write it
    #[arg(long, conflicts_with_all = ["again", "case", "defect"])]
    pub update: bool,
    /// Play what --case and --defect select, whatever the matrix says of it, and write it
    #[arg(long, conflicts_with = "full")]
    pub again: bool,
    /// Only these cases; `*` stands for any letters; may be repeated
    #[arg(long, value_name = "CASE", conflicts_with = "full")]
    pub case: Vec<String>,
    /// Only these defects; `*` stands for any letters; may be repeated
    #[arg(long, value_name = "DEFECT", conflicts_with = "full")]
    pub defect: Vec<String>,
    /// List the defects, and play nothing
    #[arg(long, conflicts_with_all = ["full", "update", "again"])]
    pub list: bool,
    /// Print the outcome as JSON
    #[arg(long)]
    pub json: bool,
    /// The program of the reference CSE, instead of building it; the AE program lies beside it
    #[arg(long, value_name = "PATH")]
    pub reference_bin: Option<PathBuf>,
    /// Cells at a time
    #[arg(long, value_name = "NUMBER", default_value_t = 24, value_parser = at_least_one::<u8>)]
    pub jobs: u8,
    /// How long a case waits for a message, ms
    #[arg(long, value_name = "MS", default_value_t = 5000, value_parser = at_least_one::<u64>)]
    pub patience: u64,
}

/// Where reports lie if nothing is said.
const REPORTS: &str = "target/conformance";

/// What to find out about a system.
#[derive(Debug, Subcommand)]
pub enum IcsCommand {
    /// Play the plainest cases of every group and print the statement that follows
    Probe {
        /// Which system.
        #[command(flatten)]
        system: Box<SystemOptions>,
    },
    /// The same, and exit with 1 if the statement of the profile differs
    Check {
        /// Which system.
        #[command(flatten)]
        system: Box<SystemOptions>,
    },
}

/// Which cases; what is given of different kinds must all fit.
#[derive(Debug, Clone, Default, Args)]
pub struct Selected {
    /// Identifiers; `*` stands for any letters. None means all
    #[arg(value_name = "CASE")]
    pub cases: Vec<String>,
    /// Only this group; may be repeated
    #[arg(long, value_name = "NAME", value_parser = group)]
    pub group: Vec<Group>,
    /// Only with this tag: a configuration (A to G), a requirement (EST-04), its chapter (EST), or
    /// a word that `explain` shows; may be repeated
    #[arg(long, value_name = "WORD")]
    pub tag: Vec<String>,
    /// Only what did not pass in the last run, or was left out of it
    #[arg(long)]
    pub failed: bool,
}

/// How to run.
#[derive(Debug, Clone, Args)]
pub struct RunOptions {
    /// Which system.
    #[command(flatten)]
    pub system: SystemOptions,
    /// Also write the results here
    #[arg(long, value_name = "PATH")]
    pub json: Option<PathBuf>,
    /// Folder for reports
    #[arg(long, value_name = "FOLDER", default_value = REPORTS)]
    pub report: PathBuf,
    /// Expected failures with their reasons; the run passes if it is exactly as this file says
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Say which cases would be played, and contact nobody
    #[arg(long)]
    pub dry_run: bool,
    /// Play each case so often; one that does not always come to the same is said to be flaky
    #[arg(long, value_name = "NUMBER", default_value = "1", value_parser = at_least_one::<u32>)]
    pub repeat: u32,
    /// Play the cases in another order, which this number determines
    #[arg(long, value_name = "SEED")]
    pub shuffle: Option<u64>,
    /// Begin no further case once so many have failed
    #[arg(long, value_name = "NUMBER", value_parser = at_least_one::<usize>)]
    pub max_fail: Option<usize>,
}

/// Which system, and how to speak to it.
#[derive(Debug, Clone, Args)]
pub struct SystemOptions {
    /// A CSE to test instead of the reference: ws://HOST:PORT or wss://HOST:PORT, then CSE-ID and
    /// CSEBase name behind commas if they are not /cse1, cse1 and /cse2, cse2. Twice: CSE1, CSE2
    #[arg(long, value_name = "URL[,CSE-ID[,NAME]]", value_parser = address)]
    pub target: Vec<Address>,
    /// Certificates of the authorities that vouch for a wss:// target, a PEM file
    /// [default: those the operating system trusts]
    #[arg(long, value_name = "FILE", requires = "target")]
    pub authorities: Option<PathBuf>,
    /// The program of the reference CSE, instead of building it
    #[arg(long, value_name = "PATH", conflicts_with = "target")]
    pub reference_bin: Option<PathBuf>,
    /// A system the suite has a profile of: reference, acme, mobius, generic
    #[arg(long, value_name = "NAME", conflicts_with_all = ["target", "reference_bin"])]
    pub sut: Option<String>,
    /// The profile of another system
    #[arg(long, value_name = "FILE", conflicts_with_all = ["target", "reference_bin", "sut"])]
    pub profile: Option<PathBuf>,
    /// Where systems under test are installed
    #[arg(long, value_name = "FOLDER", default_value = "target/suts")]
    pub environments: PathBuf,
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

fn group(text: &str) -> Result<Group, String> {
    let found = Group::ALL.into_iter().find(|group| group.name() == text);
    found.ok_or_else(|| {
        let names = Group::ALL.map(Group::name).join(", ");
        format!("no such group; there are {names}")
    })
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
    let (scheme, authority) = url
        .split_once("://")
        .filter(|(scheme, _)| ["ws", "wss"].contains(scheme))
        .ok_or("an address begins with ws:// or wss://")?;
    let authority = authority.trim_end_matches('/');
    let wrong = |letter: char| letter == '/' || letter.is_whitespace();
    if authority.is_empty() || authority.contains(wrong) {
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
        url: format!("{scheme}://{authority}"),
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
    fn a_target_may_speak_tls() {
        let target = address("wss://cse.example").unwrap().target(0);

        assert_eq!(target.url, "wss://cse.example");
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
            "ws://h p",
            "ws://h,id",
            "ws://h,/a,b,c",
        ] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }
}
