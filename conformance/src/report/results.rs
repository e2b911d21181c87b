//! `results.json`: what came of a run, for programs. Its schema is
//! `schemas/report/results.schema.json`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::baseline::Comparison;
use crate::case::{Failure, Verdict};
use crate::cases;
use crate::outcome::{Outcome, StepAccount};
use crate::record::Target;
use crate::run::Finished;

/// A run.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Results {
    /// Version of this format: 1.
    pub format: u32,
    /// What tested.
    pub suite: Suite,
    /// What was tested.
    pub sut: System,
    /// How many cases of each verdict.
    pub summary: Summary,
    /// Why the run ended before all cases were played, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// Cases that were selected and not played, because the run ended before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// How the run compares with the baseline that was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Comparison>,
    /// Cases, in the order of the registry, the schema cases last.
    pub cases: Vec<CaseResult>,
}

/// What tested.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// Name and version.
    pub name: String,
    /// Seed of all randomness.
    pub seed: u64,
    /// Hash of the schema files.
    pub schemas: String,
    /// Hash of what the target says it supports.
    pub ics: String,
    /// How often each case was played.
    pub repeat: u32,
    /// When the run began, UTC, `YYYYMMDDThhmmss`.
    pub started: String,
}

/// What was tested.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct System {
    /// How it is called.
    pub name: String,
    /// Its CSEs: CSE1, CSE2.
    pub targets: Vec<Target>,
    /// Its last words, if it was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<String>,
}

/// How many cases of each verdict.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the verdicts say what they are")]
pub struct Summary {
    pub pass: usize,
    pub pass_lenient: usize,
    pub fail: usize,
    pub inconclusive: usize,
    pub not_applicable: usize,
    pub disputed: usize,
    pub error: usize,
    pub flaky: usize,
    pub cases: usize,
}

/// What came of a case.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CaseResult {
    /// Its identifier.
    pub id: String,
    /// What holds if it passes.
    pub title: String,
    /// The part of the protocol it is about; `schema` for the schema cases.
    pub group: String,
    /// The configuration, A to G; empty for the schema cases.
    pub configuration: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Requirements it stands on.
    pub requirements: Vec<String>,
    /// Published clauses it stands on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clauses: Vec<String>,
    /// Time it took, ms.
    pub duration_ms: u64,
    /// What was found instead of what was demanded, for `fail`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Why, for the verdicts that need a reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The verdict of each time, where it was played more than once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rounds: Vec<Verdict>,
    /// How its numbered steps were accounted for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepAccount>,
}

impl Results {
    /// The results of a run that began at this time.
    #[must_use]
    pub fn new(finished: &Finished, sut: &str, started: &str) -> Self {
        let header = &finished.header;
        Self {
            format: 1,
            suite: Suite {
                name: header.suite.clone(),
                seed: header.seed,
                schemas: header.schemas.clone(),
                ics: header.ics.clone(),
                repeat: header.repeat,
                started: started.to_owned(),
            },
            sut: System {
                name: sut.to_owned(),
                targets: header.targets.clone(),
                lost: finished.lost.clone(),
            },
            summary: Summary::of(&finished.outcomes),
            stopped: finished.stopped.clone(),
            left_out: finished.left_out.iter().map(|&id| id.into()).collect(),
            baseline: None,
            cases: finished.outcomes.iter().map(CaseResult::new).collect(),
        }
    }

    /// Name of the system in a table.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.sut.name
    }
}

impl Summary {
    /// Counts outcomes.
    #[must_use]
    pub fn of(outcomes: &[Outcome]) -> Self {
        let mut summary = Self::default();
        for outcome in outcomes {
            summary.cases += 1;
            summary.flaky += usize::from(outcome.is_flaky());
            *summary.place(outcome.verdict) += 1;
        }
        summary
    }

    /// How many have this verdict.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        *self.clone().place(verdict)
    }

    /// In words, such as `190 pass, 1 fail`.
    #[must_use]
    pub fn words(&self) -> String {
        let counted = Verdict::ALL.map(|verdict| (self.count(verdict), verdict.name()));
        let mut parts: Vec<String> = counted
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, name)| format!("{count} {name}"))
            .collect();
        if self.flaky > 0 {
            parts.push(format!("{} of them not the same each time", self.flaky));
        }
        format!("{} cases: {}", self.cases, parts.join(", "))
    }

    const fn place(&mut self, verdict: Verdict) -> &mut usize {
        match verdict {
            Verdict::Pass => &mut self.pass,
            Verdict::PassLenient => &mut self.pass_lenient,
            Verdict::Fail => &mut self.fail,
            Verdict::Inconclusive => &mut self.inconclusive,
            Verdict::NotApplicable => &mut self.not_applicable,
            Verdict::Disputed => &mut self.disputed,
            Verdict::Error => &mut self.error,
        }
    }
}

impl CaseResult {
    fn new(outcome: &Outcome) -> Self {
        let case = cases::find(outcome.id);
        let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
        Self {
            id: outcome.id.to_owned(),
            title: outcome.title.clone(),
            group: case.map_or("schema", |case| case.group.name()).to_owned(),
            configuration: case.map_or("", |case| case.needs.name()).to_owned(),
            verdict: outcome.verdict,
            requirements: owned(outcome.requirements),
            clauses: case.map(|case| owned(case.clauses)).unwrap_or_default(),
            duration_ms: u64::try_from(outcome.duration.as_millis()).unwrap_or(u64::MAX),
            failure: outcome.failure.clone(),
            reason: outcome.reason.clone(),
            rounds: outcome.rounds.clone(),
            steps: outcome.steps.clone(),
        }
    }
}
