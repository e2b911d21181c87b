//! Derives the verdicts of a stored run again, from its frames alone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::case::Case;
use crate::cases;
use crate::outcome::{self, Outcome};
use crate::peer::replay::Replay;
use crate::peer::{Peer, World};
use crate::record::{self, Damaged, Event, Header};
use crate::report;
use crate::run;

/// Why a stored run cannot be judged.
#[derive(Debug, thiserror::Error)]
pub enum JudgeError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file was changed or is of another kind.
    #[error("{}: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: Damaged,
    },
    /// Recorded by another version.
    #[error("the run was recorded with {recorded}, this is {this}: judge it with that version")]
    OtherSuite {
        /// The suite of the run.
        recorded: String,
        /// This suite.
        this: String,
    },
    /// A case nobody knows any more.
    #[error("the run holds the case {0}, which this suite does not have")]
    UnknownCase(String),
}

/// A run judged again.
#[derive(Debug)]
pub struct Judged {
    /// Outcomes.
    pub outcomes: Vec<Outcome>,
    /// Whether the verdicts equal the stored ones, byte for byte.
    pub same: bool,
}

/// Judges the run in this folder again.
///
/// # Errors
/// If the run cannot be read, was changed, or is of another suite.
pub async fn judge(folder: &Path) -> Result<Judged, JudgeError> {
    let (header, events) = load(folder)?;
    let verdicts = folder.join("verdicts.json");
    let stored = std::fs::read_to_string(&verdicts).map_err(|source| JudgeError::Read {
        path: verdicts,
        source,
    })?;
    let outcomes = replay(&header, &events).await?;
    let same = report::verdicts(&outcomes) == stored;
    Ok(Judged { outcomes, same })
}

/// Reads the frames of the run in this folder.
///
/// # Errors
/// If they cannot be read, were changed, or are of another suite.
pub fn load(folder: &Path) -> Result<(Header, Vec<Event>), JudgeError> {
    let path = folder.join("frames.ndjson");
    let text = std::fs::read_to_string(&path).map_err(|source| JudgeError::Read {
        path: path.clone(),
        source,
    })?;
    let (header, events) = record::read(&text).map_err(|why| JudgeError::Damaged { path, why })?;
    let this = (run::suite(), run::schemas_hash());
    if (&header.suite, &header.schemas) != (&this.0, &this.1) {
        let name = |suite: &str, schemas: &str| format!("{suite}, schemas {:.8}", schemas);
        return Err(JudgeError::OtherSuite {
            recorded: name(&header.suite, &header.schemas),
            this: name(&this.0, &this.1),
        });
    }
    Ok((header, events))
}

/// Plays the cases of a stored run against its events.
///
/// # Errors
/// If a case is unknown.
pub async fn replay(header: &Header, events: &[Event]) -> Result<Vec<Outcome>, JudgeError> {
    let mut by_case: BTreeMap<(&str, u32, u32), Vec<&Event>> = BTreeMap::new();
    for event in events {
        let place = (event.case.as_str(), event.round, event.attempt);
        by_case.entry(place).or_default().push(event);
    }
    let mut outcomes = Vec::new();
    for id in &header.cases {
        let case = cases::find(id).ok_or_else(|| JudgeError::UnknownCase(id.clone()))?;
        let mut rounds = Vec::new();
        for round in 0..header.repeat {
            let attempt = |number| by_case.get(&(id.as_str(), round, number));
            let Some(events) = attempt(0) else { continue };
            let first = replay_attempt(case, header, events).await;
            rounds.push(match attempt(1) {
                None => first,
                Some(events) => outcome::again(first, replay_attempt(case, header, events).await),
            });
        }
        if !rounds.is_empty() {
            outcomes.push(outcome::combine(rounds));
        }
    }
    outcomes.extend(outcome::schema_outcomes(&outcomes));
    Ok(outcomes)
}

async fn replay_attempt(case: &'static Case, header: &Header, events: &[&Event]) -> Outcome {
    let number = |event: &&&Event| event.text.strip_prefix(run::ATTEMPT)?.parse::<u64>().ok();
    let attempt = events.iter().find_map(|event| number(&event)).unwrap_or(0);
    let world = World::Replay(Replay::new(events.iter().copied()));
    let patience = Duration::from_millis(header.patience_ms);
    let targets = run::seen_by(case, &header.targets);
    let seed = header.seed.wrapping_add(attempt);
    run::play(case, Peer::new(case.id, world, targets, patience, seed)).await
}
