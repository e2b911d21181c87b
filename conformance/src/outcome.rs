//! What came of a case: judged from what its peer saw, the same live and from a stored run.

use std::collections::BTreeSet;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::case::{Case, Failure, How, Stop, Verdict};
use crate::ladder;
use crate::peer::Trace;
use crate::peer::raw;
use crate::record::{Event, Kind};
use crate::schema::{self, Shape};
use crate::story::Line;

/// Begins the remark that the system under test ended while the case was played.
pub const ENDED: &str = "ended ";

/// How one step was accounted for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepAccount {
    /// Its number.
    pub step: String,
    /// What happens in it.
    pub what: String,
    /// `wire`, `consequence` or `unseen`.
    pub how: String,
    /// By what it was seen, or why not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// Whether this run has shown it.
    pub shown: bool,
}

/// What came of one case.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Its identifier.
    pub id: &'static str,
    /// Its title.
    pub title: String,
    /// Its requirements.
    pub requirements: &'static [&'static str],
    /// The verdict.
    pub verdict: Verdict,
    /// What was found instead, for `fail`.
    pub failure: Option<Failure>,
    /// Why, for the verdicts that need a reason.
    pub reason: Option<String>,
    /// Whether it ended because the system could not be reached.
    pub unreachable: bool,
    /// Whether a message came from the system; handshakes, control frames and ends of links of bytes are none.
    pub answered: bool,
    /// Whether it was not decided and nothing was answered, so that something may be wrong with all of the system.
    pub sick: bool,
    /// The verdict of each time it was played, where that was more than once.
    pub rounds: Vec<Verdict>,
    /// Steps.
    pub steps: Vec<StepAccount>,
    /// Requirements that its verifiers looked at.
    pub checked: BTreeSet<String>,
    /// Time it took.
    pub duration: Duration,
    /// Messages in the order of the case.
    pub story: Vec<Line>,
    /// All that happened.
    pub events: Vec<Event>,
    /// Messages against their schema.
    pub violations: Vec<schema::Violation>,
}

/// Judges what a case saw.
pub(crate) fn judge(case: &'static Case, result: Result<(), Stop>, trace: Trace) -> Outcome {
    let Trace {
        events,
        story,
        violations,
        shown,
        tolerated,
    } = trace;
    let steps: Vec<StepAccount> = case
        .steps
        .iter()
        .map(|step| {
            let (how, note) = match step.how {
                How::Wire => ("wire", ""),
                How::Consequence(seen) => ("consequence", seen),
                How::Unseen(why) => ("unseen", why),
            };
            StepAccount {
                step: step.number.to_owned(),
                what: step.what.to_owned(),
                how: how.to_owned(),
                note: note.to_owned(),
                shown: shown.iter().any(|shown| ladder::base(shown) == step.number),
            }
        })
        .collect();
    let missing = steps
        .iter()
        .find(|step| !step.shown && step.how != "unseen");
    let result = match (result, missing) {
        (Ok(()), Some(step)) => Err(Stop::Broken(format!(
            "the case ended without showing step {}",
            step.step
        ))),
        (result, _) => result,
    };
    let mut outcome = Outcome {
        steps,
        story,
        events,
        violations,
        ..Outcome::new(case, Verdict::Pass)
    };
    if result.is_ok() && !tolerated.is_empty() {
        outcome.verdict = Verdict::PassLenient;
        outcome.reason = Some(tolerated.join("; "));
    }
    if let Err(stop) = result {
        outcome.stopped(stop);
    }
    outcome.answered = outcome.events.iter().any(answers);
    outcome.sick =
        outcome.verdict == Verdict::Inconclusive && (outcome.unreachable || !outcome.answered);
    outcome.account_for_the_end();
    outcome
}

/// Whether the system has said something there.
fn answers(event: &Event) -> bool {
    let of_bytes = raw::is_link_of_bytes(&event.link);
    match event.kind {
        Kind::Received => !of_bytes || raw::is_message(&event.text),
        Kind::Closed => !of_bytes,
        Kind::Opened
        | Kind::Refused
        | Kind::Sent
        | Kind::Silence
        | Kind::Cut
        | Kind::Clock
        | Kind::Control => false,
    }
}

impl Outcome {
    /// Nothing but a verdict.
    #[must_use]
    pub(crate) fn new(case: &'static Case, verdict: Verdict) -> Self {
        Self {
            id: case.id,
            title: case.title.to_owned(),
            requirements: case.requirements,
            verdict,
            failure: None,
            reason: None,
            unreachable: false,
            answered: false,
            sick: false,
            rounds: Vec::new(),
            steps: Vec::new(),
            checked: BTreeSet::new(),
            duration: Duration::ZERO,
            story: Vec::new(),
            events: Vec::new(),
            violations: Vec::new(),
        }
    }

    /// Whether it was played at least twice and did not always come to the same.
    #[must_use]
    pub fn is_flaky(&self) -> bool {
        self.rounds.windows(2).any(|pair| pair[0] != pair[1])
    }

    fn stopped(&mut self, stop: Stop) {
        self.verdict = stop.verdict();
        self.unreachable = matches!(stop, Stop::Lost(_));
        match stop {
            Stop::Fail(mut failure) => {
                if failure.requirement.is_empty() {
                    failure.requirement = self.requirements[0].to_owned();
                }
                self.failure = Some(failure);
            }
            Stop::Silence(why)
            | Stop::Lost(why)
            | Stop::Inconclusive(why)
            | Stop::Disputed(why)
            | Stop::Absent(why)
            | Stop::Broken(why) => self.reason = Some(why),
        }
    }

    /// A system that ended by itself has not passed, whatever it said before.
    fn account_for_the_end(&mut self) {
        let Some(status) = self.end() else {
            return;
        };
        if matches!(self.verdict, Verdict::Pass | Verdict::PassLenient) {
            self.verdict = Verdict::Inconclusive;
        }
        self.say(&format!("the system under test ended ({status})"));
    }

    /// How the system under test ended, if it did.
    fn end(&self) -> Option<String> {
        let ended = |event: &Event| {
            let status = event.text.strip_prefix(ENDED)?;
            (event.kind == Kind::Control).then(|| status.to_owned())
        };
        self.events.iter().find_map(ended)
    }

    fn say(&mut self, more: &str) {
        self.reason = Some(match self.reason.take() {
            Some(reason) => format!("{reason}; {more}"),
            None => more.to_owned(),
        });
    }
}

/// The outcome of a second attempt, which decides; what the first has seen is kept with it.
#[must_use]
pub fn again(first: Outcome, mut second: Outcome) -> Outcome {
    for event in &mut second.events {
        event.attempt = 1;
    }
    let told = second.end().is_some();
    second.events.splice(0..0, first.events);
    second.violations.splice(0..0, first.violations);
    second.duration += first.duration;
    if !told {
        second.account_for_the_end();
    }
    second
}

/// One outcome of all the times a case was played: the worst counts, and what varies is said.
///
/// # Panics
/// Without any.
#[must_use]
pub fn combine(rounds: Vec<Outcome>) -> Outcome {
    let verdicts: Vec<Verdict> = rounds.iter().map(|round| round.verdict).collect();
    let worst = worst(&rounds);
    let duration = rounds.iter().map(|round| round.duration).sum();
    let (mut events, mut violations, mut chosen) = (Vec::new(), Vec::new(), None);
    for (number, mut round) in (0..).zip(rounds) {
        for mut event in std::mem::take(&mut round.events) {
            event.round = number;
            events.push(event);
        }
        violations.append(&mut round.violations);
        if chosen.is_none() && round.verdict == worst {
            chosen = Some(round);
        }
    }
    let mut outcome = chosen.expect("a case is played at least once");
    (outcome.events, outcome.violations) = (events, violations);
    outcome.duration = duration;
    if verdicts.len() > 1 {
        outcome.rounds = verdicts;
    }
    if outcome.is_flaky() {
        let counts = Verdict::ALL.map(|verdict| (verdict, count(&outcome.rounds, verdict)));
        let seen = counts.iter().filter(|(_, count)| *count > 0);
        let seen: Vec<String> = seen
            .map(|(verdict, count)| format!("{count} × {}", verdict.name()))
            .collect();
        outcome.say(&format!("not the same each time: {}", seen.join(", ")));
    }
    outcome
}

fn count(verdicts: &[Verdict], wanted: Verdict) -> usize {
    verdicts
        .iter()
        .filter(|verdict| **verdict == wanted)
        .count()
}

/// Whether a verdict says that something is to be looked at.
#[must_use]
pub const fn is_bad(verdict: Verdict) -> bool {
    match verdict {
        Verdict::Pass | Verdict::PassLenient | Verdict::NotApplicable => false,
        Verdict::Fail | Verdict::Inconclusive | Verdict::Disputed | Verdict::Error => true,
    }
}

/// The worst verdict, for the exit code.
#[must_use]
pub fn worst(outcomes: &[Outcome]) -> Verdict {
    const ORDER: [Verdict; 7] = [
        Verdict::Error,
        Verdict::Fail,
        Verdict::Disputed,
        Verdict::Inconclusive,
        Verdict::PassLenient,
        Verdict::Pass,
        Verdict::NotApplicable,
    ];
    let has = |verdict: &Verdict| outcomes.iter().any(|outcome| outcome.verdict == *verdict);
    ORDER.into_iter().find(has).unwrap_or(Verdict::Pass)
}

/// One outcome for each kind of message: did all that came keep to their schema?
#[must_use]
pub fn schema_outcomes(outcomes: &[Outcome]) -> Vec<Outcome> {
    if outcomes.iter().all(|outcome| outcome.events.is_empty()) {
        return Vec::new();
    }
    let of = |shape: Shape| {
        let found = outcomes.iter().find_map(|outcome| {
            let first = outcome
                .violations
                .iter()
                .find(|violation| violation.shape == shape)?;
            Some((outcome.id, first))
        });
        let failure = found.map(|(case, violation)| Failure {
            requirement: shape.requirements()[0].to_owned(),
            expected: format!("every message keeps to schemas/{}", shape.file()),
            actual: format!("{case}: at {:?}: {}", violation.place, violation.what),
        });
        Outcome {
            id: shape.id(),
            title: format!("Every message received keeps to {}", shape.file()),
            requirements: shape.requirements(),
            verdict: if failure.is_some() {
                Verdict::Fail
            } else {
                Verdict::Pass
            },
            failure,
            reason: None,
            unreachable: false,
            answered: false,
            sick: false,
            rounds: Vec::new(),
            steps: Vec::new(),
            checked: BTreeSet::new(),
            duration: Duration::ZERO,
            story: Vec::new(),
            events: Vec::new(),
            violations: Vec::new(),
        }
    };
    Shape::ALL.map(of).into()
}
