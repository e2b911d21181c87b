//! The command line.

use crate::report::{self, Progress};
use crate::scenarios::{self, Scenario};
use crate::search::{self, How, Outcome};
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Searches every interleaving of oneM2M service sessions for counterexamples.
#[derive(Debug, Parser)]
#[command(name = "model", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lists the scenarios and what they look at.
    List,
    /// Checks some scenarios, the shortest counterexample first.
    Check {
        /// Their names.
        #[arg(required = true)]
        names: Vec<String>,
    },
}

/// Something that must hold does not, or a search is unfinished.
const BROKEN: u8 = 1;
/// The command line asks for something that there is not.
const USAGE: u8 = 2;

/// Runs the program.
#[must_use]
pub fn run() -> ExitCode {
    match Arguments::parse().command {
        None => check(scenarios::ALL.iter().filter(|s| s.by_default), How::Everything),
        Some(Command::List) => list(),
        Some(Command::Check { names }) => match named(&names) {
            Ok(found) => check(found.into_iter(), How::Shortest),
            Err(code) => code,
        },
    }
}

fn list() -> ExitCode {
    for scenario in scenarios::ALL {
        let default = if scenario.by_default { "" } else { " (not by default)" };
        report::line(&format!("{}{default}", scenario.name));
        report::line(&format!("    {}", scenario.about));
        report::line(&format!("    {}", scenario.topology.about));
        report::line(&format!("    {}", scenario.properties.join(" ")));
    }
    ExitCode::SUCCESS
}

fn named(names: &[String]) -> Result<Vec<&'static Scenario>, ExitCode> {
    names
        .iter()
        .map(|name| {
            scenarios::by_name(name).ok_or_else(|| {
                report::line(&format!("there is no scenario {name}; `list` shows them"));
                ExitCode::from(USAGE)
            })
        })
        .collect()
}

fn check(scenarios: impl Iterator<Item = &'static Scenario>, how: How) -> ExitCode {
    let mut outcomes: Vec<Outcome> = Vec::new();
    report::head();
    for scenario in scenarios {
        let mut progress = Progress::of(scenario.name);
        let outcome = search::scenario(scenario, how, &mut |unique, states, depth, took| {
            progress.show(unique, states, depth, took);
        });
        progress.end();
        report::row(&outcome);
        report::failures(&outcome);
        outcomes.push(outcome);
    }
    let unique: usize = outcomes.iter().map(|o| o.unique).sum();
    let transitions: usize = outcomes.iter().map(|o| o.transitions).sum();
    report::line(&format!(
        "{} scenarios, {unique} unique states, {transitions} transitions",
        outcomes.len()
    ));
    if outcomes.iter().all(report::is_good) {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(BROKEN)
    }
}
