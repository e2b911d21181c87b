//! Resources of the service layer: how long they live, what the host writes into subscriptions, filters and parts of
//! a result, reports of requests, members of a group.

use super::reach::MORNING;
use crate::common::message::{Draft, member, schedule, uri};
use crate::common::scene::{done, single};
use crate::common::{HOUR, START, World};
use m2m_machine::attribute::Attribute;
use m2m_machine::primitive::{Operation, Primitive, Request, Response, ResponseMode};
use m2m_machine::resource::ResourceType;
use m2m_machine::value::Value;
use rstest::rstest;

const CSE: &str = "CSE1";
const INBOX: &str = "cse1/ae1/inbox";

fn asked(world: &mut World, draft: Draft) -> Response {
    world.exchange("AE1", CSE, draft.0)
}

fn expires(after: u64) -> (Attribute, Value) {
    (Attribute::ExpirationTime, Value::Time(START.plus(after)))
}

fn container(to: &str, id: &str, after: u64) -> Draft {
    let (name, value) = expires(after);
    Draft::create(to, "Cae1", id, ResourceType::Container)
        .with(Attribute::ResourceName, Value::text("box"))
        .with(name, value)
}

fn filter(request: &mut Request, criteria: &[(Attribute, Value)]) {
    request.filter = Some(Value::object(criteria.iter().cloned()));
}

/// REG-79: the box lives two hours, what stands in it one.
#[rstest]
#[case::before_its_child(HOUR - 1, 4000)]
#[case::with_its_child(HOUR, 2004)]
#[case::after_its_child(HOUR + 1, 2004)]
#[case::later_than_before(3 * HOUR, 2004)]
fn a_resource_does_not_end_before_its_children(#[case] after: u64, #[case] expected: u16) {
    let mut world = single();
    done(
        &mut world,
        "AE1",
        CSE,
        container("cse1/ae1", "c1", 2 * HOUR).0,
    );
    done(
        &mut world,
        "AE1",
        CSE,
        container("cse1/ae1/box", "c2", HOUR).0,
    );

    let (name, value) = expires(after);
    let update = Draft::update("cse1/ae1/box", "Cae1", "u1", ResourceType::Container);
    let answer = asked(&mut world, update.with(name, value));

    assert_eq!(answer.status.0, expected, "REG-79");
}

/// REG-79: the collection of sessions is no obstacle, since it follows its AE, but what stands in it is.
#[rstest]
#[case::with_a_subscription(true, 4000)]
#[case::empty(false, 2004)]
fn an_ae_may_end_earlier_with_its_collection(#[case] is_subscribed: bool, #[case] expected: u16) {
    let mut world = single();
    let mut children = vec![INBOX.to_owned()];
    let subscriptions = world.resources(CSE, ResourceType::Subscription);
    if !is_subscribed {
        let own = subscriptions
            .iter()
            .filter(|row| *row.creator == *"/cse1/Cae1");
        children.extend(own.map(|row| row.id.to_string()));
    }
    for (at, child) in children.iter().enumerate() {
        done(
            &mut world,
            "AE1",
            CSE,
            Draft::delete(child, "Cae1", &format!("d{at}")).0,
        );
    }

    let (name, value) = expires(HOUR);
    let update = Draft::update("cse1/ae1", "Cae1", "u1", ResourceType::Ae);
    let answer = asked(&mut world, update.with(name, value.clone()));

    assert_eq!(answer.status.0, expected, "REG-79");
    let sessions = world.resources(CSE, ResourceType::Sessions);
    let of_ae = sessions
        .iter()
        .find(|row| row.parent.as_ref().is_some_and(|p| p.as_str() == "Cae1"));
    let follows = of_ae.expect("sessions").expires == value.as_time();
    assert_eq!(follows, expected == 2004);
}

fn subscription(id: &str, targets: &[&str]) -> Draft {
    let events = Value::List(vec![Value::Integer(3)]);
    let criteria = Value::object([(Attribute::NotificationEventType, events)]);
    Draft::create(INBOX, "Cae1", id, ResourceType::Subscription)
        .with(Attribute::ResourceName, Value::text("sub"))
        .with(Attribute::NotificationUri, Value::texts(targets))
        .with(Attribute::EventNotificationCriteria, criteria)
}

/// REG-80: `nct` and `cr` as the host completes them.
#[rstest]
#[case::for_itself(&["Cae1"], None, (1, None))]
#[case::for_itself_by_path(&["cse1/ae1"], None, (1, None))]
#[case::for_itself_from_outside(&["/cse1/Cae1"], Some(3), (3, None))]
#[case::for_this_cse(&["/cse1"], None, (1, Some("Cae1")))]
#[case::for_itself_and_another(&["Cae1", "/cse1"], Some(3), (3, Some("Cae1")))]
fn a_subscription_says_what_it_shows_and_whose_it_is(
    #[case] targets: &[&str],
    #[case] content_type: Option<i64>,
    #[case] expected: (i64, Option<&str>),
) {
    let mut world = single();
    let mut draft = subscription("s1", targets);
    if let Some(number) = content_type {
        draft = draft.with(Attribute::NotificationContentType, Value::Integer(number));
    }

    let answer = asked(&mut world, draft);

    let shown = |name| member(&answer, &name);
    assert_eq!(
        shown(Attribute::NotificationContentType),
        Some(Value::Integer(expected.0)),
        "REG-80"
    );
    assert_eq!(
        shown(Attribute::Creator),
        expected.1.map(Value::text),
        "REG-80"
    );
}

/// Three events while the schedule is closed, then the policy changes.
#[rstest]
#[case::none(Some(2), None, &[])]
#[case::the_latest(Some(2), Some(1), &["i3"])]
#[case::still_all(Some(2), Some(2), &["i1", "i2", "i3"])]
#[case::of_the_latest_all(Some(1), Some(2), &["i3"])]
#[case::of_the_latest_none(Some(1), None, &[])]
fn a_changed_policy_drops_what_it_would_not_have_kept(
    #[case] before: Option<i64>,
    #[case] after: Option<i64>,
    #[case] told: &[&str],
) {
    let policy = |number: Option<i64>| number.map_or(Value::Null, Value::Integer);
    let mut world = single();
    let draft = subscription("s1", &["Cae1"]).with(Attribute::PendingNotification, policy(before));
    done(&mut world, "AE1", CSE, draft.0);
    let hours = Draft::create("cse1/ae1/inbox/sub", "Cae1", "s2", ResourceType::Schedule)
        .with(Attribute::ScheduleElement, schedule(&[MORNING]));
    done(&mut world, "AE1", CSE, hours.0);
    for id in ["i1", "i2", "i3"] {
        let instance = Draft::create(INBOX, "Cae1", id, ResourceType::ContentInstance)
            .with(Attribute::ResourceName, Value::text(id))
            .with(Attribute::Content, Value::text(id));
        done(&mut world, "AE1", CSE, instance.0);
    }

    let update = Draft::update(
        "cse1/ae1/inbox/sub",
        "Cae1",
        "u1",
        ResourceType::Subscription,
    )
    .with(Attribute::PendingNotification, policy(after));
    assert_eq!(asked(&mut world, update).status.0, 2004);
    world.wait(HOUR);

    let shown = |primitive: &Primitive| match primitive {
        Primitive::Request(request) => instance_in(request),
        Primitive::Response(response) => panic!("a request, not {response:?}"),
    };
    let names: Vec<_> = world.waiting(CSE, "AE1").map(shown).collect();
    assert_eq!(names, told, "REG-81");
}

fn instance_in(request: &Request) -> String {
    let path = [
        Attribute::Notification,
        Attribute::NotificationEvent,
        Attribute::Representation,
        Attribute::Resource(ResourceType::ContentInstance),
        Attribute::ResourceName,
    ];
    let content = &request.content.as_ref().expect("m2m:sgn").value;
    let name = path
        .iter()
        .try_fold(content, |value, name| value.member(name));
    name.and_then(Value::as_text).expect("rn").to_string()
}

/// REG-82: what is kept as the latest says so.
#[rstest]
#[case::the_latest(1, Some(4))]
#[case::all(2, None)]
fn a_notification_that_was_kept_has_its_category(
    #[case] policy: i64,
    #[case] expected: Option<u32>,
) {
    let mut world = single();
    let policy = Value::Integer(policy);
    let draft = subscription("s1", &["Cae1"]).with(Attribute::PendingNotification, policy);
    done(&mut world, "AE1", CSE, draft.0);
    let hours = Draft::create("cse1/ae1/inbox/sub", "Cae1", "s2", ResourceType::Schedule)
        .with(Attribute::ScheduleElement, schedule(&[MORNING]));
    done(&mut world, "AE1", CSE, hours.0);
    let instance = Draft::create(INBOX, "Cae1", "i1", ResourceType::ContentInstance)
        .with(Attribute::Content, Value::text("x"));
    done(&mut world, "AE1", CSE, instance.0);

    world.wait(HOUR);

    let category = world.waiting(CSE, "AE1").map(|primitive| match primitive {
        Primitive::Request(request) => request.event_category,
        Primitive::Response(response) => panic!("a request, not {response:?}"),
    });
    assert_eq!(category.collect::<Vec<_>>(), [expected], "REG-82");
}

/// REG-83: reports of requests are asked for and removed by those who wait.
#[rstest]
#[case(Operation::Retrieve, ResponseMode::NonBlockingSynch, 4000)]
#[case(Operation::Retrieve, ResponseMode::NonBlockingAsynch, 4000)]
#[case(Operation::Delete, ResponseMode::NonBlockingSynch, 4000)]
#[case(Operation::Retrieve, ResponseMode::FlexBlocking, 2000)]
#[case(Operation::Delete, ResponseMode::FlexBlocking, 2002)]
fn a_report_is_not_asked_for_by_a_request_with_a_report(
    #[case] operation: Operation,
    #[case] mode: ResponseMode,
    #[case] expected: u16,
) {
    let mut world = single();
    let read = Draft::retrieve(INBOX, "Cae1", "r1").answered(ResponseMode::NonBlockingSynch);
    let report = uri(&asked(&mut world, read)).expect("an address");

    let again = Draft::new(operation, &report, "Cae1", "r2").answered(mode);
    let answer = asked(&mut world, again);

    assert_eq!(answer.status.0, expected, "REG-83");
}

/// Four boxes in the inbox, of which a request is to show two.
fn four_boxes() -> World {
    let mut world = single();
    for id in ["b1", "b2", "b3", "b4"] {
        let draft = Draft::create(INBOX, "Cae1", id, ResourceType::Container)
            .with(Attribute::ResourceName, Value::text(id));
        done(&mut world, "AE1", CSE, draft.0);
    }
    world
}

fn number(name: Attribute, value: i64) -> (Attribute, Value) {
    (name, Value::Integer(value))
}

/// DIS-13: a result that a limit has cut says where the rest begins.
#[rstest]
#[case::nothing_left_out(4, 1, None)]
#[case::the_first_two(2, 1, Some(3))]
#[case::the_second_and_third(2, 2, Some(4))]
#[case::the_last_two(2, 3, None)]
#[case::none_at_all(0, 1, Some(1))]
fn a_part_of_a_result_says_where_the_rest_begins(
    #[values((1, None), (1, Some(6)), (2, Some(4)), (2, Some(5)), (2, Some(6)), (2, Some(8)))]
    usage: (i64, Option<u32>),
    #[case] limit: i64,
    #[case] offset: i64,
    #[case] rest: Option<u32>,
) {
    let mut world = four_boxes();
    let mut read = Draft::retrieve(INBOX, "Cae1", "r1").0;
    read.result_content = usage.1;
    let criteria = [
        number(Attribute::FilterUsage, usage.0),
        number(Attribute::Limit, limit),
        number(Attribute::Offset, offset),
    ];
    filter(&mut read, &criteria);

    let answer = world.exchange("AE1", CSE, read);

    assert_eq!(answer.status.0, 2000, "{answer:?}");
    assert_eq!(
        answer.content.and_then(|content| content.rest),
        rest,
        "DIS-13"
    );
}

/// DIS-14: criteria that name what has criteria of its own.
#[rstest]
fn an_attribute_with_a_criterion_of_its_own_is_not_named(
    #[values("ct", "lt", "st", "et", "lbl", "ty", "cs", "cnf")] name: &str,
    #[values("atr", "catr", "patr")] criterion: &str,
) {
    let pair = Value::object([
        (Attribute::CriterionName, Value::text(name)),
        (Attribute::CriterionValue, Value::text("x")),
    ]);
    let criterion = match criterion {
        "atr" => Attribute::AttributeCriterion,
        other => Attribute::Custom(other.into()),
    };

    assert_eq!(
        discovered((criterion, Value::List(vec![pair]))),
        4000,
        "DIS-14"
    );
}

/// How a discovery with this criterion is answered.
fn discovered(criterion: (Attribute, Value)) -> u16 {
    let mut world = single();
    let mut read = Draft::retrieve("cse1", "Cae1", "r1").0;
    filter(&mut read, &[number(Attribute::FilterUsage, 1), criterion]);
    // What stands twice counts as it stands last.
    world.exchange("AE1", CSE, read).status.0
}

/// REG-84: members that a fan-out has deleted leave the group, those that stand for others stay.
#[rstest]
#[case::whole("", &["cse1/ae1/inbox/b3/la"], 1)]
#[case::what_is_below_them("/x", &["cse1/ae1/inbox/b1", "cse1/ae1/inbox/b2", "cse1/ae1/inbox/b3/la"], 3)]
fn members_that_are_deleted_leave_the_group(
    #[case] behind: &str,
    #[case] left: &[&str],
    #[case] count: i64,
) {
    let mut world = four_boxes();
    for (at, id) in ["b1", "b2"].into_iter().enumerate() {
        let draft = Draft::create(
            &format!("{INBOX}/{id}"),
            "Cae1",
            &format!("x{at}"),
            ResourceType::Container,
        )
        .with(Attribute::ResourceName, Value::text("x"));
        done(&mut world, "AE1", CSE, draft.0);
    }
    let instance = Draft::create(
        "cse1/ae1/inbox/b3",
        "Cae1",
        "i1",
        ResourceType::ContentInstance,
    )
    .with(Attribute::Content, Value::text("x"));
    done(&mut world, "AE1", CSE, instance.0);
    let of = [
        "cse1/ae1/inbox/b1",
        "cse1/ae1/inbox/b2",
        "cse1/ae1/inbox/b3/la",
    ];
    let group = Draft::create("cse1/ae1", "Cae1", "g1", ResourceType::Group)
        .with(Attribute::ResourceName, Value::text("grp"))
        .with(Attribute::MaxNrOfMembers, Value::Integer(5))
        .with(Attribute::MemberIds, Value::texts(of));
    done(&mut world, "AE1", CSE, group.0);

    let delete = Draft::delete(&format!("cse1/ae1/grp/fopt{behind}"), "Cae1", "d1");
    assert_eq!(asked(&mut world, delete).status.0, 2000);

    let shown = asked(&mut world, Draft::retrieve("cse1/ae1/grp", "Cae1", "r1"));
    assert_eq!(
        member(&shown, &Attribute::MemberIds),
        Some(Value::texts(left)),
        "REG-84"
    );
    assert_eq!(
        member(&shown, &Attribute::CurrentNrOfMembers),
        Some(Value::Integer(count))
    );
}
