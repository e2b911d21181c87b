//! Which event is told to whom, and what it shows.

use super::*;
use crate::cse::resources::fixture::{BOX, Fixture, NOW, OWNER, integer, name};
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
    fixture.cse.due(NOW, &row, &row, happening, Some(&modified))
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

fn with_criteria(criteria: &[(Attribute, Value)], more: &[(Attribute, Value)]) -> Fixture {
    let mut fixture = Fixture::with_box(&[]);
    let members = [
        &[
            name("s"),
            (
                Attribute::EventNotificationCriteria,
                Value::object(criteria.iter().cloned()),
            ),
            (Attribute::NotificationUri, Value::texts(["Cae2"])),
        ],
        more,
    ]
    .concat();
    fixture
        .create(OWNER, BOX, ResourceType::Subscription, &members)
        .expect("a subscription");
    fixture
}

/// How many notifications are on their way.
fn told(fixture: &Fixture) -> usize {
    fixture.cse.durable.notices.len()
}

fn events(of: &[i64]) -> (Attribute, Value) {
    let list = of.iter().map(|n| Value::Integer(*n)).collect();
    (Attribute::NotificationEventType, Value::List(list))
}

fn short(name: &str, value: Value) -> (Attribute, Value) {
    (Attribute::Custom(name.into()), value)
}

#[rstest]
#[case(&[events(&[3])], 1)]
#[case(&[events(&[3]), (Attribute::ChildTypes, Value::List(vec![Value::Integer(4)]))], 1)]
#[case(&[events(&[3]), (Attribute::ChildTypes, Value::List(vec![Value::Integer(3)]))], 0)]
#[case(&[events(&[3]), short("sza", Value::Integer(3))], 1)]
#[case(&[events(&[3]), short("sza", Value::Integer(4))], 0)]
#[case(&[events(&[3]), short("szb", Value::Integer(3))], 0)]
#[case(&[events(&[3]), short("stb", Value::Integer(2))], 0)]
#[case(&[events(&[3]), short("sts", Value::Integer(2))], 1)]
#[case(&[events(&[3]), short("exb", Value::Time(NOW))], 0)]
#[case(&[events(&[3]), short("exa", Value::Time(NOW))], 1)]
#[case(&[events(&[3]), (Attribute::CreatedAfter, Value::Time(NOW.plus(1)))], 0)]
#[case(&[events(&[3]), (Attribute::CreatedBefore, Value::Time(NOW.plus(1)))], 1)]
#[case(
    &[
        events(&[3]),
        short("sza", Value::Integer(9)),
        (Attribute::CreatedBefore, Value::Time(NOW.plus(1))),
        (Attribute::FilterOperation, Value::Integer(2)),
    ],
    1
)]
#[case(&[operation(1, None)], 1)]
#[case(&[operation(1, Some("Cae3"))], 0)]
#[case(&[operation(2, None)], 0)]
fn criteria_choose_among_events(#[case] criteria: &[(Attribute, Value)], #[case] expected: usize) {
    let mut fixture = with_criteria(criteria, &[]);

    fixture.fill("abc").expect("an instance");

    assert_eq!(told(&fixture), expected);
}

fn operation(number: i64, originator: Option<&str>) -> (Attribute, Value) {
    let number = (Attribute::MonitoredOperations, Value::Integer(number));
    let who = originator.map(|who| (Attribute::Originator, Value::text(who)));
    let monitor = Value::object([number].into_iter().chain(who));
    (Attribute::OperationMonitor, Value::List(vec![monitor]))
}

#[rstest]
#[case("lbl", 1)]
#[case("mni", 0)]
fn an_update_is_told_of_the_attributes_that_are_watched(
    #[case] watched: &str,
    #[case] expected: usize,
) {
    let watched = (Attribute::AttributeCriterion, Value::texts([watched]));
    let mut fixture = with_criteria(&[watched], &[]);

    let label = [(Attribute::Labels, Value::texts(["x"]))];
    fixture
        .update(OWNER, BOX, ResourceType::Container, &label)
        .expect("an update");

    assert_eq!(told(&fixture), expected);
}

#[rstest]
#[case::deleted(false, 1)]
#[case::dropped(true, 0)]
fn an_instance_that_makes_room_goes_without_a_word(
    #[case] is_dropped: bool,
    #[case] expected: usize,
) {
    let mut fixture = with_criteria(&[events(&[4])], &[]);
    let limit = [(Attribute::MaxNrOfInstances, Value::Integer(1))];
    fixture
        .update(OWNER, BOX, ResourceType::Container, &limit)
        .expect("an update");
    fixture.fill("a").expect("an instance");

    if is_dropped {
        fixture.fill("b").expect("an instance");
    } else {
        fixture.delete(OWNER, "cse2/ae2/box/la").expect("gone");
    }

    assert_eq!(told(&fixture), expected, "REG-65");
    let container = fixture.resolve(BOX).expect("the box").resource;
    let left = fixture.get(container.as_str());
    let left = integer(&left.attributes, &Attribute::CurrentNrOfInstances);
    assert_eq!(left, Some(i64::from(is_dropped)));
}

#[test]
fn a_missed_instance_is_told() {
    let mut fixture = with_criteria(&[events(&[5])], &[]);

    let missed = fixture.retrieve(OWNER, "cse2/ae2/box/la", 1);

    assert_eq!(missed, Err(crate::status::Refusal::NotFound));
    assert_eq!(told(&fixture), 1);
}

#[test]
fn a_subscription_ends_after_its_last_notification_and_says_so() {
    let more = [
        (Attribute::ExpirationCounter, Value::Integer(2)),
        (Attribute::SubscriberUri, Value::text("Cae2")),
    ];
    let mut fixture = with_criteria(&[events(&[3])], &more);

    fixture.fill("a").expect("an instance");
    let left = fixture
        .retrieve(OWNER, "cse2/ae2/box/s", 1)
        .expect("one left");
    fixture.fill("b").expect("an instance");

    let kind = Attribute::Resource(ResourceType::Subscription);
    let left = left
        .member(&kind)
        .and_then(|s| s.member(&Attribute::ExpirationCounter));
    assert_eq!(left, Some(&Value::Integer(1)));
    assert_eq!(fixture.resolve("cse2/ae2/box/s"), None);
    // Two events and the farewell.
    assert_eq!(told(&fixture), 3);
}

#[test]
fn whoever_monitors_deletions_is_told() {
    let mut fixture = with_criteria(&[operation(4, None)], &[]);

    fixture.delete(OWNER, BOX).expect("a deletion");

    assert_eq!(told(&fixture), 1);
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
        .due(NOW, &parent, &child, Happening::ChildCreated, None);

    assert_eq!(due, []);
}
