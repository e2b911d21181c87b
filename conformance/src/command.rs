//! The subcommands: each does its work with the rest of the crate and says its exit code.

use std::path::Path;

use crate::cases;
use crate::cli::{Cli, Command, IcsCommand, Selected, exit};
use crate::console;
use crate::judge;
use crate::record::Event;
use crate::report;
use crate::schema;
use crate::selection::{self, Selection};

mod compare;
mod ics;
mod mutants;
mod play;
mod snapshot;
mod system;

/// Why the program gives up, and with which exit code.
#[derive(Debug)]
pub struct Complaint {
    /// One sentence.
    pub text: String,
    /// The exit code.
    pub code: u8,
}

impl Complaint {
    fn new(code: u8, text: impl ToString) -> Self {
        Self {
            text: text.to_string(),
            code,
        }
    }

    fn usage(text: impl ToString) -> Self {
        Self::new(exit::USAGE, text)
    }

    fn own(text: impl ToString) -> Self {
        Self::new(exit::OWN_ERROR, text)
    }
}

/// Does what the command line says; the exit code.
///
/// # Errors
/// If it cannot be done.
pub async fn execute(cli: Cli) -> Result<u8, Complaint> {
    match cli.command {
        None => play::play(&Selected::default(), &cli.options).await,
        Some(Command::Run { selected, options }) => play::play(&selected, &options).await,
        Some(Command::List {
            selected,
            json,
            report,
        }) => {
            let cases = select(&selected, &report)?;
            if json {
                console::list_json(&cases);
            } else {
                console::list(&cases);
            }
            Ok(exit::PASSED)
        }
        Some(Command::Explain { case, run, report }) => explain(&case, run.as_deref(), &report),
        Some(Command::Ics { what }) => match what {
            IcsCommand::Probe { system } => ics::probe(&system).await,
            IcsCommand::Check { system } => ics::check(&system).await,
        },
        Some(Command::Judge { run }) => judge_again(&run).await,
        Some(Command::Matrix {
            runs,
            html,
            markdown,
        }) => compare::matrix(&runs, html.as_deref(), markdown.as_deref()),
        Some(Command::Baseline {
            run,
            write,
            against,
        }) => compare::baseline(&run, write.as_deref(), against.as_deref()),
        Some(Command::Snapshot {
            selected,
            system,
            folder,
        }) => snapshot::snapshot(&selected, &system, &folder).await,
        Some(Command::Schemas { write, folder }) => schemas(write, &folder),
        Some(Command::Mutants(options)) => mutants::mutants(&options).await,
    }
}

/// The cases selected; `reports` holds the last run, for `--failed`.
fn select(
    selected: &Selected,
    reports: &Path,
) -> Result<Vec<&'static crate::case::Case>, Complaint> {
    let nothing = |error: &dyn std::fmt::Display| Complaint::new(exit::NOTHING, error);
    let failed_in = if selected.failed {
        let last = report::last_run(reports).and_then(|last| report::read_results(&last));
        Some(last.map_err(|error| nothing(&error))?)
    } else {
        None
    };
    let selection = Selection {
        patterns: selected.cases.clone(),
        groups: selected.group.clone(),
        tags: selected.tag.clone(),
        failed_in,
    };
    selection.cases().map_err(|error| nothing(&error))
}

fn explain(id: &str, run: Option<&Path>, reports: &Path) -> Result<u8, Complaint> {
    let case = cases::find(&id.to_uppercase()).or_else(|| cases::find(id));
    let case = case.ok_or_else(|| {
        let text = format!("there is no case {id}; `conformance list` shows all");
        Complaint::new(exit::NOTHING, text)
    })?;
    console::explain(case, &selection::tags(case));
    let place = match run {
        Some(run) => Some(run.to_owned()),
        None => report::last_run(reports).ok(),
    };
    match place.map(|place| (judge::load(&place), place)) {
        Some((Ok((_, events)), place)) => {
            let first = |event: &&Event| event.case == case.id && event.round == 0;
            let events: Vec<_> = events.iter().filter(first).collect();
            console::messages(&events, &place);
        }
        Some((Err(error), _)) if run.is_some() => return Err(Complaint::own(error)),
        Some((Err(_), _)) | None => console::no_messages(),
    }
    Ok(exit::PASSED)
}

async fn judge_again(folder: &Path) -> Result<u8, Complaint> {
    let judged = judge::judge(folder).await.map_err(Complaint::own)?;
    console::judged(&judged.outcomes, judged.same);
    if !judged.same {
        return Ok(exit::FAILED);
    }
    Ok(play::code(&judged.outcomes, false))
}

fn schemas(write: bool, folder: &Path) -> Result<u8, Complaint> {
    if write {
        let count = schema::write(folder).map_err(Complaint::own)?;
        let folder = folder.display();
        console::out(&format!("{count} schema files written to {folder}"));
        return Ok(exit::PASSED);
    }
    let stale = schema::stale();
    if stale.is_empty() {
        console::out("The schema files say what the types say.");
        return Ok(exit::PASSED);
    }
    let stale = stale.join(", ");
    let text = format!("{stale} differ from the types; `conformance schemas --write` writes them");
    Err(Complaint::new(exit::FAILED, text))
}
