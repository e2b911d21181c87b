//! `mutants`: the tests of the tests.

use crate::cli::{MutantOptions, exit};
use crate::command::Complaint;
use crate::mutants::command::{self, Fill};
use crate::sut::build;

/// Fills the matrix or replays a part of it.
///
/// # Errors
/// If the reference cannot be built or started, or the matrix is not of these tables.
pub(super) async fn mutants(options: &MutantOptions) -> Result<u8, Complaint> {
    let unreachable = |error| Complaint::new(exit::UNREACHABLE, error);
    let checkout = build::checkout().map_err(unreachable)?;
    let program = match &options.reference_bin {
        Some(path) => path.clone(),
        None => build::reference(&checkout).await.map_err(unreachable)?,
    };
    let fill = match (options.full, options.update) {
        (true, _) => Some(Fill::All),
        (false, true) => Some(Fill::New),
        (false, false) => None,
    };
    let jobs = usize::from(options.jobs);
    let todo = command::Options {
        fill,
        again: options.again.clone(),
        checkout,
        bench: command::Options::bench(program, jobs, options.patience),
    };
    match command::run(&todo).await {
        Ok(true) => Ok(exit::PASSED),
        Ok(false) => Ok(exit::FAILED),
        Err(text) => Err(Complaint::new(exit::FAILED, text)),
    }
}
