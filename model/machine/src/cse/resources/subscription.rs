//! What a subscription may ask for: published events of any resource, private ones of `sessions` only.

use super::{check_child, requested_type};
use crate::access::{Asker, Right};
use crate::address::{Address, normalized};
use crate::attribute::Attribute;
use crate::cse::Cse;
use crate::cse::discovery;
use crate::cse::notify::batch::USUAL_DURATION;
use crate::cse::notify::{BLOCKING_UPDATE, event_types, targets};
use crate::env::Timestamp;
use crate::id::{AeId, Entity, ResourceId};
use crate::resource::{Resource, ResourceType};
use crate::status::Refusal;
use crate::text::Text;
use crate::value::{Members, Value};

/// Event type: the question whether to take part in a session.
const ESTABLISHMENT: i64 = 50_001;
/// What subscriptions to the events of sessions lack: those are told one by one, as they happen.
const POLICIES: [Attribute; 5] = [
    Attribute::BatchNotify,
    Attribute::LatestNotify,
    Attribute::NotificationEventCategory,
    Attribute::RateLimit,
    Attribute::PreSubscriptionNotify,
];
/// What a subscription that blocks lacks: it says which attributes it is about, and who is asked.
const NONE_WITH_BLOCKING: [Attribute; 9] = [
    Attribute::NotificationContentType,
    Attribute::ExpirationCounter,
    Attribute::PendingNotification,
    Attribute::SubscriberUri,
    Attribute::BatchNotify,
    Attribute::LatestNotify,
    Attribute::NotificationEventCategory,
    Attribute::RateLimit,
    Attribute::PreSubscriptionNotify,
];
/// What notifications can be serialized in.
const SERIALIZATIONS: [&str; 2] = ["json", "cbor"];
/// Content type: the whole resource, the default of every published event type that there is here.
const ALL_ATTRIBUTES: i64 = 1;
/// Content type: the modified attributes, with event type 1 only.
const MODIFIED_ATTRIBUTES: i64 = 2;

impl Cse {
    /// Checks a subscription to `parent` as it will be; `id` if it exists already.
    pub(super) fn check_subscription(
        &self,
        now: Timestamp,
        parent: &Resource,
        id: Option<&ResourceId>,
        attributes: &Members,
    ) -> Result<(), Refusal> {
        let events = event_types(attributes);
        if events.iter().any(is_of_sessions) {
            // EST-52
            if !events.iter().all(is_of_sessions)
                || parent.resource_type != ResourceType::Sessions
                || !self.goes_to_owner(parent, attributes)
            {
                return Err(Refusal::BadRequest);
            }
            if POLICIES.iter().any(|name| attributes.contains_key(name)) {
                return Err(Refusal::NotImplemented);
            }
            let mut others = self
                .durable
                .tree
                .children_of_type(&parent.id, ResourceType::Subscription)
                .filter(|other| Some(&other.id) != id);
            // EST-53
            if events.contains(&ESTABLISHMENT)
                && others.any(|other| event_types(&other.attributes).contains(&ESTABLISHMENT))
            {
                return Err(Refusal::SecondConsent);
            }
            return Ok(());
        }
        for event in &events {
            match *event {
                1..=5 => {}
                BLOCKING_UPDATE => {
                    self.check_blocking(now, parent, id, attributes)?;
                }
                // What only triggers of an underlying network could tell of.
                6 => return Err(Refusal::NotImplemented),
                // Of time series, which nobody subscribes to here, and of nothing.
                _ => return Err(Refusal::BadRequest),
            }
        }
        check_criteria(attributes)?;
        check_child_types(parent, attributes)?;
        check_content_type(attributes, &events)?;
        self.check_targets(attributes)
    }

    /// Writes what the host adds to a new subscription to published events: what notifications show, and who made it,
    /// as that one calls itself, where they do not all go to it (TS-0004 clause 7.4.8.2.1).
    pub(super) fn complete_subscription(
        &self,
        originator: &str,
        creator: &str,
        attributes: &mut Members,
    ) {
        let events = event_types(attributes);
        if events.iter().any(is_of_sessions) {
            return;
        }
        // REG-80
        if !events.contains(&BLOCKING_UPDATE) {
            attributes.insert_missing(Attribute::NotificationContentType, || {
                Value::Integer(ALL_ATTRIBUTES)
            });
        }
        if let Some(Value::Object(batch)) = attributes.get_mut(&Attribute::BatchNotify) {
            batch.insert_missing(Attribute::BatchDuration, || Value::text(USUAL_DURATION));
        }
        if targets(attributes)
            .iter()
            .any(|target| !self.names_entity(target, originator))
        {
            attributes.insert(Attribute::Creator, Value::text(creator));
        }
    }

    /// Targets are entities, to be told in a serialization that there is here; notifications to protocol addresses are
    /// absent here.
    fn check_targets(&self, attributes: &Members) -> Result<(), Refusal> {
        let targets = attributes.get(&Attribute::NotificationUri);
        for target in targets.and_then(Value::as_texts).unwrap_or_default() {
            let (address, query) = target.split_once('?').unwrap_or((&target, ""));
            if address.contains("://") {
                return Err(Refusal::NotImplemented);
            }
            if Address::parse(address).is_none() {
                return Err(Refusal::BadRequest);
            }
            let mut wanted = query.split('&').filter_map(|pair| pair.strip_prefix("ct="));
            // REG-90
            if wanted.any(|wanted| !SERIALIZATIONS.contains(&wanted)) {
                return Err(Refusal::NotImplemented);
            }
        }
        Ok(())
    }

    /// A subscription that blocks is the only one of its kind at its resource, has one target, which may itself change
    /// the resource, and says nothing but which attributes it is about (TS-0004 clause 7.4.8.2.1).
    fn check_blocking(
        &self,
        now: Timestamp,
        parent: &Resource,
        id: Option<&ResourceId>,
        attributes: &Members,
    ) -> Result<(), Refusal> {
        let criteria = attributes.get(&Attribute::EventNotificationCriteria);
        let criteria = criteria
            .and_then(Value::as_object)
            .ok_or(Refusal::BadRequest)?;
        let is_alone = event_types(attributes) == [BLOCKING_UPDATE];
        let is_plain = criteria.keys().all(|name| {
            [
                Attribute::NotificationEventType,
                Attribute::AttributeCriterion,
            ]
            .contains(name)
        });
        let has_policy = NONE_WITH_BLOCKING
            .iter()
            .any(|name| attributes.contains_key(name));
        let targets = targets(attributes);
        let [target] = targets.as_slice() else {
            return Err(Refusal::BadRequest);
        };
        // REG-95
        if !is_alone || !is_plain || has_policy || target.contains("://") {
            return Err(Refusal::BadRequest);
        }
        let mut others = self.subscribers(&parent.id, BLOCKING_UPDATE).into_iter();
        if others.any(|other| Some(&other.id) != id) {
            return Err(Refusal::SecondConsent);
        }
        let own = Entity::Cse(self.config.cse_id.clone());
        let decides = match self.notification_peer(target, &own) {
            Some(Entity::Ae(ae)) => Text::from(ae.as_str()),
            Some(Entity::Cse(_)) | None => target.clone(),
        };
        self.may(Asker::new(&decides, now), parent, Right::Update)
    }

    /// Whether a notification target is the entity of that identifier, by it or by its resource here.
    fn names_entity(&self, target: &str, entity: &str) -> bool {
        let own = Entity::Cse(self.config.cse_id.clone());
        let spelled = normalized(target, &self.config.cse_id, &self.config.name);
        spelled.as_deref() == Some(entity)
            || match self.notification_peer(target, &own) {
                Some(Entity::Ae(ae)) => ae.as_str() == entity,
                Some(Entity::Cse(_)) | None => false,
            }
    }

    /// Whether the only notification target is the AE that `sessions` belongs to; after its identifier it may go on
    /// with a path.
    fn goes_to_owner(&self, sessions: &Resource, attributes: &Members) -> bool {
        let targets = targets(attributes);
        let (Some(owner), [target]) = (&sessions.parent, targets.as_slice()) else {
            return false;
        };
        let own = &self.config.cse_id;
        let sp_relative = AeId::at(own, owner.as_str());
        let begins_with = |id: &str| {
            target
                .strip_prefix(id)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        begins_with(owner.as_str())
            || begins_with(sp_relative.as_str())
            || Address::parse(target)
                .and_then(|address| self.resolve(&address))
                .is_some_and(|found| found.resource == *owner && found.virtual_child.is_none())
    }
}

/// Whether an event type is one of the session block.
fn is_of_sessions(event: &i64) -> bool {
    (50_001..=50_003).contains(event)
}

/// No UPDATE makes a subscription one that blocks (TS-0004 clause 7.4.8.2.3).
pub(super) fn check_events_of_update(members: &Members) -> Result<(), Refusal> {
    // REG-95
    if event_types(members).contains(&BLOCKING_UPDATE) {
        Err(Refusal::BadRequest)
    } else {
        Ok(())
    }
}

/// Event types and monitored operations exclude each other (TS-0004 clause 7.4.8.2.1).
fn check_criteria(attributes: &Members) -> Result<(), Refusal> {
    let criteria = attributes.get(&Attribute::EventNotificationCriteria);
    let Some(criteria) = criteria.and_then(Value::as_object) else {
        return Ok(());
    };
    let events = criteria.get(&Attribute::NotificationEventType);
    let monitors = criteria
        .get(&Attribute::OperationMonitor)
        .and_then(Value::as_list);
    if let Some(monitors) = monitors {
        let is_empty = |monitor: &Value| monitor.as_object().is_none_or(Members::is_empty);
        if events.is_some() || monitors.iter().any(is_empty) {
            return Err(Refusal::BadRequest);
        }
    }
    let names_attributes = criteria.contains_key(&Attribute::AttributeCriterion);
    if names_attributes && !matches!(event_types(attributes)[..], [1 | BLOCKING_UPDATE]) {
        return Err(Refusal::BadRequest);
    }
    discovery::conditions(criteria).map(|_| ())
}

/// Children that the subscribed resource cannot have cannot be watched (TS-0004 clause 7.4.8.2.1).
fn check_child_types(parent: &Resource, attributes: &Members) -> Result<(), Refusal> {
    let criteria = attributes.get(&Attribute::EventNotificationCriteria);
    let types = criteria.and_then(|criteria| criteria.member(&Attribute::ChildTypes)?.as_list());
    let is_child = |number: &Value| {
        let number = number.as_integer().and_then(|n| u32::try_from(n).ok());
        match requested_type(number) {
            Ok(child) => check_child(parent.resource_type, child).is_ok(),
            // Published and absent here: there are no such children to tell of.
            Err(refusal) => refusal == Refusal::NotImplemented,
        }
    };
    // REG-75
    if types.unwrap_or_default().iter().all(is_child) {
        Ok(())
    } else {
        Err(Refusal::BadRequest)
    }
}

fn check_content_type(attributes: &Members, events: &[i64]) -> Result<(), Refusal> {
    let content_type = attributes.get(&Attribute::NotificationContentType);
    match content_type.and_then(Value::as_integer) {
        None | Some(1 | 3) => Ok(()),
        Some(MODIFIED_ATTRIBUTES) if events.iter().all(|event| *event == 1) => Ok(()),
        Some(MODIFIED_ATTRIBUTES) => Err(Refusal::BadRequest),
        Some(_) => Err(Refusal::NotImplemented),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cse::resources::fixture::{Fixture, OTHER, OWNER};
    use rstest::rstest;

    fn subscription(events: &[i64], targets: &[&str]) -> [(Attribute, Value); 2] {
        let events = Value::List(events.iter().map(|n| Value::Integer(*n)).collect());
        [
            (
                Attribute::EventNotificationCriteria,
                Value::object([(Attribute::NotificationEventType, events)]),
            ),
            (Attribute::NotificationUri, Value::texts(targets)),
        ]
    }

    #[rstest]
    #[case("cse2/ae2/sessions", &[50_001, 50_002, 50_003], &["Cae2"], Ok(()))]
    #[case("cse2/ae2/sessions/subscriptions", &[50_001], &["/cse2/Cae2"], Ok(()))]
    #[case("cse2/ae2/sessions", &[50_003], &["Cae2/session/notifications"], Ok(()))]
    #[case("cse2/ae2/sessions", &[50_001], &["cse2/ae2"], Ok(()))]
    #[case("cse2/ae2/sessions", &[50_001], &["Cae3"], Err(Refusal::BadRequest))]
    #[case("cse2/ae2/sessions", &[50_001], &["Cae22"], Err(Refusal::BadRequest))]
    #[case("cse2/ae2/sessions", &[50_001], &["Cae2", "Cae2"], Err(Refusal::BadRequest))]
    #[case("cse2/ae2/sessions", &[50_001, 1], &["Cae2"], Err(Refusal::BadRequest))]
    #[case("cse2/ae2", &[50_001], &["Cae2"], Err(Refusal::BadRequest))]
    #[case("cse2/ae2", &[1, 2, 3, 4], &["Cae3", "Cae2"], Ok(()))]
    #[case("cse2/ae2", &[5], &["Cae2"], Ok(()))]
    #[case("cse2/ae2", &[6], &["Cae2"], Err(Refusal::NotImplemented))]
    #[case("cse2/ae2", &[7], &["Cae2"], Ok(()))]
    #[case("cse2/ae2", &[7], &["Cae2?ct=json"], Ok(()))]
    #[case("cse2/ae2", &[7], &["Cae3"], Err(Refusal::NoPrivilege))]
    #[case("cse2/ae2", &[7], &["Cae2", "Cae2"], Err(Refusal::BadRequest))]
    #[case("cse2/ae2", &[7], &["http://example.org"], Err(Refusal::BadRequest))]
    #[case("cse2/ae2", &[7, 1], &["Cae2"], Err(Refusal::BadRequest))]
    #[case("cse2/ae2", &[8], &["Cae2"], Err(Refusal::BadRequest))]
    #[case("cse2/ae2", &[99], &["Cae2"], Err(Refusal::BadRequest))]
    #[case("cse2/ae2", &[1], &["http://example.org"], Err(Refusal::NotImplemented))]
    #[case("cse2/ae2", &[1], &[], Err(Refusal::BadRequest))]
    fn a_subscription_asks_for_events_of_its_parent(
        #[case] to: &str,
        #[case] events: &[i64],
        #[case] targets: &[&str],
        #[case] expected: Result<(), Refusal>,
    ) {
        let mut fixture = Fixture::new();
        let members = subscription(events, targets);

        let made = fixture.create(OWNER, to, ResourceType::Subscription, &members);

        assert_eq!(made.map(|_| ()), expected);
    }

    #[rstest]
    #[case("cse2/ae2", &[3, 23], Ok(()))]
    #[case("cse2/ae2", &[29], Ok(()))]
    #[case("cse2/ae2", &[4], Err(Refusal::BadRequest))]
    #[case("cse2/ae2", &[0], Err(Refusal::BadRequest))]
    #[case("cse2/ae2/sessions", &[3], Err(Refusal::BadRequest))]
    fn children_that_there_cannot_be_are_not_watched(
        #[case] to: &str,
        #[case] types: &[i64],
        #[case] expected: Result<(), Refusal>,
    ) {
        let mut fixture = Fixture::new();
        let list =
            |numbers: &[i64]| Value::List(numbers.iter().map(|n| Value::Integer(*n)).collect());
        let members = [
            (
                Attribute::EventNotificationCriteria,
                Value::object([
                    (Attribute::NotificationEventType, list(&[3])),
                    (Attribute::ChildTypes, list(types)),
                ]),
            ),
            (Attribute::NotificationUri, Value::texts(["Cae2"])),
        ];

        let made = fixture.create(OWNER, to, ResourceType::Subscription, &members);

        assert_eq!(made.map(|_| ()), expected, "REG-75");
    }

    #[rstest]
    #[case(&[(Attribute::NotificationEventType, Value::List([Value::Integer(1)].into()))], Err(Refusal::BadRequest))]
    #[case(&[], Ok(()))]
    fn events_and_operations_exclude_each_other(
        #[case] more: &[(Attribute, Value)],
        #[case] expected: Result<(), Refusal>,
    ) {
        let monitor = Value::object([(Attribute::MonitoredOperations, Value::Integer(1))]);
        let monitors = (Attribute::OperationMonitor, Value::List([monitor].into()));
        let criteria = more.iter().cloned().chain([monitors]);
        let attributes = Members::from([(
            Attribute::EventNotificationCriteria,
            Value::object(criteria),
        )]);

        assert_eq!(check_criteria(&attributes), expected);
    }

    #[test]
    fn there_is_one_consent_subscription_and_it_is_the_owners() {
        let mut fixture = Fixture::new();
        let (to, kind) = ("cse2/ae2/sessions", ResourceType::Subscription);
        let consent = subscription(&[50_001], &["Cae2"]);
        let told = subscription(&[50_003], &["Cae2"]);

        let by_another = fixture.create(OTHER, to, kind, &consent);
        let first = fixture
            .create(OWNER, to, kind, &consent)
            .expect("the first");
        let second = fixture.create(OWNER, to, kind, &consent);
        let harmless = fixture
            .create(OWNER, to, kind, &told)
            .expect("another event");
        let id = |of: &Members| {
            of.get(&Attribute::ResourceId)
                .and_then(Value::as_text)
                .cloned()
        };
        let again = fixture.update(OWNER, &id(&first).expect("ri"), kind, &consent);
        let upgraded = fixture.update(OWNER, &id(&harmless).expect("ri"), kind, &consent);

        assert_eq!(by_another, Err(Refusal::NoPrivilege));
        assert_eq!(second, Err(Refusal::SecondConsent));
        assert!(again.is_ok());
        assert_eq!(upgraded, Err(Refusal::SecondConsent));
    }

    #[rstest]
    #[case(2, &[1], Ok(()))]
    #[case(2, &[1, 2], Err(Refusal::BadRequest))]
    #[case(3, &[2], Ok(()))]
    #[case(4, &[1], Err(Refusal::NotImplemented))]
    fn a_content_type_goes_with_its_events(
        #[case] number: i64,
        #[case] events: &[i64],
        #[case] expected: Result<(), Refusal>,
    ) {
        let mut attributes: Members = subscription(events, &["Cae2"]).into();
        attributes.insert(Attribute::NotificationContentType, Value::Integer(number));

        assert_eq!(check_content_type(&attributes, events), expected);
    }
}
