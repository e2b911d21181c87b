//! A search for worlds that are too large for a default run: depth first, on all cores, in little memory.
//!
//! Of each state only its 64-bit fingerprint is kept, in a table of a fixed size; whole states stand on the stacks
//! only, each with the way that led to it. Such a search ends where it was told to end. That is no proof.

mod table;

use crate::action;
use crate::interpret;
use crate::interrupt;
use crate::ladder;
use crate::memory;
use crate::properties;
use crate::report::{self, line, per_second};
use crate::scenarios::Scenario;
use crate::show;
use crate::world::{State, World};
use m2m_machine::shared::digest;
use serde_json::json;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use table::Table;

/// Where a search is to end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// After so many unique states.
    pub(crate) states: usize,
    /// Before the process occupies so many bytes.
    pub(crate) memory: u64,
    /// After so long.
    pub(crate) time: Duration,
}

/// Why a search ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    /// Nothing was left.
    Complete,
    /// As many states as were wanted.
    Enough,
    /// Too much memory.
    Memory,
    /// Too much time.
    Time,
    /// Ctrl-C.
    Interrupted,
    /// Something is broken.
    Broken,
}

impl End {
    const fn in_words(self) -> &'static str {
        match self {
            Self::Complete => "complete: every reachable state was looked at",
            Self::Enough => {
                "bounded, as wanted: ended after that many states; nothing is broken in them, and nothing is proved"
            }
            Self::Memory => "UNFINISHED: the memory was used up first",
            Self::Time => "UNFINISHED: the time was used up first",
            Self::Interrupted => "UNFINISHED: it was interrupted",
            Self::Broken => "BROKEN",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Enough => "bounded",
            Self::Memory => "memory",
            Self::Time => "time",
            Self::Interrupted => "interrupted",
            Self::Broken => "broken",
        }
    }
}

/// The way to a state, from its end.
struct Trail {
    before: Option<Arc<Self>>,
    action: u16,
    depth: usize,
}

/// A state that is to be looked at.
struct Job {
    state: State,
    trail: Option<Arc<Trail>>,
}

impl Job {
    fn depth(&self) -> usize {
        self.trail.as_ref().map_or(0, |trail| trail.depth)
    }
}

/// What workers hand to each other.
#[derive(Default)]
struct Pool {
    jobs: Vec<Job>,
    idle: usize,
}

struct Search {
    world: World,
    table: Table,
    bounds: Bounds,
    workers: usize,
    unique: AtomicUsize,
    transitions: AtomicUsize,
    depth: AtomicUsize,
    hungry: AtomicUsize,
    stopped: AtomicBool,
    end: Mutex<End>,
    broken: Mutex<Option<(&'static str, Vec<action::Action>)>>,
    pool: Mutex<Pool>,
    more: Condvar,
}

/// Searches a scenario up to the bounds; whether it came to what was wanted and nothing is broken.
pub(crate) fn run(
    scenario: &'static Scenario,
    bounds: Bounds,
    json: Option<&Path>,
) -> Result<bool, String> {
    let began = Instant::now();
    let world = World::new(scenario, None, properties::of(scenario.properties));
    let search = Search::new(world, bounds);
    line(&format!(
        "{}: {}; up to {} unique states, {}, {} minutes; a table of {}",
        scenario.name,
        scenario.about,
        bounds.states,
        memory::shown(Some(bounds.memory)),
        bounds.time.as_secs() / 60,
        memory::shown(Some(search.table.bytes())),
    ));
    search.go(began);
    let end = *lock(&search.end);
    search.report(end, began.elapsed(), json)?;
    Ok(matches!(end, End::Complete | End::Enough))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Search {
    fn new(world: World, bounds: Bounds) -> Self {
        let table = Table::for_states(bounds.states);
        table.insert(digest(&world.initial));
        let first = Job {
            state: world.initial.clone(),
            trail: None,
        };
        let pool = Pool {
            jobs: vec![first],
            idle: 0,
        };
        Self {
            world,
            table,
            bounds,
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            unique: AtomicUsize::new(1),
            transitions: AtomicUsize::new(1),
            depth: AtomicUsize::new(0),
            hungry: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
            end: Mutex::new(End::Complete),
            broken: Mutex::new(None),
            pool: Mutex::new(pool),
            more: Condvar::new(),
        }
    }

    fn go(&self, began: Instant) {
        std::thread::scope(|scope| {
            let work = || scope.spawn(|| self.work());
            let workers: Vec<_> = (0..self.workers).map(|_| work()).collect();
            let mut progress = report::Progress::of(self.world.scenario.name);
            let mut next = self.bounds.states / 10;
            while !workers
                .iter()
                .all(std::thread::ScopedJoinHandle::is_finished)
            {
                std::thread::park_timeout(Duration::from_millis(100));
                let (unique, took) = (self.unique.load(Ordering::Relaxed), began.elapsed());
                let transitions = self.transitions.load(Ordering::Relaxed);
                let depth = self.depth.load(Ordering::Relaxed);
                progress.show(unique, transitions, depth, took);
                if unique >= next && unique < self.bounds.states {
                    next += self.bounds.states / 10;
                    progress.end();
                    line(&format!(
                        "    {unique} unique states after {:.0} s, {:.0} a second, {} in memory",
                        took.as_secs_f64(),
                        per_second(unique, took),
                        memory::shown(memory::resident()),
                    ));
                }
                if interrupt::came() {
                    self.stop(End::Interrupted);
                }
                if took > self.bounds.time {
                    self.stop(End::Time);
                }
                if memory::resident().is_some_and(|bytes| bytes > self.bounds.memory) {
                    self.stop(End::Memory);
                }
            }
            progress.end();
        });
    }

    fn stop(&self, end: End) {
        if !self.stopped.swap(true, Ordering::Relaxed) {
            *lock(&self.end) = end;
        }
        self.more.notify_all();
    }

    fn work(&self) {
        let mut stack: Vec<Job> = Vec::new();
        let mut actions = Vec::new();
        while !self.stopped.load(Ordering::Relaxed) {
            let Some(job) = stack.pop().or_else(|| self.take()) else {
                return;
            };
            self.look(&job);
            self.successors(&job, &mut actions, &mut stack);
            if stack.len() > 1 && self.hungry.load(Ordering::Relaxed) > 0 {
                // What lies lowest leads to most.
                let half = stack.len() / 2;
                lock(&self.pool).jobs.extend(stack.drain(..half));
                self.more.notify_all();
            }
        }
    }

    /// Waits for a job; `None` if there will be none.
    fn take(&self) -> Option<Job> {
        let mut pool = lock(&self.pool);
        pool.idle += 1;
        self.hungry.fetch_add(1, Ordering::Relaxed);
        let job = loop {
            if let Some(job) = pool.jobs.pop() {
                break Some(job);
            }
            if pool.idle == self.workers || self.stopped.load(Ordering::Relaxed) {
                self.more.notify_all();
                break None;
            }
            pool = self.more.wait(pool).unwrap_or_else(PoisonError::into_inner);
        };
        self.hungry.fetch_sub(1, Ordering::Relaxed);
        // Who ends stays idle, so that the others see that all are.
        if job.is_some() {
            pool.idle -= 1;
        }
        job
    }

    fn look(&self, job: &Job) {
        self.depth.fetch_max(job.depth(), Ordering::Relaxed);
        let world = &self.world;
        let mut slots = world.properties.iter().enumerate();
        let broken = slots.find(|(slot, property)| !property.holds(*slot, world, &job.state));
        let broken = broken.map(|(_, property)| property.name);
        let structure = || {
            let whole = properties::structure(world, &job.state);
            (!whole).then_some(properties::STRUCTURE)
        };
        if let Some(name) = broken.or_else(structure) {
            let mut first = lock(&self.broken);
            first.get_or_insert_with(|| (name, self.way(job)));
            self.stop(End::Broken);
        }
    }

    fn successors(&self, job: &Job, actions: &mut Vec<action::Action>, stack: &mut Vec<Job>) {
        actions.clear();
        action::possible(&self.world, &job.state, actions);
        let mut transitions = 0;
        for (number, action) in (0_u16..).zip(actions.iter()) {
            let Some(state) = interpret::perform(&self.world, &job.state, action) else {
                continue;
            };
            transitions += 1;
            if !self.table.insert(digest(&state)) {
                continue;
            }
            let trail = Some(Arc::new(Trail {
                before: job.trail.clone(),
                action: number,
                depth: job.depth() + 1,
            }));
            stack.push(Job { state, trail });
            if self.unique.fetch_add(1, Ordering::Relaxed) + 1 >= self.bounds.states {
                self.stop(End::Enough);
                break;
            }
        }
        self.transitions.fetch_add(transitions, Ordering::Relaxed);
    }

    fn way(&self, job: &Job) -> Vec<action::Action> {
        let mut numbers = Vec::new();
        let mut trail = job.trail.as_ref();
        while let Some(step) = trail {
            numbers.push(step.action);
            trail = step.before.as_ref();
        }
        let mut state = self.world.initial.clone();
        let mut way = Vec::new();
        let mut possible = Vec::new();
        for number in numbers.into_iter().rev() {
            possible.clear();
            action::possible(&self.world, &state, &mut possible);
            let action = possible.swap_remove(usize::from(number));
            if let Some(next) = interpret::perform(&self.world, &state, &action) {
                state = next;
            }
            way.push(action);
        }
        way
    }

    fn report(&self, end: End, took: Duration, json: Option<&Path>) -> Result<(), String> {
        let unique = self.unique.load(Ordering::Relaxed);
        let transitions = self.transitions.load(Ordering::Relaxed);
        let depth = self.depth.load(Ordering::Relaxed);
        let peak = memory::peak();
        let states = u64::try_from(unique).unwrap_or(u64::MAX).max(1);
        let each = peak.map(|bytes| bytes / states);
        line(&format!(
            "{unique} unique states, {transitions} transitions, depth {depth}, {:.0} s, {:.0} unique states a second",
            took.as_secs_f64(),
            per_second(unique, took)
        ));
        line(&format!(
            "at most {} in memory, {} bytes for each state, of which {} in the table",
            memory::shown(peak),
            each.map_or_else(|| "unknown".to_owned(), |bytes| bytes.to_string()),
            self.table.bytes() / states,
        ));
        line(end.in_words());
        if let Some((name, way)) = &*lock(&self.broken) {
            line(&format!("BROKEN: {name} ({} steps)", way.len()));
            line(&ladder::draw(&self.world, way));
            line(&show::after(&self.world, way));
        }
        let Some(path) = json else { return Ok(()) };
        let value = json!({
            "name": self.world.scenario.name,
            "unique": unique,
            "transitions": transitions,
            "depth": depth,
            "seconds": took.as_secs_f64(),
            "unique_per_second": per_second(unique, took),
            "peak_bytes": peak,
            "bytes_per_state": each,
            "complete": end == End::Complete,
            "end": end.name(),
        });
        std::fs::write(path, format!("{value:#}\n"))
            .map_err(|why| format!("failed to write {}: {why}", path.display()))
    }
}

#[cfg(test)]
mod tests;
