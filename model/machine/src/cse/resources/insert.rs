//! Making, changing and removing resources, for every chapter: identifiers, names, times, limits, events.

use crate::attribute::Attribute;
use crate::cse::{Cse, Event, Step};
use crate::deviation::Deviation;
use crate::env::Timestamp;
use crate::id::ResourceId;
use crate::resource::{Resource, ResourceType};
use crate::shared::Shared;
use crate::status::Refusal;
use crate::text::Text;
use crate::value::{Members, Value};
use alloc::string::String;
use alloc::vec::Vec;

/// Digits of the largest number.
const DIGITS_MAX: usize = 20;
/// How deep the tree may be: bounds addresses and nested representations.
const DEPTH_MAX: usize = 64;

/// A resource that is to be made; its chapter has checked everything but what [`Cse::insert`] says.
#[derive(Clone, Debug)]
pub(crate) struct NewResource {
    /// Its type.
    pub(crate) resource_type: ResourceType,
    /// Where.
    pub(crate) parent: ResourceId,
    /// Its identifier, if it was reserved; else the host chooses.
    pub(crate) id: Option<ResourceId>,
    /// Its name, if one was proposed; else the host chooses.
    pub(crate) name: Option<Text>,
    /// Who makes it, SP-relative.
    pub(crate) creator: Text,
    /// The `et` that was asked for.
    pub(crate) expires: Option<Timestamp>,
    /// A flexContainer's name on the wire.
    pub(crate) specialization: Option<Text>,
    /// Everything else.
    pub(crate) attributes: Members,
}

impl Cse {
    /// Makes a resource: chooses identifier and name where none is given, sets `ct`, `lt` and `et`, and tells the
    /// parent's subscribers.
    ///
    /// Refused: a missing parent, a taken name or identifier, an `et` in the past, a full or too deep tree. An `et`
    /// later than the parent's is cut to it.
    pub(crate) fn insert(
        &mut self,
        step: &mut Step,
        new: NewResource,
    ) -> Result<ResourceId, Refusal> {
        let now = step.now();
        let tree = &self.durable.tree;
        let parent = tree.get(&new.parent).cloned().ok_or(Refusal::NotFound)?;
        let names_collide = !self.config.deviations.has(Deviation::NamesOfFigures);
        // EST-22, REG-24
        if new
            .name
            .as_ref()
            .is_some_and(|name| names_collide && tree.child(&parent.id, name).is_some())
            || new.id.as_ref().is_some_and(|id| tree.has(id))
        {
            return Err(Refusal::Conflict);
        }
        let expires = self.expiration(now, new.expires, &parent)?;
        let limit = usize::try_from(self.config.limits.resources).unwrap_or(usize::MAX);
        if tree.len() >= limit || tree.ancestry(&parent.id).count() >= DEPTH_MAX {
            step.report(Event::LimitReached("resources"));
            return Err(Refusal::NotAcceptable);
        }
        let (number, chosen_id, chosen_name) = self.choose(&new);
        let id = new.id.unwrap_or(chosen_id);
        let name = new.name.unwrap_or(chosen_name);
        self.durable.tree.put(Resource {
            resource_type: new.resource_type,
            id: id.clone(),
            parent: Some(parent.id.clone()),
            name,
            sequence: number,
            created: now,
            modified: now,
            expires: Some(expires),
            creator: new.creator,
            specialization: new.specialization,
            attributes: new.attributes,
        });
        self.tell_child_created(step, &parent, &id);
        if let Some(made) = self.row(&id) {
            self.reachability_changed(step, &made);
        }
        Ok(id)
    }

    /// Changes attributes of a resource (`null` deletes one), sets `lt`, counts `st` up, and tells the subscribers.
    /// Returns the attributes that have changed, as they are represented now.
    ///
    /// Refused: a missing resource, an `et` in the past. An `et` later than the parent's is cut to it.
    pub(crate) fn apply(
        &mut self,
        step: &mut Step,
        id: &ResourceId,
        members: &Members,
    ) -> Result<Members, Refusal> {
        let now = step.now();
        let before = self.row(id).ok_or(Refusal::NotFound)?;
        let parent = before.parent.as_ref().and_then(|parent| self.row(parent));
        let expires = match (members.get(&Attribute::ExpirationTime), parent) {
            (Some(Value::Time(wanted)), Some(parent)) => {
                Some(self.expiration(now, Some(*wanted), &parent)?)
            }
            (Some(_) | None, _) => before.expires,
        };
        let is_flex = before.resource_type == ResourceType::FlexContainer;
        let size = is_flex.then(|| self.custom_size(&merged(&before.attributes, members)));
        self.durable.tree.change(id, |resource| {
            resource.attributes = merged(&resource.attributes, members);
            resource.expires = expires;
            resource.modified = now;
            if let Some(Value::Integer(state)) = resource.attributes.get_mut(&Attribute::StateTag) {
                *state = state.saturating_add(1);
            }
            if let Some(size) = size {
                resource
                    .attributes
                    .insert(Attribute::ContentSize, Value::Integer(size));
            }
        });
        if before.resource_type == ResourceType::Container {
            self.limit_instances(now, id);
            self.limit_ages(id);
        }
        if before.resource_type == ResourceType::Ae {
            self.follow(id, expires);
        }
        let after = self.row(id).ok_or(Refusal::NotFound)?;
        let old = self.represent(&before);
        let mut modified = self.represent(&after);
        modified.retain(|name, value| old.get(name) != Some(value));
        self.tell_updated(step, &after, &modified);
        self.reachability_changed(step, &after);
        Ok(modified)
    }

    /// Removes a resource and everything below it, and tells the subscribers. Returns what is gone, children before
    /// parents.
    pub(crate) fn remove(&mut self, step: &mut Step, id: &ResourceId) -> Vec<Shared<Resource>> {
        self.tell_deleted(step, id);
        let removed = self.durable.tree.remove(id);
        self.forget_pending(&removed);
        if let Some(root) = removed.last() {
            self.reachability_changed(step, &root.clone());
            if root.resource_type == ResourceType::ContentInstance {
                self.instance_removed(step.now(), root);
            }
        }
        removed
    }

    /// The collection of sessions lives as long as its AE.
    fn follow(&mut self, ae: &ResourceId, expires: Option<Timestamp>) {
        let mut collections = self
            .durable
            .tree
            .children_of_type(ae, ResourceType::Sessions);
        if let Some(collection) = collections.next().map(|r| r.id.clone()) {
            drop(collections);
            self.durable
                .tree
                .change(&collection, |sessions| sessions.expires = expires);
        }
    }

    /// An `et` that is earlier than before must not be earlier than that of a child (TS-0004 clause 7.3.3.4).
    pub(super) fn check_outlives_children(
        &self,
        resource: &Resource,
        members: &Members,
    ) -> Result<(), Refusal> {
        let wanted = members.get(&Attribute::ExpirationTime);
        let Some(wanted) = wanted.and_then(Value::as_time) else {
            return Ok(());
        };
        let is_earlier = resource.expires.is_none_or(|before| wanted < before);
        // REG-79
        if is_earlier && self.has_child_after(&resource.id, wanted) {
            Err(Refusal::BadRequest)
        } else {
            Ok(())
        }
    }

    /// Whether a child lives longer; the collection of sessions follows its AE, but no session in it does.
    fn has_child_after(&self, parent: &ResourceId, moment: Timestamp) -> bool {
        let mut children = self.durable.tree.children(parent);
        children.any(|child| {
            if child.resource_type == ResourceType::Sessions {
                self.has_child_after(&child.id, moment)
            } else {
                child.expires.is_some_and(|expires| expires > moment)
            }
        })
    }

    /// The `et` of a resource below `parent` for which `wanted` was asked.
    fn expiration(
        &self,
        now: Timestamp,
        wanted: Option<Timestamp>,
        parent: &Resource,
    ) -> Result<Timestamp, Refusal> {
        let wanted = wanted.unwrap_or_else(|| now.plus(self.config.timers.resource_life_ms));
        if wanted <= now {
            return Err(Refusal::BadRequest);
        }
        Ok(parent.expires.map_or(wanted, |limit| limit.min(wanted)))
    }

    /// A number whose identifier and name are free, as far as they are needed.
    fn choose(&mut self, new: &NewResource) -> (u64, ResourceId, Text) {
        loop {
            let number = self.durable.next_number();
            let text = numbered(new.resource_type.prefix(), number, 1);
            let name = if new.resource_type == ResourceType::ContentInstance {
                numbered("cin-", number, 4)
            } else {
                text.clone()
            };
            let id = ResourceId(text);
            let tree = &self.durable.tree;
            if (new.id.is_some() || !tree.has(&id))
                && (new.name.is_some() || tree.child(&new.parent, &name).is_none())
            {
                return (number, id, name);
            }
        }
    }
}

/// A number behind a prefix, with so many digits at least; the formatter takes long for each.
fn numbered(prefix: &str, number: u64, digits: usize) -> Text {
    let mut figures = [b'0'; DIGITS_MAX];
    let mut left = number;
    let mut used = 0;
    for place in figures.iter_mut().rev() {
        if left == 0 && used >= digits {
            break;
        }
        *place += u8::try_from(left % 10).unwrap_or_default();
        left /= 10;
        used += 1;
    }
    let figures = figures.get(DIGITS_MAX - used..).unwrap_or_default();
    let figures = core::str::from_utf8(figures).unwrap_or_default();
    let mut text = String::with_capacity(prefix.len() + used);
    text.push_str(prefix);
    text.push_str(figures);
    text.into()
}

/// Attributes after an UPDATE; what is no attribute of its own (`et`) is left out.
pub(super) fn merged(old: &Members, update: &Members) -> Members {
    let mut merged = old.clone();
    for (name, value) in update {
        if *value == Value::Null {
            merged.remove(name);
        } else if *name != Attribute::ExpirationTime {
            merged.insert(name.clone(), value.clone());
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Limits;
    use crate::cse::resources::fixture::{BOX, Fixture, NOW, OWNER, integer, name};

    #[test]
    fn a_full_tree_takes_no_more() {
        let limits = Limits {
            resources: 4,
            ..Limits::default()
        };
        let mut fixture = Fixture::with(limits);
        fixture.cse.durable.tree.remove(&"sess2".into());
        while fixture.cse.durable.tree.len() < 4 {
            put_any(&mut fixture).expect("room");
        }

        assert_eq!(put_any(&mut fixture), Err(Refusal::NotAcceptable));
    }

    fn put_any(fixture: &mut Fixture) -> Result<Members, Refusal> {
        fixture.create(OWNER, "cse2/ae2", ResourceType::Container, &[])
    }

    #[test]
    fn a_tree_does_not_grow_deeper_and_deeper() {
        let mut fixture = Fixture::with_box(&[]);
        let mut to = Text::from(BOX);
        let refused = loop {
            match fixture.create(OWNER, &to, ResourceType::Container, &[name("x")]) {
                Ok(_) => to = alloc::format!("{to}/x").into(),
                Err(refusal) => break refusal,
            }
        };

        assert_eq!(refused, Refusal::NotAcceptable);
        assert!(fixture.retrieve(OWNER, BOX, 4).is_ok());
    }

    #[test]
    fn a_new_container_is_shown_as_the_host_made_it() {
        let mut fixture = Fixture::new();

        let made = fixture
            .create(OWNER, "cse2/ae2", ResourceType::Container, &[name("box")])
            .expect("a container");

        let id = made
            .get(&Attribute::ResourceId)
            .and_then(Value::as_text)
            .expect("ri")
            .clone();
        assert!(id.starts_with("cnt"));
        assert_eq!(made.get(&Attribute::ParentId), Some(&Value::text("Cae2")));
        assert_eq!(made.get(&Attribute::CreationTime), Some(&Value::Time(NOW)));
        // No later than the parent's.
        assert_eq!(
            made.get(&Attribute::ExpirationTime),
            Some(&Value::Time(NOW.plus(1_000_000)))
        );
        for counter in [
            Attribute::StateTag,
            Attribute::CurrentNrOfInstances,
            Attribute::CurrentByteSize,
        ] {
            assert_eq!(integer(&made, &counter), Some(0));
        }
    }

    #[test]
    fn the_sessions_of_an_ae_live_as_long_as_it() {
        let mut fixture = Fixture::new();
        let later = Value::Time(NOW.plus(7_000_000));
        let longer = [(Attribute::ExpirationTime, later)];

        fixture
            .update(OWNER, "cse2/ae2", ResourceType::Ae, &longer)
            .expect("an update");

        assert_eq!(fixture.get("sess2").expires, Some(NOW.plus(7_000_000)));
    }
}
