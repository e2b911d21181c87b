//! Events of published subscriptions (TS-0004 clauses 6.3.4.2.19 and 7.5.1.2.2): update, deletion, and creation and
//! deletion of a direct child.
//!
//! Which subscription is told what is decided here; how a notification reaches its target, and is kept until then,
//! in `outgoing`. The private event types of sessions are told by the session chapters.

use super::{Cse, Step};
use crate::access::Right;
use crate::attribute::Attribute;
use crate::id::ResourceId;
use crate::primitive::Content;
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
}

/// What happened to the resource that is subscribed to.
#[derive(Clone, Copy, Debug)]
enum Happening {
    Updated,
    Deleted,
    ChildCreated,
    ChildDeleted,
}

impl Happening {
    /// The number on the wire (`net`).
    const fn event_type(self) -> i64 {
        match self {
            Self::Updated => 1,
            Self::Deleted => 2,
            Self::ChildCreated => 3,
            Self::ChildDeleted => 4,
        }
    }
}

/// The event types of a subscription; update where it names none.
pub(crate) fn event_types(subscription: &Members) -> Vec<i64> {
    subscription
        .get(&Attribute::EventNotificationCriteria)
        .and_then(|criteria| criteria.member(&Attribute::NotificationEventType))
        .and_then(Value::as_list)
        .map_or_else(
            || vec![1],
            |list| list.iter().filter_map(Value::as_integer).collect(),
        )
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
        let mut due = self.due(parent, &child, Happening::ChildCreated, None);
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
        let due = self.due(resource, resource, Happening::Updated, Some(modified));
        self.tell(step, due);
    }

    /// Tells the subscribers of a resource, of everything below it and of its parent that it is about to go.
    pub(crate) fn tell_deleted(&mut self, step: &mut Step, root: &ResourceId) {
        let tree = &self.durable.tree;
        let mut due = Vec::new();
        for id in tree.subtree(root) {
            if let Some(gone) = tree.get(&id) {
                due.extend(self.due(gone, gone, Happening::Deleted, None));
            }
        }
        if let Some(gone) = tree.get(root)
            && let Some(parent) = gone.parent.as_ref().and_then(|parent| tree.get(parent))
        {
            let mut told = self.due(parent, gone, Happening::ChildDeleted, None);
            told.retain(|notification| notification.subscription != gone.id);
            due.extend(told);
        }
        self.tell(step, due);
    }

    fn tell(&mut self, step: &mut Step, due: Vec<Notification>) {
        for Notification {
            subscription,
            to,
            content,
        } in due
        {
            self.notify_event(step, &subscription, to, content);
        }
    }

    /// The notifications of what happened to `subject`, showing `shown`.
    fn due(
        &self,
        subject: &Resource,
        shown: &Resource,
        happening: Happening,
        modified: Option<&Members>,
    ) -> Vec<Notification> {
        let mut due = Vec::new();
        for subscription in self.subscribers(&subject.id, happening.event_type()) {
            // Who could not read it is not shown it either.
            if self
                .may(&subscription.creator, shown, Right::Retrieve)
                .is_err()
            {
                continue;
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
            let event = Value::object([
                (
                    Attribute::NotificationEventType,
                    Value::Integer(happening.event_type()),
                ),
                (Attribute::Representation, representation),
            ]);
            let reference = format!("{}/{}", self.config.cse_id, subscription.id);
            let content = Content::new(
                Attribute::Notification,
                Value::object([
                    (Attribute::SubscriptionReference, Value::text(&reference)),
                    (Attribute::NotificationEvent, event),
                ]),
            );
            for to in subscription.texts(&Attribute::NotificationUri) {
                let subscription = subscription.id.clone();
                due.push(Notification {
                    subscription,
                    to,
                    content: content.clone(),
                });
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cse::resources::fixture::{Fixture, NOW, OWNER};
    use rstest::rstest;

    const CONTAINER: Attribute = Attribute::Resource(ResourceType::Container);

    fn subscribed(events: &[i64], content_type: i64) -> Fixture {
        let mut fixture = Fixture::new();
        let events = Value::List(events.iter().map(|n| Value::Integer(*n)).collect());
        let criteria = Value::object([(Attribute::NotificationEventType, events)]);
        let attributes = [
            (Attribute::EventNotificationCriteria, criteria),
            (Attribute::NotificationUri, Value::texts(["Cae2"])),
            (
                Attribute::NotificationContentType,
                Value::Integer(content_type),
            ),
        ];
        let label = [(Attribute::Labels, Value::texts(["x"]))];
        fixture.put(
            ResourceType::Container,
            "Cae2",
            "cnt1",
            "box",
            OWNER,
            &label,
        );
        fixture.put(
            ResourceType::Subscription,
            "cnt1",
            "sub1",
            "s",
            OWNER,
            &attributes,
        );
        fixture
    }

    fn due(fixture: &Fixture, happening: Happening) -> Vec<Notification> {
        let row = fixture.get("cnt1");
        let modified = Members::from([(Attribute::LastModifiedTime, Value::Time(NOW))]);
        fixture.cse.due(&row, &row, happening, Some(&modified))
    }

    #[rstest]
    #[case(&[1], Happening::Updated, true)]
    #[case(&[1], Happening::Deleted, false)]
    #[case(&[2, 3], Happening::Deleted, true)]
    #[case(&[2, 3], Happening::ChildCreated, true)]
    #[case(&[2, 3], Happening::ChildDeleted, false)]
    fn a_subscription_is_told_what_it_asked_for(
        #[case] events: &[i64],
        #[case] happening: Happening,
        #[case] expected: bool,
    ) {
        let fixture = subscribed(events, 1);

        assert_eq!(!due(&fixture, happening).is_empty(), expected);
    }

    #[test]
    fn without_criteria_updates_are_told() {
        assert_eq!(event_types(&Members::new()), [1]);
    }

    #[rstest]
    #[case(1, &[CONTAINER], true)]
    #[case(2, &[CONTAINER], false)]
    #[case(3, &[Attribute::Uri], false)]
    fn the_content_type_chooses_what_is_shown(
        #[case] content_type: i64,
        #[case] names: &[Attribute],
        #[case] is_whole: bool,
    ) {
        let fixture = subscribed(&[1], content_type);

        let due = due(&fixture, Happening::Updated);

        let [Notification { to, content, .. }] = due.as_slice() else {
            unreachable!("one notification")
        };
        let body = content
            .value
            .member(&Attribute::Notification)
            .expect("m2m:sgn");
        let sur = body.member(&Attribute::SubscriptionReference);
        let event = body.member(&Attribute::NotificationEvent).expect("nev");
        let shown = event
            .member(&Attribute::Representation)
            .and_then(Value::as_object);
        let shown = shown.expect("rep");
        assert_eq!(*to, "Cae2");
        assert_eq!(sur, Some(&Value::text("/cse2/sub1")));
        assert_eq!(
            event.member(&Attribute::NotificationEventType),
            Some(&Value::Integer(1))
        );
        assert_eq!(shown.keys().cloned().collect::<Vec<_>>(), names);
        let labels = shown
            .get(&CONTAINER)
            .and_then(|c| c.member(&Attribute::Labels));
        assert_eq!(labels.is_some(), is_whole);
    }

    #[test]
    fn a_subscriber_is_not_shown_what_it_may_not_read() {
        let mut fixture = subscribed(&[3], 1);
        let locked = [(Attribute::AccessControlPolicyIds, Value::texts(["gone"]))];
        fixture.put(
            ResourceType::Container,
            "cnt1",
            "cnt2",
            "inner",
            OWNER,
            &locked,
        );
        let (parent, child) = (fixture.get("cnt1"), fixture.get("cnt2"));

        let due = fixture
            .cse
            .due(&parent, &child, Happening::ChildCreated, None);

        assert_eq!(due, []);
    }
}
