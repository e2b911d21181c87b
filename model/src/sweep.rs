//! The search: breadth first, level by level, on all cores.
//!
//! Every state of a level is looked at before any of the next, and what two cores find at once is put in order before
//! the next level begins. So counts, depths and ways are exact and the same in every run, however many cores there
//! are; stateright's own search on several threads goes ahead of itself, and its depth is an accident of the moment.
//! A test compares the counts of both.

use crate::action::{self, Action};
use crate::interpret;
use crate::interrupt;
use crate::memo::AsItIs;
use crate::properties::{self, Check};
use crate::world::{State, World};
use m2m_machine::shared::digest;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasherDefault;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// When a search ends before everything is searched.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Until {
    /// Never.
    Exhausted,
    /// After the first level on which a property fails.
    Broken,
    /// After the first level by which all properties of these slots have failed.
    AllBroken(u64),
    /// After the first level on which the situation of slot 0 occurs.
    Occurs,
}

/// How far a search has come: unique states, transitions, depth, time.
pub(crate) type Progress<'a> = &'a mut dyn FnMut(usize, usize, usize, Duration);

/// What a search has seen.
#[derive(Debug)]
pub(crate) struct Swept {
    /// Different states.
    pub(crate) unique: usize,
    /// Transitions, and the first state.
    pub(crate) transitions: usize,
    /// How many states the longest of all shortest ways has.
    pub(crate) depth: usize,
    /// Whether nothing was left to search.
    pub(crate) complete: bool,
    /// By slot: the first state in which the property fails.
    pub(crate) broken: Vec<Option<u32>>,
    /// By slot: the first state in which its situation occurs.
    pub(crate) witnessed: Vec<Option<u32>>,
    /// The first state in which a machine violates its structure.
    pub(crate) misshapen: Option<u32>,
    origins: Vec<Origin>,
}

/// Where a state came from: the number of the state before, and of the action there.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Origin {
    before: u32,
    action: u16,
}

impl Swept {
    /// The actions that lead to a state.
    pub(crate) fn way(&self, world: &World, number: u32) -> Vec<Action> {
        let mut numbers = Vec::new();
        let mut at = number;
        while at != 0 {
            let origin = self.origins[at as usize];
            numbers.push(usize::from(origin.action));
            at = origin.before;
        }
        let mut state = world.initial.clone();
        let mut way = Vec::with_capacity(numbers.len());
        let mut possible = Vec::new();
        for number in numbers.into_iter().rev() {
            possible.clear();
            action::possible(world, &state, &mut possible);
            let action = possible.swap_remove(number);
            if let Some(next) = interpret::perform(world, &state, &action) {
                state = next;
            }
            way.push(action);
        }
        way
    }

    /// The slots of the properties that failed, as a set.
    pub(crate) fn failed(&self) -> u64 {
        let slots = self.broken.iter().enumerate();
        slots
            .filter(|(_, first)| first.is_some())
            .fold(0, |set, (slot, _)| set | 1 << slot)
    }
}

/// Searches a world; a limit of unique states makes the search an incomplete one, if it is reached.
pub(crate) fn sweep(
    world: &World,
    until: Until,
    limit: Option<usize>,
    progress: Progress<'_>,
) -> Swept {
    let began = Instant::now();
    let slots = world.properties.len();
    let mut swept = Swept {
        unique: 1,
        transitions: 1,
        depth: 1,
        complete: false,
        broken: vec![None; slots],
        witnessed: vec![None; slots],
        misshapen: None,
        origins: vec![Origin {
            before: 0,
            action: 0,
        }],
    };
    if !properties::structure(world, &world.initial) {
        swept.misshapen = Some(0);
    }
    let seen = Seen::new(&world.initial);
    let mut level = vec![world.initial.clone()];
    while !level.is_empty() {
        let looked = expand(world, &seen, level, &swept);
        for look in looked {
            swept.take(look);
        }
        if interrupt::came() {
            return swept;
        }
        level = swept.next_level(&seen);
        if swept.is_enough(until) || limit.is_some_and(|limit| swept.unique > limit) {
            return swept;
        }
        progress(
            swept.unique,
            swept.transitions,
            swept.depth,
            began.elapsed(),
        );
    }
    swept.complete = true;
    swept
}

impl Swept {
    fn take(&mut self, look: Look) {
        self.transitions += look.transitions;
        let pairs = self.broken.iter_mut().zip(look.broken);
        for (first, found) in pairs.chain(self.witnessed.iter_mut().zip(look.witnessed)) {
            *first = earliest(*first, found);
        }
    }

    fn is_enough(&self, until: Until) -> bool {
        match until {
            Until::Exhausted => false,
            Until::Broken => self.misshapen.is_some() || self.failed() != 0,
            Until::AllBroken(wanted) => self.failed() & wanted == wanted,
            Until::Occurs => self.witnessed.first().is_some_and(Option::is_some),
        }
    }

    /// The states that were found on this level, in an order that does not depend on who found them.
    fn next_level(&mut self, seen: &Seen) -> Vec<State> {
        let mut found = seen.settle();
        found.sort_by_cached_key(|fresh| fresh.origin);
        let misshapen = found.iter().position(|fresh| fresh.misshapen);
        let misshapen = misshapen.map(|at| number(self.origins.len() + at));
        self.misshapen = self.misshapen.or(misshapen);
        self.unique += found.len();
        self.depth += usize::from(!found.is_empty());
        self.origins.extend(found.iter().map(|fresh| fresh.origin));
        found.into_iter().map(|fresh| fresh.state).collect()
    }
}

/// More states than numbers would have filled the memory before.
fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn earliest(one: Option<u32>, two: Option<u32>) -> Option<u32> {
    match (one, two) {
        (Some(one), Some(two)) => Some(one.min(two)),
        (one, two) => one.or(two),
    }
}

/// What one core has seen of a level.
struct Look {
    transitions: usize,
    broken: Vec<Option<u32>>,
    witnessed: Vec<Option<u32>>,
}

/// How many states a core takes at a time.
const CHUNK: usize = 64;

/// Looks at every state of a level and finds those of the next; whoever has looked at a state drops it.
fn expand(world: &World, seen: &Seen, level: Vec<State>, swept: &Swept) -> Vec<Look> {
    let base = swept.origins.len() - level.len();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = cores.min(level.len().div_ceil(CHUNK));
    let rest = Mutex::new(level.into_iter().enumerate());
    let work = || {
        let mut look = Look {
            transitions: 0,
            broken: vec![None; world.properties.len()],
            witnessed: vec![None; world.properties.len()],
        };
        let mut actions = Vec::new();
        let mut chunk = Vec::with_capacity(CHUNK);
        loop {
            {
                let mut rest = rest.lock().unwrap_or_else(PoisonError::into_inner);
                chunk.extend(rest.by_ref().take(CHUNK));
            }
            if chunk.is_empty() || interrupt::came() {
                return look;
            }
            for (at, state) in chunk.drain(..) {
                let number = number(base + at);
                look.properties(world, &state, number, swept);
                look.successors(world, seen, &state, number, &mut actions);
            }
        }
    };
    if workers <= 1 {
        return vec![work()];
    }
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
        let mut looks = vec![work()];
        for other in others {
            match other.join() {
                Ok(look) => looks.push(look),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        looks
    })
}

impl Look {
    fn properties(&mut self, world: &World, state: &State, number: u32, swept: &Swept) {
        let mut at_rest = None;
        for (slot, property) in world.properties.iter().enumerate() {
            let is_open = |found: &[Option<u32>]| found[slot].is_none();
            if is_open(&swept.broken) && self.broken[slot].is_none() {
                let holds = match property.check {
                    Check::AtRest(holds) => {
                        let at_rest = *at_rest.get_or_insert_with(|| world.is_at_rest(state));
                        !at_rest || holds(world, state)
                    }
                    Check::Always(_) | Check::CseStep(_) | Check::AeStep(_) => {
                        property.holds(slot, world, state)
                    }
                };
                self.broken[slot] = (!holds).then_some(number);
            }
            if is_open(&swept.witnessed) && self.witnessed[slot].is_none() {
                let occurs = (property.witness)(world, state);
                self.witnessed[slot] = occurs.then_some(number);
            }
        }
    }

    fn successors(
        &mut self,
        world: &World,
        seen: &Seen,
        state: &State,
        number: u32,
        actions: &mut Vec<Action>,
    ) {
        actions.clear();
        action::possible(world, state, actions);
        for (at, action) in (0_u16..).zip(actions.iter()) {
            let Some(next) = interpret::perform(world, state, action) else {
                continue;
            };
            self.transitions += 1;
            let origin = Origin {
                before: number,
                action: at,
            };
            seen.find(world, state, next, origin);
        }
    }
}

/// A state that was not seen on any level before.
struct Fresh {
    origin: Origin,
    state: State,
    misshapen: bool,
}

/// Everything that was seen, by fingerprint, in parts that cores lock one at a time.
struct Seen(Vec<Mutex<Part>>);

#[derive(Default)]
struct Part {
    before: HashSet<u64, BuildHasherDefault<AsItIs>>,
    fresh: HashMap<u64, Fresh, BuildHasherDefault<AsItIs>>,
}

/// How many parts there are.
const PARTS: usize = 64;

impl Seen {
    fn new(initial: &State) -> Self {
        let seen = Self((0..PARTS).map(|_| Mutex::default()).collect());
        let fingerprint = digest(initial);
        seen.part(fingerprint).before.insert(fingerprint);
        seen
    }

    fn part(&self, fingerprint: u64) -> MutexGuard<'_, Part> {
        // Not the bits by which a table finds its rows.
        let [.., part, _, _, _] = fingerprint.to_le_bytes();
        self.0[usize::from(part) % PARTS]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of a state that follows another.
    fn find(&self, world: &World, before: &State, state: State, origin: Origin) {
        let fingerprint = digest(&state);
        let mut part = self.part(fingerprint);
        if part.before.contains(&fingerprint) {
            return;
        }
        match part.fresh.entry(fingerprint) {
            Entry::Occupied(mut entry) => {
                let known = entry.get_mut();
                known.origin = known.origin.min(origin);
            }
            Entry::Vacant(entry) => {
                let misshapen = !properties::change_keeps_structure(world, before, &state);
                entry.insert(Fresh {
                    origin,
                    state,
                    misshapen,
                });
            }
        }
    }

    /// Closes a level: what was found on it is old from now on.
    fn settle(&self) -> Vec<Fresh> {
        let mut all = Vec::new();
        for part in &self.0 {
            let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
            let fresh = std::mem::take(&mut part.fresh);
            part.before.extend(fresh.keys());
            all.extend(fresh.into_values());
        }
        all
    }
}

#[cfg(test)]
mod tests;
