//! `run`.

use crate::baseline::{Baseline, Comparison};
use crate::case::{Case, Verdict};
use crate::cases;
use crate::cli::{RunOptions, Selected, exit};
use crate::command::system::Known;
use crate::command::{Complaint, select};
use crate::console;
use crate::dice;
use crate::outcome::{self, Outcome};
use crate::report::results::Results;
use crate::report::{self, Folder};
use crate::run::{self, Finished, Plan};
use crate::schema::Shape;
use crate::time::Stamp;

/// Plays what is selected and writes the report.
pub(super) async fn play(selected: &Selected, options: &RunOptions) -> Result<u8, Complaint> {
    let cases = select(selected, &options.report)?;
    let known = Known::read(&options.system)?;
    let baseline = options.baseline.as_deref().map(read_baseline).transpose()?;
    if options.dry_run {
        return dry_run(&cases, &known, options);
    }
    let began = Stamp::system();
    let seed = options.system.seed.unwrap_or_else(dice::fresh_seed);
    let folder = Folder::create(&options.report, began, seed).map_err(Complaint::own)?;
    if let Some(path) = &options.json {
        report::writable(path).map_err(Complaint::own)?;
    }
    let sut = match known.start(&options.system, &cases).await {
        Ok(sut) => sut,
        Err(complaint) => {
            folder.discard();
            return Err(complaint);
        }
    };
    let mut plan = known.plan(&options.system, cases, sut);
    plan.seed = seed;
    plan.repeat = options.repeat;
    plan.shuffle = options.shuffle;
    plan.max_fail = options.max_fail;
    let finished = played(&plan).await;
    let logs = plan.sut.stop().await;
    let mut results = Results::new(&finished, &plan.sut.name, &began.to_string());
    results.baseline = baseline.map(|baseline| baseline.compare(&results, began));
    console::finished(&finished, &results, folder.path());
    folder
        .write(&finished, &results, &logs)
        .map_err(Complaint::own)?;
    if let Some(path) = &options.json {
        let text = report::json_text(&results);
        report::write_file(path, &text).map_err(Complaint::own)?;
    }
    Ok(match &results.baseline {
        Some(baseline) => code_by(baseline, &finished),
        None => code_of(&finished),
    })
}

async fn played(plan: &Plan) -> Finished {
    let progress = console::Progress::new(plan.cases.len());
    // Without a handler an interruption simply ends the program.
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let finished = run::run_until(plan, |outcome| progress.done(outcome), interrupted).await;
    progress.finish();
    finished
}

fn dry_run(cases: &[&'static Case], known: &Known, options: &RunOptions) -> Result<u8, Complaint> {
    let sut = known.described(&options.system)?;
    let why_not = |case: &Case| {
        if known.is_reference(&options.system) {
            return None;
        }
        run::inapplicable(case, &sut)
    };
    let planned: Vec<_> = cases.iter().map(|case| (*case, why_not(case))).collect();
    console::planned(&planned, &sut.name);
    if planned.iter().all(|(_, why_not)| why_not.is_some()) {
        return Ok(exit::NOTHING);
    }
    Ok(exit::PASSED)
}

/// Reads a baseline that names cases of this suite.
pub(super) fn read_baseline(path: &std::path::Path) -> Result<Baseline, Complaint> {
    let known =
        |id: &str| cases::find(id).is_some() || Shape::ALL.iter().any(|shape| shape.id() == id);
    Baseline::read(path, known).map_err(Complaint::usage)
}

/// The exit code of a run that is compared with a baseline.
fn code_by(baseline: &Comparison, finished: &Finished) -> u8 {
    if !baseline.holds() {
        return exit::FAILED;
    }
    if finished.lost.is_some() {
        return exit::UNREACHABLE;
    }
    if finished.stopped.is_some() {
        return exit::INCONCLUSIVE;
    }
    exit::PASSED
}

fn code_of(finished: &Finished) -> u8 {
    let code = code(&finished.outcomes, finished.lost.is_some());
    let unfinished = finished.stopped.is_some() && code == exit::PASSED;
    if unfinished { exit::INCONCLUSIVE } else { code }
}

/// The exit code of outcomes.
pub(super) fn code(outcomes: &[Outcome], lost: bool) -> u8 {
    let lost = lost || unreachable(outcomes);
    let all_inapplicable = outcomes
        .iter()
        .all(|outcome| outcome.verdict == Verdict::NotApplicable);
    match outcome::worst(outcomes) {
        Verdict::Error => exit::OWN_ERROR,
        Verdict::Fail | Verdict::Disputed => exit::FAILED,
        Verdict::Inconclusive | Verdict::Pass | Verdict::PassLenient if lost => exit::UNREACHABLE,
        Verdict::Inconclusive => exit::INCONCLUSIVE,
        Verdict::Pass | Verdict::PassLenient | Verdict::NotApplicable if all_inapplicable => {
            exit::NOTHING
        }
        Verdict::Pass | Verdict::PassLenient | Verdict::NotApplicable => exit::PASSED,
    }
}

/// No case got an answer: then it is the system that is missing, not a verdict.
fn unreachable(outcomes: &[Outcome]) -> bool {
    let played = outcomes.iter().filter(|outcome| !outcome.events.is_empty());
    let mut played = played.peekable();
    played.peek().is_some() && played.all(|outcome| outcome.unreachable)
}
