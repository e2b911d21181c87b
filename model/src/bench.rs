//! How fast the search is: each scenario in a process of its own, beside the yardstick.

use crate::memory;
use crate::paxos;
use crate::properties;
use crate::report::{line, per_second};
use crate::scenarios::{self, Scenario};
use crate::search::{self, How};
use crate::world::World;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// The yardstick's name.
const YARDSTICK: &str = "paxos";
/// What is measured unless names are given: a large scenario of each chapter.
const USUAL: [&str; 4] = ["establish", "use-stored", "end-late", "expire"];
/// How much faster than the yardstick it is to be.
const TARGET: f64 = 2.0;

/// Measures one search in this process, and writes a row for the process that asked.
pub(crate) fn measure(name: &str) -> Result<bool, String> {
    let before = memory::resident();
    let (unique, transitions, took, sound) = if name == YARDSTICK {
        paxos::search()
    } else {
        let scenario = scenario(name)?;
        let world = World::new(scenario, None, properties::of(scenario.properties));
        let outcome = search::search(world, How::Everything, &mut |_, _, _, _| {});
        let sound = outcome.complete && outcome.broken.is_empty();
        (outcome.unique, outcome.transitions, outcome.took, sound)
    };
    let grown = memory::peak()
        .zip(before)
        .map(|(peak, b)| peak - b.min(peak));
    let states = u64::try_from(unique).unwrap_or(u64::MAX).max(1);
    line(
        &json!({
            "name": name,
            "unique": unique,
            "transitions": transitions,
            "seconds": took.as_secs_f64(),
            "unique_per_second": per_second(unique, took),
            "bytes_per_state": grown.map(|bytes| bytes / states),
        })
        .to_string(),
    );
    Ok(sound)
}

/// Measures scenarios and the yardstick, one after the other.
pub(crate) fn run(names: &[String], json: Option<&Path>) -> Result<bool, String> {
    for name in names {
        scenario(name)?;
    }
    let usual = USUAL.map(str::to_owned);
    let names = if names.is_empty() { &usual } else { names };
    line(&format!(
        "{:<22} {:>9} {:>8} {:>10} {:>12}",
        "search", "unique", "seconds", "unique/s", "bytes/state"
    ));
    let mut rows = Vec::new();
    for name in names {
        rows.push(in_a_process(name)?);
    }
    let yardstick = in_a_process(YARDSTICK)?;
    let sum = |field: &str| -> f64 { rows.iter().filter_map(|row| row[field].as_f64()).sum() };
    let rate = sum("unique") / sum("seconds").max(0.001);
    let theirs = yardstick["unique_per_second"].as_f64().unwrap_or(f64::NAN);
    let ratio = rate / theirs;
    line(&format!(
        "{rate:.0} unique states/s, a small Paxos on stateright's ActorModel {theirs:.0}: ratio {ratio:.2}, target {TARGET}"
    ));
    if let Some(path) = json {
        let value = json!({
            "scenarios": rows,
            "yardstick": yardstick,
            "unique_per_second": rate,
            "ratio": ratio,
            "target": TARGET,
        });
        std::fs::write(path, format!("{value:#}\n"))
            .map_err(|why| format!("failed to write {}: {why}", path.display()))?;
    }
    Ok(true)
}

fn scenario(name: &str) -> Result<&'static Scenario, String> {
    scenarios::by_name(name)
        .ok_or_else(|| format!("there is no scenario {name}; `list` shows them"))
}

/// One measurement; a process of its own, so that its memory is nobody else's.
fn in_a_process(name: &str) -> Result<Value, String> {
    let failed = |why: &dyn std::fmt::Display| format!("failed to measure {name}: {why}");
    let program = std::env::current_exe().map_err(|why| failed(&why))?;
    let output = Command::new(program)
        .args(["bench", "--measure", name])
        .output()
        .map_err(|why| failed(&why))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        return Err(failed(&format!("it is not sound: {text}")));
    }
    let row: Value = serde_json::from_str(&text).map_err(|why| failed(&why))?;
    let number = |field: &str| row[field].as_f64().unwrap_or(f64::NAN);
    line(&format!(
        "{name:<22} {:>9} {:>8.1} {:>10.0} {:>12.0}",
        number("unique"),
        number("seconds"),
        number("unique_per_second"),
        number("bytes_per_state"),
    ));
    Ok(row)
}
