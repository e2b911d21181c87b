//! What a run leaves on disk: results, verdicts, frames, a page to read.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Value, json};

use crate::case::Verdict;
use crate::outcome::Outcome;
use crate::record;
use crate::report::results::Results;
use crate::run::Finished;
use crate::time::Stamp;

pub mod html;
pub mod junit;
pub mod ladder;
pub mod markup;
pub mod matrix;
pub mod results;

/// A report that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}; choose another place with --report or --json", path.display())]
pub struct ReportError {
    path: PathBuf,
    source: std::io::Error,
}

/// A folder for one run.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes a fresh folder below `base`, named by time and seed.
    ///
    /// # Errors
    /// If it cannot be made or written to.
    pub fn create(base: &Path, now: Stamp, seed: u64) -> Result<Self, ReportError> {
        let path = base.join(format!("{}-{seed:x}", Stamp(now.0 / 1000 * 1000)));
        let made = std::fs::create_dir_all(&path)
            .and_then(|()| std::fs::write(path.join("frames.ndjson"), ""));
        made.map_err(|source| ReportError {
            path: path.clone(),
            source,
        })?;
        Ok(Self { path })
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes all files of a finished run.
    ///
    /// # Errors
    /// If one cannot be written.
    pub fn write(
        &self,
        finished: &Finished,
        results: &Results,
        logs: &[(&'static str, String)],
    ) -> Result<(), ReportError> {
        let events = finished.outcomes.iter().flat_map(|outcome| &outcome.events);
        self.put("frames.ndjson", &record::write(&finished.header, events))?;
        self.put("verdicts.json", &verdicts(&finished.outcomes))?;
        self.put("results.json", &json_text(results))?;
        self.put("junit.xml", &junit::xml(results))?;
        self.put("report.html", &html::page(finished, results))?;
        for (name, text) in logs {
            self.put(name, text)?;
        }
        Ok(())
    }

    /// Removes the folder of a run that never began.
    pub fn discard(&self) {
        std::fs::remove_dir_all(&self.path).ok();
    }

    fn put(&self, name: &str, text: &str) -> Result<(), ReportError> {
        let path = self.path.join(name);
        std::fs::write(&path, text).map_err(|source| ReportError { path, source })
    }
}

/// Writes text to a file that is no part of a report folder.
///
/// # Errors
/// If it cannot be written.
pub fn write_file(path: &Path, text: &str) -> Result<(), ReportError> {
    std::fs::write(path, text).map_err(|source| ReportError {
        path: path.to_owned(),
        source,
    })
}

/// Results of an earlier run that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NoResults {
    /// No run at all.
    #[error("there is no earlier run below {}", .0.display())]
    None(PathBuf),
    /// Unreadable.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Of another form.
    #[error("{} holds no results of this suite: {why}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What the reader says.
        why: String,
    },
}

/// The results of a stored run, given by its folder or by the file itself.
///
/// # Errors
/// If they cannot be read.
pub fn read_results(place: &Path) -> Result<Results, NoResults> {
    let path = if place.is_dir() {
        place.join("results.json")
    } else {
        place.to_owned()
    };
    let text = std::fs::read_to_string(&path).map_err(|source| NoResults::Read {
        path: path.clone(),
        source,
    })?;
    serde_json::from_str(&text).map_err(|error| NoResults::Malformed {
        path,
        why: error.to_string(),
    })
}

/// The folder of the last run below `base`.
///
/// # Errors
/// If there is none.
pub fn last_run(base: &Path) -> Result<PathBuf, NoResults> {
    let folders = std::fs::read_dir(base).into_iter().flatten().flatten();
    let finished = folders.filter_map(|entry| {
        let results = entry.path().join("results.json");
        let written = results.metadata().and_then(|about| about.modified());
        written.ok().map(|written| (written, entry.path()))
    });
    let last = finished.max().map(|(_, path)| path);
    last.ok_or_else(|| NoResults::None(base.to_owned()))
}

/// Makes sure that the results can be written to this file, before anything is played.
///
/// # Errors
/// If they cannot.
pub fn writable(path: &Path) -> Result<(), ReportError> {
    let opened = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path);
    opened.map(drop).map_err(|source| ReportError {
        path: path.to_owned(),
        source,
    })
}

/// The part of the results that a judge derives again: no times, canonical order.
#[must_use]
pub fn verdicts(outcomes: &[Outcome]) -> String {
    let judged = outcomes
        .iter()
        .filter(|outcome| outcome.verdict != Verdict::NotApplicable);
    let cases: Vec<Value> = judged
        .map(|outcome| {
            json!({
                "id": outcome.id, "verdict": outcome.verdict, "failure": outcome.failure,
                "reason": outcome.reason
            })
        })
        .collect();
    pretty(&Value::from(cases))
}

/// As the files hold it.
#[must_use]
pub fn json_text(results: &Results) -> String {
    pretty(results)
}

fn pretty(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("results are plain JSON");
    text.push('\n');
    text
}
