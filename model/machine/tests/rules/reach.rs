//! Whether and how a registree takes requests: `rr`, its schedule, its polling channel, and the schedules of
//! subscriptions.

use crate::common::message::{Draft, schedule};
use crate::common::scene::{done, single};
use crate::common::{MINUTE, SECOND, World};
use m2m_machine::attribute::Attribute;
use m2m_machine::primitive::{Content, Operation, Primitive, Response};
use m2m_machine::resource::ResourceType;
use m2m_machine::value::Value;
use rstest::rstest;

const CSE: &str = "CSE1";
const PCU: &str = "cse1/ae2/pch/pcu";
/// Half an hour from one minute after the start on.
pub(super) const MORNING: &str = "* 0-29 10 * * * *";

/// CSE1 with AE2, which lets everybody do everything to it.
fn world() -> World {
    let mut world = single();
    let rule = Value::object([
        (Attribute::AccessControlOriginators, Value::texts(["all"])),
        (Attribute::AccessControlOperations, Value::Integer(63)),
    ]);
    let rules = Value::object([(Attribute::AccessControlRules, Value::List(vec![rule]))]);
    let acp = ResourceType::AccessControlPolicy;
    let opened =
        Draft::update("cse1/ae2/acp", "Cae2", "g1", acp).with(Attribute::Privileges, rules);
    done(&mut world, "AE2", CSE, opened.0);
    world
}

fn channel(id: &str, from: &str) -> Draft {
    Draft::create("cse1/ae2", from, id, ResourceType::PollingChannel)
        .with(Attribute::ResourceName, Value::text("pch"))
}

/// AE2 says whether it takes requests.
fn says(world: &mut World, id: &str, reachable: bool) {
    let update = Draft::update("cse1/ae2", "Cae2", id, ResourceType::Ae)
        .with(Attribute::RequestReachability, Value::Bool(reachable));
    done(world, "AE2", CSE, update.0);
}

/// CSE1 with AE2, which polls.
fn polled() -> World {
    let mut world = world();
    says(&mut world, "r1", false);
    done(&mut world, "AE2", CSE, channel("p1", "Cae2").0);
    world
}

/// AE1 sends a NOTIFY to AE2 that lives so long.
fn notify(world: &mut World, id: &str, life_ms: u64) {
    let by = world.now.plus(life_ms);
    let notify = Draft::notify("cse1/ae2", "Cae1", id).by(by).0;
    world.ask("AE1", CSE, notify);
}

/// The identifier of the request that an answer of the channel brings.
fn brought(response: &Response) -> Option<String> {
    let (name, request) = response.content.as_ref()?.single()?;
    assert_eq!(*name, Attribute::RequestPrimitive);
    let id = request.member(&Attribute::RequestIdentifier)?.as_text()?;
    Some(id.to_string())
}

fn answer(id: &str, to: &str) -> Draft {
    let mut notify = Draft::notify(PCU, "Cae2", id);
    let response = Value::object([
        (Attribute::ResponseStatusCode, Value::Integer(2000)),
        (Attribute::RequestIdentifier, Value::text(to)),
    ]);
    notify.0.content = Some(Content::new(Attribute::ResponsePrimitive, response));
    notify
}

#[rstest]
#[case::the_owner("AE2", "cse1/ae2", 2001)]
#[case::another_with_every_right("AE1", "cse1/ae2", 4103)]
#[case::where_none_belongs("AE2", "cse1/ae2/container1", 4108)]
fn a_channel_is_made_by_its_owner(#[case] ae: &'static str, #[case] to: &str, #[case] code: u16) {
    let mut world = world();
    let from = format!("C{}", ae.to_lowercase());
    let create = Draft::create(to, &from, "p1", ResourceType::PollingChannel).0;

    // REG-41
    assert_eq!(world.exchange(ae, CSE, create).status.0, code);
}

#[test]
fn there_is_one_channel() {
    let mut world = polled();
    let mut second = channel("p2", "Cae2").0;
    second.content = Some(Content::resource(
        ResourceType::PollingChannel,
        [].into_iter().collect(),
    ));

    // REG-41
    assert_eq!(world.exchange("AE2", CSE, second).status.0, 4105);
}

#[rstest]
#[case(Operation::Update, "AE2", 4005)]
#[case(Operation::Delete, "AE2", 4005)]
#[case(Operation::Retrieve, "AE1", 4103)]
#[case(Operation::Notify, "AE1", 4103)]
#[case(Operation::Delete, "AE1", 4103)]
fn pcu_is_its_owners(#[case] operation: Operation, #[case] ae: &'static str, #[case] code: u16) {
    let mut world = polled();
    let from = format!("C{}", ae.to_lowercase());
    let mut request = Draft::new(operation, PCU, &from, "p3").0;
    if matches!(operation, Operation::Update | Operation::Notify) {
        request.content = answer("p3", "x1").0.content;
    }

    // REG-42
    assert_eq!(world.exchange(ae, CSE, request).status.0, code);
}

#[test]
fn a_poll_brings_the_oldest_request_and_its_answer_goes_back() {
    let mut world = polled();
    notify(&mut world, "x1", MINUTE);
    notify(&mut world, "x2", MINUTE);

    let first = world.exchange("AE2", CSE, Draft::retrieve(PCU, "Cae2", "p3").0);
    let second = world.exchange("AE2", CSE, Draft::retrieve(PCU, "Cae2", "p4").0);
    world.ask("AE2", CSE, Draft::retrieve(PCU, "Cae2", "p5").0);

    // REG-43
    assert_eq!(first.status.0, 2000);
    assert_eq!(brought(&first).as_deref(), Some("Cae1/x1"));
    assert_eq!(brought(&second).as_deref(), Some("Cae1/x2"));
    assert_eq!(world.take_response(CSE, "AE2", "p5"), None);
    // REG-44
    let told = world.exchange("AE2", CSE, answer("p6", "Cae1/x1").0);
    assert_eq!(told.status.0, 2000);
    let got = world.take_response(CSE, "AE1", "x1").expect("the answer");
    assert_eq!(got.status.0, 2000);
    let again = world.exchange("AE2", CSE, answer("p7", "Cae1/x1").0);
    assert_eq!(again.status.0, 4004);
}

#[test]
fn a_poll_waits_until_its_end() {
    let mut world = polled();
    let by = world.now.plus(10 * SECOND);

    world.ask("AE2", CSE, Draft::retrieve(PCU, "Cae2", "p3").by(by).0);
    world.ask("AE2", CSE, Draft::retrieve(PCU, "Cae2", "p4").0);
    notify(&mut world, "x1", MINUTE);
    let got = world.take_response(CSE, "AE2", "p3").expect("the answer");
    world.wait(5 * MINUTE);

    // REG-43
    assert_eq!(brought(&got).as_deref(), Some("Cae1/x1"));
    let late = world.take_response(CSE, "AE2", "p4").expect("an answer");
    assert_eq!(late.status.0, 4008);
}

#[test]
fn a_request_that_was_polled_for_on_a_lost_link_is_handed_over_again() {
    let mut world = polled();
    notify(&mut world, "x1", MINUTE);
    world.ask("AE2", CSE, Draft::retrieve(PCU, "Cae2", "p3").0);
    world.cut("AE2", CSE);

    world.open("AE2", CSE, Some("Cae2"));
    let again = world.exchange("AE2", CSE, Draft::retrieve(PCU, "Cae2", "p4").0);

    assert_eq!(brought(&again).as_deref(), Some("Cae1/x1"));
}

#[test]
fn who_takes_no_requests_gets_none() {
    let mut world = world();
    says(&mut world, "r1", false);

    notify(&mut world, "x1", MINUTE);

    // REG-45
    let refused = world.take_response(CSE, "AE1", "x1").expect("an answer");
    assert_eq!(refused.status.0, 5103);
    assert_eq!(world.waiting(CSE, "AE2").count(), 0);
}

#[test]
fn a_registree_cse_polls_too() {
    let mut world = single();
    world.open("CSE9", CSE, Some("/cse9"));
    let registration = Draft::create("/cse1/cse1", "/cse9", "c9-1", ResourceType::RemoteCse)
        .with(Attribute::ResourceName, Value::text("cse9"))
        .with(Attribute::CseBase, Value::text("/cse9/cse9"))
        .with(Attribute::RequestReachability, Value::Bool(false))
        .with(Attribute::SupportedReleaseVersions, Value::texts(["3"]));
    done(&mut world, "CSE9", CSE, registration.0);
    let own = Draft::create(
        "/cse1/cse1/cse9",
        "/cse9",
        "c9-2",
        ResourceType::PollingChannel,
    )
    .with(Attribute::ResourceName, Value::text("pch"));
    done(&mut world, "CSE9", CSE, own.0);

    // REG-43, REG-45
    assert_eq!(world.waiting(CSE, "CSE9").count(), 0);
    let poll = Draft::retrieve("/cse1/cse1/cse9/pch/pcu", "/cse9", "c9-3").0;
    let polled = world.exchange("CSE9", CSE, poll);
    assert!(brought(&polled).is_some(), "the reading of its CSEBase");
    let asked = Draft::retrieve("/cse9/cse9", "Cae1", "x1").0;
    world.ask("AE1", CSE, asked);
    let poll = Draft::retrieve("/cse1/cse1/cse9/pch/pcu", "/cse9", "c9-4").0;
    let polled = world.exchange("CSE9", CSE, poll);
    assert_eq!(brought(&polled).as_deref(), Some("Cae1/x1"));
}

#[test]
fn a_closed_schedule_holds_what_lives_long_enough() {
    let mut world = world();
    let hours = Draft::create("cse1/ae2", "Cae2", "s1", ResourceType::Schedule)
        .with(Attribute::ScheduleElement, schedule(&[MORNING]));
    done(&mut world, "AE2", CSE, hours.0);

    notify(&mut world, "x1", 5 * MINUTE);
    notify(&mut world, "x2", 5 * MINUTE);
    notify(&mut world, "x3", 30 * SECOND);

    // REG-46
    assert_eq!(world.waiting(CSE, "AE2").count(), 0);
    let refused = world.take_response(CSE, "AE1", "x3").expect("an answer");
    assert_eq!(refused.status.0, 5103);
    world.wait(MINUTE);
    let sent: Vec<String> = world
        .waiting(CSE, "AE2")
        .map(|primitive| match primitive {
            Primitive::Request(request) => request.request_id.to_string(),
            Primitive::Response(response) => panic!("a request, not {response:?}"),
        })
        .collect();
    assert_eq!(sent, ["Cae1/x1", "Cae1/x2"]);
}

/// How many of three events AE1 is told when the schedule of its subscription opens.
#[rstest]
#[case::dropped(None, 0)]
#[case::the_latest(Some(1), 1)]
#[case::all(Some(2), 3)]
fn a_closed_subscription_tells_as_it_says(#[case] policy: Option<i64>, #[case] told: usize) {
    let mut world = single();
    let events = Value::List(vec![Value::Integer(3)]);
    let criteria = Value::object([(Attribute::NotificationEventType, events)]);
    let mut subscription =
        Draft::create("cse1/ae1/inbox", "Cae1", "s1", ResourceType::Subscription)
            .with(Attribute::ResourceName, Value::text("sub"))
            .with(Attribute::NotificationUri, Value::texts(["Cae1"]))
            .with(Attribute::EventNotificationCriteria, criteria);
    if let Some(policy) = policy {
        let policy = Value::Integer(policy);
        subscription = subscription.with(Attribute::PendingNotification, policy);
    }
    done(&mut world, "AE1", CSE, subscription.0);
    let hours = Draft::create("cse1/ae1/inbox/sub", "Cae1", "s2", ResourceType::Schedule)
        .with(Attribute::ScheduleElement, schedule(&[MORNING]));
    done(&mut world, "AE1", CSE, hours.0);

    for id in ["i1", "i2", "i3"] {
        let instance = Draft::create("cse1/ae1/inbox", "Cae1", id, ResourceType::ContentInstance)
            .with(Attribute::Content, Value::text(id));
        done(&mut world, "AE1", CSE, instance.0);
    }

    // REG-48
    assert_eq!(world.waiting(CSE, "AE1").count(), 0);
    world.wait(MINUTE);
    // REG-49
    assert_eq!(world.waiting(CSE, "AE1").count(), told);
}
