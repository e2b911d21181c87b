//! Searching a world, and what came of it.
//!
//! A search is complete only if it ended because nothing was left: no bound is ever set, and a search that ended for
//! another reason is reported as unfinished.

use crate::action::Action;
use crate::liveness::{self, Passed};
use crate::properties::{self, Property};
use crate::sabotage::Saboteur;
use crate::scenarios::Scenario;
use crate::sweep::{self, Progress, Until};
use crate::world::World;
use std::time::{Duration, Instant};

/// What a search found.
pub(crate) struct Outcome {
    /// What was searched.
    pub(crate) world: World,
    /// Different states.
    pub(crate) unique: usize,
    /// Transitions.
    pub(crate) transitions: usize,
    /// How many states the longest of all shortest ways has.
    pub(crate) depth: usize,
    /// How long it took.
    pub(crate) took: Duration,
    /// Whether everything was searched.
    pub(crate) complete: bool,
    /// Properties that do not hold, each with the actions that lead there.
    pub(crate) broken: Vec<(&'static str, Vec<Action>)>,
    /// Properties whose situation never occurred.
    pub(crate) without_witness: Vec<&'static Property>,
    /// Properties whose situation occurred, with the actions that lead there.
    pub(crate) witnessed: Vec<(&'static Property, Vec<Action>)>,
    /// What came of the promises, in a liveness scenario.
    pub(crate) passed: Option<Passed>,
}

/// How a world is searched.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum How {
    /// Everything.
    Everything,
    /// As far as to the first level on which something is broken.
    Shortest,
}

/// Searches a scenario for its own properties.
pub(crate) fn scenario(scenario: &'static Scenario, how: How, progress: Progress<'_>) -> Outcome {
    let world = World::new(scenario, None, properties::of(scenario.properties));
    search(world, how, progress)
}

/// Searches a scenario with a defect for certain properties.
pub(crate) fn sabotaged(
    scenario: &'static Scenario,
    saboteur: &'static Saboteur,
    ids: &[&str],
    how: How,
    progress: Progress<'_>,
) -> Outcome {
    let world = World::new(scenario, Some(saboteur), properties::of(ids));
    search(world, how, progress)
}

/// Searches a world.
pub(crate) fn search(world: World, how: How, progress: Progress<'_>) -> Outcome {
    if world.is_endless() {
        return liveness::search(world, progress);
    }
    let began = Instant::now();
    let until = match how {
        How::Everything => Until::Exhausted,
        How::Shortest => Until::Broken,
    };
    let swept = sweep::sweep(&world, until, None, progress);
    let mut outcome = Outcome {
        unique: swept.unique,
        transitions: swept.transitions,
        depth: swept.depth,
        took: began.elapsed(),
        complete: swept.complete,
        broken: Vec::new(),
        without_witness: Vec::new(),
        witnessed: Vec::new(),
        passed: None,
        world,
    };
    let world = &outcome.world;
    for (slot, property) in world.properties.iter().enumerate() {
        if let Some(number) = swept.broken[slot] {
            let way = swept.way(world, number);
            outcome.broken.push((property.name, way));
        }
        match swept.witnessed[slot] {
            Some(number) => outcome.witnessed.push((property, swept.way(world, number))),
            None => outcome.without_witness.push(property),
        }
    }
    if let Some(number) = swept.misshapen {
        let way = swept.way(world, number);
        outcome.broken.push((properties::STRUCTURE, way));
    }
    outcome
}
