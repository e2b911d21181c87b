//! Times and categories that requests name: carried out then, forwarded as absolute times, the latest only.

use crate::common::message::{Draft, request, sealed_instance, uri};
use crate::common::scene::{below_target, pair, registration, session, single};
use crate::common::{Node, SECOND, START, World};
use m2m_machine::attribute::Attribute;
use m2m_machine::primitive::{Primitive, Request, ResponseMode, When};
use m2m_machine::resource::ResourceType;
use m2m_machine::value::Value;
use rstest::rstest;

const LATER: When = When::After(10 * SECOND);

/// CREATE of a container by AE1 at its CSE, ten seconds later.
fn later(id: &str) -> Draft {
    let mut draft = Draft::create("cse1/ae1", "Cae1", id, ResourceType::Container)
        .with(Attribute::ResourceName, Value::text("later"));
    draft.0.execution_time = Some(LATER);
    draft
}

fn containers(world: &World, node: Node) -> usize {
    let all = world.resources(node, ResourceType::Container);
    all.iter().filter(|c| &*c.name == "later").count()
}

/// The state of the only `<request>`, and the status of its result.
fn state(world: &World, node: Node) -> Option<(i64, i64)> {
    let requests = world.resources(node, ResourceType::Request);
    let [request] = &requests[..] else {
        return None;
    };
    let result = request.get(&Attribute::OperationResult)?;
    let status = result.member(&Attribute::ResponseStatusCode)?;
    let state = request.integer(&Attribute::RequestStatus)?;
    Some((state, status.as_integer()?))
}

#[test]
fn who_waits_is_answered_when_the_request_has_been_carried_out() {
    let mut world = single();

    world.ask("AE1", "CSE1", later("u1").0);
    world.wait(10 * SECOND - 1);
    let (before, early) = (
        containers(&world, "CSE1"),
        world.waiting("CSE1", "AE1").count(),
    );
    world.wait(1);

    let answer = world.take_response("CSE1", "AE1", "u1").expect("REG-57");
    assert_eq!((before, early), (0, 0), "REG-57: not before its time");
    assert_eq!((answer.status.0, containers(&world, "CSE1")), (2001, 1));
}

#[rstest]
#[case::without_a_crash(false)]
#[case::after_a_crash(true)]
fn what_was_acknowledged_is_carried_out_at_its_time(#[case] crashes: bool) {
    let mut world = single();
    let asked = later("u1").answered(ResponseMode::NonBlockingSynch);

    let acknowledged = world.exchange("AE1", "CSE1", asked.0);
    if crashes {
        world.crash("CSE1");
    }
    world.wait(10 * SECOND - 1);
    let before = (containers(&world, "CSE1"), state(&world, "CSE1"));
    world.wait(1);

    assert_eq!(acknowledged.status.0, 1001);
    assert_eq!(before, (0, Some((3, 1000))), "REG-57: pending until then");
    assert_eq!(containers(&world, "CSE1"), 1, "REG-57");
    assert_eq!(state(&world, "CSE1"), Some((1, 2001)));
}

#[test]
fn what_has_not_begun_can_be_recalled() {
    let mut world = single();
    let asked = later("u1").answered(ResponseMode::NonBlockingSynch);
    let acknowledged = world.exchange("AE1", "CSE1", asked.0);
    let address = uri(&acknowledged).expect("an address");

    let recalled = Draft::delete(&address, "Cae1", "u2");
    let recalled = world.exchange("AE1", "CSE1", recalled.0);
    world.wait(20 * SECOND);

    assert_eq!(recalled.status.0, 2002);
    assert_eq!(containers(&world, "CSE1"), 0);
}

#[test]
fn a_target_that_is_gone_by_then_is_not_found() {
    let mut world = single();
    let container = Draft::create("cse1/ae1", "Cae1", "u0", ResourceType::Container)
        .with(Attribute::ResourceName, Value::text("box"));
    world.exchange("AE1", "CSE1", container.0);
    let mut read = Draft::retrieve("cse1/ae1/box", "Cae1", "u1");
    read.0.execution_time = Some(LATER);

    world.ask("AE1", "CSE1", read.0);
    let gone = Draft::delete("cse1/ae1/box", "Cae1", "u2");
    assert_eq!(world.exchange("AE1", "CSE1", gone.0).status.0, 2002);
    world.wait(10 * SECOND);

    let answer = world.take_response("CSE1", "AE1", "u1").expect("an answer");
    assert_eq!(answer.status.0, 4004);
}

#[test]
fn registrations_and_requests_in_a_session_are_carried_out_at_once_or_not_at_all() {
    let mut world = pair();
    let ticket = session(&mut world);
    let to = below_target(&world, "container1");
    let mut data = sealed_instance(&to, "Cae1", "u1", &ticket).0;
    data.execution_time = Some(LATER);
    world.open("AE9", "CSE1", None);
    let mut registration = registration("AE9", "CSE1", false);
    registration.execution_time = Some(LATER);

    let registration = world.exchange("AE9", "CSE1", registration);

    assert_eq!(registration.status.0, 5001, "REG-57");
    assert_eq!(super::codes::answer_at(&mut world, "AE1", data), 5001);
}

#[test]
fn relative_times_are_forwarded_as_absolute_ones() {
    let mut world = pair();
    let far = |world: &World| below_target(world, "container1");
    let mut read = Draft::retrieve(&far(&world), "Cae1", "u1").0;
    read.result_expiration = Some(When::After(25 * SECOND));
    read.execution_time = Some(When::After(SECOND));
    read.result_persistence = Some(When::After(50 * SECOND));

    world.ask("AE1", "CSE1", read);
    let forwarded = request(world.pass("CSE1", "CSE2").expect("a request"));

    let at = |seconds: u64| Some(When::At(world.now.plus(seconds * SECOND)));
    assert_eq!(forwarded.result_expiration, at(25), "REG-58");
    assert_eq!(forwarded.execution_time, at(1), "REG-58");
    assert_eq!(forwarded.result_persistence, at(50), "REG-58");
}

#[rstest]
#[case::the_latest([Some(4), Some(4)], 1)]
#[case::of_another_category([Some(4), Some(3)], 2)]
#[case::as_usual([None, None], 2)]
fn the_latest_replaces_what_waits_for_a_link(
    #[case] categories: [Option<u32>; 2],
    #[case] forwarded: usize,
) {
    let mut world = pair();
    let to = below_target(&world, "container1");
    world.cut("CSE1", "CSE2");
    let mut ask = |id: &str, category: Option<u32>| {
        let draft = Draft::retrieve(&to, "Cae1", id).answered(ResponseMode::NonBlockingSynch);
        let asked = Request {
            event_category: category,
            request_expiration: Some(When::At(START.plus(9_000 * SECOND))),
            ..draft.0
        };
        assert_eq!(world.exchange("AE1", "CSE1", asked).status.0, 1001);
    };
    ask("u1", categories[0]);
    ask("u2", categories[1]);

    let requests = world.resources("CSE1", ResourceType::Request);
    let failed = requests.iter().filter(|request| is_failed(request)).count();
    assert_eq!(failed, 2 - forwarded, "REG-60");
    world.open("CSE1", "CSE2", Some("/cse1"));
    let sent = world.waiting("CSE1", "CSE2");
    let of_ae = sent.filter(|p| matches!(p, Primitive::Request(r) if *r.to == *to));
    assert_eq!(of_ae.count(), forwarded, "REG-60");
}

fn is_failed(request: &m2m_machine::resource::Resource) -> bool {
    let result = request.get(&Attribute::OperationResult);
    let status = result.and_then(|r| r.member(&Attribute::ResponseStatusCode));
    status == Some(&Value::Integer(4105))
}
