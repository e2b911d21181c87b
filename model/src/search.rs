//! Searching a world, and what came of it.
//!
//! A search is complete only if the checker stopped because nothing was left: no bound is ever set, and a search
//! that stopped for another reason is reported as unfinished.

use crate::action::Action;
use crate::properties::{self, Property};
use crate::sabotage::Saboteur;
use crate::scenarios::Scenario;
use crate::shortest::{self, Found};
use crate::world::{State, World};
use stateright::{Checker, HasDiscoveries, Model};
use std::time::{Duration, Instant};

/// What a search found.
pub(crate) struct Outcome {
    /// What was searched.
    pub(crate) world: World,
    /// Different states.
    pub(crate) unique: usize,
    /// Transitions.
    pub(crate) transitions: usize,
    /// The longest path to a state that is not reached by a shorter one.
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
}

/// How a world is searched.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum How {
    /// Everything, on all cores.
    Everything,
    /// The same, and then the shortest way to what is broken.
    Shortest,
}

/// A progress report.
pub(crate) type Progress<'a> = &'a mut dyn FnMut(usize, usize, usize, Duration);

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
    let began = Instant::now();
    // The checker takes its model; this one is for looking at what it found.
    let again = World::new(world.scenario, world.saboteur, world.properties.clone());
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let builder = world.checker();
    let builder = match how {
        How::Everything => builder,
        How::Shortest => builder.finish_when(HasDiscoveries::AnyFailures),
    };
    let checker = builder.threads(threads).spawn_bfs();
    while !checker.is_done() {
        std::thread::park_timeout(Duration::from_millis(100));
        progress(
            checker.unique_state_count(),
            checker.state_count(),
            checker.max_depth(),
            began.elapsed(),
        );
    }
    let mut outcome = Outcome {
        unique: checker.unique_state_count(),
        transitions: checker.state_count(),
        depth: checker.max_depth(),
        took: began.elapsed(),
        complete: true,
        broken: Vec::new(),
        without_witness: Vec::new(),
        witnessed: Vec::new(),
        world: again,
    };
    let found = checker.discoveries();
    let path = |name: &str| -> Option<Vec<Action>> {
        let path: Vec<(State, Option<Action>)> = found.get(name)?.clone().into_vec();
        Some(path.into_iter().filter_map(|(_, action)| action).collect())
    };
    for (slot, property) in outcome.world.properties.iter().enumerate() {
        if let Some(actions) = path(property.name) {
            outcome.broken.push((property.name, actions));
        }
        match path(properties::OCCURS[slot]) {
            Some(actions) => outcome.witnessed.push((property, actions)),
            None => outcome.without_witness.push(property),
        }
    }
    if let Some(actions) = path(properties::STRUCTURE) {
        outcome.broken.push((properties::STRUCTURE, actions));
    }
    // All properties were discovered to fail: the checker stopped early.
    outcome.complete = outcome.broken.is_empty();
    if how == How::Shortest {
        shorten(&mut outcome);
    }
    outcome
}

/// Replaces the counterexamples by the shortest ones, or by one of the same rest state.
fn shorten(outcome: &mut Outcome) {
    let world = &outcome.world;
    for (name, actions) in &mut outcome.broken {
        let property = world.properties.iter().position(|p| p.name == *name);
        let fails = |state: &State| match property {
            Some(slot) => !world.properties[slot].holds(slot, world, state),
            None => !properties::structure(world, state),
        };
        match shortest::way(world, &fails, None) {
            Found::Way(way) => *actions = way,
            Found::Nowhere(_) | Found::Stopped(_) => {}
        }
    }
}
