//! The matrix *case × defect* as it is stored: one line for the tables, one for each case, one
//! for each defect.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::case::{Case, Verdict};
use crate::cases;
use crate::mutants::play::Played;
use crate::mutants::{self, Defect, EXCUSED, Kind, UNCAUGHT};
use crate::record::hex;
use crate::schema::Shape;

/// Least share of cases that still pass under a defect that counts as a killer, percent.
pub const STILL_PASS: usize = 80;

/// The stored matrix.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matrix {
    /// Cases by identifier.
    pub rows: BTreeMap<String, Row>,
    /// Defects by name.
    pub columns: BTreeMap<String, Column>,
}

/// A case.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Its identifier.
    pub case: String,
    /// Its record.
    pub record: String,
    /// The defect that is replayed, and for a schema the case that carries it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub killer: Option<Killer>,
    /// Defects under which it fails.
    pub failed: Vec<String>,
    /// Defects under which it does not pass and does not fail.
    pub undecided: Vec<String>,
    /// For a schema: in which case a defect breaks it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub carriers: BTreeMap<String, String>,
}

/// What a case is replayed with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Killer {
    /// The defect.
    pub defect: String,
    /// The case that is played.
    pub play: String,
}

/// A defect.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub defect: String,
    /// Its record.
    pub record: String,
    /// What is replayed to see it caught, where it is the killer of none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catcher: Option<Catcher>,
}

/// What a defect is replayed with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catcher {
    /// The case or schema that fails.
    pub case: String,
    /// The case that is played.
    pub play: String,
}

/// What the matrix shows, in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Rows: cases and schemas.
    pub cases: usize,
    /// Of them with a killer.
    pub killed: usize,
    /// Of them that none can have, with a written reason.
    pub excused: usize,
    /// Defects.
    pub defects: usize,
    /// Of them caught by some case.
    pub caught: usize,
    /// Harmless changes.
    pub harmless: usize,
    /// Of them under which nothing fails.
    pub clean: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    Row(Row),
    Column(Column),
    Head(Head),
}

#[derive(Serialize, Deserialize)]
struct Head {
    cases: String,
    defects: String,
}

/// Identifies a case: its identifier, group, configuration and requirements, not its prose.
#[must_use]
pub fn fingerprint(case: &Case) -> String {
    let text = format!(
        "{} {} {} {}",
        case.id,
        case.group.name(),
        case.needs.name(),
        case.requirements.join(" ")
    );
    hex(&[text.as_bytes()])[..16].to_owned()
}

/// Every row there must be: the cases, then the schemas.
#[must_use]
pub fn subjects(cases: &[&'static Case]) -> Vec<(String, String)> {
    let cases = cases
        .iter()
        .map(|case| (case.id.to_owned(), fingerprint(case)));
    let shapes = Shape::ALL.map(|shape| (shape.id().to_owned(), shape.file().to_owned()));
    cases.chain(shapes).collect()
}

/// Hash of a table.
fn table(records: impl Iterator<Item = String>) -> String {
    let text: String = records.collect::<Vec<_>>().join(" ");
    hex(&[text.as_bytes()])
}

impl Matrix {
    /// Reads a stored matrix.
    ///
    /// # Errors
    /// What is wrong with it, in a sentence.
    pub fn read(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("cannot read {shown}: {error}; write it with --full"))?;
        let mut matrix = Self::default();
        for (number, line) in text.lines().enumerate() {
            let line = serde_json::from_str(line)
                .map_err(|error| format!("{shown}, line {}: {error}", number + 1))?;
            match line {
                Line::Row(row) => drop(matrix.rows.insert(row.case.clone(), row)),
                Line::Column(column) => {
                    drop(matrix.columns.insert(column.defect.clone(), column));
                }
                Line::Head(_) => {}
            }
        }
        Ok(matrix)
    }

    /// Writes it, in the order of the tables.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, path: &Path, cases: &[&'static Case]) -> std::io::Result<()> {
        let (cases, defects) = (subjects(cases), mutants::all());
        let head = Head {
            cases: table(cases.iter().map(|(_, record)| record.clone())),
            defects: table(defects.iter().map(|defect| defect.fingerprint())),
        };
        let rows = cases.iter().filter_map(|(id, _)| self.rows.get(id));
        let columns = defects
            .iter()
            .filter_map(|defect| self.columns.get(defect.name));
        let lines = std::iter::once(Line::Head(head))
            .chain(rows.cloned().map(Line::Row))
            .chain(columns.cloned().map(Line::Column));
        let mut text = String::new();
        for line in lines {
            text.push_str(&serde_json::to_string(&line)?);
            text.push('\n');
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, text)
    }

    /// What the tables hold and the matrix does not, or differently.
    #[must_use]
    pub fn stale(&self, cases: &[&'static Case]) -> Vec<String> {
        let mut stale = Vec::new();
        let subjects = subjects(cases);
        for (id, record) in &subjects {
            if self.rows.get(id).is_none_or(|row| row.record != *record) {
                stale.push(id.clone());
            }
        }
        for defect in mutants::all() {
            let known = self.columns.get(defect.name);
            if known.is_none_or(|column| column.record != defect.fingerprint()) {
                stale.push(defect.name.to_owned());
            }
        }
        let gone = self
            .rows
            .keys()
            .filter(|id| !subjects.iter().any(|(known, _)| known == *id));
        stale.extend(gone.cloned());
        let gone = self
            .columns
            .keys()
            .filter(|name| mutants::find(name).is_none());
        stale.extend(gone.cloned());
        stale
    }

    /// Whether so many of the cases that are about its kind of system still pass under a defect
    /// that it may count as a killer.
    #[must_use]
    pub fn leaves_enough(&self, defect: &Defect) -> bool {
        let applies = |row: &&Row| cases::find(&row.case).is_some_and(|case| defect.concerns(case));
        let rows: Vec<&Row> = self.rows.values().filter(applies).collect();
        let hit = rows.iter().filter(|row| row.hit(defect.name)).count();
        (rows.len() - hit) * 100 >= rows.len() * STILL_PASS
    }

    /// Defects that may be named as killers of a case: the most particular first.
    #[must_use]
    pub fn killers(&self, row: &Row) -> Vec<&'static Defect> {
        let reach = |name: &str| self.rows.values().filter(|row| row.hit(name)).count();
        let wrong =
            |defect: &&'static Defect| matches!(defect.kind, Kind::Wrong(_) | Kind::WrongAgent(_));
        if EXCUSED.iter().any(|(case, _)| *case == row.case) {
            return Vec::new();
        }
        let mut killers: Vec<&'static Defect> = row
            .failed
            .iter()
            .filter_map(|name| mutants::find(name))
            .filter(wrong)
            .filter(|defect| self.leaves_enough(defect))
            .collect();
        killers.sort_by_key(|defect| (reach(defect.name), defect.name));
        killers
    }

    /// Enters what came of a cell, in place of what was known of it.
    pub fn enter(&mut self, played: &Played) {
        let Some(defect) = played.cell.defect else {
            return;
        };
        self.clear(played.cell.case.id, defect.name);
        let (case, name) = (played.cell.case.id, defect.name.to_owned());
        if let Some(row) = self.rows.get_mut(case) {
            match played.verdict {
                Verdict::Pass | Verdict::PassLenient => {}
                Verdict::Fail => add(&mut row.failed, &name),
                Verdict::Inconclusive
                | Verdict::NotApplicable
                | Verdict::Disputed
                | Verdict::Error => add(&mut row.undecided, &name),
            }
        }
        for shape in &played.shapes {
            if let Some(row) = self.rows.get_mut(shape.id()) {
                add(&mut row.failed, &name);
                let carrier = row.carriers.entry(name.clone());
                carrier.or_insert_with(|| case.to_owned());
            }
        }
    }

    /// Forgets what is known of a cell.
    pub fn clear(&mut self, case: &str, defect: &str) {
        let subjects = Shape::ALL.map(Shape::id).into_iter().chain([case]);
        for subject in subjects {
            let Some(row) = self.rows.get_mut(subject) else {
                continue;
            };
            let carried = row.carriers.get(defect).is_some_and(|known| known == case);
            if subject == case || carried {
                row.failed.retain(|known| known != defect);
                row.undecided.retain(|known| known != defect);
                row.carriers.remove(defect);
            }
        }
    }

    /// What the matrix shows, in numbers.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let excused = |id: &str| EXCUSED.iter().any(|(case, _)| *case == id);
        let caught = |defect: &&&Defect| {
            let name = defect.name;
            let fails = |row: &Row| row.failed.iter().any(|failed| failed == name);
            self.rows.values().any(fails)
        };
        let all = mutants::all();
        let (harmless, wrong): (Vec<_>, Vec<_>) =
            all.iter().partition(|defect| defect.is_harmless());
        Summary {
            cases: self.rows.len(),
            killed: self
                .rows
                .values()
                .filter(|row| row.killer.is_some())
                .count(),
            excused: self.rows.values().filter(|row| excused(&row.case)).count(),
            defects: wrong.len(),
            caught: wrong.iter().copied().filter(caught).count(),
            harmless: harmless.len(),
            clean: harmless.len() - harmless.iter().copied().filter(caught).count(),
        }
    }

    /// Whether a defect is somebody's killer or has a catcher, so that a replay sees it caught.
    #[must_use]
    pub fn is_seen(&self, defect: &str) -> bool {
        let column = self.columns.get(defect);
        let kills = |row: &Row| {
            row.killer
                .as_ref()
                .is_some_and(|killer| killer.defect == defect)
        };
        column.is_some_and(|column| column.catcher.is_some()) || self.rows.values().any(kills)
    }

    /// Why what fails a case does not count as its killer.
    fn nearest(&self, row: &Row) -> String {
        let failed = row.failed.iter().filter_map(|name| mutants::find(name));
        let wide: Vec<&str> = failed
            .filter(|defect| !self.leaves_enough(defect))
            .map(|defect| defect.name)
            .collect();
        if wide.is_empty() {
            String::new()
        } else {
            format!(" without failing too much else: {} do", wide.join(", "))
        }
    }

    /// What is against the matrix: cases nothing kills, defects nothing catches, harm where none may be.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for row in self.rows.values() {
            let excused = EXCUSED.iter().any(|(case, _)| *case == row.case);
            if row.killer.is_none() && !excused {
                faults.push(format!("no defect fails {}{}", row.case, self.nearest(row)));
            }
        }
        for defect in mutants::all() {
            let harmless = defect.is_harmless();
            let failed = self
                .rows
                .values()
                .filter(|row| row.failed.iter().any(|name| name == defect.name));
            let failed: Vec<&str> = failed.map(|row| row.case.as_str()).collect();
            let excused = UNCAUGHT.iter().any(|(name, _)| *name == defect.name);
            if harmless && !failed.is_empty() {
                faults.push(format!(
                    "{} is harmless and fails {}",
                    defect.name,
                    failed.join(", ")
                ));
            }
            let seen = failed.is_empty() || self.is_seen(defect.name);
            if !harmless && !seen {
                let again = "is caught once and not again";
                faults.push(format!("{} {again} by {}", defect.name, failed.join(", ")));
            }
            if !harmless && failed.is_empty() != excused {
                let caught = if excused {
                    "is excused and is caught"
                } else {
                    "is caught by no case"
                };
                faults.push(format!("{} {caught}", defect.name));
            }
        }
        faults
    }
}

fn add(names: &mut Vec<String>, name: &str) {
    if let Err(place) = names.binary_search_by(|known| known.as_str().cmp(name)) {
        names.insert(place, name.to_owned());
    }
}

impl Row {
    /// Whether the case does not pass under this defect.
    #[must_use]
    pub fn hit(&self, defect: &str) -> bool {
        self.failed
            .iter()
            .chain(&self.undecided)
            .any(|name| name == defect)
    }
}
