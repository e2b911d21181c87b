//! The durable part of a CSE's state: tables whose changes are collected into one atomic batch per step.

mod outcomes;
mod stored;

pub use outcomes::Outcomes;
pub use stored::StoredRequests;

use crate::env::Timestamp;
use crate::id::{CseId, RequestKey, SessionId};
use crate::record::{
    Attempt, Change, Key, Neighbour, Notice, Outcome, Phase, Record, Requester, Session, Stage,
    Stored, Tombstone, Update,
};
use crate::shared::Shared;
use crate::tree::Tree;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};

/// A record that waits for a moment.
pub trait Due {
    /// When something has to be done about it, if ever.
    fn due(&self) -> Option<Timestamp>;

    /// The request that waits for what is done about it, if any.
    fn request(&self) -> Option<&Requester> {
        None
    }
}

/// A table of durable records. It knows which of its rows have changed in this step, which is due first, and which
/// are there for a request.
#[derive(Clone, Debug)]
pub struct Table<K, V> {
    rows: BTreeMap<K, Shared<V>>,
    due: BTreeSet<(Timestamp, K)>,
    requests: BTreeMap<RequestKey, BTreeSet<K>>,
    /// The rows as they are now; of a row that is gone, nothing.
    changed: BTreeMap<K, Option<Shared<V>>>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self {
            rows: BTreeMap::new(),
            due: BTreeSet::new(),
            requests: BTreeMap::new(),
            changed: BTreeMap::new(),
        }
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for Table<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.rows == other.rows
    }
}

impl<K: Eq, V: Eq> Eq for Table<K, V> {}

impl<K: Hash, V: Hash> Hash for Table<K, V> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.rows.hash(state);
    }
}

impl<K: Clone + Ord, V: Clone + Due + Hash + PartialEq> Table<K, V> {
    /// The row of that key.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<&Shared<V>> {
        self.rows.get(key)
    }

    /// Whether there is such a row.
    #[must_use]
    pub fn has(&self, key: &K) -> bool {
        self.rows.contains_key(key)
    }

    /// All rows in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &Shared<V>)> + '_ {
        self.rows.iter()
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// What is due and when, the earliest first.
    pub fn due(&self) -> impl Iterator<Item = &(Timestamp, K)> + '_ {
        self.due.iter()
    }

    /// The rows that are there for that request.
    pub fn of_request(&self, key: &RequestKey) -> impl Iterator<Item = &Shared<V>> + '_ {
        let keys = self.requests.get(key).into_iter().flatten();
        keys.filter_map(|key| self.rows.get(key))
    }

    /// Sets the row of that key.
    pub fn put(&mut self, key: K, row: V) {
        self.replace(key, row);
    }

    /// Sets the row of that key; the row that was there.
    pub(crate) fn replace(&mut self, key: K, row: V) -> Option<Shared<V>> {
        let row = Shared::new(row);
        self.changed.insert(key.clone(), Some(row.clone()));
        self.set(key, row)
    }

    /// Changes the row of that key, if there is one.
    pub fn change(&mut self, key: &K, change: impl FnOnce(&mut V)) {
        if let Some(row) = self.rows.get(key) {
            let mut value = V::clone(row);
            change(&mut value);
            if value != **row {
                self.put(key.clone(), value);
            }
        }
    }

    /// Removes the row of that key, if there is one.
    pub fn remove(&mut self, key: &K) {
        self.take(key);
    }

    /// Removes the row of that key; the row that was there.
    pub(crate) fn take(&mut self, key: &K) -> Option<Shared<V>> {
        let row = self.rows.remove(key)?;
        self.unlist(key, &row);
        self.changed.insert(key.clone(), None);
        Some(row)
    }

    /// Takes over a stored row.
    pub(crate) fn load(&mut self, key: K, row: Shared<V>) -> Option<Shared<V>> {
        self.set(key, row)
    }

    /// The changes since the last call.
    pub(crate) fn take_changes(
        &mut self,
        updates: &mut Vec<Update>,
        put: impl Fn(Shared<V>) -> Record,
        delete: impl Fn(K) -> Key,
    ) {
        while let Some((key, row)) = self.changed.pop_first() {
            updates.push(match row {
                Some(row) => Update::Put(put(row)),
                None => Update::Delete(delete(key)),
            });
        }
    }

    fn has_views_of(&self, other: &Self) -> bool {
        self.due == other.due && self.requests == other.requests
    }

    fn set(&mut self, key: K, row: Shared<V>) -> Option<Shared<V>> {
        let old = self.rows.insert(key.clone(), row.clone());
        if let Some(old) = &old {
            self.unlist(&key, old);
        }
        if let Some(at) = row.due() {
            self.due.insert((at, key.clone()));
        }
        if let Some(requester) = row.request() {
            let keys = self.requests.entry(requester.key.clone()).or_default();
            keys.insert(key);
        }
        old
    }

    fn unlist(&mut self, key: &K, row: &V) {
        if let Some(at) = row.due() {
            self.due.remove(&(at, key.clone()));
        }
        if let Some(requester) = row.request()
            && let Some(keys) = self.requests.get_mut(&requester.key)
        {
            keys.remove(key);
            if keys.is_empty() {
                self.requests.remove(&requester.key);
            }
        }
    }
}

impl Due for Neighbour {
    fn due(&self) -> Option<Timestamp> {
        None
    }
}

impl Due for Session {
    fn due(&self) -> Option<Timestamp> {
        let phase = match &self.phase {
            Phase::Pending { lease } => Some(*lease),
            Phase::Active => None,
            Phase::Terminating(t) => Some(t.until()),
        };
        phase.into_iter().chain(self.hop_lost).min()
    }

    fn request(&self) -> Option<&Requester> {
        match &self.phase {
            Phase::Terminating(t) => t.requester.as_ref(),
            Phase::Pending { .. } | Phase::Active => None,
        }
    }
}

impl Due for Attempt {
    fn due(&self) -> Option<Timestamp> {
        match self.stage {
            // Before the request itself is over: who waits learns that the hop was not reachable.
            Stage::AwaitingCapability => Some(self.requester.expires.minus(1)),
            Stage::Asked => None,
            Stage::Abandoned { until } => Some(until),
        }
    }

    fn request(&self) -> Option<&Requester> {
        Some(&self.requester)
    }
}

impl Due for Change {
    fn due(&self) -> Option<Timestamp> {
        None
    }

    fn request(&self) -> Option<&Requester> {
        Some(&self.requester)
    }
}

impl Due for Stored {
    fn due(&self) -> Option<Timestamp> {
        Some(self.expires)
    }
}

impl Due for Notice {
    fn due(&self) -> Option<Timestamp> {
        None
    }
}

impl Due for Tombstone {
    fn due(&self) -> Option<Timestamp> {
        Some(if self.hops.is_empty() {
            self.until
        } else {
            self.retry.min(self.until)
        })
    }

    fn request(&self) -> Option<&Requester> {
        self.requester.as_ref()
    }
}

impl Due for Outcome {
    fn due(&self) -> Option<Timestamp> {
        // Ordered by originator: see [`Outcomes`].
        None
    }
}

/// Everything that survives a crash.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Durable {
    counter: u64,
    counter_changed: bool,
    /// The resource tree.
    pub tree: Tree,
    /// Neighbour CSEs.
    pub neighbours: Table<CseId, Neighbour>,
    /// Sessions.
    pub sessions: Table<SessionId, Session>,
    /// Establishments under way.
    pub attempts: Table<SessionId, Attempt>,
    /// Changes under way.
    pub changes: Table<u64, Change>,
    /// Stored requests.
    pub stored: StoredRequests,
    /// Notifications kept.
    pub notices: Table<u64, Notice>,
    /// What is left of sessions.
    pub tombstones: Table<SessionId, Tombstone>,
    /// Outcomes of requests.
    pub outcomes: Outcomes,
}

impl Durable {
    /// The number that was handed out last.
    #[must_use]
    pub const fn counter(&self) -> u64 {
        self.counter
    }

    /// A number that was never given before, also not before a crash.
    pub fn next_number(&mut self) -> u64 {
        self.counter += 1;
        self.counter_changed = true;
        self.counter
    }

    /// Takes back the last number.
    pub(crate) const fn give_back(&mut self) {
        self.counter = self.counter.saturating_sub(1);
    }

    /// Takes over a stored record.
    pub fn load(&mut self, record: Record) {
        match record {
            Record::Counter(counter) => self.counter = counter,
            Record::Neighbour(r) => drop(self.neighbours.load(r.cse.clone(), r)),
            Record::Resource(r) => self.tree.load(r),
            Record::Session(r) => drop(self.sessions.load(r.id.clone(), r)),
            Record::Attempt(r) => drop(self.attempts.load(r.id.clone(), r)),
            Record::Change(r) => drop(self.changes.load(r.number, r)),
            Record::Stored(r) => self.stored.load(r),
            Record::Notice(r) => drop(self.notices.load(r.number, r)),
            Record::Tombstone(r) => drop(self.tombstones.load(r.id.clone(), r)),
            Record::Outcome(r) => self.outcomes.load(r),
        }
    }

    /// All records.
    pub fn records(&self) -> impl Iterator<Item = Record> + '_ {
        core::iter::once(Record::Counter(self.counter))
            .chain(
                self.neighbours
                    .iter()
                    .map(|(_, r)| Record::Neighbour(r.clone())),
            )
            .chain(self.tree.iter().map(|r| Record::Resource(r.clone())))
            .chain(
                self.sessions
                    .iter()
                    .map(|(_, r)| Record::Session(r.clone())),
            )
            .chain(
                self.attempts
                    .iter()
                    .map(|(_, r)| Record::Attempt(r.clone())),
            )
            .chain(self.changes.iter().map(|(_, r)| Record::Change(r.clone())))
            .chain(self.stored.iter().map(|(_, r)| Record::Stored(r.clone())))
            .chain(self.notices.iter().map(|(_, r)| Record::Notice(r.clone())))
            .chain(
                self.tombstones
                    .iter()
                    .map(|(_, r)| Record::Tombstone(r.clone())),
            )
            .chain(
                self.outcomes
                    .iter()
                    .map(|(_, r)| Record::Outcome(r.clone())),
            )
    }

    /// The changes since the last call, as one batch.
    pub(crate) fn take_changes(&mut self) -> Vec<Update> {
        let mut updates = Vec::new();
        if core::mem::take(&mut self.counter_changed) {
            updates.push(Update::Put(Record::Counter(self.counter)));
        }
        self.neighbours
            .take_changes(&mut updates, Record::Neighbour, Key::Neighbour);
        self.tree.take_changes(&mut updates);
        self.sessions
            .take_changes(&mut updates, Record::Session, Key::Session);
        self.attempts
            .take_changes(&mut updates, Record::Attempt, Key::Attempt);
        self.changes
            .take_changes(&mut updates, Record::Change, Key::Change);
        self.stored.take_changes(&mut updates);
        self.notices
            .take_changes(&mut updates, Record::Notice, Key::Notice);
        self.tombstones
            .take_changes(&mut updates, Record::Tombstone, Key::Tombstone);
        self.outcomes.take_changes(&mut updates);
        updates
    }

    /// Whether all views say what they would say if they were made anew from the records. It takes long: for tests.
    #[must_use]
    pub fn views_agree(&self) -> bool {
        let mut anew = Self::default();
        for record in self.records() {
            anew.load(record);
        }
        self.tree.has_views_of(&anew.tree)
            && self.sessions.has_views_of(&anew.sessions)
            && self.attempts.has_views_of(&anew.attempts)
            && self.changes.has_views_of(&anew.changes)
            && self.stored.has_views_of(&anew.stored)
            && self.tombstones.has_views_of(&anew.tombstones)
            && self.outcomes.has_views_of(&anew.outcomes)
    }

    pub(crate) fn forget_changes(&mut self) {
        let _ = self.take_changes();
    }
}
