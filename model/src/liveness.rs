//! "Eventually", exactly: a pass of its own over the finished graph of a liveness scenario.
//!
//! The checker's own notion of "eventually" misses cycles and joins. Here the whole graph is built, and a promise is
//! broken by a run that owes it for ever and is fair: it has finitely many faults, and whatever stays possible –
//! the next delivery in a direction, the opening of a link, a deadline, the clock – comes in the end. What
//! applications and their users may do they need not do.

mod graph;
mod lasso;
pub(crate) mod promises;

pub(crate) use graph::{Graph, STATES_MAX};
pub(crate) use promises::Promise;

use crate::action::{self, Action};
use crate::interpret;
use crate::properties;
use crate::search::Outcome;
use crate::sweep::Progress;
use crate::world::{State, World};
use stateright::{Checker, Model};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// A run that never keeps a promise.
#[derive(Debug)]
pub(crate) struct Lasso {
    /// The way to where the loop begins.
    pub(crate) stem: Vec<Action>,
    /// What is repeated for ever; empty: nothing happens any more.
    pub(crate) round: Vec<Action>,
}

/// What the pass came to.
#[derive(Debug)]
pub(crate) struct Passed {
    /// How many states the graph has.
    pub(crate) states: usize,
    /// Whether the graph is finished.
    pub(crate) is_complete: bool,
    /// One of the last states, if it is not.
    pub(crate) left_at: Option<State>,
    /// The promises that a fair run breaks.
    pub(crate) broken: Vec<(Promise, Lasso)>,
    /// The promises that are never owed, or never kept.
    pub(crate) without_witness: Vec<Promise>,
}

/// Searches a liveness scenario: the pass over the graph, and beside it the checker, for the structure of the machines
/// and as a guard. Two searches with different hashes must find as many states; if they do not, the search is not
/// complete.
pub(crate) fn search(world: World, progress: Progress<'_>) -> Outcome {
    let began = Instant::now();
    // The checker takes its model; this one is for the pass.
    let own = World::new(world.scenario, world.saboteur, world.properties.clone());
    let halted = world.halted.clone();
    let (checker, passed) = std::thread::scope(|scope| {
        let pass = scope.spawn(|| {
            let passed = pass(&own, STATES_MAX);
            // A graph that is too large is not searched to its end a second time.
            halted.store(!passed.is_complete, Ordering::Relaxed);
            passed
        });
        // On one core its depth is exact.
        let checker = world.checker().threads(1).spawn_bfs();
        while !checker.is_done() {
            std::thread::park_timeout(Duration::from_millis(20));
            let (unique, states) = (checker.unique_state_count(), checker.state_count());
            progress(unique, states, checker.max_depth(), began.elapsed());
        }
        (checker, pass.join().ok())
    });
    let unique = checker.unique_state_count();
    let finished = |passed: &Passed| passed.is_complete && passed.states == unique;
    let structure = checker.discovery(properties::STRUCTURE);
    let structure = structure.map(|path| (properties::STRUCTURE, path.into_actions()));
    Outcome {
        unique,
        transitions: checker.state_count(),
        depth: checker.max_depth(),
        took: began.elapsed(),
        complete: structure.is_none() && passed.as_ref().is_some_and(finished),
        broken: structure.into_iter().collect(),
        without_witness: Vec::new(),
        witnessed: Vec::new(),
        passed,
        world: own,
    }
}

/// Builds the graph and looks for runs that break a promise of the scenario.
pub(crate) fn pass(world: &World, limit: usize) -> Passed {
    let promises = world.scenario.promises;
    let owed: Vec<_> = promises.iter().filter_map(Promise::owed).collect();
    let graph = Graph::of(world, &owed, limit);
    let mut passed = Passed {
        states: graph.len(),
        is_complete: graph.left_at.is_none() && owed.len() == promises.len(),
        left_at: graph.left_at.clone(),
        broken: Vec::new(),
        without_witness: Vec::new(),
    };
    if !passed.is_complete {
        return passed;
    }
    for (slot, promise) in promises.iter().enumerate() {
        if !graph.is_kept_somewhere(slot) {
            passed.without_witness.push(*promise);
        }
        let Some(found) = lasso::find(&graph, slot) else {
            continue;
        };
        match replay(world, &found) {
            Some(lasso) => passed.broken.push((*promise, lasso)),
            // A loop that is none is a fault of the pass.
            None => passed.is_complete = false,
        }
    }
    passed
}

/// The actions of a lasso; `None` if its end is not where the loop began.
fn replay(world: &World, found: &lasso::Lasso) -> Option<Lasso> {
    let mut state = world.initial.clone();
    let mut walk = |numbers: &[u16]| -> Option<(Vec<Action>, State)> {
        let mut way = Vec::new();
        for number in numbers {
            let mut possible = Vec::new();
            action::possible(world, &state, &mut possible);
            let action = possible.into_iter().nth(usize::from(*number))?;
            state = interpret::perform(world, &state, &action)?;
            way.push(action);
        }
        Some((way, state.clone()))
    };
    let (stem, begins) = walk(&found.stem)?;
    let (round, ends) = walk(&found.round)?;
    (begins == ends).then_some(Lasso { stem, round })
}

#[cfg(test)]
mod tests;
