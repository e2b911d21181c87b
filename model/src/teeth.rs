//! Whether the properties bite: every saboteur against the properties of its scenario.

use crate::properties;
use crate::report::line;
use crate::sabotage::{self, Saboteur};
use crate::scenarios;
use crate::sweep::{self, Until};
use crate::world::World;
use std::collections::BTreeSet;
use std::time::Duration;

/// How long one saboteur is looked for, at most.
const PATIENCE: Duration = Duration::from_secs(30);

/// What became of a saboteur.
pub(crate) struct Bite {
    /// Who it is.
    pub(crate) saboteur: &'static Saboteur,
    /// The properties that failed.
    pub(crate) killed: Vec<&'static str>,
}

impl Bite {
    /// The properties that should have failed and did not.
    pub(crate) fn missed(&self) -> Vec<&'static str> {
        let kills = self.saboteur.kills.iter().copied();
        kills.filter(|id| !self.killed.contains(id)).collect()
    }
}

/// Sets one saboteur loose.
pub(crate) fn bite(saboteur: &'static Saboteur) -> Option<Bite> {
    let scenario = scenarios::by_name(saboteur.scenario)?;
    let mut ids: BTreeSet<&str> = scenario.properties.iter().copied().collect();
    ids.extend(saboteur.kills);
    let ids: Vec<&str> = ids.into_iter().collect();
    let world = World::new(scenario, Some(saboteur), properties::of(&ids));
    let slots = world.properties.iter().enumerate();
    let wanted = slots
        .filter(|(_, p)| saboteur.kills.contains(&p.id()))
        .fold(0, |mask, (slot, _)| mask | 1 << slot);
    let swept = sweep::sweep(
        &world,
        Until::AllBroken(wanted),
        Some(PATIENCE),
        &mut |_, _, _, _| {},
    );
    let failed = swept.failed();
    let slots = world.properties.iter().enumerate();
    let killed = slots
        .filter(|(slot, _)| failed & (1 << slot) != 0)
        .map(|(_, p)| p.id())
        .collect();
    Some(Bite { saboteur, killed })
}

/// Runs the whole table; whether all bite.
pub(crate) fn run() -> bool {
    line(&format!("{:<52} {:<20} killed", "saboteur", "scenario"));
    let mut all_bite = true;
    for saboteur in sabotage::all() {
        let Some(bite) = bite(saboteur) else {
            line(&format!(
                "{}: there is no scenario {}",
                saboteur.name, saboteur.scenario
            ));
            all_bite = false;
            continue;
        };
        let missed = bite.missed();
        let note = if missed.is_empty() {
            String::new()
        } else {
            all_bite = false;
            format!("  MISSED {}", missed.join(" "))
        };
        let killed = bite.killed.join(" ");
        line(&format!(
            "{:<52} {:<20} {killed}{note}",
            saboteur.name, saboteur.scenario
        ));
    }
    all_bite
}

/// Every property that some saboteur kills, by identifier.
pub(crate) fn with_saboteur() -> BTreeSet<&'static str> {
    sabotage::all()
        .flat_map(|s| s.kills.iter().copied())
        .collect()
}
