//! Plays cases, a few at a time, and says what came of each.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::case::{Case, Group, Needs, Verdict};
use crate::contact;
use crate::dice::Dice;
use crate::expect;
use crate::outcome::{self, Outcome};
use crate::peer::live::Live;
use crate::peer::{self, Peer, World};
use crate::profile::{Agent, Registree};
use crate::record::{Header, Target};
use crate::schema;
use crate::sut::Pair;
use crate::sut::foreign::Foreign;

/// Longest time one case may take; only a system that answers without end gets there.
const DEADLINE: Duration = Duration::from_secs(120);

/// So many cases without a message from the system since its last one, and it is asked whether it is there.
const SICK: usize = 3;
/// After each so many it is asked again, and if they were flooded, the run ends.
const SICK_AGAIN: usize = 6;
/// So many, and the run ends whatever it says.
const SICK_MOST: usize = 24;

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
    /// An AE to test.
    pub agent: Option<Agent>,
    /// A CSE to test that registers with the suite.
    pub registree: Option<Registree>,
}

impl Sut {
    /// A system that is running already and said to support these groups.
    #[must_use]
    pub fn attached(name: &str, targets: Vec<Target>, groups: Vec<Group>) -> Self {
        Self {
            name: name.to_owned(),
            targets,
            groups,
            pair: None,
            foreign: None,
            agent: None,
            registree: None,
        }
    }

    /// Starts again what has ended by itself; says how it ended.
    pub async fn revive(&self) -> Option<String> {
        if let Some(pair) = &self.pair {
            return pair.lock().await.revive().await;
        }
        match &self.foreign {
            Some(foreign) => foreign.lock().await.revive().await,
            None => None,
        }
    }

    /// Whether what the suite started still runs; else what it said last.
    ///
    /// # Errors
    /// If it does not.
    pub async fn check(&self) -> Result<(), String> {
        if let Some(pair) = &self.pair {
            return pair.lock().await.check();
        }
        match &self.foreign {
            Some(foreign) => foreign.lock().await.check(),
            None => Ok(()),
        }
    }

    /// Stops what the suite started; its output, by the name of a file.
    pub async fn stop(&self) -> Vec<(&'static str, String)> {
        let mut logs = Vec::new();
        if let Some(pair) = &self.pair {
            let mut pair = pair.lock().await;
            pair.stop().await;
            logs.extend(pair.logs());
        }
        if let Some(foreign) = &self.foreign {
            let mut foreign = foreign.lock().await;
            foreign.stop().await;
            logs.push(("cse.log", foreign.log()));
        }
        logs
    }
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
    /// How often each case is played.
    pub repeat: u32,
    /// Seed of the order in which cases are played; without, the order of the registry.
    pub shuffle: Option<u64>,
    /// No further case begins once so many have failed.
    pub max_fail: Option<usize>,
}

impl Plan {
    /// These cases, once each, four at a time.
    #[must_use]
    pub const fn new(cases: Vec<&'static Case>, seed: u64, sut: Sut) -> Self {
        Self {
            cases,
            seed,
            jobs: 4,
            patience: Duration::from_secs(12),
            sut,
            repeat: 1,
            shuffle: None,
            max_fail: None,
        }
    }

    fn queue(&self) -> VecDeque<&'static Case> {
        let mut cases = self.cases.clone();
        if let Some(seed) = self.shuffle {
            cases.sort_by_cached_key(|case| Dice::new(seed, case.id).bytes::<16>());
        }
        // Those that are played alone come after all others, those that stop a CSE last.
        cases.sort_by_key(|case| (case.needs.alone(), case.needs == Needs::PairWithPower));
        cases.into()
    }
}

/// What came of a run.
#[derive(Debug)]
pub struct Finished {
    /// First line of the stored run.
    pub header: Header,
    /// Outcomes, in the order of the registry, the schema cases last.
    pub outcomes: Vec<Outcome>,
    /// The system under test ended or fell silent, and with what words.
    pub lost: Option<String>,
    /// Why the run ended before all cases were played, if it did.
    pub stopped: Option<String>,
    /// Cases that were selected and not played.
    pub left_out: Vec<&'static str>,
}

/// Plays a plan; `done` is told of each outcome as it comes.
pub async fn run(plan: &Plan, done: impl FnMut(&Outcome)) -> Finished {
    run_until(plan, done, std::future::pending()).await
}

/// The same, but what has not been played when `interrupted` is ready is left out.
pub async fn run_until(
    plan: &Plan,
    mut done: impl FnMut(&Outcome),
    interrupted: impl Future<Output = ()>,
) -> Finished {
    let start = Instant::now();
    let mut queue = plan.queue();
    let mut outcomes = Vec::new();
    let mut watch = Watch::new(plan);
    let mut playing: JoinSet<Outcome> = JoinSet::new();
    let mut interrupted = std::pin::pin!(interrupted);
    loop {
        while watch.stopped.is_none()
            && let Some(case) = queue.front()
            && playing.len() < places(case, plan)
        {
            let (case, plan) = (*case, plan.clone());
            queue.pop_front();
            playing.spawn(async move { play_live(case, &plan, start).await });
        }
        tokio::select! {
            joined = playing.join_next() => match joined {
                None => break,
                Some(Err(error)) if error.is_cancelled() => {}
                Some(joined) => {
                    let outcome = joined.expect("cases do not panic");
                    done(&outcome);
                    watch.see(&outcome).await;
                    outcomes.push(outcome);
                }
            },
            () = &mut interrupted, if watch.stopped.is_none() => {
                watch.stopped = Some("interrupted".to_owned());
                playing.abort_all();
            }
        }
    }
    let place = |id: &str| plan.cases.iter().position(|case| case.id == id);
    outcomes.sort_by_key(|outcome| place(outcome.id));
    let header = header(plan, &outcomes);
    let played = |id: &str| outcomes.iter().any(|outcome| outcome.id == id);
    let left_out = plan.cases.iter().map(|case| case.id);
    let left_out = left_out.filter(|id| !played(id)).collect();
    outcomes.extend(outcome::schema_outcomes(&outcomes));
    Finished {
        header,
        outcomes,
        lost: watch.lost.or(plan.sut.check().await.err()),
        stopped: watch.stopped,
        left_out,
    }
}

/// How many cases may be under way while this one is.
const fn places(case: &Case, plan: &Plan) -> usize {
    if case.needs.alone() || plan.jobs == 0 {
        1
    } else {
        plan.jobs
    }
}

/// Watches whether the run is still worth going on with.
struct Watch<'a> {
    plan: &'a Plan,
    failed: usize,
    sick_in_a_row: usize,
    lost: Option<String>,
    stopped: Option<String>,
}

impl<'a> Watch<'a> {
    const fn new(plan: &'a Plan) -> Self {
        Self {
            plan,
            failed: 0,
            sick_in_a_row: 0,
            lost: None,
            stopped: None,
        }
    }

    async fn see(&mut self, outcome: &Outcome) {
        if matches!(outcome.verdict, Verdict::Fail | Verdict::Error) {
            self.failed += 1;
            if self.plan.max_fail.is_some_and(|most| self.failed >= most) {
                let why = format!("{} failed, and no more were allowed", self.failed);
                self.stopped.get_or_insert(why);
            }
        }
        if outcome.verdict == Verdict::NotApplicable {
            return;
        }
        if outcome.sick {
            self.sick_in_a_row += 1;
        } else if outcome.answered {
            self.sick_in_a_row = 0;
        }
        if !outcome.sick || self.lost.is_some() {
            return;
        }
        let sick = self.sick_in_a_row;
        let why = if let Err(why) = self.plan.sut.check().await {
            why
        } else if sick == SICK || sick.is_multiple_of(SICK_AGAIN) {
            let patience = self.plan.patience;
            let target = self.plan.sut.targets.last();
            let asked = match target {
                Some(target) => contact::ask(target, patience).await.err(),
                None => None,
            };
            let reason = outcome.reason.as_deref().unwrap_or_default();
            match asked {
                Some(why) => why.to_string(),
                None if reason.contains(peer::FLOODS) && sick >= SICK_AGAIN => {
                    format!("{SICK_AGAIN} cases in a row were flooded with messages")
                }
                None if sick >= SICK_MOST => {
                    format!("{SICK_MOST} cases in a row got no message from it")
                }
                None => return,
            }
        } else {
            return;
        };
        let stopped = format!("the system under test was lost: {}", first_line(&why));
        self.stopped.get_or_insert(stopped);
        self.lost = Some(why);
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

async fn play_live(case: &'static Case, plan: &Plan, start: Instant) -> Outcome {
    if let Some(reason) = inapplicable(case, &plan.sut) {
        return Outcome {
            reason: Some(reason),
            ..Outcome::new(case, Verdict::NotApplicable)
        };
    }
    let mut rounds = Vec::new();
    for round in 0..plan.repeat.max(1) {
        rounds.push(play_round(case, plan, start, round).await);
    }
    outcome::combine(rounds)
}

async fn play_round(case: &'static Case, plan: &Plan, start: Instant, round: u32) -> Outcome {
    let attempt = async |number: u64| {
        let world = World::Live(Box::new(Live::new(start, plan.sut.clone(), plan.patience)));
        let targets = seen_by(case, &plan.sut.targets);
        let seed = plan.seed.wrapping_add(number);
        let mut peer = Peer::new(case.id, world, targets, plan.patience, seed);
        if number > 0 {
            peer.remark(&format!("{ATTEMPT}{number}"));
        }
        play(case, peer).await
    };
    let number = 2 * u64::from(round);
    let first = attempt(number).await;
    // Once more with fresh names: what could not be decided may have been chance.
    if first.verdict == Verdict::Inconclusive && !first.sick {
        return outcome::again(first, attempt(number + 1).await);
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

/// Why a case does not apply to a system, if it does not.
#[must_use]
pub fn inapplicable(case: &Case, sut: &Sut) -> Option<String> {
    if !sut.groups.contains(&case.group) {
        return Some(format!(
            "the statement of the target does not list the group {}",
            case.group.name()
        ));
    }
    if sut.targets.is_empty() && !case.needs.is_a_client() {
        return Some("no CSE to test is given".to_owned());
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
        | Needs::Bytes
        | Needs::Pair => None,
        Needs::Abroad if sut.targets.last().is_some_and(|at| at.abroad.is_some()) => None,
        Needs::Abroad => Some(
            "the profile names no other service provider that the CSE knows: [target.abroad]"
                .to_owned(),
        ),
        Needs::Agent if sut.agent.is_some() => None,
        Needs::Agent => Some("no AE to start is described: [agent] in a profile".to_owned()),
        Needs::Registree if sut.registree.is_some() => None,
        Needs::Registree => {
            Some("no CSE to start is described: [registree] in a profile".to_owned())
        }
        Needs::PairWithPower if sut.pair.is_some() => None,
        Needs::PairWithPower => {
            Some("stops and starts a CSE, which only the reference lets it do".to_owned())
        }
    }
}

/// Plays one case through a peer, live or stored, and judges it.
pub async fn play(case: &'static Case, mut peer: Peer) -> Outcome {
    let start = Instant::now();
    let playing = expect::watched((case.run)(&mut peer));
    let played = tokio::time::timeout(DEADLINE, playing).await;
    let (result, checked) = match played {
        Ok(played) => played,
        Err(_) => (Err(peer.give_up(DEADLINE)), BTreeSet::new()),
    };
    peer.aftermath(case.needs == Needs::PairWithPower).await;
    let result = peer.verify(result);
    let trace = peer.finish();
    Outcome {
        duration: start.elapsed(),
        checked,
        ..outcome::judge(case, result, trace)
    }
}

fn header(plan: &Plan, outcomes: &[Outcome]) -> Header {
    Header {
        suite: suite(),
        format: 1,
        seed: plan.seed,
        schemas: schemas_hash(),
        targets: plan.sut.targets.clone(),
        ics: ics_hash(&plan.sut.groups),
        patience_ms: u64::try_from(plan.patience.as_millis()).unwrap_or(u64::MAX),
        repeat: plan.repeat.max(1),
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

/// Hash of what a system says it supports.
fn ics_hash(groups: &[Group]) -> String {
    let names: Vec<&str> = groups.iter().map(|group| group.name()).collect();
    crate::record::hex(&[names.join("\n").as_bytes()])
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
