//! What a run leaves on disk: results, verdicts, frames, a page to read.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::case::Verdict;
use crate::outcome::Outcome;
use crate::record;
use crate::run::Finished;
use crate::time::Stamp;

pub mod html;

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
        sut: &str,
        logs: &[(&'static str, String)],
    ) -> Result<(), ReportError> {
        let events = finished.outcomes.iter().flat_map(|outcome| &outcome.events);
        self.put("frames.ndjson", &record::write(&finished.header, events))?;
        self.put("verdicts.json", &verdicts(&finished.outcomes))?;
        self.put("results.json", &pretty(&results(finished, sut)))?;
        self.put("report.html", &html::page(finished, sut))?;
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

/// Writes the results to one file.
///
/// # Errors
/// If it cannot be written.
pub fn write_json(path: &Path, finished: &Finished, sut: &str) -> Result<(), ReportError> {
    std::fs::write(path, pretty(&results(finished, sut))).map_err(|source| ReportError {
        path: path.to_owned(),
        source,
    })
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

/// The results of a run.
#[must_use]
pub fn results(finished: &Finished, sut: &str) -> Value {
    let header = &finished.header;
    let cases: Vec<Value> = finished.outcomes.iter().map(case).collect();
    json!({
        "suite": {"name": header.suite, "seed": header.seed, "schemas": header.schemas},
        "sut": {"name": sut, "targets": header.targets, "lost": finished.lost},
        "cases": cases,
        "summary": summary(&finished.outcomes)
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

/// How many of each verdict.
#[must_use]
pub fn summary(outcomes: &[Outcome]) -> Value {
    let count = |verdict| {
        outcomes
            .iter()
            .filter(|outcome| outcome.verdict == verdict)
            .count()
    };
    let counts = Verdict::ALL
        .into_iter()
        .map(|verdict| (verdict.name().to_owned(), Value::from(count(verdict))));
    let mut summary: serde_json::Map<String, Value> = counts.collect();
    summary.insert("cases".to_owned(), outcomes.len().into());
    Value::Object(summary)
}

fn case(outcome: &Outcome) -> Value {
    let millis = u64::try_from(outcome.duration.as_millis()).unwrap_or(u64::MAX);
    let mut case = json!({
        "id": outcome.id, "title": outcome.title, "verdict": outcome.verdict,
        "requirements": outcome.requirements, "duration_ms": millis
    });
    if let Some(failure) = &outcome.failure {
        case["failure"] = json!(failure);
    }
    if let Some(reason) = &outcome.reason {
        case["reason"] = reason.clone().into();
    }
    if !outcome.steps.is_empty() {
        case["steps"] = json!(outcome.steps);
    }
    case
}

fn pretty(value: &Value) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("results are plain JSON");
    text.push('\n');
    text
}
