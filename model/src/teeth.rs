//! Whether the properties bite: every saboteur against the properties of its scenario.
//!
//! The kill matrix - which properties each saboteur makes fail, by the level on which the last of its own does - is in
//! the repository; a row that moves is reported and breaks the run until it is accepted.

use crate::catalogue;
use crate::liveness;
use crate::properties;
use crate::report::line;
use crate::sabotage::{self, Saboteur};
use crate::scenarios;
use crate::sweep::{self, Until};
use crate::world::World;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// How many states are searched for what a saboteur breaks, at most.
const STATES_MAX: usize = 500_000;

/// The kill matrix as it was accepted: saboteur, scenario, what fails.
const MATRIX: &str = include_str!("../tests/snapshots/kills.txt");

/// What became of a saboteur.
pub(crate) struct Bite {
    /// Who it is.
    pub(crate) saboteur: &'static Saboteur,
    /// The properties that failed, in the order of their identifiers.
    pub(crate) killed: BTreeSet<&'static str>,
}

impl Bite {
    /// The properties that should have failed and did not.
    pub(crate) fn missed(&self) -> Vec<&'static str> {
        let kills = self.saboteur.kills.iter().copied();
        kills.filter(|id| !self.killed.contains(id)).collect()
    }

    /// Its row of the matrix.
    fn row(&self) -> String {
        let killed: Vec<&str> = self.killed.iter().copied().collect();
        let (name, scenario) = (self.saboteur.name, self.saboteur.scenario);
        format!("{name} | {scenario} | {}", killed.join(" "))
    }

    fn as_json(&self) -> Value {
        json!({
            "saboteur": self.saboteur.name,
            "scenario": self.saboteur.scenario,
            "kills": self.saboteur.kills,
            "failed": self.killed,
            "survived": self.missed(),
        })
    }
}

/// Sets one saboteur loose.
pub(crate) fn bite(saboteur: &'static Saboteur) -> Option<Bite> {
    let scenario = scenarios::by_name(saboteur.scenario)?;
    if !scenario.promises.is_empty() {
        let world = World::new(scenario, Some(saboteur), Vec::new());
        let passed = liveness::pass(&world, liveness::STATES_MAX);
        let killed = passed.broken.iter().map(|(p, _)| p.id()).collect();
        return Some(Bite { saboteur, killed });
    }
    let mut ids: BTreeSet<&str> = scenario.properties.iter().copied().collect();
    ids.extend(saboteur.kills);
    let ids: Vec<&str> = ids.into_iter().collect();
    let world = World::new(scenario, Some(saboteur), properties::of(&ids));
    let slots = world.properties.iter().enumerate();
    let wanted = slots
        .filter(|(_, p)| saboteur.kills.contains(&p.id()))
        .fold(0, |mask, (slot, _)| mask | 1 << slot);
    let until = Until::AllBroken(wanted);
    let swept = sweep::sweep(&world, until, Some(STATES_MAX), &mut |_, _, _, _| {});
    let failed = swept.failed();
    let slots = world.properties.iter().enumerate();
    let killed = slots
        .filter(|(slot, _)| failed & (1 << slot) != 0)
        .map(|(_, p)| p.id())
        .collect();
    Some(Bite { saboteur, killed })
}

/// Runs the whole table; whether all bite, no property is without a saboteur, and the matrix has not moved.
pub(crate) fn run(json: Option<&Path>, accept: bool) -> Result<bool, String> {
    line(&format!("{:<60} {:<20} fails", "saboteur", "scenario"));
    let mut bites = Vec::new();
    let mut all_bite = true;
    for saboteur in sabotage::all() {
        let bite = bite(saboteur)
            .ok_or_else(|| format!("{}: there is no {}", saboteur.name, saboteur.scenario))?;
        let missed = bite.missed();
        let note = if missed.is_empty() {
            String::new()
        } else {
            all_bite = false;
            format!("  SURVIVES {}", missed.join(" "))
        };
        let killed: Vec<&str> = bite.killed.iter().copied().collect();
        line(&format!(
            "{:<60} {:<20} {}{note}",
            saboteur.name,
            saboteur.scenario,
            killed.join(" ")
        ));
        bites.push(bite);
    }
    let bitten: BTreeSet<&str> = bites
        .iter()
        .flat_map(|b| b.killed.iter().copied())
        .collect();
    // What only the flows to the letter break is the matter of `literal`.
    let of_the_letter: BTreeSet<&str> = sabotage::of_the_letter()
        .flat_map(|s| s.kills.iter().copied())
        .collect();
    let all = properties::all().map(properties::Property::id);
    let unbitten: Vec<&str> = all
        .filter(|id| !bitten.contains(id) && !of_the_letter.contains(id))
        .collect();
    line(&format!(
        "{} saboteurs, {} properties fail under at least one",
        bites.len(),
        bitten.len()
    ));
    if !unbitten.is_empty() {
        line(&format!("UNBITTEN {}", unbitten.join(" ")));
    }
    if let Some(path) = json {
        let rows: Vec<Value> = bites.iter().map(Bite::as_json).collect();
        write(path, &format!("{:#}\n", Value::from(rows)))?;
    }
    let same = if accept && all_bite {
        let rows = bites.iter().map(|bite| bite.row() + "\n");
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots/kills.txt");
        write(&path, &rows.collect::<String>())?;
        true
    } else {
        is_same(&bites)
    };
    Ok(all_bite && unbitten.is_empty() && same)
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|why| format!("failed to write {}: {why}", path.display()))
}

/// Reports the rows that are not as they were accepted.
fn is_same(bites: &[Bite]) -> bool {
    let name = |row: &str| row.split(" | ").next().unwrap_or_default().to_owned();
    let mut accepted: BTreeMap<String, &str> = MATRIX.lines().map(|row| (name(row), row)).collect();
    let mut same = true;
    for row in bites.iter().map(Bite::row) {
        let was = accepted.remove(&name(&row));
        if was != Some(&*row) {
            line(&format!("MOVED {}\n   to {row}", was.unwrap_or("nothing")));
            same = false;
        }
    }
    for row in accepted.into_values() {
        line(&format!("MOVED {row}\n   to nothing"));
        same = false;
    }
    if !same {
        line("    if that is what the change was for: teeth --accept, and look at the diff");
    }
    same
}

/// Every property of the catalogue that some saboteur kills, by identifier.
pub(crate) fn with_saboteur() -> BTreeSet<&'static str> {
    let catalogue: BTreeSet<String> = catalogue::identifiers().collect();
    sabotage::all()
        .flat_map(|s| s.kills.iter().copied())
        .filter(|id| catalogue.contains(*id))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_saboteur_has_its_row_and_every_row_its_saboteur() {
        let name = |row: &'static str| row.split(" | ").next().unwrap_or_default();
        let pinned: Vec<&str> = MATRIX.lines().map(name).collect();
        let all: Vec<&str> = sabotage::all().map(|s| s.name).collect();
        let distinct: BTreeSet<&&str> = all.iter().collect();
        assert_eq!(pinned, all);
        assert_eq!(distinct.len(), all.len(), "two have one name");
    }

    #[test]
    fn what_a_saboteur_must_break_is_in_its_row() {
        for (saboteur, row) in sabotage::all().zip(MATRIX.lines()) {
            let failed = row.rsplit(" | ").next().unwrap_or_default();
            for id in saboteur.kills {
                assert!(
                    failed.split(' ').any(|f| f == *id),
                    "{}: {id}",
                    saboteur.name
                );
            }
        }
    }
}
