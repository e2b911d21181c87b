//! Fills the matrix: plays what is asked for, and names a killer for each case.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::case::Case;
use crate::cases;
use crate::console::{self, Cells};
use crate::mutants::front::{Log, would_act};
use crate::mutants::journal::Journal;
use crate::mutants::matrix::{Catcher, Column, Killer, Matrix, Row, subjects};
use crate::mutants::play::{self, Bench, Cell, Played};
use crate::mutants::selection::Selection;
use crate::mutants::{self, Defect};
use crate::schema::Shape;
use crate::sut::SutError;

/// What is to be played.
#[derive(Debug, Clone)]
pub enum Fill {
    /// Everything, as if there were no matrix.
    All,
    /// What is new or changed in the two tables.
    New,
    /// These cells, whatever the matrix says of them.
    Selected(Selection),
}

/// Plays it, names killers, and writes the matrix.
///
/// # Errors
/// In a sentence, if the reference does not start or pass, or a file cannot be written.
pub async fn fill(bench: &Bench, fill: &Fill, checkout: &Path) -> Result<Matrix, String> {
    let path = play::file(checkout);
    let stored = if path.exists() && !matches!(fill, Fill::All) {
        Matrix::read(&path)?
    } else {
        Matrix::default()
    };
    let mut work = Work::new(stored, fill);
    let logs = recorded(bench, &work.cases).await?;
    let cells = work.prepare(&logs);
    let journal_path = play::journal(checkout);
    let unwritten = |error| format!("cannot write {}: {error}", journal_path.display());
    let mut journal = Journal::open(&journal_path).map_err(unwritten)?;
    for played in played(bench, cells, &mut journal, &journal_path).await? {
        work.matrix.enter(&played);
    }
    name_killers(&mut work.matrix, bench).await?;
    name_catchers(&mut work.matrix, bench).await?;
    let written = work.matrix.write(&path, &cases::all());
    written.map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    journal.close().map_err(unwritten)?;
    Ok(work.matrix)
}

async fn recorded(
    bench: &Bench,
    cases: &[&'static Case],
) -> Result<BTreeMap<&'static str, Log>, String> {
    let progress = Cells::new("Recording the reference", cases.len());
    let logs = play::recorded(bench, cases, |played| progress.done(played)).await;
    progress.finish();
    logs.map_err(said)?.map_err(|bad| {
        let bad = bad.join("\n  ");
        format!("the reference itself does not pass:\n  {bad}")
    })
}

/// The cells that an interrupted filling has not played, and what it has played.
async fn played(
    bench: &Bench,
    cells: Vec<Cell>,
    journal: &mut Journal,
    path: &Path,
) -> Result<Vec<Played>, String> {
    let mut all: Vec<Played> = Vec::new();
    let mut open = Vec::new();
    for cell in cells {
        match journal.find(cell) {
            Some(played) => all.push(played),
            None => open.push(cell),
        }
    }
    if !all.is_empty() {
        let (known, path) = (all.len(), path.display());
        console::say(&format!(
            "{known} cells were played before an interruption; remove {path} to play them again"
        ));
    }
    let progress = Cells::new("Playing", open.len());
    let mut unwritten = None;
    let played = bench.play(&open, |played| {
        progress.done(played);
        // What should have passed is looked at again below.
        let settled = played.fine() || played.cell.defect.is_some_and(|known| !known.is_harmless());
        if settled && let Err(error) = journal.add(played) {
            unwritten.get_or_insert(error);
        }
    });
    all.extend(played.await.map_err(said)?);
    progress.finish();
    if let Some(error) = unwritten {
        return Err(format!("cannot write {}: {error}", path.display()));
    }
    bench.look_again(&mut all).await.map_err(said)?;
    let harm = |played: &&Played| {
        let harmless = played.cell.defect.is_some_and(Defect::is_harmless);
        harmless && !played.fine()
    };
    for played in all.iter().filter(harm) {
        console::say(&played.line());
    }
    Ok(all)
}

fn said(error: SutError) -> String {
    error.to_string()
}

/// The matrix on its way, and what of it is played.
struct Work {
    matrix: Matrix,
    cases: Vec<&'static Case>,
    defects: Vec<&'static Defect>,
    /// Cases and defects that are due; without, all are.
    due: Option<BTreeSet<String>>,
}

impl Work {
    fn new(matrix: Matrix, fill: &Fill) -> Self {
        let (cases, defects) = (cases::all(), mutants::all());
        match fill {
            Fill::Selected(selection) => Self {
                matrix,
                cases: selection.cases(),
                defects: selection.defects(),
                due: None,
            },
            Fill::All => Self {
                matrix: Matrix::default(),
                cases,
                defects,
                due: None,
            },
            Fill::New => {
                let stale: BTreeSet<String> = matrix.stale(&cases).into_iter().collect();
                // What breaks a schema shows in any case.
                let all = Shape::ALL.iter().any(|shape| stale.contains(shape.id()));
                Self {
                    matrix,
                    cases,
                    defects,
                    due: (!all).then_some(stale),
                }
            }
        }
    }

    fn is_due(&self, case: &Case, defect: &Defect) -> bool {
        let due = self.due.as_ref();
        due.is_none_or(|due| due.contains(case.id) || due.contains(defect.name))
    }

    /// Makes room in the matrix for the cells that are due; those in which the defect would do
    /// anything are returned, to be played.
    fn prepare(&mut self, logs: &BTreeMap<&'static str, Log>) -> Vec<Cell> {
        self.shape();
        let mut cells = Vec::new();
        for defect in &self.defects {
            for case in &self.cases {
                if !self.is_due(case, defect) {
                    continue;
                }
                self.matrix.clear(case.id, defect.name);
                if acts(defect, case, &logs[case.id]) {
                    cells.push(Cell {
                        case,
                        defect: Some(defect),
                    });
                }
            }
        }
        cells
    }

    /// The rows and columns there must be, and no other. What is played as a whole is up to date
    /// afterwards.
    fn shape(&mut self) {
        let subjects = subjects(&cases::all());
        let known = |id: &String| subjects.iter().any(|(known, _)| known == id);
        self.matrix.rows.retain(|id, _| known(id));
        let columns = &mut self.matrix.columns;
        columns.retain(|name, _| mutants::find(name).is_some());
        for row in self.matrix.rows.values_mut() {
            let gone = |name: &String| mutants::find(name).is_none();
            row.failed.retain(|name| !gone(name));
            row.undecided.retain(|name| !gone(name));
            row.carriers
                .retain(|name, case| !gone(name) && cases::find(case).is_some());
            let carriers = &row.carriers;
            if Shape::ALL.iter().any(|shape| shape.id() == row.case) {
                row.failed.retain(|name| carriers.contains_key(name));
            }
        }
        let every_defect = self.defects.len() == mutants::all().len();
        let every_case = self.cases.len() == cases::all().len();
        for (case, record) in subjects {
            let whole = every_defect
                && cases::find(&case).map_or(every_case, |_| {
                    self.cases.iter().any(|known| known.id == case)
                });
            let row = self.matrix.rows.entry(case.clone());
            let row = row.or_insert_with(|| Row {
                case,
                ..Row::default()
            });
            if whole {
                row.record = record;
            }
        }
        for defect in &self.defects {
            let name = defect.name.to_owned();
            let column = self.matrix.columns.entry(name.clone());
            let column = column.or_insert_with(|| Column {
                defect: name,
                ..Column::default()
            });
            if every_case {
                column.record = defect.fingerprint();
            }
        }
    }
}

fn acts(defect: &Defect, case: &Case, log: &Log) -> bool {
    defect.concerns(case)
        && defect
            .kind
            .rules()
            .is_none_or(|rules| would_act(rules, log))
}

/// Gives each case a killer that kills it again; those it has already are kept.
async fn name_killers(matrix: &mut Matrix, bench: &Bench) -> Result<(), String> {
    let mut open = candidates(matrix);
    for row in matrix.rows.values_mut() {
        row.killer = None;
    }
    let progress = Cells::new("Naming killers", open.len());
    loop {
        let mut tried: Vec<(String, Cell)> = Vec::new();
        for (subject, killers) in &mut open {
            let Some(defect) = killers.pop() else {
                continue;
            };
            let carriers = &matrix.rows[subject].carriers;
            let carrier = carriers.get(defect.name).unwrap_or(subject);
            if let Some(case) = cases::find(carrier) {
                let defect = Some(defect);
                tried.push((subject.clone(), Cell { case, defect }));
            }
        }
        if tried.is_empty() {
            progress.finish();
            return Ok(());
        }
        let mut cells: Vec<Cell> = tried.iter().map(|(_, cell)| *cell).collect();
        cells.sort_by_key(Cell::name);
        cells.dedup_by_key(|cell| cell.name());
        for played in bench.play(&cells, |_| ()).await.map_err(said)? {
            let killed = tried.iter().filter(|(subject, cell)| {
                cell.name() == played.cell.name() && played.fails(subject)
            });
            for (subject, cell) in killed {
                progress.done(&played);
                open.remove(subject);
                let (defect, play) = cell.name();
                if let Some(row) = matrix.rows.get_mut(subject) {
                    let (defect, play) = (defect.to_owned(), play.to_owned());
                    row.killer = Some(Killer { defect, play });
                }
            }
        }
    }
}

/// Gives each defect that kills no case alone a case that catches it again.
async fn name_catchers(matrix: &mut Matrix, bench: &Bench) -> Result<(), String> {
    let mut open: BTreeMap<&str, Vec<(String, Cell)>> = BTreeMap::new();
    for defect in mutants::all() {
        let Some(column) = matrix.columns.get_mut(defect.name) else {
            continue;
        };
        let kept = column.catcher.take();
        if defect.is_harmless() || matrix.is_seen(defect.name) {
            continue;
        }
        let rows = matrix.rows.values();
        let failed = rows.filter(|row| row.failed.iter().any(|name| name == defect.name));
        // A schema is broken in the case that carries the message.
        let played = failed.filter_map(|row| {
            let case = row.carriers.get(defect.name).unwrap_or(&row.case);
            Some((row.case.clone(), cases::find(case)?))
        });
        let mut cells: Vec<(String, Cell)> = played
            .map(|(subject, case)| {
                let defect = Some(defect);
                (subject, Cell { case, defect })
            })
            .collect();
        cells.sort_by_key(|(subject, cell)| {
            let kept = kept.as_ref().is_some_and(|kept| kept.case == *subject);
            (kept, subject == cell.case.id)
        });
        open.insert(defect.name, cells);
    }
    while !open.is_empty() {
        let tried: Vec<(String, Cell)> = open.values_mut().filter_map(Vec::pop).collect();
        open.retain(|name, _| tried.iter().any(|(_, cell)| cell.name().0 == *name));
        let cells: Vec<Cell> = tried.iter().map(|(_, cell)| *cell).collect();
        let played = bench.play(&cells, |_| ()).await.map_err(said)?;
        for ((subject, _), played) in tried.into_iter().zip(played) {
            let (defect, play) = played.cell.name();
            if played.fails(&subject) {
                open.remove(defect);
                if let Some(column) = matrix.columns.get_mut(defect) {
                    let (case, play) = (subject, play.to_owned());
                    column.catcher = Some(Catcher { case, play });
                }
            }
        }
    }
    Ok(())
}

/// The killers each case may have, the one to try first at the end.
fn candidates(matrix: &Matrix) -> BTreeMap<String, Vec<&'static Defect>> {
    let mut open = BTreeMap::new();
    for row in matrix.rows.values() {
        let mut killers = matrix.killers(row);
        let kept = row.killer.as_ref().and_then(|killer| {
            let named = |defect: &&Defect| defect.name == killer.defect;
            killers.iter().position(named)
        });
        if let Some(at) = kept {
            killers.swap(0, at);
        }
        killers.reverse();
        open.insert(row.case.clone(), killers);
    }
    open
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::Verdict;
    use crate::mutants::matrix::fingerprint;

    fn selected(cases: &[&str], defects: &[&str]) -> Fill {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Fill::Selected(Selection {
            cases: owned(cases),
            defects: owned(defects),
        })
    }

    #[test]
    fn a_row_is_up_to_date_once_it_was_played_under_every_defect() {
        let mut whole = Work::new(Matrix::default(), &selected(&["HSK-01"], &[]));
        let mut part = Work::new(Matrix::default(), &selected(&["HSK-01"], &["ok-*"]));
        whole.shape();
        part.shape();

        let case = cases::find("HSK-01").unwrap();
        assert_eq!(whole.matrix.rows["HSK-01"].record, fingerprint(case));
        assert_eq!(whole.matrix.rows["HSK-02"].record, "");
        assert_eq!(part.matrix.rows["HSK-01"].record, "");
    }

    #[test]
    fn what_is_played_again_replaces_what_was_known() {
        let mut work = Work::new(Matrix::default(), &Fill::All);
        work.shape();
        let cell = Cell {
            case: cases::find("HSK-01").unwrap(),
            defect: mutants::find("hs-no-key"),
        };
        let played = |verdict, shapes| Played {
            cell,
            verdict,
            why: String::new(),
            shapes,
            millis: 0,
            log: Log::new(),
        };

        let mut matrix = work.matrix;
        matrix.enter(&played(Verdict::Fail, vec![Shape::Response]));
        let row = |matrix: &Matrix, id: &str| matrix.rows[id].failed.clone();
        assert_eq!(row(&matrix, "HSK-01"), ["hs-no-key"]);
        assert_eq!(row(&matrix, "SCHEMA-2"), ["hs-no-key"]);

        matrix.enter(&played(Verdict::Pass, Vec::new()));
        assert!(row(&matrix, "HSK-01").is_empty() && row(&matrix, "SCHEMA-2").is_empty());
    }
}
