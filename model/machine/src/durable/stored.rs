//! Stored requests: a table that knows what waits for whom, and how much it is.

use super::Table;
use crate::env::Timestamp;
use crate::id::{Entity, ResourceId};
use crate::record::{Key, Record, Stored, Update};
use crate::shared::Shared;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};

/// Requests that were acknowledged and are delivered later.
#[derive(Clone, Debug, Default)]
pub struct StoredRequests {
    table: Table<ResourceId, Stored>,
    // Views of the table; not hashed.
    hops: BTreeMap<Entity, BTreeSet<(Timestamp, ResourceId)>>,
    bytes: u64,
}

impl PartialEq for StoredRequests {
    fn eq(&self, other: &Self) -> bool {
        self.table == other.table
    }
}

impl Eq for StoredRequests {}

impl Hash for StoredRequests {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.table.hash(state);
    }
}

impl StoredRequests {
    /// The stored request on which that `<request>` resource reports.
    #[must_use]
    pub fn get(&self, id: &ResourceId) -> Option<&Shared<Stored>> {
        self.table.get(id)
    }

    /// Whether there is such a request.
    #[must_use]
    pub fn has(&self, id: &ResourceId) -> bool {
        self.table.has(id)
    }

    /// All of them, in the order of their identifiers.
    pub fn iter(&self) -> impl Iterator<Item = (&ResourceId, &Shared<Stored>)> + '_ {
        self.table.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Bytes of their contents.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// When their times are over, the earliest first.
    pub fn due(&self) -> impl Iterator<Item = &(Timestamp, ResourceId)> + '_ {
        self.table.due()
    }

    /// Who gets any of them next.
    pub fn hops(&self) -> impl Iterator<Item = &Entity> + '_ {
        self.hops.keys()
    }

    /// What waits for a hop, and from when on it may be sent, the earliest first.
    pub fn openings(&self, hop: &Entity) -> impl Iterator<Item = &(Timestamp, ResourceId)> + '_ {
        self.hops.get(hop).into_iter().flatten()
    }

    /// What waits for a hop.
    pub fn of_hop(&self, hop: &Entity) -> impl Iterator<Item = &Shared<Stored>> + '_ {
        self.openings(hop).filter_map(|(_, id)| self.table.get(id))
    }

    /// Stores a request.
    pub fn put(&mut self, row: Stored) {
        self.list(&row);
        let old = self.table.replace(row.id.clone(), row);
        self.unlist(old);
    }

    /// Changes the request of that identifier, if it is there.
    pub fn change(&mut self, id: &ResourceId, change: impl FnOnce(&mut Stored)) {
        if let Some(row) = self.table.get(id) {
            let mut row = Stored::clone(row);
            change(&mut row);
            if self.table.get(id).is_some_and(|old| **old != row) {
                self.put(row);
            }
        }
    }

    /// Removes the request of that identifier, if it is there.
    pub fn remove(&mut self, id: &ResourceId) {
        let old = self.table.take(id);
        self.unlist(old);
    }

    pub(crate) fn load(&mut self, row: Shared<Stored>) {
        self.list(&row);
        let old = self.table.load(row.id.clone(), row);
        self.unlist(old);
    }

    pub(crate) fn take_changes(&mut self, updates: &mut Vec<Update>) {
        self.table
            .take_changes(updates, Record::Stored, Key::Stored);
    }

    pub(super) fn has_views_of(&self, other: &Self) -> bool {
        self.table.has_views_of(&other.table)
            && self.hops == other.hops
            && self.bytes == other.bytes
    }

    fn list(&mut self, row: &Stored) {
        self.bytes += bytes(row);
        let of_hop = self.hops.entry(row.hop.clone()).or_default();
        of_hop.insert((row.opens, row.id.clone()));
    }

    fn unlist(&mut self, gone: Option<Shared<Stored>>) {
        let Some(row) = gone else { return };
        self.bytes = self.bytes.saturating_sub(bytes(&row));
        // What has changed stands where it stood if it opens at the same time and goes the same way.
        let place = (row.opens, row.id.clone());
        let stays = self
            .table
            .get(&row.id)
            .is_some_and(|now| now.opens == row.opens && now.hop == row.hop);
        if stays {
            return;
        }
        if let Some(of_hop) = self.hops.get_mut(&row.hop) {
            of_hop.remove(&place);
            if of_hop.is_empty() {
                self.hops.remove(&row.hop);
            }
        }
    }
}

fn bytes(row: &Stored) -> u64 {
    let content = row.requester.request.content.as_ref();
    content.map_or(0, |content| u64::from(content.size))
}
