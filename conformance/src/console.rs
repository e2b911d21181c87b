//! Everything that is printed.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the one place that prints"
)]

use std::io::IsTerminal as _;
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::case::{Case, How, Verdict};
use crate::cases;
use crate::ladder;
use crate::outcome::Outcome;
use crate::run::Finished;

/// Progress while cases are played: a bar on a terminal, plain lines otherwise.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    /// For this many cases.
    #[must_use]
    pub fn new(cases: usize) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self { bar: None };
        }
        let bar = ProgressBar::new(cases as u64);
        let style = ProgressStyle::with_template("[{elapsed_precise}] {bar:30} {pos}/{len} {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar: Some(bar) }
    }

    /// One case has ended.
    pub fn done(&self, outcome: &Outcome) {
        let line = verdict_line(outcome);
        match &self.bar {
            Some(bar) => {
                bar.inc(1);
                bar.println(line);
            }
            None => eprintln!("{line}"),
        }
    }

    /// All have ended.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// One sentence on standard error.
pub fn complain(text: &str) {
    eprintln!("conformance: {text}");
}

/// One sentence about what is going on.
pub fn say(text: &str) {
    eprintln!("{text}");
}

/// What came of a run.
pub fn finished(finished: &Finished, sut: &str, folder: &Path) {
    for outcome in &finished.outcomes {
        if outcome.id.starts_with("FLOW-") && !outcome.story.is_empty() {
            flow(outcome);
        }
    }
    println!("Verdicts for {sut}:");
    for outcome in &finished.outcomes {
        println!("  {}", verdict_line(outcome));
        explain_verdict(outcome);
    }
    steps_account(&finished.outcomes);
    println!("{}", summary(&finished.outcomes));
    if let Some(lost) = &finished.lost {
        println!("The system under test was lost: {lost}");
    }
    println!("Report: {}", folder.join("report.html").display());
}

/// What came of judging a stored run again.
pub fn judged(outcomes: &[Outcome], same: bool) {
    for outcome in outcomes {
        println!("{}", verdict_line(outcome));
        explain_verdict(outcome);
    }
    println!("{}", summary(outcomes));
    if same {
        println!("The verdicts equal the stored ones.");
    } else {
        println!("The verdicts differ from the stored ones.");
    }
}

/// The cases, one a line.
pub fn list(cases: &[&Case]) {
    for case in cases {
        println!("{:<10} {:<13} {}", case.id, case.needs.name(), case.title);
    }
}

/// One case in full.
pub fn explain(case: &Case) {
    println!("{}: {}.", case.id, case.title);
    println!("Requirements: {}", case.requirements.join(", "));
    println!("Configuration: {}", case.needs.name());
    println!("Applies if: {}", case.condition());
    if !case.script.ixit.is_empty() {
        println!("Depends on: {}", case.script.ixit.join(", "));
    }
    println!("Tags: {}", case.tags().join(", "));
    if !case.script.ts0018.is_empty() {
        println!("TS-0018: {}", case.script.ts0018.join(", "));
    }
    println!("Preparation: {}", case.preamble());
    println!("Stimulus: {}", case.stimulus());
    for allowed in case.outcomes() {
        println!("Allowed ({}): {}", allowed.grade.name(), allowed.seen);
    }
    println!("Afterwards: {}", case.postamble());
    if !case.steps.is_empty() {
        println!("Steps:");
    }
    for step in case.steps {
        match step.how {
            How::Wire => println!("  {} {}", step.number, step.what),
            How::Consequence(seen) => {
                println!(
                    "  {} {} (seen by its consequence: {seen})",
                    step.number, step.what
                );
            }
            How::Unseen(why) => {
                println!("  {} {} (not seen here: {why})", step.number, step.what);
            }
        }
    }
    println!("If it fails: {}", case.hint);
}

/// What became of the schema files.
pub fn schemas(text: &str) {
    println!("{text}");
}

fn flow(outcome: &Outcome) {
    let steps = cases::find(outcome.id).map_or(&[][..], |case| case.steps);
    println!("{}: {}", outcome.id, outcome.title);
    println!("{}", ladder::draw(steps, &outcome.story));
}

fn verdict_line(outcome: &Outcome) -> String {
    let millis = outcome.duration.as_millis();
    format!(
        "{:<14} {:<10} {:>6} ms  {}",
        outcome.verdict.name(),
        outcome.id,
        millis,
        outcome.title
    )
}

fn explain_verdict(outcome: &Outcome) {
    if let Some(failure) = &outcome.failure {
        println!("      requirement {}", failure.requirement);
        println!("      expected    {}", failure.expected);
        println!("      actual      {}", failure.actual);
    }
    if let Some(reason) = &outcome.reason {
        println!("      {reason}");
    }
}

fn steps_account(outcomes: &[Outcome]) {
    let flows = ["FLOW-1", "FLOW-2", "FLOW-3"];
    let steps = outcomes
        .iter()
        .filter(|outcome| flows.contains(&outcome.id));
    let steps: Vec<_> = steps.flat_map(|outcome| &outcome.steps).collect();
    if steps.is_empty() {
        return;
    }
    let shown = |how: &str| {
        steps
            .iter()
            .filter(|step| step.how == how && step.shown)
            .count()
    };
    let unseen = steps.iter().filter(|step| step.how == "unseen").count();
    let (wire, consequence) = (shown("wire"), shown("consequence"));
    let open = steps.len() - wire - consequence - unseen;
    println!(
        "Steps of the three flows: {} in all, {wire} seen on the wire, {consequence} by their \
         consequence, {unseen} not observable here, {open} not reached",
        steps.len()
    );
    for step in steps.iter().filter(|step| step.how == "unseen") {
        println!("  {} {}: {}", step.step, step.what, step.note);
    }
}

fn summary(outcomes: &[Outcome]) -> String {
    let mut parts = Vec::new();
    for verdict in Verdict::ALL {
        let count = outcomes
            .iter()
            .filter(|outcome| outcome.verdict == verdict)
            .count();
        if count > 0 {
            parts.push(format!("{count} {}", verdict.name()));
        }
    }
    format!("{} cases: {}", outcomes.len(), parts.join(", "))
}
