//! Events of published subscriptions (TS-0004 clauses 6.3.4.2.19 and 7.5.1.2.2): update, deletion, creation and
//! deletion of a direct child, a missed instance, and monitored operations.
//!
//! Which subscription is told what is decided here; how a notification reaches its target, and is kept until then,
//! in `outgoing`. The private event types of sessions are told by the session chapters.

pub(super) mod batch;
mod earlier;
mod pending;
mod rate;
#[cfg(test)]
mod tests;

use super::discovery::{self, attribute_of};
use super::{Cse, Step};
use crate::access::{self, Asker, Right};
use crate::address::{Home, without_query};
use crate::attribute::Attribute;
use crate::env::Timestamp;
use crate::id::ResourceId;
use crate::primitive::{Content, Operation};
use crate::resource::{Resource, ResourceType};
use crate::shared::Shared;
use crate::text::Text;
use crate::value::{Members, Value};
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

/// A notification that is due: whose, to whom, what.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Notification {
    subscription: ResourceId,
    to: Text,
    content: Content,
    /// Whether it counts against `exc`.
    is_event: bool,
}

/// What happened to the resource that is subscribed to.
#[derive(Clone, Copy, Debug)]
enum Happening {
    Updated,
    Deleted,
    ChildCreated,
    ChildDeleted,
    /// Somebody looked for an instance where there is none.
    Missed,
}

impl Happening {
    /// The number on the wire (`net`).
    const fn event_type(self) -> i64 {
        match self {
            Self::Updated => 1,
            Self::Deleted => 2,
            Self::ChildCreated => 3,
            Self::ChildDeleted => 4,
            Self::Missed => 5,
        }
    }
}

/// Event type: an UPDATE that waits for the consent of the target.
pub(crate) const BLOCKING_UPDATE: i64 = 7;

/// The event types of a subscription; update where it names none.
pub(crate) fn event_types(subscription: &Members) -> Vec<i64> {
    subscription
        .get(&Attribute::EventNotificationCriteria)
        .and_then(|criteria| criteria.member(&Attribute::NotificationEventType))
        .and_then(Value::as_list)
        .map_or_else(
            || {
                if monitors(subscription).is_empty() {
                    vec![1]
                } else {
                    Vec::new()
                }
            },
            |list| list.iter().filter_map(Value::as_integer).collect(),
        )
}

/// The addresses of the targets of a subscription.
pub(crate) fn targets(subscription: &Members) -> Vec<Text> {
    let targets = subscription.get(&Attribute::NotificationUri);
    let targets = targets.and_then(Value::as_texts).unwrap_or_default();
    let addresses = targets.iter().map(|target| without_query(target));
    addresses.map(Text::from).collect()
}

/// The operations that a subscription monitors.
fn monitors(subscription: &Members) -> &[Value] {
    subscription
        .get(&Attribute::EventNotificationCriteria)
        .and_then(|criteria| criteria.member(&Attribute::OperationMonitor))
        .and_then(Value::as_list)
        .unwrap_or_default()
}

/// Whether a monitor looks for this operation of this originator.
fn watches(monitor: &Value, operation: Operation, originator: &str, home: Home<'_>) -> bool {
    let watched = monitor
        .member(&Attribute::MonitoredOperations)
        .and_then(Value::as_integer);
    let who = monitor
        .member(&Attribute::Originator)
        .and_then(Value::as_text);
    watched.is_none_or(|number| number == i64::from(operation.number()))
        && who.is_none_or(|entry| access::names(entry, originator, home))
}

impl Cse {
    /// The subscriptions to a resource that ask for this event type, in the order of creation.
    pub(crate) fn subscribers(
        &self,
        resource: &ResourceId,
        event_type: i64,
    ) -> Vec<Shared<Resource>> {
        self.durable
            .tree
            .children_of_type(resource, ResourceType::Subscription)
            .filter(|s| event_types(&s.attributes).contains(&event_type))
            .cloned()
            .collect()
    }

    /// Tells the subscribers of `parent` about its new child.
    pub(crate) fn tell_child_created(
        &mut self,
        step: &mut Step,
        parent: &Resource,
        child: &ResourceId,
    ) {
        let Some(child) = self.row(child) else { return };
        let mut due = self.due(step.now(), parent, &child, Happening::ChildCreated, None);
        // A subscription is not told of itself.
        due.retain(|notification| notification.subscription != child.id);
        self.tell(step, due);
    }

    /// Tells the subscribers of a resource what has changed.
    pub(crate) fn tell_updated(
        &mut self,
        step: &mut Step,
        resource: &Resource,
        modified: &Members,
    ) {
        let due = self.due(
            step.now(),
            resource,
            resource,
            Happening::Updated,
            Some(modified),
        );
        self.tell(step, due);
    }

    /// Tells the subscribers of a container that an instance was asked for and there is none.
    pub(crate) fn tell_missed(&mut self, step: &mut Step, container: &ResourceId) {
        let Some(container) = self.row(container) else {
            return;
        };
        let due = self.due(step.now(), &container, &container, Happening::Missed, None);
        self.tell(step, due);
    }

    /// Tells who monitors operations on the resource, with the subscriptions made before that number.
    pub(crate) fn tell_operation(
        &mut self,
        step: &mut Step,
        originator: &str,
        operation: Operation,
        resource: &Resource,
        before: u64,
    ) {
        let config = self.config.clone();
        let mut due = Vec::new();
        let subscriptions = self
            .durable
            .tree
            .children_of_type(&resource.id, ResourceType::Subscription);
        for subscription in subscriptions.filter(|s| s.sequence <= before) {
            let watched = monitors(&subscription.attributes);
            if !watched
                .iter()
                .any(|m| watches(m, operation, originator, config.home()))
            {
                continue;
            }
            let number = Value::Integer(i64::from(operation.number()));
            let monitor = Value::object([
                (Attribute::MonitoredOperations, number),
                (Attribute::Originator, Value::text(originator)),
            ]);
            let about = (Attribute::OperationMonitor, monitor);
            due.extend(self.notifications(step.now(), subscription, resource, about, None));
        }
        self.tell(step, due);
    }

    /// Tells the subscribers of a resource, of everything below it and of its parent that it is about to go.
    pub(crate) fn tell_deleted(&mut self, step: &mut Step, root: &ResourceId) {
        let tree = &self.durable.tree;
        let parent = tree.get(root).and_then(|gone| gone.parent.as_ref());
        let is_watched = |id| tree.count_of_type(id, ResourceType::Subscription) > 0;
        let is_subscription = tree
            .get(root)
            .is_some_and(|gone| gone.resource_type == ResourceType::Subscription);
        if tree.is_leaf(root) && !is_subscription && !parent.is_some_and(is_watched) {
            return;
        }
        let mut due = Vec::new();
        for id in tree.subtree(root) {
            if let Some(gone) = tree.get(&id) {
                due.extend(self.due(step.now(), gone, gone, Happening::Deleted, None));
                due.extend(self.farewell(gone));
            }
        }
        if let Some(gone) = tree.get(root)
            && let Some(parent) = gone.parent.as_ref().and_then(|parent| tree.get(parent))
        {
            let mut told = self.due(step.now(), parent, gone, Happening::ChildDeleted, None);
            told.retain(|notification| notification.subscription != gone.id);
            due.extend(told);
        }
        self.tell(step, due);
    }

    /// What the creator of a subscription is told at its end (`su`).
    fn farewell(&self, gone: &Resource) -> Option<Notification> {
        let to = gone.text(&Attribute::SubscriberUri)?;
        let to = Text::from(without_query(to));
        let is_subscription = gone.resource_type == ResourceType::Subscription;
        let content = Content::new(
            Attribute::Notification,
            Value::object([
                (Attribute::SubscriptionReference, self.reference(gone)),
                (Attribute::SubscriptionDeletion, Value::Bool(true)),
            ]),
        );
        is_subscription.then(|| Notification {
            subscription: gone.id.clone(),
            to,
            content,
            is_event: false,
        })
    }

    fn reference(&self, subscription: &Resource) -> Value {
        Value::text(&format!("{}/{}", self.config.cse_id, subscription.id))
    }

    fn tell(&mut self, step: &mut Step, due: Vec<Notification>) {
        let mut told: Vec<ResourceId> = Vec::new();
        let mut postponed: Vec<ResourceId> = Vec::new();
        let mut mark = None;
        for Notification {
            subscription,
            to,
            content,
            is_event,
        } in due
        {
            let is_first = postponed.last() != Some(&subscription);
            if is_first {
                mark = None;
            }
            if is_event && self.postpones(step, &subscription, &to, &content, &mut mark) {
                if is_first {
                    postponed.push(subscription);
                }
                continue;
            }
            let row = self.row(&subscription).filter(|_| is_event);
            let category = row.and_then(|row| batch::category(&row));
            self.notify_event(step, &subscription, to, content, category);
            if is_event && told.last() != Some(&subscription) {
                told.push(subscription);
            }
        }
        for subscription in postponed {
            self.release(step, &subscription);
        }
        for subscription in told {
            self.count_down(step, &subscription);
        }
    }

    /// One notification less that the subscription may send (`exc`); after the last one it ends.
    fn count_down(&mut self, step: &mut Step, subscription: &ResourceId) {
        let left = self
            .row(subscription)
            .and_then(|row| row.integer(&Attribute::ExpirationCounter));
        match left {
            None => {}
            Some(left) if left <= 1 => {
                self.remove(step, subscription);
            }
            Some(left) => self.durable.tree.change(subscription, |row| {
                let left = Value::Integer(left - 1);
                row.attributes.insert(Attribute::ExpirationCounter, left);
            }),
        }
    }

    /// The notifications of what happened to `subject`, showing `shown`.
    fn due(
        &self,
        now: Timestamp,
        subject: &Resource,
        shown: &Resource,
        happening: Happening,
        modified: Option<&Members>,
    ) -> Vec<Notification> {
        let mut due = Vec::new();
        for subscription in self.subscribers(&subject.id, happening.event_type()) {
            if !self.is_asked_for(&subscription, shown, happening, modified) {
                continue;
            }
            let event = Value::Integer(happening.event_type());
            let about = (Attribute::NotificationEventType, event);
            due.extend(self.notifications(now, &subscription, shown, about, modified));
        }
        due
    }

    /// Whether an event of the right type is one that the subscription's criteria choose.
    fn is_asked_for(
        &self,
        subscription: &Resource,
        shown: &Resource,
        happening: Happening,
        modified: Option<&Members>,
    ) -> bool {
        let criteria = subscription.get(&Attribute::EventNotificationCriteria);
        let Some(criteria) = criteria.and_then(Value::as_object) else {
            return true;
        };
        let of_child = match happening {
            Happening::ChildCreated | Happening::ChildDeleted => true,
            Happening::Updated | Happening::Deleted | Happening::Missed => false,
        };
        let types = criteria
            .get(&Attribute::ChildTypes)
            .filter(|_| of_child)
            .and_then(Value::as_list);
        let number = Value::Integer(i64::from(shown.resource_type.number()));
        let watched = criteria
            .get(&Attribute::AttributeCriterion)
            .and_then(Value::as_texts);
        let touches = |names: Vec<Text>| {
            let changed =
                |name: &Text| modified.is_some_and(|m| m.contains_key(&attribute_of(name)));
            names.iter().any(changed)
        };
        types.is_none_or(|types| types.contains(&number))
            && watched.is_none_or(touches)
            && discovery::conditions(criteria)
                .is_ok_and(|conditions| self.passes(&conditions, shown))
    }

    /// A notification of that event.
    pub(crate) fn event_of(&self, subscription: &Resource, event: Value) -> Content {
        let mut told = Members::from([
            (
                Attribute::SubscriptionReference,
                self.reference(subscription),
            ),
            (Attribute::NotificationEvent, event),
        ]);
        // REG-92
        if subscription.get(&Attribute::Creator).is_some() {
            let creator = Value::Text(subscription.creator.clone());
            told.insert(Attribute::Creator, creator);
        }
        Content::new(Attribute::Notification, Value::Object(told))
    }

    /// The notifications of one subscription, one for each target.
    fn notifications(
        &self,
        now: Timestamp,
        subscription: &Resource,
        shown: &Resource,
        about: (Attribute, Value),
        modified: Option<&Members>,
    ) -> Vec<Notification> {
        let reader = Asker::new(&subscription.creator, now);
        // Who could not read it is not shown it either.
        if self.may(reader, shown, Right::Retrieve).is_err() {
            return Vec::new();
        }
        let representation = match subscription.integer(&Attribute::NotificationContentType) {
            Some(2) => Value::object([(
                shown.wrapper(),
                Value::Object(modified.cloned().unwrap_or_default()),
            )]),
            Some(3) => {
                let path = self.durable.tree.path(&shown.id);
                let uri = format!("{}/{path}", self.config.cse_id);
                Value::object([(Attribute::Uri, Value::text(&uri))])
            }
            Some(_) | None => {
                Value::object([(shown.wrapper(), Value::Object(self.represent(shown)))])
            }
        };
        let event = Value::object([about, (Attribute::Representation, representation)]);
        let content = self.event_of(subscription, event);
        let notification = |to| Notification {
            subscription: subscription.id.clone(),
            to,
            content: content.clone(),
            is_event: true,
        };
        let targets = targets(&subscription.attributes).into_iter();
        targets.map(notification).collect()
    }
}
