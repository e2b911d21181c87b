//! `matrix` and `baseline`: stored runs beside each other, or beside what is expected of them.

use std::path::{Path, PathBuf};

use crate::baseline::Baseline;
use crate::cli::exit;
use crate::command::Complaint;
use crate::command::play::read_baseline;
use crate::console;
use crate::report;
use crate::report::matrix::Matrix;
use crate::report::results::Results;
use crate::time::Stamp;

/// Sets runs side by side.
pub(super) fn matrix(
    runs: &[PathBuf],
    html: Option<&Path>,
    markdown: Option<&Path>,
) -> Result<u8, Complaint> {
    let read: Result<Vec<Results>, Complaint> = runs.iter().map(|run| results(run)).collect();
    let read = read?;
    let matrix = Matrix::new(&read);
    console::out(matrix.terminal().trim_end());
    for (path, text) in [(html, matrix.html()), (markdown, matrix.markdown())] {
        if let Some(path) = path {
            report::write_file(path, &text).map_err(Complaint::own)?;
            console::out(&format!("Written: {}", path.display()));
        }
    }
    Ok(exit::PASSED)
}

/// Makes a baseline of a run, or compares the run with one.
pub(super) fn baseline(
    run: &Path,
    write: Option<&Path>,
    against: Option<&Path>,
) -> Result<u8, Complaint> {
    let results = results(run)?;
    if let Some(against) = against {
        let comparison = read_baseline(against)?.compare(&results, Stamp::system());
        console::comparison(&comparison);
        return Ok(if comparison.holds() {
            exit::PASSED
        } else {
            exit::FAILED
        });
    }
    let text = Baseline::of(&results).text();
    match write {
        Some(path) => {
            report::write_file(path, &text).map_err(Complaint::own)?;
            let path = path.display();
            console::out(&format!("Written: {path}; say in it why each is accepted"));
        }
        None => console::out(text.trim_end()),
    }
    Ok(exit::PASSED)
}

fn results(run: &Path) -> Result<Results, Complaint> {
    report::read_results(run).map_err(Complaint::own)
}
