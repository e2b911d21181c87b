//! The resource tree: identifiers, names, order, and who is whose child. It knows no rules.

use crate::attribute::Attribute;
use crate::env::Timestamp;
use crate::id::ResourceId;
use crate::record::{Key, Record, Update};
use crate::resource::{Resource, ResourceType};
use crate::shared::Shared;
use crate::text::Text;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};

/// All resources of a CSE.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    rows: BTreeMap<ResourceId, Shared<Resource>>,
    /// The rows as they are now; of a row that is gone, nothing.
    changed: BTreeMap<ResourceId, Option<Shared<Resource>>>,
    // Views of the rows; not hashed.
    base: Option<ResourceId>,
    families: BTreeMap<ResourceId, Arc<Family>>,
    due: BTreeSet<(Timestamp, ResourceId)>,
    sessions_due: BTreeSet<(Timestamp, ResourceId)>,
}

/// The children of one resource; shared between states until it changes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Family {
    /// In the order of creation.
    all: BTreeMap<u64, ResourceId>,
    /// By type, each in the order of creation.
    typed: BTreeMap<ResourceType, BTreeMap<u64, ResourceId>>,
    names: BTreeMap<Text, ResourceId>,
}

impl PartialEq for Tree {
    fn eq(&self, other: &Self) -> bool {
        self.rows == other.rows
    }
}

impl Eq for Tree {}

impl Hash for Tree {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.rows.hash(state);
    }
}

impl Tree {
    /// The resource of that identifier.
    #[must_use]
    pub fn get(&self, id: &ResourceId) -> Option<&Shared<Resource>> {
        self.rows.get(id)
    }

    /// Whether there is such a resource.
    #[must_use]
    pub fn has(&self, id: &ResourceId) -> bool {
        self.rows.contains_key(id)
    }

    /// The CSEBase.
    #[must_use]
    pub fn base(&self) -> Option<&Shared<Resource>> {
        self.rows.get(self.base.as_ref()?)
    }

    /// All resources, in the order of their identifiers.
    pub fn iter(&self) -> impl Iterator<Item = &Shared<Resource>> + '_ {
        self.rows.values()
    }

    /// How many resources there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The children of a resource, in the order of creation.
    pub fn children<'a>(
        &'a self,
        parent: &ResourceId,
    ) -> impl DoubleEndedIterator<Item = &'a Shared<Resource>> + use<'a> {
        self.families
            .get(parent)
            .into_iter()
            .flat_map(|family| family.all.values())
            .filter_map(|id| self.rows.get(id))
    }

    /// How many children of that type it has; nobody walks over them to know.
    #[must_use]
    pub fn count_of_type(&self, parent: &ResourceId, resource_type: ResourceType) -> usize {
        let family = self.families.get(parent);
        let alike = family.and_then(|family| family.typed.get(&resource_type));
        alike.map_or(0, BTreeMap::len)
    }

    /// Whether it has no children at all.
    #[must_use]
    pub fn is_leaf(&self, id: &ResourceId) -> bool {
        !self.families.contains_key(id)
    }

    /// The children of that type, in the order of creation.
    pub fn children_of_type<'a>(
        &'a self,
        parent: &ResourceId,
        resource_type: ResourceType,
    ) -> impl DoubleEndedIterator<Item = &'a Shared<Resource>> + use<'a> {
        self.families
            .get(parent)
            .into_iter()
            .filter_map(move |family| family.typed.get(&resource_type))
            .flat_map(BTreeMap::values)
            .filter_map(|id| self.rows.get(id))
    }

    /// The child of that name.
    #[must_use]
    pub fn child(&self, parent: &ResourceId, name: &Text) -> Option<&Shared<Resource>> {
        self.rows.get(self.families.get(parent)?.names.get(name)?)
    }

    /// The resource and everything below it, parents before children.
    #[must_use]
    pub fn subtree(&self, root: &ResourceId) -> Vec<ResourceId> {
        let mut found = Vec::new();
        if self.has(root) {
            found.push(root.clone());
        }
        let mut next = 0;
        while let Some(id) = found.get(next).cloned() {
            found.extend(self.children(&id).map(|r| r.id.clone()));
            next += 1;
        }
        found
    }

    /// The resource, its parent, and so on up to the CSEBase.
    pub fn ancestry<'a>(&'a self, id: &ResourceId) -> impl Iterator<Item = &'a Shared<Resource>> {
        core::iter::successors(self.get(id), |r| self.get(r.parent.as_ref()?))
    }

    /// The structured, CSE-relative address: names from the CSEBase down, joined by `/`.
    #[must_use]
    pub fn path(&self, id: &ResourceId) -> Text {
        let names: Vec<&str> = self.ancestry(id).map(|r| r.name.as_str()).collect();
        let mut path = String::new();
        for name in names.into_iter().rev() {
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(name);
        }
        path.into()
    }

    /// When resources expire, the earliest first.
    pub fn due(&self) -> impl Iterator<Item = &(Timestamp, ResourceId)> + '_ {
        self.due.iter()
    }

    /// When sessions expire, the earliest first.
    pub fn sessions_due(&self) -> impl Iterator<Item = &(Timestamp, ResourceId)> + '_ {
        self.sessions_due.iter()
    }

    /// Adds a resource or replaces the one of its identifier.
    pub fn put(&mut self, resource: Resource) {
        let row = Shared::new(resource);
        self.changed.insert(row.id.clone(), Some(row.clone()));
        self.set(row);
    }

    /// Changes a resource, if it is there.
    pub fn change(&mut self, id: &ResourceId, change: impl FnOnce(&mut Resource)) {
        let Some(row) = self.rows.get_mut(id) else {
            return;
        };
        let mut resource = Resource::clone(row);
        change(&mut resource);
        if resource == **row {
            return;
        }
        if !is_at_one_place(row, &resource) {
            return self.put(resource);
        }
        let (resource_type, before, after) = (row.resource_type, row.expires, resource.expires);
        *row = Shared::new(resource);
        self.changed.insert(id.clone(), Some(row.clone()));
        if before != after
            && let Some(calendar) = self.calendar(resource_type)
        {
            if let Some(at) = before {
                calendar.remove(&(at, id.clone()));
            }
            calendar.extend(after.map(|at| (at, id.clone())));
        }
    }

    /// Removes a resource and everything below it; returns what was removed, children before parents.
    pub fn remove(&mut self, root: &ResourceId) -> Vec<Shared<Resource>> {
        let mut removed = Vec::new();
        for id in self.subtree(root).into_iter().rev() {
            if let Some(row) = self.unset(&id) {
                self.changed.insert(id, None);
                removed.push(row);
            }
        }
        removed
    }

    pub(crate) fn load(&mut self, row: Shared<Resource>) {
        self.set(row);
    }

    pub(crate) fn take_changes(&mut self, updates: &mut Vec<Update>) {
        while let Some((id, row)) = self.changed.pop_first() {
            updates.push(match row {
                Some(row) => Update::Put(Record::Resource(row)),
                None => Update::Delete(Key::Resource(id)),
            });
        }
    }

    pub(crate) fn has_views_of(&self, other: &Self) -> bool {
        self.base == other.base
            && self.families == other.families
            && self.due == other.due
            && self.sessions_due == other.sessions_due
    }

    fn set(&mut self, row: Shared<Resource>) {
        self.unset(&row.id);
        if let Some(parent) = &row.parent {
            let family = Arc::make_mut(self.families.entry(parent.clone()).or_default());
            family.all.insert(row.sequence, row.id.clone());
            family
                .typed
                .entry(row.resource_type)
                .or_default()
                .insert(row.sequence, row.id.clone());
            family.names.insert(row.name.clone(), row.id.clone());
        } else {
            self.base = Some(row.id.clone());
        }
        if let Some(at) = row.expires
            && let Some(calendar) = self.calendar(row.resource_type)
        {
            calendar.insert((at, row.id.clone()));
        }
        self.rows.insert(row.id.clone(), row);
    }

    fn unset(&mut self, id: &ResourceId) -> Option<Shared<Resource>> {
        let row = self.rows.remove(id)?;
        if let Some(parent) = &row.parent
            && let Some(family) = self.families.get_mut(parent)
        {
            let family = Arc::make_mut(family);
            family.all.remove(&row.sequence);
            if let Some(alike) = family.typed.get_mut(&row.resource_type) {
                alike.remove(&row.sequence);
                if alike.is_empty() {
                    family.typed.remove(&row.resource_type);
                }
            }
            family.names.remove(&row.name);
            if family.all.is_empty() {
                self.families.remove(parent);
            }
        }
        if let Some(at) = row.expires
            && let Some(calendar) = self.calendar(row.resource_type)
        {
            calendar.remove(&(at, id.clone()));
        }
        Some(row)
    }

    /// Where it stands when such a resource expires. A session ends in its own way, and its parts go with it.
    const fn calendar(
        &mut self,
        resource_type: ResourceType,
    ) -> Option<&mut BTreeSet<(Timestamp, ResourceId)>> {
        if matches!(resource_type, ResourceType::Session) {
            Some(&mut self.sessions_due)
        } else if resource_type.is_of_sessions() {
            None
        } else {
            Some(&mut self.due)
        }
    }
}

/// Whether all views of the tree but that of expirations show both alike.
fn is_at_one_place(one: &Resource, other: &Resource) -> bool {
    one.id == other.id
        && one.parent == other.parent
        && one.name == other.name
        && one.sequence == other.sequence
        && one.resource_type == other.resource_type
}

/// The policies of an accessControlPolicy reference list, as texts.
#[must_use]
pub fn policy_ids(resource: &Resource) -> Vec<Text> {
    resource.texts(&Attribute::AccessControlPolicyIds)
}
