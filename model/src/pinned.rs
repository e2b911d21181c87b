//! How large each default scenario is: pinned, so that a search that shrinks or grows is noticed.
//!
//! A rule that makes states unreachable, or a budget that is no longer spent, leaves every property green. The table
//! is in the repository; what has moved is reported and breaks the run until it is accepted.

use crate::report::line;
use crate::scenarios::{self, Scenario};
use crate::search::Outcome;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The table, one row per scenario.
const TABLE: &str = include_str!("../tests/snapshots/counts.txt");

/// The size of a search.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Size {
    unique: usize,
    transitions: usize,
    depth: usize,
}

impl Size {
    const fn of(outcome: &Outcome) -> Self {
        Self {
            unique: outcome.unique,
            transitions: outcome.transitions,
            depth: outcome.depth,
        }
    }
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} unique, {} transitions, depth {}",
            self.unique, self.transitions, self.depth
        )
    }
}

/// Compares complete searches with the table; reports what has moved, and whether nothing has.
pub(crate) fn compare(outcomes: &[Outcome]) -> bool {
    let pinned = parse(TABLE);
    let mut same = true;
    for outcome in outcomes
        .iter()
        .filter(|o| o.complete && by_default(o.world.scenario))
    {
        let name = outcome.world.scenario.name;
        let (was, is) = (pinned.get(name), Size::of(outcome));
        if was == Some(&is) {
            continue;
        }
        let was = was.map_or_else(|| "not pinned".to_owned(), Size::to_string);
        line(&format!("MOVED {name}: {was}; now {is}"));
        same = false;
    }
    if !same {
        line(
            "    if that is what the change was for: the same command with --accept, and look at the diff",
        );
    }
    same
}

/// Writes the sizes of complete searches into the table.
pub(crate) fn accept(outcomes: &[Outcome]) -> Result<(), String> {
    let mut pinned = parse(TABLE);
    for outcome in outcomes.iter().filter(|o| o.complete) {
        pinned.insert(outcome.world.scenario.name, Size::of(outcome));
    }
    let rows = scenarios::all().filter(|scenario| by_default(scenario));
    let text: String = rows
        .filter_map(|scenario| Some((scenario.name, pinned.get(scenario.name)?)))
        .map(|(name, s)| format!("{name} {} {} {}\n", s.unique, s.transitions, s.depth))
        .collect();
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots/counts.txt");
    std::fs::write(&path, text).map_err(|why| format!("failed to write {}: {why}", path.display()))
}

const fn by_default(scenario: &Scenario) -> bool {
    scenario.by_default
}

fn parse(table: &str) -> BTreeMap<&str, Size> {
    table
        .lines()
        .filter_map(|row| {
            let mut words = row.split_whitespace();
            let name = words.next()?;
            let mut number = || words.next()?.parse().ok();
            let size = Size {
                unique: number()?,
                transitions: number()?,
                depth: number()?,
            };
            Some((name, size))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_scenario_is_pinned_and_nothing_else() {
        let pinned: Vec<&str> = TABLE
            .lines()
            .filter_map(|row| row.split(' ').next())
            .collect();
        let default = scenarios::all().filter(|s| s.by_default).map(|s| s.name);
        assert_eq!(pinned, default.collect::<Vec<_>>());
        assert_eq!(parse(TABLE).len(), pinned.len());
    }
}
