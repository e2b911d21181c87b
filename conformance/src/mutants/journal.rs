//! What an unfinished filling of the matrix has played already, so that it is not played again.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::case::Verdict;
use crate::mutants::matrix::fingerprint;
use crate::mutants::play::{Cell, Played};
use crate::schema::Shape;

/// A file with a line for each cell that was played.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    known: HashMap<Key, Entry>,
}

type Key = (String, String);

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Entry {
    case: String,
    case_record: String,
    defect: String,
    defect_record: String,
    verdict: Verdict,
    why: String,
    shapes: Vec<String>,
    millis: u64,
}

impl Journal {
    /// Opens it, with what an earlier filling left there.
    ///
    /// # Errors
    /// If the file cannot be read or written.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let text = if path.exists() {
            std::fs::read_to_string(path)?
        } else {
            String::new()
        };
        // A last line that was cut short is of no use.
        let entries = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        let known = entries.map(|entry: Entry| ((entry.case.clone(), entry.defect.clone()), entry));
        let known = known.collect();
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        if !text.is_empty() && !text.ends_with('\n') {
            file.write_all(b"\n")?;
        }
        let path = path.to_owned();
        Ok(Self { path, file, known })
    }

    /// What came of this cell, if it was played and neither case nor defect has changed since.
    #[must_use]
    pub fn find(&self, cell: Cell) -> Option<Played> {
        let defect = cell.defect?;
        let key = (cell.case.id.to_owned(), defect.name.to_owned());
        let entry = self.known.get(&key)?;
        let same = entry.case_record == fingerprint(cell.case)
            && entry.defect_record == defect.fingerprint();
        let shape = |id: &String| Shape::ALL.into_iter().find(|shape| shape.id() == id);
        same.then(|| Played {
            cell,
            verdict: entry.verdict,
            why: entry.why.clone(),
            shapes: entry.shapes.iter().filter_map(shape).collect(),
            millis: entry.millis,
            log: Vec::new(),
        })
    }

    /// Adds a cell.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn add(&mut self, played: &Played) -> std::io::Result<()> {
        let Some(defect) = played.cell.defect else {
            return Ok(());
        };
        let entry = Entry {
            case: played.cell.case.id.to_owned(),
            case_record: fingerprint(played.cell.case),
            defect: defect.name.to_owned(),
            defect_record: defect.fingerprint(),
            verdict: played.verdict,
            why: played.why.clone(),
            shapes: played
                .shapes
                .iter()
                .map(|shape| shape.id().to_owned())
                .collect(),
            millis: played.millis,
        };
        let line = serde_json::to_string(&entry)?;
        self.file.write_all(format!("{line}\n").as_bytes())
    }

    /// Removes it: the matrix is written.
    ///
    /// # Errors
    /// If the file cannot be removed.
    pub fn close(self) -> std::io::Result<()> {
        std::fs::remove_file(self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cases, mutants};

    fn played(verdict: Verdict) -> Played {
        let (case, defect) = (cases::find("HSK-01").unwrap(), mutants::all()[0]);
        Played {
            cell: Cell {
                case,
                defect: Some(defect),
            },
            verdict,
            why: "because".to_owned(),
            shapes: vec![Shape::Response],
            millis: 7,
            log: Vec::new(),
        }
    }

    #[test]
    fn what_was_played_before_an_interruption_is_known_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deeper/journal.ndjson");
        let before = played(Verdict::Fail);
        Journal::open(&path).unwrap().add(&before).unwrap();
        let cut = OpenOptions::new().append(true).open(&path);
        cut.unwrap().write_all(b"{\"case\":\"HS").unwrap();

        let again = Journal::open(&path).unwrap();
        let found = again.find(before.cell).unwrap();

        assert_eq!(found.verdict, Verdict::Fail);
        assert_eq!(found.shapes, [Shape::Response]);
        again.close().unwrap();
        assert!(Journal::open(&path).unwrap().find(before.cell).is_none());
    }

    #[test]
    fn a_line_after_a_cut_one_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.ndjson");
        std::fs::write(&path, "{\"case\":\"HS").unwrap();
        let cell = played(Verdict::Pass);

        Journal::open(&path).unwrap().add(&cell).unwrap();

        assert!(Journal::open(&path).unwrap().find(cell.cell).is_some());
    }
}
