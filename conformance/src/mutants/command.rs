//! `mutants`: fills the matrix, or replays what it needs to be believed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::case::{Case, Verdict};
use crate::cases;
use crate::console;
use crate::mutants::front::{Log, would_act};
use crate::mutants::matrix::{Column, Killer, Matrix, Row, subjects};
use crate::mutants::play::{self, Bench, Cell, Played};
use crate::mutants::{self, Defect, Kind};
use crate::schema::Shape;
use crate::sut::SutError;

/// What to do.
#[derive(Debug, Clone)]
pub struct Options {
    /// Play all cells, or only what is new or changed.
    pub fill: Option<Fill>,
    /// Cases and defects to play again.
    pub again: Vec<String>,
    /// Where the sources are.
    pub checkout: PathBuf,
    /// How to play.
    pub bench: Bench,
}

/// How much of the matrix is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fill {
    /// All of it.
    All,
    /// What is new or changed.
    New,
}

/// Does it; true if the matrix stands.
///
/// # Errors
/// In a sentence, if it cannot be done.
pub async fn run(options: &Options) -> Result<bool, String> {
    let start = Instant::now();
    let path = play::file(&options.checkout);
    let faults = match options.fill {
        Some(fill) => self::fill(options, fill, &path).await?,
        None => replay(options, &path).await?,
    };
    for fault in &faults {
        console::say(fault);
    }
    let seconds = start.elapsed().as_secs();
    console::say(&format!("{} faults, {seconds} s", faults.len()));
    Ok(faults.is_empty())
}

fn said(error: SutError) -> String {
    error.to_string()
}

async fn fill(options: &Options, fill: Fill, path: &Path) -> Result<Vec<String>, String> {
    let (bench, cases) = (&options.bench, cases::all());
    let logs = play::recorded(bench, &cases).await.map_err(said)?;
    let logs = match logs {
        Ok(logs) => logs,
        Err(bad) => {
            let bad = bad.join("\n  ");
            return Err(format!("the reference itself does not pass:\n  {bad}"));
        }
    };
    let mut matrix = match fill {
        Fill::New if path.exists() => Matrix::read(path)?,
        Fill::New | Fill::All => Matrix::default(),
    };
    let mut stale: BTreeSet<String> = matrix.stale(&cases).into_iter().collect();
    stale.extend(options.again.iter().cloned());
    // What breaks a schema shows in any case.
    if Shape::ALL.iter().any(|shape| stale.contains(shape.id())) {
        matrix = Matrix::default();
        stale = matrix.stale(&cases).into_iter().collect();
    }
    forget(&mut matrix, &cases, &stale);
    let cells = due(&mut matrix, &cases, &logs, &stale);
    let count = cells.len();
    console::say(&format!("{} changed, {count} cells to play", stale.len()));
    let mut done = 0_usize;
    let played = bench.play(&cells, |_| {
        done += 1;
        if done.is_multiple_of(200) {
            console::say(&format!("{done} of {count}"));
        }
    });
    for played in played.await.map_err(said)? {
        if let Some(Kind::Harmless(_)) = played.cell.defect.map(|defect| defect.kind)
            && !played.fine()
        {
            let (case, verdict, why) = (played.cell.case.id, played.verdict.name(), &played.why);
            let name = played.cell.defect.map_or("", |defect| defect.name);
            console::say(&format!("{case} under {name}: {verdict} {why}"));
        }
        enter(&mut matrix, &played);
    }
    name_killers(&mut matrix, bench).await?;
    let written = matrix.write(path, &cases);
    written.map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    Ok(matrix.faults())
}

/// Removes what will be played again or is gone, and makes the rows and columns there must be.
fn forget(matrix: &mut Matrix, cases: &[&'static Case], stale: &BTreeSet<String>) {
    let subjects = subjects(cases);
    let known = |id: &String| subjects.iter().any(|(known, _)| known == id);
    matrix.rows.retain(|id, _| known(id) && !stale.contains(id));
    matrix
        .columns
        .retain(|name, _| mutants::find(name).is_some() && !stale.contains(name));
    for row in matrix.rows.values_mut() {
        let gone = |name: &String| stale.contains(name) || mutants::find(name).is_none();
        row.failed.retain(|name| !gone(name));
        row.undecided.retain(|name| !gone(name));
        row.carriers.retain(|name, _| !gone(name));
        if row
            .killer
            .as_ref()
            .is_some_and(|killer| gone(&killer.defect))
        {
            row.killer = None;
        }
    }
    for (case, record) in subjects {
        matrix.rows.entry(case.clone()).or_insert_with(|| Row {
            case,
            record,
            ..Row::default()
        });
    }
    for defect in mutants::all() {
        let name = defect.name.to_owned();
        matrix
            .columns
            .entry(name.clone())
            .or_insert_with(|| Column {
                defect: name,
                record: defect.fingerprint(),
                acted: 0,
            });
    }
}

/// The cells to play: those of what is stale, where the defect would do anything.
fn due(
    matrix: &mut Matrix,
    cases: &[&'static Case],
    logs: &BTreeMap<&'static str, Log>,
    stale: &BTreeSet<String>,
) -> Vec<Cell> {
    let mut cells = Vec::new();
    for defect in mutants::all() {
        let mut acted = 0;
        for case in cases {
            let acts = match defect.kind {
                Kind::Server(_) => true,
                Kind::Wrong(rules) | Kind::Harmless(rules) => would_act(rules, &logs[case.id]),
            };
            acted += usize::from(acts);
            if acts && (stale.contains(case.id) || stale.contains(defect.name)) {
                cells.push(Cell {
                    case,
                    defect: Some(defect),
                });
            }
        }
        if let Some(column) = matrix.columns.get_mut(defect.name) {
            column.acted = acted;
        }
    }
    cells
}

fn enter(matrix: &mut Matrix, played: &Played) {
    let Some(defect) = played.cell.defect else {
        return;
    };
    let name = defect.name.to_owned();
    let case = played.cell.case.id;
    if let Some(row) = matrix.rows.get_mut(case) {
        match played.verdict {
            Verdict::Pass | Verdict::PassLenient => {}
            Verdict::Fail => row.failed.push(name.clone()),
            Verdict::Inconclusive | Verdict::NotApplicable | Verdict::Disputed | Verdict::Error => {
                row.undecided.push(name.clone());
            }
        }
    }
    for shape in &played.shapes {
        if let Some(row) = matrix.rows.get_mut(shape.id())
            && !row.carriers.contains_key(&name)
        {
            row.failed.push(name.clone());
            row.carriers.insert(name.clone(), case.to_owned());
        }
    }
    for row in matrix.rows.values_mut() {
        row.failed.sort();
        row.failed.dedup();
        row.undecided.sort();
        row.undecided.dedup();
    }
}

/// Gives each case a killer that kills it again; those it has already are kept.
async fn name_killers(matrix: &mut Matrix, bench: &Bench) -> Result<(), String> {
    let mut open: BTreeMap<String, Vec<&'static Defect>> = BTreeMap::new();
    for row in matrix.rows.values() {
        let mut killers = matrix.killers(row);
        let kept = row.killer.as_ref().and_then(|killer| {
            killers
                .iter()
                .position(|defect| defect.name == killer.defect)
        });
        if let Some(at) = kept {
            killers.swap(0, at);
        }
        killers.reverse();
        open.insert(row.case.clone(), killers);
    }
    for row in matrix.rows.values_mut() {
        row.killer = None;
    }
    loop {
        let mut tried: Vec<(String, Cell)> = Vec::new();
        for (subject, killers) in &mut open {
            let Some(defect) = killers.pop() else {
                continue;
            };
            let carrier = matrix.rows[subject]
                .carriers
                .get(defect.name)
                .unwrap_or(subject);
            if let Some(case) = cases::find(carrier) {
                tried.push((
                    subject.clone(),
                    Cell {
                        case,
                        defect: Some(defect),
                    },
                ));
            }
        }
        if tried.is_empty() {
            return Ok(());
        }
        let cells: Vec<Cell> = tried.iter().map(|(_, cell)| *cell).collect();
        for played in bench.play(&cells, |_| ()).await.map_err(said)? {
            let (case, defect) = (played.cell.case.id, played.cell.defect);
            let defect = defect.map_or("", |defect| defect.name);
            let killed = tried.iter().filter(|(subject, cell)| {
                let same =
                    cell.case.id == case && cell.defect.is_some_and(|known| known.name == defect);
                same && played.fails(subject)
            });
            for (subject, _) in killed {
                open.remove(subject);
                if let Some(row) = matrix.rows.get_mut(subject) {
                    let (defect, play) = (defect.to_owned(), case.to_owned());
                    row.killer = Some(Killer { defect, play });
                }
            }
        }
    }
}

/// A cell that is replayed, and what must come of it.
#[derive(Debug, Clone)]
struct Expected {
    subject: String,
    fails: bool,
    cell: Cell,
}

/// Each case with its killer, each defect, each case under a harmless change.
fn cover(matrix: &Matrix) -> Vec<Expected> {
    let mut cover = Vec::new();
    let mut covered = BTreeSet::new();
    let cell = |play: &str, defect: &str| {
        let (case, defect) = (cases::find(play)?, mutants::find(defect)?);
        Some(Cell {
            case,
            defect: Some(defect),
        })
    };
    for row in matrix.rows.values() {
        let Some(killer) = &row.killer else { continue };
        if let Some(cell) = cell(&killer.play, &killer.defect) {
            covered.insert(killer.defect.clone());
            let subject = row.case.clone();
            cover.push(Expected {
                subject,
                fails: true,
                cell,
            });
        }
    }
    for defect in mutants::all()
        .iter()
        .filter(|defect| !covered.contains(defect.name))
    {
        let caught = |row: &&Row| row.failed.iter().any(|name| name == defect.name);
        if let Some(row) = matrix.rows.values().find(caught)
            && let Some(cell) = cell(&row.case, defect.name)
        {
            let subject = row.case.clone();
            cover.push(Expected {
                subject,
                fails: true,
                cell,
            });
        }
    }
    let harmless = |defect: &&Defect| matches!(defect.kind, Kind::Harmless(_));
    let changes: Vec<&'static Defect> = mutants::all().into_iter().filter(harmless).collect();
    for (case, defect) in cases::all().into_iter().zip(changes.into_iter().cycle()) {
        let cell = Cell {
            case,
            defect: Some(defect),
        };
        let subject = case.id.to_owned();
        cover.push(Expected {
            subject,
            fails: false,
            cell,
        });
    }
    cover
}

async fn replay(options: &Options, path: &Path) -> Result<Vec<String>, String> {
    let matrix = Matrix::read(path)?;
    let stale = matrix.stale(&cases::all());
    if !stale.is_empty() {
        let names = stale.join(", ");
        return Err(format!(
            "cases or defects have changed since the matrix was written: {names}; \
             `conformance mutants --update` plays these and writes it"
        ));
    }
    let mut faults = matrix.faults();
    let mut open = cover(&matrix);
    console::say(&format!("{} cells", open.len()));
    // A second and third time: under load a message may be late, and then nothing is decided.
    for round in 1..=3 {
        let cells: Vec<Cell> = open.iter().map(|expected| expected.cell).collect();
        let played = options.bench.play(&cells, |_| ()).await.map_err(said)?;
        let wrong = |expected: &Expected| {
            let same = |played: &&Played| {
                let name = |cell: &Cell| cell.defect.map(|defect| defect.name);
                played.cell.case.id == expected.cell.case.id
                    && name(&played.cell) == name(&expected.cell)
            };
            let played = played.iter().find(same)?;
            let fault = if expected.fails {
                "does not fail"
            } else {
                "does not pass"
            };
            let good = if expected.fails {
                played.fails(&expected.subject)
            } else {
                played.fine()
            };
            let defect = expected.cell.defect.map_or("", |defect| defect.name);
            let (verdict, why) = (played.verdict.name(), &played.why);
            let text = format!(
                "{} {fault} under {defect}: {verdict} {why}",
                expected.subject
            );
            (!good).then_some(text)
        };
        let texts: Vec<Option<String>> = open.iter().map(wrong).collect();
        if round == 3 {
            faults.extend(texts.iter().flatten().cloned());
        }
        let mut left = texts.iter().map(Option::is_some);
        open.retain(|_| left.next().unwrap_or(false));
        if open.is_empty() {
            break;
        }
    }
    Ok(faults)
}

impl Options {
    /// Patience and cells at a time, where nothing else is asked for.
    #[must_use]
    pub fn bench(program: PathBuf, jobs: usize, patience_ms: u64) -> Bench {
        Bench {
            program,
            jobs,
            patience: Duration::from_millis(patience_ms),
            seed: 1,
        }
    }
}
