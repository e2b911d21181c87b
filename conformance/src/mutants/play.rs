//! Plays cells of the matrix: one case, one defect, many at a time before one pair of CSEs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinSet;

use crate::case::{Case, Group, Needs, Verdict};
use crate::mutants::front::{Front, Log};
use crate::mutants::{Defect, Kind, servers};
use crate::outcome::Outcome;
use crate::peer::live::Live;
use crate::peer::{Peer, World};
use crate::record::Target;
use crate::run::{self, Sut};
use crate::schema::Shape;
use crate::sut::{Pair, SutError, USUAL};

/// How long a case waits for a message of a server that is wrong throughout, and mostly silent.
const SHORT: Duration = Duration::from_millis(100);
/// Longest time for one cell.
const LONGEST: Duration = Duration::from_secs(60);
/// Cells after which the pair is started anew, so that what it stores stays small.
const ROUND: usize = 800;
/// Defects that open resources to everybody, also to the other cells; they have a pair of their own.
const APART: &[&str] = &["rq-acor"];

/// One case under one defect, or none.
#[derive(Debug, Clone, Copy)]
pub struct Cell {
    /// The case.
    pub case: &'static Case,
    /// The defect.
    pub defect: Option<&'static Defect>,
}

/// What came of a cell.
#[derive(Debug)]
pub struct Played {
    /// The cell.
    pub cell: Cell,
    /// The verdict on the case.
    pub verdict: Verdict,
    /// Why, if it is not a pass.
    pub why: String,
    /// Schemas that a message broke.
    pub shapes: Vec<Shape>,
    /// What passed, where nothing was changed.
    pub log: Log,
}

/// How cells are played.
#[derive(Debug, Clone)]
pub struct Bench {
    /// The program of the reference.
    pub program: PathBuf,
    /// Cells at a time.
    pub jobs: usize,
    /// How long a case waits for a message.
    pub patience: Duration,
    /// Seed of all randomness.
    pub seed: u64,
}

impl Bench {
    /// Plays all cells.
    ///
    /// # Errors
    /// If the reference does not start.
    pub async fn play(
        &self,
        cells: &[Cell],
        mut done: impl FnMut(&Played),
    ) -> Result<Vec<Played>, SutError> {
        let mut all = Vec::new();
        let apart = |cell: &Cell| {
            cell.defect
                .is_some_and(|defect| APART.contains(&defect.name))
        };
        let (apart, usual): (Vec<Cell>, Vec<Cell>) = cells.iter().partition(|cell| apart(cell));
        for round in usual.chunks(ROUND).chain(apart.chunks(ROUND)) {
            let pair = Arc::new(Mutex::new(Pair::start(&self.program, USUAL).await?));
            let targets = pair.lock().await.targets();
            let alone = |cell: &&Cell| cell.case.needs == Needs::PairWithPower;
            let places = Arc::new(Semaphore::new(self.jobs.max(1)));
            let mut playing = JoinSet::new();
            for cell in round.iter().filter(|cell| !alone(cell)).copied() {
                let (bench, places) = (self.clone(), Arc::clone(&places));
                let (pair, targets) = (Arc::clone(&pair), targets.clone());
                playing.spawn(async move {
                    let _place = places.acquire().await;
                    bench.cell(cell, &pair, &targets).await
                });
            }
            while let Some(played) = playing.join_next().await {
                let played = played.expect("cases do not panic");
                done(&played);
                all.push(played);
            }
            for cell in round.iter().filter(alone).copied() {
                let played = self.cell(cell, &pair, &targets).await;
                pair.lock().await.revive().await;
                done(&played);
                all.push(played);
            }
            pair.lock().await.stop().await;
        }
        Ok(all)
    }

    async fn cell(&self, cell: Cell, pair: &Arc<Mutex<Pair>>, targets: &[Target]) -> Played {
        let mut played = self.once(cell, pair, targets, 0).await;
        let wrong = cell
            .defect
            .is_some_and(|defect| !matches!(defect.kind, Kind::Harmless(_)));
        // As in a run: what could not be decided may have been chance.
        if played.verdict == Verdict::Inconclusive && !wrong {
            played = self.once(cell, pair, targets, 1).await;
        }
        played
    }

    async fn once(
        &self,
        cell: Cell,
        pair: &Arc<Mutex<Pair>>,
        targets: &[Target],
        attempt: u64,
    ) -> Played {
        let failed = |why: String| Played {
            cell,
            verdict: Verdict::Error,
            why,
            shapes: Vec::new(),
            log: Log::new(),
        };
        let rules = match cell.defect.map(|defect| defect.kind) {
            None => &[][..],
            Some(Kind::Wrong(rules) | Kind::Harmless(rules)) => rules,
            Some(Kind::Server(answer)) => {
                let listener = match TcpListener::bind("127.0.0.1:0").await {
                    Ok(listener) => listener,
                    Err(error) => return failed(error.to_string()),
                };
                let Ok(address) = listener.local_addr() else {
                    return failed("a listener without an address".to_owned());
                };
                let server = tokio::spawn(servers::serve(listener, answer));
                let urls = vec![format!("ws://{address}"); targets.len()];
                let outcome = self.case(cell, pair, targets, &urls, SHORT, attempt).await;
                server.abort();
                return Played::new(cell, outcome, Log::new());
            }
        };
        let servers: Vec<String> = targets.iter().map(|target| target.url.clone()).collect();
        let front = match Front::open(rules, &servers).await {
            Ok(front) => front,
            Err(error) => return failed(error.to_string()),
        };
        let urls = front.urls.clone();
        let outcome = self
            .case(cell, pair, targets, &urls, self.patience, attempt)
            .await;
        let (_, log) = front.close();
        let keep = cell.defect.is_none();
        Played::new(cell, outcome, if keep { log } else { Log::new() })
    }

    async fn case(
        &self,
        cell: Cell,
        pair: &Arc<Mutex<Pair>>,
        targets: &[Target],
        urls: &[String],
        patience: Duration,
        attempt: u64,
    ) -> Option<Outcome> {
        let through = |(target, url): (&Target, &String)| Target {
            url: url.clone(),
            ..target.clone()
        };
        let targets: Vec<Target> = targets.iter().zip(urls).map(through).collect();
        let sut = Sut {
            name: String::new(),
            targets: targets.clone(),
            groups: Group::ALL.to_vec(),
            pair: Some(Arc::clone(pair)),
            foreign: None,
            agent: None,
        };
        let world = World::Live(Box::new(Live::new(Instant::now(), sut, patience)));
        let seen = run::seen_by(cell.case, &targets);
        // Cells share a pair, so each has names of its own.
        let name = cell.defect.map_or("", |defect| defect.name);
        let own = crate::record::hex(&[name.as_bytes()]);
        let own = u64::from_str_radix(&own[..12], 16).unwrap_or(0);
        let seed = self.seed.wrapping_add(own).wrapping_add(attempt);
        let peer = Peer::new(cell.case.id, world, seen, patience, seed);
        tokio::time::timeout(LONGEST, run::play(cell.case, peer))
            .await
            .ok()
    }
}

impl Played {
    fn new(cell: Cell, outcome: Option<Outcome>, log: Log) -> Self {
        let Some(outcome) = outcome else {
            let why = format!("no end within {} s", LONGEST.as_secs());
            let (verdict, shapes) = (Verdict::Inconclusive, Vec::new());
            return Self {
                cell,
                verdict,
                why,
                shapes,
                log,
            };
        };
        let failure = outcome.failure.as_ref().map(|failure| {
            format!(
                "{}: expected {}, seen {}",
                failure.requirement, failure.expected, failure.actual
            )
        });
        let violations = outcome.violations.iter();
        Self {
            cell,
            verdict: outcome.verdict,
            why: failure.or(outcome.reason).unwrap_or_default(),
            shapes: violations.map(|violation| violation.shape).collect(),
            log,
        }
    }

    /// Whether the case passes.
    #[must_use]
    pub const fn fine(&self) -> bool {
        matches!(self.verdict, Verdict::Pass | Verdict::PassLenient)
    }

    /// Whether the case, or the schema asked for, fails.
    #[must_use]
    pub fn fails(&self, subject: &str) -> bool {
        if subject == self.cell.case.id {
            return self.verdict == Verdict::Fail;
        }
        self.shapes.iter().any(|shape| shape.id() == subject)
    }
}

/// What passed in each case when nothing was changed.
///
/// # Errors
/// If the reference does not start; or, as text, which cases do not pass.
pub async fn recorded(
    bench: &Bench,
    cases: &[&'static Case],
) -> Result<Result<BTreeMap<&'static str, Log>, Vec<String>>, SutError> {
    let cells: Vec<Cell> = cases
        .iter()
        .map(|case| Cell { case, defect: None })
        .collect();
    let mut played = bench.play(&cells, |_| ()).await?;
    // Once more, alone: under load a timer of the system may have been late.
    for played in played.iter_mut().filter(|played| !played.fine()) {
        let again = bench.play(&[played.cell], |_| ()).await?;
        if let Some(again) = again.into_iter().next() {
            *played = again;
        }
    }
    let bad: Vec<String> = played
        .iter()
        .filter(|played| !played.fine())
        .map(|played| {
            format!(
                "{}: {}: {}",
                played.cell.case.id,
                played.verdict.name(),
                played.why
            )
        })
        .collect();
    if !bad.is_empty() {
        return Ok(Err(bad));
    }
    let logs = played
        .into_iter()
        .map(|played| (played.cell.case.id, played.log));
    Ok(Ok(logs.collect()))
}

/// Where the matrix is stored.
#[must_use]
pub fn file(checkout: &Path) -> PathBuf {
    checkout.join("conformance/mutants/matrix.ndjson")
}
