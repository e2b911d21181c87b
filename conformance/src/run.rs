//! Plays cases, a few at a time, and says what came of each.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, Semaphore, mpsc};
use tokio::task::JoinSet;

use crate::case::{Case, Failure, Group, How, Needs, Stop, Verdict};
use crate::ladder;
use crate::peer::live::Live;
use crate::peer::{Peer, Trace, World};
use crate::record::{Event, Header, Target};
use crate::schema::{self, Shape};
use crate::story::Line;
use crate::sut::Pair;
use crate::sut::foreign::Foreign;

/// Longest time one case may take; only a system that answers without end gets there.
const DEADLINE: Duration = Duration::from_secs(120);

/// Begins the remark that says which attempt was stored, if it was not the first.
pub const ATTEMPT: &str = "attempt ";

/// What is tested.
#[derive(Debug, Clone)]
pub struct Sut {
    /// How the report calls it.
    pub name: String,
    /// CSE1, CSE2.
    pub targets: Vec<Target>,
    /// Groups of cases it is asked.
    pub groups: Vec<Group>,
    /// The processes, where the suite started them.
    pub pair: Option<Arc<Mutex<Pair>>>,
    /// The process of a foreign system, where the suite started it.
    pub foreign: Option<Arc<Mutex<Foreign>>>,
}

/// What is to be played, and how.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Cases.
    pub cases: Vec<&'static Case>,
    /// Seed of all randomness.
    pub seed: u64,
    /// Cases at a time.
    pub jobs: usize,
    /// How long a case waits for a message.
    pub patience: Duration,
    /// What is tested.
    pub sut: Sut,
}

/// How one step was accounted for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Steps.
    pub steps: Vec<StepAccount>,
    /// Time it took.
    pub duration: Duration,
    /// Messages in the order of the case.
    pub story: Vec<Line>,
    /// All that happened.
    pub events: Vec<Event>,
    /// Messages against their schema.
    pub violations: Vec<schema::Violation>,
}

/// What came of a run.
#[derive(Debug)]
pub struct Finished {
    /// First line of the stored run.
    pub header: Header,
    /// Outcomes, in the order of the registry, the schema cases last.
    pub outcomes: Vec<Outcome>,
    /// The system under test ended, and with what words.
    pub lost: Option<String>,
}

/// Plays a plan; `done` is told of each outcome as it comes.
pub async fn run(plan: &Plan, mut done: impl FnMut(&Outcome)) -> Finished {
    let start = Instant::now();
    let (alone, together): (Vec<&'static Case>, Vec<&'static Case>) = plan
        .cases
        .iter()
        .partition(|case| case.needs == Needs::PairWithPower);
    let mut outcomes = Vec::new();
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let places = Arc::new(Semaphore::new(plan.jobs.max(1)));
    let mut playing = JoinSet::new();
    for case in together {
        let (plan, places, sender) = (plan.clone(), Arc::clone(&places), sender.clone());
        playing.spawn(async move {
            let _place = places.acquire().await;
            let outcome = play_live(case, &plan, start).await;
            sender.send(outcome).ok();
        });
    }
    drop(sender);
    while let Some(outcome) = receiver.recv().await {
        done(&outcome);
        outcomes.push(outcome);
    }
    while let Some(joined) = playing.join_next().await {
        joined.expect("cases do not panic");
    }
    for case in alone {
        let outcome = play_live(case, plan, start).await;
        done(&outcome);
        outcomes.push(outcome);
    }
    let place = |outcome: &Outcome| plan.cases.iter().position(|case| case.id == outcome.id);
    outcomes.sort_by_key(place);
    let header = header(plan, &outcomes);
    outcomes.extend(schema_outcomes(&outcomes));
    let lost = match &plan.sut.pair {
        Some(pair) => pair.lock().await.check().err(),
        None => match &plan.sut.foreign {
            Some(foreign) => foreign.lock().await.check().err(),
            None => None,
        },
    };
    Finished {
        header,
        outcomes,
        lost,
    }
}

async fn play_live(case: &'static Case, plan: &Plan, start: Instant) -> Outcome {
    if let Some(reason) = inapplicable(case, &plan.sut) {
        return Outcome {
            reason: Some(reason),
            ..Outcome::new(case, Verdict::NotApplicable)
        };
    }
    let attempt = async |number: u64| {
        let world = World::Live(Live::new(start, plan.sut.pair.clone()));
        let targets = seen_by(case, &plan.sut.targets);
        let mut peer = Peer::new(
            case.id,
            world,
            targets,
            plan.patience,
            plan.seed.wrapping_add(number),
        );
        if number > 0 {
            peer.remark(&format!("{ATTEMPT}{number}"));
        }
        let outcome = play(case, peer).await;
        if let (Needs::PairWithPower, Some(pair)) = (case.needs, &plan.sut.pair) {
            pair.lock().await.revive().await;
        }
        let mut outcome = outcome;
        if let Some(foreign) = &plan.sut.foreign
            && let Some(status) = foreign.lock().await.revive().await
        {
            outcome.reason = Some(format!(
                "the system under test ended in this case ({status})"
            ));
        }
        outcome
    };
    let first = attempt(0).await;
    // Once more with fresh names: what could not be decided may have been chance.
    if first.verdict == Verdict::Inconclusive && !first.unreachable {
        return attempt(1).await;
    }
    first
}

/// The CSEs as a case sees them: CSE1, then CSE2; where one is enough, it is both.
#[must_use]
pub fn seen_by(case: &Case, targets: &[Target]) -> Vec<Target> {
    if case.needs.in_a_pair() {
        return targets.to_vec();
    }
    let last = targets.last().cloned();
    last.into_iter().cycle().take(2).collect()
}

fn inapplicable(case: &Case, sut: &Sut) -> Option<String> {
    if !sut.groups.contains(&case.group) {
        return Some(format!(
            "the statement of the target does not list the group {}",
            case.group.name()
        ));
    }
    if case.needs.in_a_pair() && sut.targets.len() < 2 {
        let needs = "needs two CSEs that know each other: give `--target` twice";
        return Some(needs.to_owned());
    }
    match case.needs {
        Needs::One
        | Needs::Neighbour
        | Needs::Initiator
        | Needs::Target
        | Needs::Transit
        | Needs::Agent
        | Needs::Bytes
        | Needs::Pair => None,
        Needs::PairWithPower if sut.pair.is_some() => None,
        Needs::PairWithPower => {
            Some("stops and starts a CSE, which only the reference lets it do".to_owned())
        }
    }
}

/// Plays one case through a peer, live or stored, and judges it.
pub async fn play(case: &'static Case, mut peer: Peer) -> Outcome {
    let start = Instant::now();
    let played = tokio::time::timeout(DEADLINE, (case.run)(&mut peer)).await;
    let result = played.unwrap_or_else(|_| {
        let seconds = DEADLINE.as_secs();
        Err(Stop::inconclusive(format!(
            "the case did not come to an end within {seconds} s"
        )))
    });
    let result = match peer.departure() {
        Some(why) => Err(Stop::Broken(format!(
            "the stored run is not of this case: {why}"
        ))),
        None => result,
    };
    let trace = peer.finish();
    Outcome {
        duration: start.elapsed(),
        ..judge(case, result, trace)
    }
}

fn judge(case: &'static Case, result: Result<(), Stop>, trace: Trace) -> Outcome {
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
        outcome.verdict = stop.verdict();
        outcome.unreachable = matches!(stop, Stop::Lost(_));
        match stop {
            Stop::Fail(mut failure) => {
                if failure.requirement.is_empty() {
                    failure.requirement = case.requirements[0].to_owned();
                }
                outcome.failure = Some(failure);
            }
            Stop::Silence(why)
            | Stop::Lost(why)
            | Stop::Inconclusive(why)
            | Stop::Disputed(why)
            | Stop::Absent(why)
            | Stop::Broken(why) => outcome.reason = Some(why),
        }
    }
    outcome
}

impl Outcome {
    fn new(case: &'static Case, verdict: Verdict) -> Self {
        Self {
            id: case.id,
            title: case.title.to_owned(),
            requirements: case.requirements,
            verdict,
            failure: None,
            reason: None,
            unreachable: false,
            steps: Vec::new(),
            duration: Duration::ZERO,
            story: Vec::new(),
            events: Vec::new(),
            violations: Vec::new(),
        }
    }
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
            steps: Vec::new(),
            duration: Duration::ZERO,
            story: Vec::new(),
            events: Vec::new(),
            violations: Vec::new(),
        }
    };
    Shape::ALL.map(of).into()
}

fn header(plan: &Plan, outcomes: &[Outcome]) -> Header {
    Header {
        suite: suite(),
        format: 1,
        seed: plan.seed,
        schemas: schemas_hash(),
        targets: plan.sut.targets.clone(),
        patience_ms: u64::try_from(plan.patience.as_millis()).unwrap_or(u64::MAX),
        cases: outcomes
            .iter()
            .map(|outcome| outcome.id.to_owned())
            .collect(),
    }
}

/// Name and version of this suite.
#[must_use]
pub fn suite() -> String {
    format!("{} {}", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
}

/// Hash of all schema files.
#[must_use]
pub fn schemas_hash() -> String {
    let texts: Vec<&[u8]> = schema::DOCUMENTS
        .iter()
        .map(|document| document.text.as_bytes())
        .collect();
    crate::record::hex(&texts)
}
