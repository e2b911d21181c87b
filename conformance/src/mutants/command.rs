//! What `mutants` does, and what it says of it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::mutants::fill::{self, Fill};
use crate::mutants::matrix::Summary;
use crate::mutants::play::Bench;
use crate::mutants::replay;
use crate::mutants::selection::Selection;

/// What to do.
#[derive(Debug, Clone)]
pub struct Options {
    /// What of the matrix is filled; without, a part of the stored one is replayed.
    pub fill: Option<Fill>,
    /// What of the replay is played.
    pub selection: Selection,
    /// Where the sources are.
    pub checkout: PathBuf,
    /// How to play.
    pub bench: Bench,
}

/// What came of it.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The matrix in numbers.
    #[serde(flatten)]
    pub summary: Summary,
    /// Cells that were replayed; none if the matrix was filled.
    pub replayed: Option<usize>,
    /// Seconds it took.
    pub seconds: u64,
    /// What is against the matrix, a sentence each.
    pub faults: Vec<String>,
}

/// Does it.
///
/// # Errors
/// In a sentence, if it cannot be done.
pub async fn run(options: &Options) -> Result<Report, String> {
    let start = Instant::now();
    let (bench, checkout) = (&options.bench, &options.checkout);
    let (matrix, replayed, faults) = match &options.fill {
        Some(fill) => {
            let matrix = fill::fill(bench, fill, checkout).await?;
            let faults = matrix.faults();
            (matrix, None, faults)
        }
        None => {
            let done = replay::replay(bench, &options.selection, checkout).await?;
            (done.matrix, Some(done.cells), done.faults)
        }
    };
    Ok(Report {
        summary: matrix.summary(),
        replayed,
        seconds: start.elapsed().as_secs(),
        faults,
    })
}

/// How cells are played where nothing else is asked for.
#[must_use]
pub const fn bench(program: PathBuf, jobs: usize, patience_ms: u64) -> Bench {
    Bench {
        program,
        jobs,
        patience: Duration::from_millis(patience_ms),
        seed: 1,
    }
}
