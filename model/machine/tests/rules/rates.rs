//! How fast notifications leave, what they tell of before their subscription, to whom they go and under which name of
//! the subscriber, and when (REG-88 to REG-92).

use super::batches::{
    CSE, INBOX, LATEST, SUBSCRIPTION, all_instances, events, gathered, subscribed, subscription,
    told,
};
use super::reach::MORNING;
use crate::common::message::{Draft, member, schedule};
use crate::common::scene::{done, single};
use crate::common::{MINUTE, World};
use m2m_machine::attribute::Attribute;
use m2m_machine::primitive::Primitive;
use m2m_machine::resource::ResourceType;
use m2m_machine::value::Value;
use rstest::rstest;

pub(super) fn rate(number: Option<i64>, window: Option<&str>) -> (Attribute, Value) {
    let number = number.map(|number| (Attribute::MaxNrOfNotify, Value::Integer(number)));
    let window = window.map(|text| (Attribute::TimeWindow, Value::text(text)));
    (
        Attribute::RateLimit,
        Value::object(number.into_iter().chain(window)),
    )
}

pub(super) fn earlier(number: i64) -> (Attribute, Value) {
    (Attribute::PreSubscriptionNotify, Value::Integer(number))
}

/// Two notifications a minute, in windows that follow each other from the beginning on.
fn two_a_minute() -> (Attribute, Value) {
    rate(Some(2), Some("PT1M"))
}

fn restart(world: &mut World) {
    world.crash(CSE);
    world.open("AE1", CSE, Some("Cae1"));
}

fn update(world: &mut World, id: &str, name: Attribute, value: Value) {
    let draft = Draft::update(SUBSCRIPTION, "Cae1", id, ResourceType::Subscription);
    done(world, "AE1", CSE, draft.with(name, value).0);
}

/// REG-88: what has been told of five events after so much time.
#[rstest]
#[case::in_the_first_window(0, "a, b")]
#[case::until_it_ends(MINUTE - 1, "a, b")]
#[case::in_the_second(MINUTE, "a, b, c, d")]
#[case::until_that_ends(2 * MINUTE - 1, "a, b, c, d")]
#[case::in_the_third(2 * MINUTE, "a, b, c, d, e")]
fn a_window_takes_so_many_notifications(
    #[case] wait: u64,
    #[case] expected: &str,
    #[values(false, true)] crashes: bool,
) {
    let mut world = subscribed(&[two_a_minute()]);
    events(&mut world, &["a", "b", "c", "d", "e"]);
    if crashes {
        restart(&mut world);
    }

    world.wait(wait);

    assert_eq!(all_instances(&world), expected, "REG-88");
}

/// REG-88: a crash gives nobody a new window, and what comes later waits behind what is kept.
#[rstest]
fn what_has_left_counts_after_a_crash(#[values(false, true)] crashes: bool) {
    let mut world = subscribed(&[two_a_minute()]);
    events(&mut world, &["a", "b"]);
    if crashes {
        restart(&mut world);
    }

    events(&mut world, &["c"]);
    let at_once = all_instances(&world);
    world.wait(MINUTE);
    events(&mut world, &["d", "e"]);
    let later = all_instances(&world);

    assert_eq!(at_once, "a, b", "REG-88");
    assert_eq!(later, "a, b, c, d", "REG-88");
}

/// REG-88: windows are those of the clock since the subscription was made, whether anything happened in them or not.
#[test]
fn a_window_begins_without_events() {
    let mut world = subscribed(&[two_a_minute()]);
    world.wait(MINUTE - 1);

    events(&mut world, &["a", "b", "c"]);
    let before = all_instances(&world);
    world.wait(1);

    assert_eq!(before, "a, b");
    assert_eq!(all_instances(&world), "a, b, c", "REG-88");
}

/// REG-88: a rate and other policies.
#[rstest]
#[case::every_target_is_told(
    &[rate(Some(1), Some("PT1M")), (Attribute::NotificationUri, Value::texts(["Cae1", "cse1/ae1"]))],
    "a, a", "a, a, b, b"
)]
#[case::a_batch_counts_once(&[rate(Some(1), Some("PT1M")), gathered(Some(2), None)], "a b", "a b, c d")]
#[case::of_the_latest_one_waits(&[rate(Some(1), Some("PT1M")), LATEST], "a", "a, d")]
#[case::the_last_is_the_last(
    &[rate(Some(1), Some("PT1M")), (Attribute::ExpirationCounter, Value::Integer(1))],
    "a", "a"
)]
fn a_rate_goes_with_other_policies(
    #[case] policies: &[(Attribute, Value)],
    #[case] at_once: &str,
    #[case] after_a_window: &str,
) {
    let mut world = subscribed(policies);

    events(&mut world, &["a", "b", "c", "d"]);
    let first = all_instances(&world);
    world.wait(MINUTE);

    assert_eq!(first, at_once, "REG-88");
    assert_eq!(all_instances(&world), after_a_window, "REG-88");
}

/// REG-88: what is kept leaves at once when the rate is taken off, and goes with its subscription.
#[test]
fn a_rate_can_be_taken_off() {
    let mut world = subscribed(&[two_a_minute()]);
    events(&mut world, &["a", "b", "c"]);

    update(&mut world, "u1", Attribute::RateLimit, Value::Null);
    let without = all_instances(&world);
    update(
        &mut world,
        "u2",
        Attribute::RateLimit,
        rate(Some(1), Some("PT1H")).1,
    );
    events(&mut world, &["d", "e"]);
    done(
        &mut world,
        "AE1",
        CSE,
        Draft::delete(SUBSCRIPTION, "Cae1", "x1").0,
    );
    world.wait(60 * MINUTE);

    assert_eq!(without, "a, b, c", "REG-88");
    assert_eq!(all_instances(&world), "a, b, c, d", "REG-88");
}

/// REG-88: a first target that nobody knows any more does not make one event of several.
#[test]
fn a_target_that_is_gone_does_not_join_events() {
    let targets = Value::texts(["Cgone", "Cae1"]);
    let mut world = subscribed(&[two_a_minute()]);
    update(&mut world, "u1", Attribute::NotificationUri, targets);

    events(&mut world, &["a", "b", "c", "d", "e"]);
    let first = all_instances(&world);
    world.wait(MINUTE);

    assert_eq!(first, "a, b", "REG-88");
    assert_eq!(all_instances(&world), "a, b, c, d", "REG-88");
}

/// REG-88: what waits for a window does not wait for a batch that came later, nor goes with a policy for schedules.
#[rstest]
#[case::a_batch(gathered(None, Some("PT1H")), "a, b, c d e")]
#[case::no_schedule_policy((Attribute::PendingNotification, Value::Null), "a, b, c, d")]
fn another_policy_loses_nothing(#[case] policy: (Attribute, Value), #[case] expected: &str) {
    let pending = (Attribute::PendingNotification, Value::Integer(2));
    let mut world = subscribed(&[two_a_minute(), pending]);
    events(&mut world, &["a", "b", "c", "d", "e"]);

    update(&mut world, "u1", policy.0, policy.1);
    world.wait(MINUTE);

    assert_eq!(all_instances(&world), expected, "REG-88");
}

/// REG-88: the count of a window is nobody's business.
#[test]
fn what_has_left_is_not_shown() {
    let mut world = subscribed(&[two_a_minute()]);
    events(&mut world, &["a"]);

    let read = Draft::retrieve(SUBSCRIPTION, "Cae1", "r1");
    let shown = world.exchange("AE1", CSE, read.0);

    assert_eq!(
        member(&shown, &Attribute::RateLimit),
        Some(two_a_minute().1)
    );
    assert_eq!(member(&shown, &Attribute::SentInWindow), None);
}

/// REG-89: children made before, as many as are wanted, oldest first, and after the answer.
#[rstest]
#[case::none(&[], "")]
#[case::the_newest(&[earlier(1)], "c")]
#[case::two(&[earlier(2)], "b, c")]
#[case::all_that_there_are(&[earlier(9)], "a, b, c")]
#[case::at_a_rate(&[earlier(3), rate(Some(2), Some("PT1H"))], "a, b")]
#[case::together(&[earlier(2), gathered(Some(2), None)], "b c")]
fn a_subscription_tells_of_what_was_before(
    #[case] policies: &[(Attribute, Value)],
    #[case] expected: &str,
    #[values(false, true)] crashes: bool,
) {
    let mut world = single();
    events(&mut world, &["a", "b", "c"]);

    world.ask("AE1", CSE, subscription(policies).0);
    let first = world.pass(CSE, "AE1");
    let early = all_instances(&world);
    if crashes {
        restart(&mut world);
    }
    world.wait(0);

    assert!(
        matches!(first, Some(Primitive::Response(made)) if made.status.0 == 2001),
        "REG-89"
    );
    assert_eq!(early, "", "REG-89");
    assert_eq!(all_instances(&world), expected, "REG-89");
}

/// REG-89: what comes before the earlier events are told comes behind them.
#[test]
fn a_new_event_does_not_overtake_earlier_ones() {
    let mut world = single();
    events(&mut world, &["a", "b"]);
    done(&mut world, "AE1", CSE, subscription(&[earlier(2)]).0);

    events(&mut world, &["c"]);

    assert_eq!(all_instances(&world), "a, b, c", "REG-89");
}

/// REG-89: other events than creations are not remembered, and `exc` counts earlier ones too.
#[rstest]
#[case::updates(&[1], None, "")]
#[case::creations(&[1, 3], None, "a, b")]
#[case::one_and_no_more(&[3], Some(1), "a")]
fn only_creations_are_remembered(
    #[case] types: &[i64],
    #[case] left: Option<i64>,
    #[case] expected: &str,
) {
    let mut world = single();
    events(&mut world, &["a", "b"]);
    let types = Value::List(types.iter().map(|n| Value::Integer(*n)).collect());
    let criteria = Value::object([(Attribute::NotificationEventType, types)]);
    let mut policies = vec![earlier(5), (Attribute::EventNotificationCriteria, criteria)];
    policies.extend(left.map(|left| (Attribute::ExpirationCounter, Value::Integer(left))));

    done(&mut world, "AE1", CSE, subscription(&policies).0);
    world.wait(0);

    assert_eq!(all_instances(&world), expected, "REG-89");
}

/// REG-90: what stands behind `?` is no part of the address.
#[rstest]
#[case::json(&["Cae1?ct=json"], 2001)]
#[case::cbor(&["cse1/ae1?ct=cbor"], 2001)]
#[case::among_others(&["Cae1?x=1&ct=json"], 2001)]
#[case::something_else(&["Cae1?x=1"], 2001)]
#[case::xml(&["Cae1?ct=xml"], 5001)]
#[case::no_address(&["?ct=json"], 4000)]
fn a_target_goes_without_its_serialization(#[case] targets: &[&str], #[case] expected: u16) {
    let mut world = single();
    let targets = [(Attribute::NotificationUri, Value::texts(targets))];

    let made = world.exchange("AE1", CSE, subscription(&targets).0);
    if expected == 2001 {
        events(&mut world, &["a"]);
    }

    assert_eq!(made.status.0, expected, "REG-90");
    let to: Vec<_> = told(&world)
        .into_iter()
        .map(|request| request.to.to_string())
        .collect();
    let expected_to: Vec<_> = match member(&made, &Attribute::NotificationUri) {
        // As it was written.
        Some(shown) => vec![shown.as_texts().expect("a list")[0].replace("?x=1&", "?")],
        None => Vec::new(),
    };
    let expected_to: Vec<_> = expected_to
        .iter()
        .filter_map(|shown| shown.split('?').next())
        .collect();
    assert_eq!(to, expected_to, "REG-90");
}

/// REG-91: the name of the schedule of a subscription.
#[rstest]
#[case::given(Some("notificationSchedule"), 2001)]
#[case::chosen(None, 2001)]
#[case::another(Some("mine"), 4000)]
fn the_schedule_of_a_subscription_has_its_name(#[case] name: Option<&str>, #[case] expected: u16) {
    let mut world = subscribed(&[]);
    let mut hours = Draft::create(SUBSCRIPTION, "Cae1", "s2", ResourceType::Schedule)
        .with(Attribute::ScheduleElement, schedule(&[MORNING]));
    if let Some(name) = name {
        hours = hours.with(Attribute::ResourceName, Value::text(name));
    }

    let made = world.exchange("AE1", CSE, hours.0);
    events(&mut world, &["a"]);

    assert_eq!(made.status.0, expected, "REG-91");
    if expected == 2001 {
        let name = member(&made, &Attribute::ResourceName);
        assert_eq!(name, Some(Value::text("notificationSchedule")), "REG-91");
    }
    assert_eq!(told(&world).is_empty(), expected == 2001, "REG-91");
}

/// REG-92: `cr` is the originator as its request names it, and notifications tell it.
#[rstest]
#[case::where_it_is_asked_for(&["Cae1"], true)]
#[case::where_it_is_not(&["Cae1"], false)]
fn notifications_tell_the_creator(#[case] targets: &[&str], #[case] is_asked: bool) {
    let mut world = single();
    let mut draft = subscription(&[(Attribute::NotificationUri, Value::texts(targets))]);
    if is_asked {
        draft = draft.with(Attribute::Creator, Value::Null);
    }

    let made = world.exchange("AE1", CSE, draft.0);
    events(&mut world, &["a"]);

    let shown = is_asked.then(|| Value::text("Cae1"));
    assert_eq!(member(&made, &Attribute::Creator), shown, "REG-92");
    let told = told(&world);
    let content = told[0].content.as_ref().expect("content");
    let notification = content.value.member(&Attribute::Notification);
    let creator = notification.and_then(|sgn| sgn.member(&Attribute::Creator));
    let expected = is_asked.then(|| Value::text("/cse1/Cae1"));
    assert_eq!(creator, expected.as_ref(), "REG-92");
}

/// REG-92: the same holds for every resource.
#[test]
fn a_container_shows_its_creator_as_it_called_itself() {
    let mut world = single();
    let draft = Draft::create(INBOX, "Cae1", "c1", ResourceType::Container)
        .with(Attribute::Creator, Value::Null);

    let made = world.exchange("AE1", CSE, draft.0);

    assert_eq!(
        member(&made, &Attribute::Creator),
        Some(Value::text("Cae1")),
        "REG-92"
    );
}
