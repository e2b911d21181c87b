//! What is printed: a row per scenario, and a ladder diagram for what does not hold.

use crate::action::Action;
use crate::ladder;
use crate::liveness::{Lasso, Promise};
use crate::search::Outcome;
use crate::show;
use serde_json::{Value, json};
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

/// Writes to the standard output; a reader that has gone away is no error.
pub(crate) fn line(text: &str) {
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// Says what was wrong with the command line, on the standard error.
pub(crate) fn complain(why: &str) {
    let _ = writeln!(io::stderr().lock(), "error: {why}");
}

/// Shows how a search gets on, on a terminal only.
pub(crate) struct Progress {
    name: String,
    shown: bool,
}

impl Progress {
    /// Of a search of that name.
    pub(crate) fn of(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            shown: false,
        }
    }

    /// Shows where it stands.
    pub(crate) fn show(&mut self, unique: usize, transitions: usize, depth: usize, took: Duration) {
        if !io::stderr().is_terminal() || took < Duration::from_millis(500) {
            return;
        }
        self.shown = true;
        let _ = write!(
            io::stderr().lock(),
            "\r\x1b[K{}: {transitions} states, {unique} unique, depth {depth}, {:.0} unique/s",
            self.name,
            per_second(unique, took)
        );
    }

    /// Takes the line away.
    pub(crate) fn end(&self) {
        if self.shown {
            let _ = write!(io::stderr().lock(), "\r\x1b[K");
        }
    }
}

/// So many in a second.
pub(crate) fn per_second(count: usize, took: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let count = count as f64;
    count / took.as_secs_f64().max(0.001)
}

/// The head of the table.
pub(crate) fn head() {
    line(&format!(
        "{:<22} {:>9} {:>12} {:>6} {:>8}  result",
        "scenario", "unique", "transitions", "depth", "seconds"
    ));
}

/// The row of a scenario.
pub(crate) fn row(outcome: &Outcome) {
    let name = outcome.world.scenario.name;
    let ids: Vec<&str> = outcome.world.properties.iter().map(|p| p.id()).collect();
    let promised: Vec<&str> = kept(outcome).collect();
    let result = if !outcome.broken.is_empty() || !lassos(outcome).is_empty() {
        "BROKEN".to_owned()
    } else if !outcome.complete {
        unfinished(outcome)
    } else if !outcome.without_witness.is_empty() || !never_owed(outcome).is_empty() {
        "VACUOUS".to_owned()
    } else if promised.is_empty() {
        format!("holds {}", ids.join(" "))
    } else {
        let holds = if ids.is_empty() {
            String::new()
        } else {
            format!("holds {}; ", ids.join(" "))
        };
        format!("{holds}in the end {}", promised.join(" "))
    };
    line(&format!(
        "{name:<22} {:>9} {:>12} {:>6} {:>8.1}  {result}",
        outcome.unique,
        outcome.transitions,
        outcome.depth,
        outcome.took.as_secs_f64()
    ));
    for property in &outcome.without_witness {
        line(&format!(
            "    never occurs: the situation of {}",
            property.name
        ));
    }
    for promise in never_owed(outcome) {
        line(&format!(
            "    is never owed, or never kept: {}",
            promise.name()
        ));
    }
}

fn unfinished(outcome: &Outcome) -> String {
    match &outcome.passed {
        None => "UNFINISHED".to_owned(),
        Some(passed) if !passed.is_complete => {
            format!("UNFINISHED: the graph was left at {} states", passed.states)
        }
        Some(passed) => format!(
            "UNFINISHED: the graph has {} states, the checker found {}",
            passed.states, outcome.unique
        ),
    }
}

/// The promises that fair runs break.
pub(crate) fn lassos(outcome: &Outcome) -> &[(Promise, Lasso)] {
    outcome.passed.as_ref().map_or(&[], |p| &p.broken)
}

fn never_owed(outcome: &Outcome) -> &[Promise] {
    let passed = outcome.passed.as_ref();
    passed.map_or(&[], |p| &p.without_witness)
}

/// The promises that every fair run keeps.
fn kept(outcome: &Outcome) -> impl Iterator<Item = &'static str> {
    let promises = outcome.world.scenario.promises.iter();
    let broken = |id| lassos(outcome).iter().any(|(p, _)| p.id() == id);
    let is_complete = outcome.complete;
    promises
        .map(Promise::id)
        .filter(move |id| is_complete && !broken(*id))
}

/// What is wrong, with the way there; what breaks at once is shown once.
pub(crate) fn failures(outcome: &Outcome) {
    let mut shown: Vec<&[Action]> = Vec::new();
    for (_, actions) in &outcome.broken {
        if shown.contains(&actions.as_slice()) {
            continue;
        }
        shown.push(actions);
        line("");
        let together = outcome.broken.iter().filter(|(_, way)| way == actions);
        for (name, _) in together {
            line(&format!(
                "BROKEN in {}: {name} ({} steps)",
                outcome.world.scenario.name,
                actions.len()
            ));
        }
        line(&ladder::draw(&outcome.world, actions));
        line(&show::after(&outcome.world, actions));
    }
    if let Some(state) = outcome.passed.as_ref().and_then(|p| p.left_at.as_ref()) {
        line("one of the last states that were reached:");
        line(&show::state(&outcome.world, state));
    }
    for (promise, lasso) in lassos(outcome) {
        line("");
        line(&format!(
            "BROKEN in {}: {} (for ever; {} steps, then {} again and again)",
            outcome.world.scenario.name,
            promise.name(),
            lasso.stem.len(),
            lasso.round.len()
        ));
        line(&ladder::draw_lasso(
            &outcome.world,
            &lasso.stem,
            Some(&lasso.round),
        ));
        line(&show::after(&outcome.world, &lasso.stem));
    }
}

/// Whether a search shows what it was made to show.
pub(crate) fn is_good(outcome: &Outcome) -> bool {
    outcome.complete
        && outcome.broken.is_empty()
        && outcome.without_witness.is_empty()
        && lassos(outcome).is_empty()
        && never_owed(outcome).is_empty()
}

/// The row of a scenario, for machines.
pub(crate) fn as_json(outcome: &Outcome) -> Value {
    let broken = |id: &str| outcome.broken.iter().any(|(name, _)| name.starts_with(id));
    let holds: Vec<&str> = outcome
        .world
        .properties
        .iter()
        .map(|p| p.id())
        .filter(|id| outcome.complete && !broken(id))
        .chain(kept(outcome))
        .collect();
    json!({
        "name": outcome.world.scenario.name,
        "unique": outcome.unique,
        "transitions": outcome.transitions,
        "depth": outcome.depth,
        "seconds": outcome.took.as_secs_f64(),
        "holds": holds,
        "complete": outcome.complete,
    })
}
