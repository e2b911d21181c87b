//! Containers count their instances and drop the oldest (TS-0001 clauses 9.6.6 and 9.6.7); flexContainers know the
//! size of their custom attributes.

use super::NewResource;
use crate::attribute::Attribute;
use crate::cse::{Cse, Step};
use crate::env::Timestamp;
use crate::id::ResourceId;
use crate::resource::{Resource, ResourceType};
use crate::schema;
use crate::status::Refusal;
use crate::value::{Members, Value};
use alloc::vec::Vec;

const SECOND_MS: u64 = 1_000;

impl Cse {
    /// What the host writes into a new instance: its size, the state of the container with it, its age limit.
    pub(super) fn complete_instance(
        &self,
        step: &Step,
        container: &Resource,
        new: &mut NewResource,
    ) -> Result<(), Refusal> {
        let size = new
            .attributes
            .get(&Attribute::Content)
            .map_or(0, |content| self.size(content));
        let fits = |limit: &Attribute, needed| {
            container.integer(limit).is_none_or(|limit| needed <= limit)
        };
        if !fits(&Attribute::MaxByteSize, size) || !fits(&Attribute::MaxNrOfInstances, 1) {
            return Err(Refusal::NotAcceptable);
        }
        if let Some(age) = container.integer(&Attribute::MaxInstanceAge) {
            let ends = end_of_age(step.now(), age);
            let default = step.now().plus(self.config.timers.resource_life_ms);
            new.expires = Some(new.expires.unwrap_or(default).min(ends));
        }
        let state = container
            .integer(&Attribute::StateTag)
            .unwrap_or(0)
            .saturating_add(1);
        new.attributes
            .insert(Attribute::ContentSize, Value::Integer(size));
        new.attributes
            .insert(Attribute::StateTag, Value::Integer(state));
        Ok(())
    }

    /// Counts a new child in, if it is an instance, and drops what is too much.
    pub(super) fn instance_added(&mut self, step: &Step, container: &ResourceId, id: &ResourceId) {
        let Some(instance) = self.row(id) else { return };
        if instance.resource_type != ResourceType::ContentInstance {
            return;
        }
        self.count_instances(step.now(), container, Some(&instance));
    }

    /// Counts a removed instance out; the state of its container changes with it.
    pub(super) fn instance_removed(&mut self, now: Timestamp, instance: &Resource) {
        if let Some(container) = &instance.parent {
            self.durable.tree.change(container, |container| {
                add(container, Attribute::StateTag, 1);
                add(container, Attribute::CurrentNrOfInstances, -1);
                add(container, Attribute::CurrentByteSize, -bytes(instance));
                container.modified = now;
            });
        }
    }

    /// Drops the oldest instances until the limits hold.
    pub(super) fn limit_instances(&mut self, now: Timestamp, container: &ResourceId) {
        self.count_instances(now, container, None);
    }

    /// The same, with an instance that is not counted yet; the container changes at most once.
    fn count_instances(
        &mut self,
        now: Timestamp,
        container: &ResourceId,
        added: Option<&Resource>,
    ) {
        let Some(row) = self.row(container) else {
            return;
        };
        let is_over = |limit, current| row.integer(limit).is_some_and(|limit| current > limit);
        let counted = |counter| row.integer(counter).unwrap_or(0);
        let mut number = counted(&Attribute::CurrentNrOfInstances);
        let mut size = counted(&Attribute::CurrentByteSize);
        let before = (number, size);
        if let Some(added) = added {
            number = number.saturating_add(1);
            size = size.saturating_add(bytes(added));
        }
        while is_over(&Attribute::MaxNrOfInstances, number)
            || is_over(&Attribute::MaxByteSize, size)
        {
            let tree = &self.durable.tree;
            let mut instances = tree.children_of_type(container, ResourceType::ContentInstance);
            let Some(oldest) = instances.next().cloned() else {
                break;
            };
            drop(instances);
            // REG-65
            self.durable.tree.remove(&oldest.id);
            number = number.saturating_sub(1);
            size = size.saturating_sub(bytes(&oldest));
        }
        if added.is_none() && (number, size) == before {
            return;
        }
        self.durable.tree.change(container, |container| {
            if added.is_some() {
                add(container, Attribute::StateTag, 1);
            }
            set(container, Attribute::CurrentNrOfInstances, number);
            set(container, Attribute::CurrentByteSize, size);
            container.modified = now;
        });
    }

    /// Shortens the lives that are too long for `mia`.
    pub(super) fn limit_ages(&mut self, container: &ResourceId) {
        let tree = &mut self.durable.tree;
        let age = tree
            .get(container)
            .and_then(|row| row.integer(&Attribute::MaxInstanceAge));
        let Some(age) = age else { return };
        let too_long: Vec<_> = tree
            .children_of_type(container, ResourceType::ContentInstance)
            .map(|r| (r.id.clone(), end_of_age(r.created, age), r.expires))
            .filter(|(_, ends, expires)| expires.is_none_or(|expires| expires > *ends))
            .collect();
        for (id, ends, _) in too_long {
            tree.change(&id, |instance| instance.expires = Some(ends));
        }
    }

    /// Bytes of a value: of text and of sealed data as such, of anything else in JSON.
    pub(super) fn size(&self, value: &Value) -> i64 {
        let measured = || i64::from((self.config.host.measure)(value));
        match value {
            Value::Text(text) => i64::try_from(text.len()).unwrap_or(i64::MAX),
            // A text between quotation marks.
            Value::Sealed(_) => measured().saturating_sub(2),
            Value::Null
            | Value::Bool(_)
            | Value::Integer(_)
            | Value::Number(_)
            | Value::Time(_)
            | Value::List(_)
            | Value::Object(_)
            | Value::Secret(_) => measured(),
        }
    }

    /// Bytes of the custom attributes of a flexContainer.
    pub(super) fn custom_size(&self, attributes: &Members) -> i64 {
        attributes
            .iter()
            .filter(|(name, _)| schema::is_custom(name))
            .map(|(_, value)| self.size(value))
            .fold(0, i64::saturating_add)
    }
}

fn end_of_age(created: Timestamp, age_seconds: i64) -> Timestamp {
    created.plus(
        u64::try_from(age_seconds)
            .unwrap_or(0)
            .saturating_mul(SECOND_MS),
    )
}

fn bytes(instance: &Resource) -> i64 {
    instance.integer(&Attribute::ContentSize).unwrap_or(0)
}

fn add(resource: &mut Resource, counter: Attribute, number: i64) {
    let sum = resource
        .integer(&counter)
        .unwrap_or(0)
        .saturating_add(number);
    set(resource, counter, sum);
}

fn set(resource: &mut Resource, counter: Attribute, number: i64) {
    resource
        .attributes
        .insert(counter, Value::Integer(number.max(0)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cse::resources::fixture::{
        BOX, Fixture, NOW, OWNER, create, integer, name, request,
    };
    use crate::primitive::{Content, Operation};

    #[test]
    fn instances_are_counted_and_the_oldest_go_first() {
        let limits = [
            (Attribute::MaxNrOfInstances, Value::Integer(2)),
            (Attribute::MaxByteSize, Value::Integer(8)),
        ];
        let mut fixture = Fixture::with_box(&limits);

        let first = fixture.fill("123").expect("an instance");
        fixture.fill("1234").expect("an instance");
        fixture.fill("12").expect("an instance");

        assert_eq!(integer(&first, &Attribute::ContentSize), Some(3));
        assert_eq!(integer(&first, &Attribute::StateTag), Some(1));
        let shown = fixture.retrieve(OWNER, BOX, 1).expect("the container");
        let shown = shown
            .member(&Attribute::Resource(ResourceType::Container))
            .expect("m2m:cnt");
        let shown = shown.as_object().expect("an object");
        assert_eq!(integer(shown, &Attribute::CurrentNrOfInstances), Some(2));
        assert_eq!(integer(shown, &Attribute::CurrentByteSize), Some(6));
        assert_eq!(integer(shown, &Attribute::StateTag), Some(3));
        let oldest = fixture
            .retrieve(OWNER, "cse2/ae2/box/ol", 1)
            .expect("an instance");
        let oldest = oldest
            .member(&Attribute::Resource(ResourceType::ContentInstance))
            .cloned();
        let oldest = oldest.expect("m2m:cin");
        assert_eq!(
            oldest.member(&Attribute::Content),
            Some(&Value::text("1234"))
        );
    }

    #[test]
    fn an_instance_larger_than_the_container_takes_is_refused() {
        let mut fixture = Fixture::with_box(&[(Attribute::MaxByteSize, Value::Integer(2))]);

        assert_eq!(fixture.fill("123"), Err(Refusal::NotAcceptable));
    }

    #[test]
    fn an_age_limit_ends_instances_early_also_when_it_comes_later() {
        let mut fixture = Fixture::with_box(&[]);
        let made = fixture.fill("1").expect("an instance");
        assert_eq!(
            made.get(&Attribute::ExpirationTime),
            Some(&Value::Time(NOW.plus(1_000_000)))
        );

        let age = [(Attribute::MaxInstanceAge, Value::Integer(5))];
        fixture
            .update(OWNER, BOX, ResourceType::Container, &age)
            .expect("an update");

        let ends: Vec<_> = fixture
            .cse
            .durable
            .tree
            .iter()
            .filter(|r| r.resource_type == ResourceType::ContentInstance)
            .map(|r| r.expires)
            .collect();
        assert_eq!(ends, [Some(NOW.plus(5_000))]);
    }

    #[test]
    fn a_lower_limit_drops_instances_at_once() {
        let mut fixture = Fixture::with_box(&[]);
        for text in ["a", "b", "c"] {
            fixture.fill(text).expect("an instance");
        }

        let limit = [(Attribute::MaxNrOfInstances, Value::Integer(1))];
        let shown = fixture
            .update(OWNER, BOX, ResourceType::Container, &limit)
            .expect("an update");

        assert_eq!(integer(&shown, &Attribute::CurrentNrOfInstances), Some(1));
    }

    #[test]
    fn deleting_the_latest_uncovers_the_one_before() {
        let mut fixture = Fixture::with_box(&[]);
        for text in ["a", "b"] {
            fixture.fill(text).expect("an instance");
        }

        fixture
            .delete(OWNER, "cse2/ae2/box/la")
            .expect("a deletion");
        let left = fixture.retrieve(OWNER, BOX, 1).expect("the container");
        fixture
            .delete(OWNER, "cse2/ae2/box/la")
            .expect("a deletion");

        let left = left
            .member(&Attribute::Resource(ResourceType::Container))
            .and_then(Value::as_object)
            .expect("m2m:cnt");
        assert_eq!(integer(left, &Attribute::CurrentNrOfInstances), Some(1));
        assert_eq!(integer(left, &Attribute::CurrentByteSize), Some(1));
        assert_eq!(integer(left, &Attribute::StateTag), Some(3));

        assert_eq!(
            fixture.delete(OWNER, "cse2/ae2/box/la"),
            Err(Refusal::NotFound)
        );
    }

    #[test]
    fn a_flex_container_takes_custom_attributes_and_knows_their_size() {
        let mut fixture = Fixture::new();
        let wrapper = Attribute::Custom("smg:sld".into());
        let data = Attribute::Custom("dat".into());
        let members = [
            name("fcnt1"),
            (
                Attribute::ContainerDefinition,
                Value::text("org.example.smg.sealed"),
            ),
            (data.clone(), Value::text("")),
        ];
        let mut create = create("cse2/ae2", ResourceType::FlexContainer, &[]);
        create.content = Some(Content::new(wrapper.clone(), Value::object(members)));
        fixture.run(OWNER, &create).expect("a flexContainer");

        let mut update = request(Operation::Update, "cse2/ae2/fcnt1");
        update.content = Some(Content::new(
            wrapper.clone(),
            Value::object([(data, Value::text("abc"))]),
        ));
        let response = fixture.run(OWNER, &update).expect("an update");

        let content = response.content.expect("a content");
        let shown = content
            .value
            .member(&wrapper)
            .and_then(Value::as_object)
            .expect("smg:sld");
        assert_eq!(integer(shown, &Attribute::ContentSize), Some(3));
        assert_eq!(integer(shown, &Attribute::StateTag), Some(1));
    }
}
