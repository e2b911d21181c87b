//! `mutants`: the tests of the tests.

use crate::cli::{MutantOptions, exit};
use crate::command::Complaint;
use crate::console;
use crate::mutants::command;
use crate::mutants::fill::Fill;
use crate::mutants::selection::Selection;
use crate::sut::build;

/// Lists defects, fills the matrix or replays a part of it.
///
/// # Errors
/// If the reference cannot be built or started, or the matrix is not of these tables.
pub(super) async fn mutants(options: &MutantOptions) -> Result<u8, Complaint> {
    let selection = Selection {
        cases: options.case.clone(),
        defects: options.defect.clone(),
    };
    let idle = selection.idle();
    if !idle.is_empty() {
        let text = format!(
            "no case or defect is called {}; `conformance list` and `conformance mutants --list` \
             show all",
            idle.join(", ")
        );
        return Err(Complaint::new(exit::NOTHING, text));
    }
    if options.list {
        console::defects(&selection.defects(), options.json);
        return Ok(exit::PASSED);
    }
    let unreachable = |error| Complaint::new(exit::UNREACHABLE, error);
    let checkout = build::checkout().map_err(unreachable)?;
    let program = match &options.reference_bin {
        Some(path) => path.clone(),
        None => build::reference(&checkout).await.map_err(unreachable)?,
    };
    let fill = if options.full {
        Some(Fill::All)
    } else if options.update {
        Some(Fill::New)
    } else if options.again {
        Some(Fill::Selected(selection.clone()))
    } else {
        None
    };
    let todo = command::Options {
        fill,
        selection,
        checkout,
        bench: command::bench(program, usize::from(options.jobs), options.patience),
    };
    let done = command::run(&todo).await;
    let report = done.map_err(|text| Complaint::new(exit::FAILED, text))?;
    console::matrix(&report, options.json);
    Ok(if report.faults.is_empty() {
        exit::PASSED
    } else {
        exit::FAILED
    })
}
