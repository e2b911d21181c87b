//! Outcomes of requests: a table that knows, for each originator, how many it has and which goes first.

use super::Table;
use crate::env::Timestamp;
use crate::id::{RequestId, RequestKey};
use crate::record::{Outcome, Update};
use crate::shared::Shared;
use crate::text::Text;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};

/// The outcomes of requests.
#[derive(Clone, Debug, Default)]
pub struct Outcomes {
    table: Table<RequestKey, Outcome>,
    // Views of the table; not hashed.
    order: BTreeMap<Text, BTreeSet<(Timestamp, RequestId)>>,
    first: BTreeSet<(Timestamp, Text)>,
}

impl PartialEq for Outcomes {
    fn eq(&self, other: &Self) -> bool {
        self.table == other.table
    }
}

impl Eq for Outcomes {}

impl Hash for Outcomes {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.table.hash(state);
    }
}

impl Outcomes {
    /// The outcome of that request.
    #[must_use]
    pub fn get(&self, key: &RequestKey) -> Option<&Shared<Outcome>> {
        self.table.get(key)
    }

    /// All outcomes in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&RequestKey, &Shared<Outcome>)> + '_ {
        self.table.iter()
    }

    /// How many there are of requests of this originator.
    #[must_use]
    pub fn count_of(&self, originator: &Text) -> usize {
        self.order.get(originator).map_or(0, BTreeSet::len)
    }

    /// Of the outcomes of this originator, the one that is forgotten first.
    #[must_use]
    pub fn first_of(&self, originator: &Text) -> Option<RequestKey> {
        let (_, request_id) = self.order.get(originator)?.first()?;
        Some(key_of(originator, request_id))
    }

    /// The outcome that is forgotten first, and when.
    #[must_use]
    pub fn first(&self) -> Option<(Timestamp, RequestKey)> {
        let (at, originator) = self.first.first()?;
        // As in the order of all: at the same moment, that of the smallest key.
        Some((*at, self.first_of(originator)?))
    }

    /// When each outcome is forgotten.
    pub fn due(&self) -> impl Iterator<Item = (Timestamp, RequestKey)> + '_ {
        self.order.iter().flat_map(|(originator, order)| {
            order.iter().map(|(at, id)| (*at, key_of(originator, id)))
        })
    }

    /// Remembers an outcome.
    pub fn put(&mut self, row: Outcome) {
        self.list(&row);
        let until = row.until;
        let old = self.table.replace(row.key.clone(), row);
        self.unlist(old.filter(|old| old.until != until));
    }

    /// Forgets the outcome of that request, if there is one.
    pub fn remove(&mut self, key: &RequestKey) {
        let old = self.table.take(key);
        self.unlist(old);
    }

    pub(crate) fn load(&mut self, row: Shared<Outcome>) {
        self.list(&row);
        let until = row.until;
        let old = self.table.load(row.key.clone(), row);
        self.unlist(old.filter(|old| old.until != until));
    }

    pub(crate) fn take_changes(&mut self, updates: &mut Vec<Update>) {
        self.table.take_changes(
            updates,
            crate::record::Record::Outcome,
            crate::record::Key::Outcome,
        );
    }

    pub(super) fn has_views_of(&self, other: &Self) -> bool {
        self.table.has_views_of(&other.table)
            && self.order == other.order
            && self.first == other.first
    }

    fn list(&mut self, row: &Outcome) {
        let RequestKey {
            originator,
            request_id,
        } = &row.key;
        let before = self.head(originator);
        self.order
            .entry(originator.clone())
            .or_default()
            .insert((row.until, request_id.clone()));
        self.follow(originator, before);
    }

    /// Takes a row that is gone out of the order.
    fn unlist(&mut self, gone: Option<Shared<Outcome>>) {
        let Some(row) = gone else { return };
        let (key, until) = (&row.key, row.until);
        let before = self.head(&key.originator);
        if let Some(order) = self.order.get_mut(&key.originator) {
            order.remove(&(until, key.request_id.clone()));
            if order.is_empty() {
                self.order.remove(&key.originator);
            }
        }
        self.follow(&key.originator, before);
    }

    fn head(&self, originator: &Text) -> Option<Timestamp> {
        let (at, _) = self.order.get(originator)?.first()?;
        Some(*at)
    }

    /// Keeps the place of an originator among all, after its first outcome may have become another.
    fn follow(&mut self, originator: &Text, before: Option<Timestamp>) {
        let after = self.head(originator);
        if before == after {
            return;
        }
        if let Some(at) = before {
            self.first.remove(&(at, originator.clone()));
        }
        if let Some(at) = after {
            self.first.insert((at, originator.clone()));
        }
    }
}

fn key_of(originator: &Text, request_id: &RequestId) -> RequestKey {
    RequestKey {
        originator: originator.clone(),
        request_id: request_id.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitive::Response;
    use crate::status::Status;

    fn outcome(originator: &str, id: &str, until: u64) -> Outcome {
        Outcome {
            key: key_of(&originator.into(), &id.into()),
            digest: 0,
            response: Shared::new(Response::new(Status::OK, id.into())),
            until: Timestamp(until),
        }
    }

    #[test]
    fn each_originator_has_its_own_order_and_all_have_one() {
        let mut outcomes = Outcomes::default();
        for (originator, id, until) in [
            ("a", "1", 30),
            ("a", "2", 20),
            ("b", "3", 25),
            // The same again, with another end.
            ("a", "2", 40),
        ] {
            outcomes.put(outcome(originator, id, until));
        }

        assert_eq!(outcomes.count_of(&"a".into()), 2);
        assert_eq!(
            outcomes.first_of(&"a".into()),
            Some(key_of(&"a".into(), &"1".into()))
        );
        assert_eq!(
            outcomes.first(),
            Some((Timestamp(25), key_of(&"b".into(), &"3".into())))
        );

        outcomes.remove(&key_of(&"b".into(), &"3".into()));
        outcomes.remove(&key_of(&"a".into(), &"1".into()));

        assert_eq!(outcomes.count_of(&"b".into()), 0);
        assert_eq!(outcomes.first_of(&"b".into()), None);
        assert_eq!(
            outcomes.due().collect::<Vec<_>>(),
            [(Timestamp(40), key_of(&"a".into(), &"2".into()))]
        );
        assert_eq!(outcomes.first().map(|(at, _)| at), Some(Timestamp(40)));
    }
}
