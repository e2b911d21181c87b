//! Notifications that are gathered, that only the newest of is wanted, and that have a category (REG-86, REG-87).

use super::rates::{earlier, rate};
use super::reach::MORNING;
use crate::common::message::{Draft, member, request, schedule};
use crate::common::scene::{done, single};
use crate::common::{MINUTE, SECOND, World};
use m2m_machine::attribute::Attribute;
use m2m_machine::primitive::{Primitive, Request};
use m2m_machine::resource::ResourceType;
use m2m_machine::value::Value;
use rstest::rstest;

pub(super) const CSE: &str = "CSE1";
pub(super) const INBOX: &str = "cse1/ae1/inbox";
pub(super) const SUBSCRIPTION: &str = "cse1/ae1/inbox/sub";

pub(super) fn gathered(number: Option<i64>, duration: Option<&str>) -> (Attribute, Value) {
    let number = number.map(|number| (Attribute::BatchNumber, Value::Integer(number)));
    let duration = duration.map(|text| (Attribute::BatchDuration, Value::text(text)));
    (
        Attribute::BatchNotify,
        Value::object(number.into_iter().chain(duration)),
    )
}

pub(super) fn subscription(more: &[(Attribute, Value)]) -> Draft {
    let events = Value::List(vec![Value::Integer(3)]);
    let criteria = Value::object([(Attribute::NotificationEventType, events)]);
    let draft = Draft::create(INBOX, "Cae1", "s1", ResourceType::Subscription)
        .with(Attribute::ResourceName, Value::text("sub"))
        .with(Attribute::NotificationUri, Value::texts(["Cae1"]))
        .with(Attribute::EventNotificationCriteria, criteria);
    more.iter().fold(draft, |draft, (name, value)| {
        draft.with(name.clone(), value.clone())
    })
}

pub(super) fn subscribed(more: &[(Attribute, Value)]) -> World {
    let mut world = single();
    done(&mut world, "AE1", CSE, subscription(more).0);
    world
}

pub(super) fn events(world: &mut World, names: &[&str]) {
    for name in names {
        let instance = Draft::create(INBOX, "Cae1", name, ResourceType::ContentInstance)
            .with(Attribute::ResourceName, Value::text(name))
            .with(Attribute::Content, Value::text(name));
        done(world, "AE1", CSE, instance.0);
    }
}

pub(super) fn told(world: &World) -> Vec<Request> {
    let request = |primitive: &Primitive| match primitive {
        Primitive::Request(request) => Request::clone(request),
        Primitive::Response(response) => panic!("a request, not {response:?}"),
    };
    world.waiting(CSE, "AE1").map(request).collect()
}

/// The instances that a notification shows, one alone or several together.
pub(super) fn instances(request: &Request) -> Vec<String> {
    let content = &request.content.as_ref().expect("content").value;
    let together = content
        .member(&Attribute::AggregatedNotification)
        .and_then(|all| all.member(&Attribute::Notification)?.as_list());
    let alone = content.member(&Attribute::Notification);
    let path = [
        Attribute::NotificationEvent,
        Attribute::Representation,
        Attribute::Resource(ResourceType::ContentInstance),
        Attribute::ResourceName,
    ];
    let name = |sgn: &Value| {
        let name = path.iter().try_fold(sgn, |value, name| value.member(name));
        name.and_then(Value::as_text).expect("rn").to_string()
    };
    let list = together.map_or_else(
        || alone.into_iter().collect(),
        |list| list.iter().collect::<Vec<_>>(),
    );
    list.into_iter().map(name).collect()
}

/// The instances of all notifications that are on their way, those of one behind the other.
pub(super) fn all_instances(world: &World) -> String {
    let told: Vec<_> = told(world)
        .iter()
        .map(|request| instances(request).join(" "))
        .collect();
    told.join(", ")
}

/// REG-86: what has come after three events at once, and what when time has passed.
#[rstest]
#[case::by_number(gathered(Some(2), None), 0, "a b")]
#[case::by_number_and_then_by_time(gathered(Some(2), Some("PT5S")), 5 * SECOND, "a b, c")]
#[case::by_time(gathered(None, Some("PT5S")), 5 * SECOND, "a b c")]
#[case::not_yet(gathered(None, Some("PT5S")), 5 * SECOND - 1, "")]
#[case::by_the_usual_time(gathered(None, None), MINUTE, "a b c")]
#[case::not_yet_by_the_usual_time(gathered(Some(4), None), MINUTE - 1, "")]
fn events_are_told_together(
    #[case] batch: (Attribute, Value),
    #[case] wait: u64,
    #[case] expected: &str,
    #[values(false, true)] crashes: bool,
) {
    let mut world = subscribed(&[batch]);
    events(&mut world, &["a", "b", "c"]);
    if crashes {
        world.crash(CSE);
        world.open("AE1", CSE, Some("Cae1"));
    }

    world.wait(wait);

    assert_eq!(all_instances(&world), expected, "REG-86");
}

/// REG-86: each target gets its own.
#[test]
fn every_target_gets_a_batch() {
    let targets = (
        Attribute::NotificationUri,
        Value::texts(["Cae1", "cse1/ae1"]),
    );
    let mut world = subscribed(&[gathered(Some(2), None), targets]);

    events(&mut world, &["a", "b"]);

    let to: Vec<_> = told(&world)
        .iter()
        .map(|request| request.to.to_string())
        .collect();
    assert_eq!(to, ["Cae1", "cse1/ae1"]);
    assert_eq!(all_instances(&world), "a b, a b");
}

/// REG-86: a batch is one notification for `exc`.
#[test]
fn a_batch_counts_once() {
    let left = (Attribute::ExpirationCounter, Value::Integer(2));
    let mut world = subscribed(&[gathered(Some(2), None), left]);

    events(&mut world, &["a", "b"]);
    let read = Draft::retrieve(SUBSCRIPTION, "Cae1", "r1");
    let after_one = world.exchange("AE1", CSE, read.0);
    events(&mut world, &["c", "d"]);
    let gone = world.exchange("AE1", CSE, Draft::retrieve(SUBSCRIPTION, "Cae1", "r2").0);

    assert_eq!(
        member(&after_one, &Attribute::ExpirationCounter),
        Some(Value::Integer(1))
    );
    assert_eq!(gone.status.0, 4004);
}

/// REG-86: the host says for how long it gathers.
#[test]
fn a_subscription_shows_the_usual_duration() {
    let mut world = single();

    let made = world.exchange("AE1", CSE, subscription(&[gathered(Some(2), None)]).0);

    let (_, expected) = gathered(Some(2), Some("PT1M"));
    assert_eq!(
        member(&made, &Attribute::BatchNotify),
        Some(expected),
        "REG-86"
    );
}

pub(super) const LATEST: (Attribute, Value) = (Attribute::LatestNotify, Value::Bool(true));

fn category(number: i64) -> (Attribute, Value) {
    (Attribute::NotificationEventCategory, Value::Integer(number))
}

/// REG-87: the category of notifications, and of a batch only the newest.
#[rstest]
#[case::none(&[], "a, b", None)]
#[case::as_it_says(&[category(100)], "a, b", Some(100))]
#[case::the_latest(&[LATEST], "a, b", Some(4))]
#[case::the_latest_whatever_it_says(&[LATEST, category(3)], "a, b", Some(4))]
#[case::the_latest_of_a_batch(&[LATEST, gathered(Some(2), None)], "b", Some(4))]
#[case::a_batch(&[category(100), gathered(Some(2), None)], "a b", Some(100))]
fn notifications_have_the_category_of_their_subscription(
    #[case] more: &[(Attribute, Value)],
    #[case] expected: &str,
    #[case] category: Option<u32>,
) {
    let mut world = subscribed(more);

    events(&mut world, &["a", "b"]);

    assert_eq!(all_instances(&world), expected);
    let told = told(&world);
    assert!(
        told.iter()
            .all(|request| request.event_category == category),
        "REG-87"
    );
}

/// REG-87: of what waits for its target the newest is enough.
#[rstest]
#[case::all(&[], "a, b, c")]
#[case::the_latest(&[LATEST], "c")]
fn what_waits_is_replaced(#[case] more: &[(Attribute, Value)], #[case] expected: &str) {
    let targets = (Attribute::NotificationUri, Value::texts(["Cae1"]));
    let mut world = subscribed(&[more, &[targets]].concat());
    let rr = Draft::update("cse1/ae1", "Cae1", "u1", ResourceType::Ae)
        .with(Attribute::RequestReachability, Value::Bool(false));
    done(&mut world, "AE1", CSE, rr.0);

    events(&mut world, &["a", "b", "c"]);
    let rr = Draft::update("cse1/ae1", "Cae1", "u2", ResourceType::Ae)
        .with(Attribute::RequestReachability, Value::Bool(true));
    world.ask("AE1", CSE, rr.0);
    world.take_response(CSE, "AE1", "u2").expect("an answer");

    assert_eq!(all_instances(&world), expected, "REG-87");
}

/// REG-87: what has left for its target is not taken back, and is told again if it was lost.
#[test]
fn what_has_left_is_told_again() {
    let mut world = subscribed(&[LATEST]);
    events(&mut world, &["a"]);
    let first = world.pass(CSE, "AE1").map(request);
    events(&mut world, &["b"]);

    world.cut("AE1", CSE);
    world.open("AE1", CSE, Some("Cae1"));

    assert_eq!(first.map(|first| instances(&first)), Some(vec!["a".into()]));
    assert_eq!(all_instances(&world), "a, b", "REG-87");
}

/// REG-87: what is immediate is not held up by the schedule of its subscription.
#[rstest]
#[case::immediate(2, 1)]
#[case::best_effort(3, 0)]
fn an_immediate_notification_waits_for_no_schedule(#[case] number: i64, #[case] expected: usize) {
    let mut world = subscribed(&[category(number)]);
    let hours = Draft::create(SUBSCRIPTION, "Cae1", "s2", ResourceType::Schedule)
        .with(Attribute::ScheduleElement, schedule(&[MORNING]));
    done(&mut world, "AE1", CSE, hours.0);

    events(&mut world, &["a"]);

    assert_eq!(told(&world).len(), expected, "REG-87");
}

/// REG-86, REG-87, REG-88, REG-89: what a subscription cannot say.
#[rstest]
#[case::no_number(gathered(Some(0), None), 4000)]
#[case::no_duration(gathered(None, Some("5 s")), 4000)]
#[case::no_time(gathered(None, Some("PT0S")), 4000)]
#[case::no_category(category(5), 4000)]
#[case::no_truth((Attribute::LatestNotify, Value::Integer(1)), 4000)]
#[case::no_rate((Attribute::RateLimit, Value::object([])), 4000)]
#[case::a_rate_without_number(rate(None, Some("PT1M")), 4000)]
#[case::a_rate_without_time(rate(Some(1), None), 4000)]
#[case::a_rate_of_nothing(rate(Some(0), Some("PT1M")), 4000)]
#[case::a_rate(rate(Some(1), Some("PT1M")), 2001)]
#[case::nothing_earlier(earlier(0), 4000)]
#[case::something_earlier(earlier(1), 2001)]
#[case::priorities((Attribute::Custom("nsp".into()), Value::Integer(1)), 5001)]
fn some_policies_are_refused(#[case] policy: (Attribute, Value), #[case] expected: u16) {
    let mut world = single();

    let answer = world.exchange("AE1", CSE, subscription(&[policy]).0);

    assert_eq!(answer.status.0, expected);
}

/// REG-86, REG-87: the events of sessions are told one by one, as they happen.
#[rstest]
#[case(gathered(Some(2), None))]
#[case(LATEST)]
#[case(category(2))]
#[case(rate(Some(1), Some("PT1M")))]
#[case(earlier(1))]
fn events_of_sessions_are_not_gathered(#[case] policy: (Attribute, Value)) {
    let mut world = single();
    let events = Value::List(vec![Value::Integer(50_003)]);
    let criteria = Value::object([(Attribute::NotificationEventType, events)]);
    let draft = Draft::create(
        "cse1/ae1/sessions",
        "Cae1",
        "s1",
        ResourceType::Subscription,
    )
    .with(Attribute::NotificationUri, Value::texts(["Cae1"]))
    .with(Attribute::EventNotificationCriteria, criteria)
    .with(policy.0, policy.1);

    let answer = world.exchange("AE1", CSE, draft.0);

    assert_eq!(answer.status.0, 5001, "REG-86, REG-87");
}
