//! A search of its own, breadth first on one core, that remembers how it came to each state.
//!
//! The checker's breadth-first search reports the last counterexample of a block, not the first; what people read
//! should be the shortest.

use crate::action::{self, Action};
use crate::interpret;
use crate::world::{State, World};
use m2m_machine::shared::digest;
use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

/// What a shortest search came to.
pub(crate) enum Found {
    /// The shortest way to what was looked for.
    Way(Vec<Action>),
    /// It does not exist; so many states were looked at.
    Nowhere(usize),
    /// The search was stopped after so many states.
    Stopped(usize),
}

/// Looks for the nearest state that fits; stops after `limit`, if there is one.
pub(crate) fn way(world: &World, fits: &dyn Fn(&State) -> bool, limit: Option<Duration>) -> Found {
    let began = Instant::now();
    let mut seen = HashSet::new();
    let mut steps: Vec<(u32, Option<Action>)> = vec![(0, None)];
    let mut queue = VecDeque::from([(0_u32, world.initial.clone())]);
    seen.insert(digest(&world.initial));
    let mut actions = Vec::new();
    while let Some((at, state)) = queue.pop_front() {
        if fits(&state) {
            return Found::Way(back(&steps, at));
        }
        if at % 1_024 == 0 && limit.is_some_and(|limit| began.elapsed() > limit) {
            return Found::Stopped(seen.len());
        }
        actions.clear();
        action::possible(world, &state, &mut actions);
        for action in &actions {
            let Some(next) = interpret::perform(world, &state, action) else {
                continue;
            };
            if seen.insert(digest(&next)) {
                let Ok(number) = u32::try_from(steps.len()) else {
                    return Found::Stopped(seen.len());
                };
                steps.push((at, Some(action.clone())));
                queue.push_back((number, next));
            }
        }
    }
    Found::Nowhere(seen.len())
}

/// Searches until each of the wanted properties, by slot, has failed; returns all that did.
pub(crate) fn failing(world: &World, wanted: u64, limit: Duration) -> u64 {
    let began = Instant::now();
    let mut seen = HashSet::from([digest(&world.initial)]);
    let mut queue = VecDeque::from([world.initial.clone()]);
    let mut failed = 0;
    let mut actions = Vec::new();
    while let Some(state) = queue.pop_front() {
        for (slot, property) in world.properties.iter().enumerate() {
            if failed & (1 << slot) == 0 && !property.holds(slot, world, &state) {
                failed |= 1 << slot;
            }
        }
        if failed & wanted == wanted || began.elapsed() > limit {
            break;
        }
        actions.clear();
        action::possible(world, &state, &mut actions);
        for action in &actions {
            if let Some(next) = interpret::perform(world, &state, action)
                && seen.insert(digest(&next))
            {
                queue.push_back(next);
            }
        }
    }
    failed
}

fn back(steps: &[(u32, Option<Action>)], mut at: u32) -> Vec<Action> {
    let mut way = Vec::new();
    while let Some((from, Some(action))) = steps.get(at as usize) {
        way.push(action.clone());
        at = *from;
    }
    way.reverse();
    way
}
