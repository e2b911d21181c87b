//! Plays again what the matrix needs to be believed: each case with its killer, each defect, each
//! case under a harmless change.

use std::path::Path;

use crate::cases;
use crate::console::{self, Cells};
use crate::mutants::matrix::Matrix;
use crate::mutants::play::{self, Bench, Cell, Played};
use crate::mutants::selection::Selection;
use crate::mutants::{self, Defect};

/// How often a cell is played that did not come to what it must: under load a message may be
/// late, and then nothing is decided.
const ROUNDS: usize = 3;

/// What came of a replay.
#[derive(Debug)]
pub struct Replayed {
    /// The stored matrix.
    pub matrix: Matrix,
    /// Cells that were played.
    pub cells: usize,
    /// What is against it.
    pub faults: Vec<String>,
}

/// Replays the stored matrix.
///
/// # Errors
/// In a sentence, if there is none, if it is not of these tables, or the reference does not start.
pub async fn replay(
    bench: &Bench,
    selection: &Selection,
    checkout: &Path,
) -> Result<Replayed, String> {
    let matrix = Matrix::read(&play::file(checkout))?;
    let stale = matrix.stale(&cases::all());
    if !stale.is_empty() {
        let names = stale.join(", ");
        return Err(format!(
            "cases or defects have changed since the matrix was written: {names}; \
             `conformance mutants --update` plays these and writes it"
        ));
    }
    let mut faults = if selection.is_everything() {
        matrix.faults()
    } else {
        Vec::new()
    };
    let mut open = cover(&matrix);
    open.retain(|expected| {
        let (defect, case) = expected.cell.name();
        let named = selection.has_case(case) || selection.has_case(&expected.subject);
        named && selection.has_defect(defect)
    });
    let cells = open.len();
    for round in 1..=ROUNDS {
        let due: Vec<Cell> = open.iter().map(|expected| expected.cell).collect();
        // The last time nothing else disturbs it.
        let jobs = if round == ROUNDS { 1 } else { bench.jobs };
        let bench = Bench {
            jobs,
            ..bench.clone()
        };
        let progress = Cells::new("Replaying", due.len());
        let played = bench.play(&due, |played| progress.done(played)).await;
        progress.finish();
        let played = played.map_err(|error| error.to_string())?;
        let outcomes = open.iter().zip(&played);
        let texts: Vec<Option<String>> = outcomes
            .map(|(expected, played)| expected.fault(played))
            .collect();
        if round == ROUNDS {
            faults.extend(texts.iter().flatten().cloned());
        } else {
            for text in texts.iter().flatten() {
                console::say(&format!("once more: {text}"));
            }
        }
        let mut left = texts.iter().map(Option::is_some);
        open.retain(|_| left.next().unwrap_or(false));
        if open.is_empty() {
            break;
        }
    }
    Ok(Replayed {
        matrix,
        cells,
        faults,
    })
}

/// A cell that is replayed, and what must come of it.
#[derive(Debug, Clone)]
struct Expected {
    subject: String,
    fails: bool,
    cell: Cell,
}

impl Expected {
    fn new(subject: &str, fails: bool, play: &str, defect: &'static Defect) -> Option<Self> {
        Some(Self {
            subject: subject.to_owned(),
            fails,
            cell: Cell {
                case: cases::find(play)?,
                defect: Some(defect),
            },
        })
    }

    /// What is wrong with what came of it.
    fn fault(&self, played: &Played) -> Option<String> {
        let (good, fault) = if self.fails {
            (played.fails(&self.subject), "does not fail")
        } else {
            (played.fine(), "does not pass")
        };
        let (subject, line) = (&self.subject, played.line());
        (!good).then(|| format!("{subject} {fault}: {line}"))
    }
}

/// Each case with its killer, each defect, each case under a harmless change.
fn cover(matrix: &Matrix) -> Vec<Expected> {
    let mut cover = Vec::new();
    for row in matrix.rows.values() {
        let Some(killer) = &row.killer else { continue };
        if let Some(defect) = mutants::find(&killer.defect) {
            cover.extend(Expected::new(&row.case, true, &killer.play, defect));
        }
    }
    for column in matrix.columns.values() {
        let Some(catcher) = &column.catcher else {
            continue;
        };
        if let Some(defect) = mutants::find(&column.defect) {
            cover.extend(Expected::new(&catcher.case, true, &catcher.play, defect));
        }
    }
    let all = mutants::all();
    for (place, case) in cases::all().into_iter().enumerate() {
        let fits = |defect: &&Defect| defect.is_harmless() && defect.concerns(case);
        let changes: Vec<&'static Defect> = all.iter().copied().filter(fits).collect();
        if let Some(change) = changes.get(place % changes.len().max(1)) {
            cover.extend(Expected::new(case.id, false, case.id, change));
        }
    }
    // Two subjects may be shown by one cell, which need not be played twice at the same time.
    cover.sort_by_key(|expected| expected.cell.name());
    cover
}
