//! Plays cells of the matrix: one case, one defect, many at a time before one pair of CSEs.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinSet;

use crate::case::{Case, Group, Needs, Verdict};
use crate::mutants::engine::Rule;
use crate::mutants::front::{Front, Log};
use crate::mutants::{Defect, Kind, servers};
use crate::outcome::Outcome;
use crate::peer::live::Live;
use crate::peer::{Peer, World};
use crate::profile::{Agent, Registree};
use crate::record::Target;
use crate::run::{self, Sut};
use crate::schema::Shape;
use crate::sut::{Pair, SutError, USUAL};

/// How long a case waits for a message of a server that is wrong throughout, and mostly silent.
const SHORT: Duration = Duration::from_millis(100);
/// Longest time for one cell.
const LONGEST: Duration = Duration::from_secs(30);
/// Cells after which the pair is started anew, so that what it stores stays small.
const ROUND: usize = 800;
/// Defects that open resources to everybody, also to the other cells; each has a pair of its own.
const APART: &[&str] = &["rq-acor"];

/// One case under one defect, or none.
#[derive(Debug, Clone, Copy)]
pub struct Cell {
    /// The case.
    pub case: &'static Case,
    /// The defect.
    pub defect: Option<&'static Defect>,
}

impl Cell {
    /// Whether it would disturb others before the same pair: it stops a CSE, or opens resources.
    fn is_apart(&self) -> bool {
        let opens = |defect: &Defect| APART.contains(&defect.name);
        self.case.needs == Needs::PairWithPower || self.defect.is_some_and(opens)
    }

    /// Name of the defect, empty without one, and identifier of the case.
    #[must_use]
    pub fn name(&self) -> (&'static str, &'static str) {
        let defect = self.defect.map_or("", |defect| defect.name);
        (defect, self.case.id)
    }
}

/// What came of a cell.
#[derive(Debug, Clone)]
pub struct Played {
    /// The cell.
    pub cell: Cell,
    /// The verdict on the case.
    pub verdict: Verdict,
    /// Why, if it is not a pass.
    pub why: String,
    /// Schemas that a message broke.
    pub shapes: Vec<Shape>,
    /// How long it took.
    pub millis: u64,
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

/// Where the cells of a round are played.
#[derive(Debug)]
struct Place {
    pair: Arc<Mutex<Pair>>,
    targets: Vec<Target>,
    /// Held by who plays the node of the other service provider, which is there once.
    abroad: Mutex<()>,
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
        let mut names = BTreeSet::new();
        let once = cells.iter().filter(|cell| names.insert(cell.name()));
        let once: Vec<Cell> = once.copied().collect();
        let seats = Arc::new(Semaphore::new(self.jobs.max(1)));
        let mut playing = JoinSet::new();
        for round in once.chunks(ROUND) {
            // The pair ends with the last cell that is played there.
            let place = Arc::new(self.place().await?);
            for cell in round.iter().copied() {
                let seat = Arc::clone(&seats).acquire_owned().await;
                let (bench, place) = (self.clone(), Arc::clone(&place));
                playing.spawn(async move {
                    let _seat = seat;
                    bench.cell(cell, &place).await
                });
                while let Some(played) = playing.try_join_next() {
                    let played = played.expect("cases do not panic")?;
                    done(&played);
                    all.push(played);
                }
            }
        }
        while let Some(played) = playing.join_next().await {
            let played = played.expect("cases do not panic")?;
            done(&played);
            all.push(played);
        }
        // In the order asked for; what was asked for twice is handed out twice.
        let played: HashMap<_, Played> = all
            .into_iter()
            .map(|played: Played| (played.cell.name(), played))
            .collect();
        Ok(cells
            .iter()
            .filter_map(|cell| played.get(&cell.name()).cloned())
            .collect())
    }

    /// Plays those that should have passed and did not once more, one at a time: under load a
    /// timer of the system may have been late.
    ///
    /// # Errors
    /// If the reference does not start.
    pub async fn look_again(&self, played: &mut [Played]) -> Result<(), SutError> {
        let calm = Self {
            jobs: 1,
            ..self.clone()
        };
        let wrong = |played: &Played| {
            let defect = played.cell.defect;
            defect.is_some_and(|defect| !defect.is_harmless())
        };
        for played in played
            .iter_mut()
            .filter(|played| !wrong(played) && !played.fine())
        {
            let again = calm.play(&[played.cell], |_| ()).await?;
            if let Some(again) = again.into_iter().next() {
                *played = again;
            }
        }
        Ok(())
    }

    async fn place(&self) -> Result<Place, SutError> {
        let pair = Pair::start(&self.program, USUAL).await?;
        Ok(Place {
            targets: pair.targets(),
            pair: Arc::new(Mutex::new(pair)),
            abroad: Mutex::new(()),
        })
    }

    async fn cell(&self, cell: Cell, place: &Place) -> Result<Played, SutError> {
        let own = if cell.is_apart() {
            Some(self.place().await?)
        } else {
            None
        };
        let place = own.as_ref().unwrap_or(place);
        let _turn = match cell.case.needs {
            Needs::Abroad => Some(place.abroad.lock().await),
            Needs::One
            | Needs::Neighbour
            | Needs::Initiator
            | Needs::Target
            | Needs::Transit
            | Needs::Agent
            | Needs::Registree
            | Needs::Bytes
            | Needs::Pair
            | Needs::PairWithPower => None,
        };
        let start = Instant::now();
        let mut played = self.once(cell, &place.pair, &place.targets, 0).await;
        let wrong = cell.defect.is_some_and(|defect| !defect.is_harmless());
        // As in a run: what could not be decided may have been chance.
        if played.verdict == Verdict::Inconclusive && !wrong {
            played = self.once(cell, &place.pair, &place.targets, 1).await;
        }
        played.millis = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(played)
    }

    async fn once(
        &self,
        cell: Cell,
        pair: &Arc<Mutex<Pair>>,
        targets: &[Target],
        attempt: u64,
    ) -> Played {
        let kind = cell.defect.map(|defect| defect.kind);
        let outcome = match kind {
            Some(Kind::Server(answer)) => self.at_server(cell, answer, pair, targets).await,
            Some(kind) => {
                let rules = kind.rules().unwrap_or_default();
                self.behind(rules, cell, pair, targets, attempt).await
            }
            None => self.behind(&[], cell, pair, targets, attempt).await,
        };
        match outcome {
            Ok((outcome, log)) => Played::new(cell, outcome, log),
            Err(error) => Played {
                cell,
                verdict: Verdict::Error,
                why: error.to_string(),
                shapes: Vec::new(),
                millis: 0,
                log: Log::new(),
            },
        }
    }

    async fn at_server(
        &self,
        cell: Cell,
        answer: servers::Answer,
        pair: &Arc<Mutex<Pair>>,
        targets: &[Target],
    ) -> std::io::Result<(Option<Outcome>, Log)> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("ws://{}", listener.local_addr()?);
        let server = tokio::spawn(servers::serve(listener, answer));
        let sut = self.sut(pair, targets, &vec![url; targets.len()]);
        let outcome = self.case(cell, sut, None, SHORT, 0).await;
        server.abort();
        Ok((outcome, Log::new()))
    }

    async fn behind(
        &self,
        rules: &[Rule],
        cell: Cell,
        pair: &Arc<Mutex<Pair>>,
        targets: &[Target],
        attempt: u64,
    ) -> std::io::Result<(Option<Outcome>, Log)> {
        if cell.case.needs.is_a_client() {
            return self.before_client(rules, cell, attempt).await;
        }
        let servers: Vec<String> = targets.iter().map(|target| target.url.clone()).collect();
        let front = Front::open(rules, &servers).await?;
        let sut = self.sut(pair, targets, &front.urls);
        let outcome = self.case(cell, sut, None, self.patience, attempt).await;
        Ok((outcome, front.close(cell.defect.is_none())))
    }

    /// The AE, or the CSE that registers, finds the suite behind a front.
    async fn before_client(
        &self,
        rules: &[Rule],
        cell: Cell,
        attempt: u64,
    ) -> std::io::Result<(Option<Outcome>, Log)> {
        let suite = TcpListener::bind("127.0.0.1:0").await?;
        let front = Front::open(rules, &[format!("ws://{}", suite.local_addr()?)]).await?;
        let mut agent = Agent::beside(&self.program)
            .ok_or_else(|| std::io::Error::other("the AE program does not lie beside the CSE"))?;
        let mut registree = Registree::reference(&self.program);
        for argument in agent.arguments.iter_mut().chain(&mut registree.arguments) {
            *argument = argument.replace("{url}", &front.urls[0]);
        }
        let mut sut = Sut::attached("", Vec::new(), Group::ALL.to_vec());
        sut.agent = Some(agent);
        sut.registree = Some(registree);
        let outcome = self
            .case(cell, sut, Some(suite), self.patience, attempt)
            .await;
        Ok((outcome, front.close(cell.defect.is_none())))
    }

    fn sut(&self, pair: &Arc<Mutex<Pair>>, targets: &[Target], urls: &[String]) -> Sut {
        let through = |(target, url): (&Target, &String)| Target {
            url: url.clone(),
            ..target.clone()
        };
        let targets = targets.iter().zip(urls).map(through).collect();
        let mut sut = Sut::attached("", targets, Group::ALL.to_vec());
        sut.pair = Some(Arc::clone(pair));
        sut
    }

    async fn case(
        &self,
        cell: Cell,
        sut: Sut,
        registrar: Option<TcpListener>,
        patience: Duration,
        attempt: u64,
    ) -> Option<Outcome> {
        let seen = run::seen_by(cell.case, &sut.targets);
        let mut live = Live::new(Instant::now(), sut, patience);
        if let Some(registrar) = registrar {
            live = live.with_registrar(registrar);
        }
        let world = World::Live(Box::new(live));
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
                millis: 0,
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
            millis: 0,
            log,
        }
    }

    /// Whether the case passes.
    #[must_use]
    pub const fn fine(&self) -> bool {
        matches!(self.verdict, Verdict::Pass | Verdict::PassLenient)
    }

    /// The cell and what came of it, in a line.
    #[must_use]
    pub fn line(&self) -> String {
        let (case, verdict, why) = (self.cell.case.id, self.verdict.name(), &self.why);
        match self.cell.defect {
            Some(defect) => format!("{case} under {}: {verdict} {why}", defect.name),
            None => format!("{case}: {verdict} {why}"),
        }
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
    mut done: impl FnMut(&Played),
) -> Result<Result<BTreeMap<&'static str, Log>, Vec<String>>, SutError> {
    let cells: Vec<Cell> = cases
        .iter()
        .map(|case| Cell { case, defect: None })
        .collect();
    let mut played = bench.play(&cells, &mut done).await?;
    bench.look_again(&mut played).await?;
    let bad = played.iter().filter(|played| !played.fine());
    let bad: Vec<String> = bad.map(Played::line).collect();
    if !bad.is_empty() {
        return Ok(Err(bad));
    }
    let logs = played
        .into_iter()
        .map(|played| (played.cell.case.id, played.log));
    Ok(Ok(logs.collect()))
}

/// Where an unfinished filling keeps what it has played.
#[must_use]
pub fn journal(checkout: &Path) -> PathBuf {
    checkout.join("target/mutants/journal.ndjson")
}

/// Where the matrix is stored.
#[must_use]
pub fn file(checkout: &Path) -> PathBuf {
    checkout.join("conformance/mutants/matrix.ndjson")
}
