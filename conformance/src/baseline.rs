//! Expected failures of a system under test, each with its reason, checked from both sides: what
//! fails beyond them fails the run, and so does one that does not happen any more.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::case::Verdict;
use crate::outcome::is_bad;
use crate::report::results::{CaseResult, Results};
use crate::time::Stamp;

/// What a baseline file holds.
///
/// ```toml
/// about = "ACME 2026.5.3"
///
/// [expected]
/// "RES-27" = { verdict = "disputed", reason = "m2m:rce holds cnt" }
/// ```
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// What it is of.
    #[serde(default)]
    pub about: String,
    /// By case.
    pub expected: BTreeMap<String, Expected>,
}

/// What is expected of a case.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// The verdict, neither `pass` nor `not-applicable`.
    pub verdict: Verdict,
    /// Why it is known and accepted.
    pub reason: String,
    /// Last day on which it counts, `YYYYMMDD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// How a run compares with a baseline.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// Cases that came as expected.
    pub expected: Vec<String>,
    /// Cases with another verdict than expected, and what they came to.
    pub stale: Vec<String>,
    /// Cases that nobody expected to be as they were.
    pub unexpected: Vec<String>,
}

/// A baseline that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// Unreadable.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Malformed.
    #[error("the baseline {} is malformed: {why}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

impl Baseline {
    /// Reads a baseline; every entry must have a reason and name a case of this suite.
    ///
    /// # Errors
    /// If it cannot be read, is malformed, or an entry says nothing.
    pub fn read(path: &Path, known: impl Fn(&str) -> bool) -> Result<Self, BaselineError> {
        let text = std::fs::read_to_string(path).map_err(|source| BaselineError::Read {
            path: path.to_owned(),
            source,
        })?;
        let malformed = |why: String| BaselineError::Malformed {
            path: path.to_owned(),
            why,
        };
        let read: Self = toml::from_str(&text).map_err(|error| malformed(error.to_string()))?;
        for (case, expected) in &read.expected {
            if expected.reason.trim().is_empty() {
                return Err(malformed(format!("{case} has no reason")));
            }
            if !known(case) {
                return Err(malformed(format!("there is no case {case}")));
            }
            if !is_bad(expected.verdict) {
                let verdict = expected.verdict.name();
                return Err(malformed(format!("{case}: {verdict} is no failure")));
            }
        }
        Ok(read)
    }

    /// A baseline of all that did not pass in a run; the reasons are what the suite said, to be
    /// replaced by why that is accepted.
    #[must_use]
    pub fn of(results: &Results) -> Self {
        let bad = results.cases.iter().filter(|case| is_bad(case.verdict));
        let expected = bad.map(|case| {
            let expected = Expected {
                verdict: case.verdict,
                reason: said(case),
                until: None,
            };
            (case.id.clone(), expected)
        });
        Self {
            about: results.sut.name.clone(),
            expected: expected.collect(),
        }
    }

    /// As a file.
    ///
    /// # Panics
    /// Never: a baseline is plain TOML.
    #[must_use]
    pub fn text(&self) -> String {
        use std::fmt::Write as _;
        let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
        let mut out = format!("about = {}\n\n[expected]\n", quoted(&self.about));
        for (case, expected) in &self.expected {
            let (verdict, reason) = (expected.verdict.name(), quoted(&expected.reason));
            let entry = format!("{case} = {{ verdict = \"{verdict}\", reason = {reason} }}");
            writeln!(out, "{entry}").expect("a string takes text");
        }
        out
    }

    /// Compares a run with it, on this day. Entries of cases that were not played say nothing.
    #[must_use]
    pub fn compare(&self, results: &Results, today: Stamp) -> Comparison {
        let mut comparison = Comparison::default();
        let today = today.to_string();
        for case in &results.cases {
            let (id, got) = (&case.id, case.verdict.name());
            match self.expected.get(id) {
                None if !is_bad(case.verdict) => {}
                None => comparison.unexpected.push(format!("{id}: {got}")),
                Some(entry) if entry.verdict != case.verdict => {
                    let wanted = entry.verdict.name();
                    let stale = format!("{id}: {got} instead of the expected {wanted}");
                    comparison.stale.push(stale);
                }
                Some(Expected {
                    until: Some(until), ..
                }) if until.as_str() < &today[..8] => {
                    let stale = format!("{id}: {got}, expected until {until} only");
                    comparison.stale.push(stale);
                }
                Some(_) => comparison.expected.push(id.clone()),
            }
        }
        comparison
    }
}

impl Comparison {
    /// Whether the run is as the baseline says.
    #[must_use]
    pub const fn holds(&self) -> bool {
        self.stale.is_empty() && self.unexpected.is_empty()
    }
}

fn said(case: &CaseResult) -> String {
    let reason = case.reason.clone().unwrap_or_default();
    let said = case.failure.as_ref().map_or(reason, |failure| {
        format!("{}, not {}", failure.actual, failure.expected)
    });
    said.chars()
        .filter(|letter| !letter.is_control())
        .take(200)
        .collect()
}
