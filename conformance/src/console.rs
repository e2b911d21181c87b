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
use serde_json::{Value, json};

use crate::baseline::Comparison;
use crate::case::{Case, Group, How};
use crate::cases;
use crate::ics::Offer;
use crate::outcome::Outcome;
use crate::record::{Event, Kind};
use crate::report::ladder;
use crate::report::results::{Results, Summary};
use crate::requirements;
use crate::run::Finished;
use crate::selection;

mod mutants;

pub use mutants::{Cells, defects, matrix};

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

/// Something that was asked for.
pub fn out(text: &str) {
    println!("{text}");
}

/// What came of a run.
pub fn finished(finished: &Finished, results: &Results, folder: &Path) {
    for outcome in &finished.outcomes {
        if outcome.id.starts_with("FLOW-") && !outcome.story.is_empty() {
            flow(outcome);
        }
    }
    println!("Verdicts for {}:", printable(&results.sut.name));
    for outcome in &finished.outcomes {
        println!("  {}", verdict_line(outcome));
        explain_verdict(outcome);
    }
    steps_account(&finished.outcomes);
    println!("{}", results.summary.words());
    if let Some(lost) = &finished.lost {
        println!("The system under test was lost: {}", printable(lost));
    }
    if let Some(stopped) = &finished.stopped {
        let left = finished.left_out.len();
        println!(
            "The run ended early: {}; {left} cases were not played",
            printable(stopped)
        );
    }
    if let Some(baseline) = &results.baseline {
        comparison(baseline);
    }
    println!("Report: {}", folder.join("report.html").display());
}

/// How a run compares with its baseline.
pub fn comparison(comparison: &Comparison) {
    let Comparison {
        expected,
        stale,
        unexpected,
    } = comparison;
    for entry in unexpected {
        println!("Not in the baseline: {entry}");
    }
    for entry in stale {
        println!("Stale in the baseline: {entry}");
    }
    let known = expected.len();
    if comparison.holds() {
        println!("As the baseline says: {known} known, nothing else");
    } else {
        let (more, less) = (unexpected.len(), stale.len());
        println!("Not as the baseline says: {more} beyond it, {less} stale, {known} known");
    }
}

/// What a run would play, and why not the rest.
pub fn planned(cases: &[(&'static Case, Option<String>)], sut: &str) {
    for (case, why_not) in cases {
        let line = format!("{:<10} {:<13} {}", case.id, case.needs.name(), case.title);
        match why_not {
            None => println!("{line}"),
            Some(why) => println!("{line}\n           does not apply: {why}"),
        }
    }
    let played = cases
        .iter()
        .filter(|(_, why_not)| why_not.is_none())
        .count();
    let all = cases.len();
    println!(
        "{played} of {all} cases would be played against {}",
        printable(sut)
    );
}

/// What a system was found to support, and the statement that follows.
pub fn offers(found: &[(Group, Offer)]) {
    for (group, offer) in found {
        let name = group.name();
        match offer {
            Offer::Seen(case) => println!("{name:<13} yes      {case} passes"),
            Offer::NotSeen(why) => println!("{name:<13} no       {}", printable(why)),
            Offer::Unknown(why) => println!("{name:<13} unknown  {}", printable(why)),
        }
    }
    let seen = found
        .iter()
        .filter(|(_, offer)| matches!(offer, Offer::Seen(_)));
    let names: Vec<String> = seen
        .map(|(group, _)| format!("\"{}\"", group.name()))
        .collect();
    println!("\n[ics]\ngroups = [{}]", names.join(", "));
}

/// Where the statement of a profile differs from what was found.
pub fn differences(differences: &[String]) {
    if differences.is_empty() {
        println!("\nThe profile says the same.");
        return;
    }
    println!();
    for difference in differences {
        println!("The profile is wrong: {}", printable(difference));
    }
}

/// What came of writing transcripts.
pub fn snapshots(same: usize, changed: &[&str], folder: &Path) {
    let folder = folder.display();
    println!(
        "{same} transcripts are as they were accepted, {} differ or are new",
        changed.len()
    );
    for id in changed {
        println!("  {folder}/{id}.snap.new");
    }
    if !changed.is_empty() {
        println!("Review them: cargo insta review --workspace-root {folder}");
    }
}

/// So many messages of a case are shown; the report has the others.
const MESSAGES_MAX: usize = 60;

/// The messages of a case in a stored run.
pub fn messages(events: &[&Event], place: &Path) {
    if events.is_empty() {
        return no_messages();
    }
    println!("Messages in {}:", place.display());
    let seen = events.iter().filter(|event| event.kind != Kind::Clock);
    let more = seen.clone().count().saturating_sub(MESSAGES_MAX);
    for event in seen.take(MESSAGES_MAX) {
        let arrow = match event.kind {
            Kind::Sent => "->",
            Kind::Received => "<-",
            Kind::Opened
            | Kind::Refused
            | Kind::Closed
            | Kind::Silence
            | Kind::Cut
            | Kind::Clock
            | Kind::Control => "  ",
        };
        let what = match event.kind {
            Kind::Sent | Kind::Received => event.text.replace("\r\n", "\\r\\n"),
            Kind::Opened
            | Kind::Refused
            | Kind::Closed
            | Kind::Silence
            | Kind::Cut
            | Kind::Clock
            | Kind::Control => ladder::glance(event),
        };
        println!("  {:<12} {arrow} {}", event.link, printable(&what));
    }
    if more > 0 {
        println!("  and {more} more, which the report and frames.ndjson of that run have");
    }
}

/// There is no stored run with this case.
pub fn no_messages() {
    println!("Messages: none on record; after a run with this case they are shown here");
}

/// Text of the system under test must not steer the terminal.
fn printable(text: &str) -> String {
    let shown = |letter: char| match letter {
        '\n' => letter.to_string(),
        hidden if hidden.is_control() => hidden.escape_default().to_string(),
        plain => plain.to_string(),
    };
    text.chars().map(shown).collect()
}

/// What came of judging a stored run again.
pub fn judged(outcomes: &[Outcome], same: bool) {
    for outcome in outcomes {
        println!("{}", verdict_line(outcome));
        explain_verdict(outcome);
    }
    println!("{}", Summary::of(outcomes).words());
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

/// The records of the cases, for programs.
pub fn list_json(cases: &[&Case]) {
    let records: Vec<Value> = cases.iter().map(|case| record(case)).collect();
    println!("{:#}", Value::from(records));
}

fn record(case: &Case) -> Value {
    json!({
        "id": case.id,
        "title": case.title,
        "group": case.group,
        "configuration": case.needs.name(),
        "requirements": case.requirements,
        "clauses": case.clauses,
        "condition": case.condition(),
        "preamble": case.preamble(),
        "stimulus": case.stimulus(),
        "outcomes": case.outcomes(),
        "postamble": case.postamble(),
        "ixit": case.script.ixit,
        "tags": selection::tags(case),
        "ts0018": case.ts0018(),
        "hint": case.hint
    })
}

/// One case in full.
pub fn explain(case: &Case, tags: &[String]) {
    println!("{}: {}.", case.id, case.title);
    for id in case.requirements {
        let sentence = requirements::find(id).map_or("", |found| found.sentence);
        println!("Requirement {id}: {sentence}");
    }
    if !case.clauses.is_empty() {
        println!("Clauses: {}", case.clauses.join("; "));
    }
    println!("Configuration: {}", case.needs.name());
    println!("Applies if: {}", case.condition());
    if !case.script.ixit.is_empty() {
        println!("Depends on: {}", case.script.ixit.join(", "));
    }
    println!("Tags: {}", tags.join(", "));
    if !case.ts0018().is_empty() {
        println!("TS-0018: {}", case.ts0018().join(", "));
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

fn flow(outcome: &Outcome) {
    let steps = cases::find(outcome.id).map_or(&[][..], |case| case.steps);
    println!("{}: {}", outcome.id, outcome.title);
    println!("{}", crate::ladder::draw(steps, &outcome.story));
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
        println!("      expected    {}", printable(&failure.expected));
        println!("      actual      {}", printable(&failure.actual));
    }
    if let Some(reason) = &outcome.reason {
        println!("      {}", printable(reason));
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
