//! What a CSE waits for, as views of its state: all of it, the earliest, or whether one moment has come.
//!
//! Each chapter says what it waits for through [`Wait`]; nobody builds a list to look at one of its elements.

use super::{Cse, Timer};
use crate::env::Timestamp;
use alloc::vec::Vec;

/// Takes deadlines one after the other.
pub(crate) trait Wait {
    /// A deadline; its timer is made only if it matters.
    fn until(&mut self, at: Timestamp, timer: impl FnOnce() -> Timer);

    /// Whether no deadline from that moment on matters: who has them in order may stop there.
    fn is_beyond(&self, at: Timestamp) -> bool;
}

/// All deadlines.
impl Wait for Vec<(Timestamp, Timer)> {
    fn until(&mut self, at: Timestamp, timer: impl FnOnce() -> Timer) {
        self.push((at, timer()));
    }

    fn is_beyond(&self, _: Timestamp) -> bool {
        false
    }
}

/// The earliest deadline; of several at one moment, the smallest timer.
struct Earliest(Option<(Timestamp, Timer)>);

impl Wait for Earliest {
    fn until(&mut self, at: Timestamp, timer: impl FnOnce() -> Timer) {
        if self.0.as_ref().is_none_or(|(first, _)| at <= *first) {
            let next = (at, timer());
            if self.0.as_ref().is_none_or(|first| next < *first) {
                self.0 = Some(next);
            }
        }
    }

    fn is_beyond(&self, at: Timestamp) -> bool {
        self.0.as_ref().is_some_and(|(first, _)| *first < at)
    }
}

/// Whether one of the deadlines that are over is of this timer.
struct Over<'a> {
    timer: &'a Timer,
    now: Timestamp,
    found: bool,
}

impl Wait for Over<'_> {
    fn until(&mut self, at: Timestamp, timer: impl FnOnce() -> Timer) {
        if !self.found && at <= self.now {
            self.found = timer() == *self.timer;
        }
    }

    fn is_beyond(&self, at: Timestamp) -> bool {
        self.found || self.now < at
    }
}

impl Cse {
    /// What the current state waits for, and until when.
    #[must_use]
    pub fn deadlines(&self) -> Vec<(Timestamp, Timer)> {
        let mut all = Vec::new();
        if !self.store_failing {
            self.few_deadlines(&mut all);
            all.extend(self.outcome_deadlines());
            all.extend(self.resource_deadlines());
        }
        all
    }

    /// The next deadline: the earliest moment of [`Cse::deadlines`].
    #[must_use]
    pub fn next_deadline(&self) -> Option<(Timestamp, Timer)> {
        if self.store_failing {
            return None;
        }
        let mut earliest = Earliest(None);
        if let Some((at, key)) = self.durable.outcomes.first() {
            earliest.until(at, || Timer::Outcome(key));
        }
        if let Some((at, timer)) = self.resource_deadlines().next() {
            earliest.until(at, || timer);
        }
        self.few_deadlines(&mut earliest);
        earliest.0
    }

    /// The deadlines of which there are never many.
    fn few_deadlines(&self, wait: &mut impl Wait) {
        self.link_deadlines(wait);
        self.registree_deadlines(wait);
        self.open_deadlines(wait);
        self.outgoing_deadlines(wait);
        self.session_deadlines(wait);
        self.stored_deadlines(wait);
        self.undo_deadlines(wait);
        self.opening_deadlines(wait);
    }

    /// Whether the timer is one that the state waits for, and its time has come.
    pub(super) fn is_due(&self, timer: &Timer, now: Timestamp) -> bool {
        if self.store_failing {
            return false;
        }
        match timer {
            Timer::Outcome(key) => self
                .durable
                .outcomes
                .get(key)
                .is_some_and(|o| o.until <= now),
            Timer::ResourceExpiry(id) => {
                let resource = self.durable.tree.get(id);
                resource.and_then(|r| r.expires).is_some_and(|at| at <= now)
            }
            Timer::Redial
            | Timer::Answer(_)
            | Timer::Outgoing(..)
            | Timer::Attempt(_)
            | Timer::Lease(_)
            | Timer::SessionExpiry(_)
            | Timer::HopGrace(_)
            | Timer::Termination(_)
            | Timer::TombstoneRetry(_)
            | Timer::TombstoneEnd(_)
            | Timer::UndoRetry(_)
            | Timer::Window(_)
            | Timer::StoredExpiry(_)
            | Timer::DialRegistree(_)
            | Timer::Reachable(_)
            | Timer::Notifications(_)
            | Timer::Interrupted(_) => {
                let mut over = Over {
                    timer,
                    now,
                    found: false,
                };
                self.few_deadlines(&mut over);
                over.found
            }
        }
    }
}
