//! What machines did before: a step is a function of the machine, the moment and the input, so it is carried out once
//! and looked up wherever other interleavings come to it again.
//!
//! Machines and inputs are told apart by their digests, as the states of the search are.

use crate::action::Due;
use m2m_machine::shared::{Shared, digest};
use m2m_machine::{Ae, Cse, Env, Timestamp, ae, cse};
use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

/// What a step of a machine came to: the machine after it, and what it wants done.
pub(crate) struct After<M, O> {
    /// The machine after the step.
    pub(crate) machine: Shared<M>,
    /// What it wants done.
    pub(crate) outputs: Vec<O>,
}

/// The deadlines of a machine, by moment.
pub(crate) type Deadlines = Arc<[(Timestamp, Due)]>;

/// What was computed before.
#[derive(Default)]
pub(crate) struct Memo {
    cse_steps: Rows<Arc<After<Cse, cse::Output>>>,
    ae_steps: Rows<Arc<After<Ae, ae::Output>>>,
    cse_deadlines: Rows<Deadlines>,
    ae_deadlines: Rows<Deadlines>,
    cse_structure: Rows<bool>,
    ae_structure: Rows<bool>,
}

impl Memo {
    /// A step of a CSE.
    pub(crate) fn step_cse(
        &self,
        before: &Shared<Cse>,
        env: Env,
        input: &cse::Input,
    ) -> Arc<After<Cse, cse::Output>> {
        let key = (before.digest(), env.now, env.fresh, input);
        self.cse_steps.get(&key, || {
            let mut machine = Cse::clone(before);
            let outputs = machine.step(env, input.clone());
            let machine = Shared::new(machine);
            Arc::new(After { machine, outputs })
        })
    }

    /// A step of an AE.
    pub(crate) fn step_ae(
        &self,
        before: &Shared<Ae>,
        env: Env,
        input: &ae::Input,
    ) -> Arc<After<Ae, ae::Output>> {
        let key = (before.digest(), env.now, input);
        self.ae_steps.get(&key, || {
            let mut machine = Ae::clone(before);
            let outputs = machine.step(env, input.clone());
            let machine = Shared::new(machine);
            Arc::new(After { machine, outputs })
        })
    }

    /// The deadlines of the CSE of that place.
    pub(crate) fn deadlines_of_cse(&self, at: u8, cse: &Shared<Cse>) -> Deadlines {
        let deadlines = || {
            let all = cse.deadlines().into_iter();
            all.map(|(when, timer)| (when, Due::Cse(at, timer)))
                .collect()
        };
        self.cse_deadlines.of(cse.digest(), deadlines)
    }

    /// The deadlines of the AE of that place.
    pub(crate) fn deadlines_of_ae(&self, at: u8, ae: &Shared<Ae>) -> Deadlines {
        let deadlines = || {
            let all = ae.deadlines();
            all.map(|(when, timer)| (when, Due::Ae(at, timer)))
                .collect()
        };
        self.ae_deadlines.of(ae.digest(), deadlines)
    }

    /// Whether a CSE keeps its structural truths.
    pub(crate) fn is_whole_cse(&self, cse: &Shared<Cse>) -> bool {
        let is_whole = || cse.violation().is_none();
        self.cse_structure.of(cse.digest(), is_whole)
    }

    /// Whether an AE keeps its structural truths.
    pub(crate) fn is_whole_ae(&self, ae: &Shared<Ae>) -> bool {
        let is_whole = || ae.violation().is_none();
        self.ae_structure.of(ae.digest(), is_whole)
    }
}

impl fmt::Debug for Memo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memo")
    }
}

/// How many parts there are; one is locked at a time.
const PARTS: usize = 64;
/// How many rows a part has at most; then it begins anew, so that memory stays bounded.
const ROWS_MAX: usize = 2_048;

/// Values by the digest of what they follow from.
struct Rows<V>(Vec<Mutex<HashMap<u64, V, BuildHasherDefault<AsItIs>>>>);

impl<V> Default for Rows<V> {
    fn default() -> Self {
        Self((0..PARTS).map(|_| Mutex::default()).collect())
    }
}

impl<V: Clone> Rows<V> {
    fn get(&self, key: &impl Hash, compute: impl FnOnce() -> V) -> V {
        self.of(digest(key), compute)
    }

    fn of(&self, key: u64, compute: impl FnOnce() -> V) -> V {
        let [.., part, _, _, _] = key.to_le_bytes();
        let part = &self.0[usize::from(part) % PARTS];
        let lock = || part.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = lock().get(&key) {
            return value.clone();
        }
        let value = compute();
        let mut rows = lock();
        if rows.len() >= ROWS_MAX {
            rows.clear();
        }
        rows.insert(key, value.clone());
        value
    }
}

/// A fingerprint is a hash already.
#[derive(Default)]
pub(crate) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0 << 8 | u64::from(*byte);
        }
    }

    fn write_u64(&mut self, fingerprint: u64) {
        self.0 = fingerprint;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
