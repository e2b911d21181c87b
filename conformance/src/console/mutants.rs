//! What is printed of the tests of the tests.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::mutants::Defect;
use crate::mutants::command::Report;
use crate::mutants::play::Played;

/// Progress while cells are played: a bar on a terminal, now and then a line otherwise.
#[derive(Debug)]
pub struct Cells {
    bar: ProgressBar,
    what: &'static str,
}

/// Parts of the whole after which a line is written.
const LINES: u64 = 20;

impl Cells {
    /// For this many cells.
    #[must_use]
    pub fn new(what: &'static str, cells: usize) -> Self {
        let bar = if std::io::stderr().is_terminal() {
            ProgressBar::new(cells as u64)
        } else {
            ProgressBar::with_draw_target(
                Some(cells as u64),
                indicatif::ProgressDrawTarget::hidden(),
            )
        };
        let template = "{msg} [{elapsed_precise}] {bar:30} {pos}/{len}, {eta} to go";
        let style = ProgressStyle::with_template(template);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.enable_steady_tick(Duration::from_millis(200));
        bar.set_message(what);
        Self { bar, what }
    }

    /// One has ended.
    pub fn done(&self, _: &Played) {
        self.bar.inc(1);
        let (place, length) = (self.bar.position(), self.bar.length().unwrap_or(0));
        let step = (length / LINES).max(1);
        if self.bar.is_hidden() && (place.is_multiple_of(step) || place == length) {
            let seconds = self.bar.elapsed().as_secs();
            eprintln!("{}: {place} of {length}, {seconds} s", self.what);
        }
    }

    /// All have ended.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// Defects with a sentence each.
pub fn defects(defects: &[&'static Defect], as_json: bool) {
    if as_json {
        let list = defects.iter().map(|defect| {
            json!({
                "name": defect.name, "kind": defect.kind.name(), "sentence": defect.sentence
            })
        });
        println!("{}", serde_json::Value::Array(list.collect()));
        return;
    }
    for defect in defects {
        let (name, kind, sentence) = (defect.name, defect.kind.name(), defect.sentence);
        println!("{name:<26} {kind:<13} {sentence}");
    }
    let harmless = defects.iter().filter(|defect| defect.is_harmless()).count();
    let wrong = defects.len() - harmless;
    println!("{wrong} defects, {harmless} harmless changes");
}

/// What the matrix shows, and what is against it.
pub fn matrix(report: &Report, as_json: bool) {
    if as_json {
        let text = serde_json::to_string(report).unwrap_or_default();
        println!("{text}");
        return;
    }
    let summary = &report.summary;
    println!(
        "Cases a defect can fail    {:>4} of {:>4}, and {} with a written reason",
        summary.killed, summary.cases, summary.excused
    );
    println!(
        "Defects a case catches     {:>4} of {:>4}",
        summary.caught, summary.defects
    );
    println!(
        "Harmless, and nothing fails {:>3} of {:>4}",
        summary.clean, summary.harmless
    );
    if let Some(cells) = report.replayed {
        println!("Replayed                   {cells:>4} cells");
    }
    for fault in &report.faults {
        println!("Fault: {fault}");
    }
    println!("{} faults, {} s", report.faults.len(), report.seconds);
}
