//! A CSE that is told to stop (LNK-44, LNK-66): what it takes, what it waits for, what it leaves.

use crate::common::message::Draft;
use crate::common::scene::{done, pair, single};
use crate::common::{MINUTE, Node, World, config};
use m2m_machine::attribute::Attribute;
use m2m_machine::config::{CseKind, Provider};
use m2m_machine::cse::{CloseReason, Input, Output, Timer};
use m2m_machine::primitive::{Malformed, Request, When};
use m2m_machine::resource::ResourceType;
use m2m_machine::status::Status;
use m2m_machine::value::Value;
use rstest::rstest;

const CSE: Node = "CSE1";
const PATIENT: Input = Input::Stopping { is_patient: true };
const HASTY: Input = Input::Stopping { is_patient: false };

/// What AE1 asks of CSE2, and CSE1 passes on.
fn read() -> Request {
    Draft::retrieve("/cse2/cse2/ae2/container1", "Cae1", "x1").0
}

fn create(id: &str) -> Request {
    Draft::create("cse1/ae1", "Cae1", id, ResourceType::Container).0
}

/// CSE1 waits for an answer of CSE2, for AE1, and is told to stop.
fn waiting() -> World {
    let mut world = pair();
    world.ask("AE1", CSE, read());
    let said = world.step(CSE, PATIENT);
    assert_eq!(said, [], "an answer is owed");
    world
}

/// Which nodes a CSE has closed its links to because it stops.
fn left(world: &World) -> Vec<Node> {
    let leaving = world
        .closed
        .iter()
        .filter(|(by, _, why)| (*by, *why) == (CSE, CloseReason::Leaving));
    leaving.map(|(_, to, _)| *to).collect()
}

#[rstest]
#[case::with_patience(PATIENT)]
#[case::without(HASTY)]
fn who_owes_nothing_stops_at_once(#[case] told: Input) {
    let mut world = pair();

    let said = world.step(CSE, told);

    assert_eq!(left(&world), ["CSE2", "AE1", "AE3"], "LNK-44: {said:?}");
    assert_eq!(said.last(), Some(&Output::Stopped));
}

#[test]
fn what_was_received_is_answered_before_the_links_are_closed() {
    let mut world = waiting();

    world.settle();

    let answer = world.take_response(CSE, "AE1", "x1");
    assert_eq!(answer.map(|r| r.status), Some(Status::OK), "LNK-66");
    assert_eq!(
        (world.stopped.as_slice(), left(&world).len()),
        ([CSE].as_slice(), 3),
        "LNK-66"
    );
}

#[test]
fn what_comes_later_is_as_if_it_had_not_been_sent() {
    let mut world = waiting();
    let before = world.cse(CSE).clone();

    let to_a_request = world.ask("AE1", CSE, create("x2"));
    let link = world.link("AE1", CSE).expect("a link");
    let nonsense = Input::Undecodable {
        link,
        request_id: None,
        why: Malformed::Syntax,
    };
    let to_nonsense = world.step(CSE, nonsense);

    assert_eq!((to_a_request, to_nonsense), (vec![], vec![]), "LNK-66");
    assert!(before == *world.cse(CSE), "LNK-66: nothing is carried out");
    world.settle();
    world.crash(CSE);
    world.open("AE1", CSE, Some("Cae1"));
    let again = world.exchange("AE1", CSE, create("x2"));
    assert_eq!(
        again.status,
        Status::CREATED,
        "the next start carries it out"
    );
}

#[test]
fn an_answer_goes_out_on_the_link_that_its_receiver_has_by_then() {
    let mut world = waiting();
    world.open("AE1", CSE, Some("Cae1"));

    world.settle();

    let answer = world.take_response(CSE, "AE1", "x1");
    assert_eq!(answer.map(|r| r.status), Some(Status::OK), "LNK-46, LNK-66");
}

#[test]
fn who_has_no_link_any_more_is_not_waited_for() {
    let mut world = waiting();

    world.cut("AE1", CSE);

    assert_eq!(world.stopped, [CSE], "LNK-66");
}

#[test]
fn without_patience_no_answer_is_waited_for() {
    let mut world = waiting();

    world.step(CSE, HASTY);
    let again = world.step(CSE, HASTY);

    assert_eq!(
        (world.stopped.as_slice(), again),
        ([CSE].as_slice(), vec![]),
        "LNK-66"
    );
    assert_eq!(left(&world), ["CSE2", "AE1", "AE3"]);
}

/// An answer of a store that fails is as near as any.
#[test]
fn who_cannot_store_anything_stops_too() {
    let mut world = pair();
    world.step(CSE, Input::StoreFailing(true));

    world.step(CSE, PATIENT);

    assert_eq!(world.stopped, [CSE]);
}

#[test]
fn a_request_for_later_is_not_waited_for() {
    let mut world = pair();
    let mut later = create("x1");
    later.execution_time = Some(When::After(MINUTE / 2));
    world.ask("AE1", CSE, later);

    world.step(CSE, PATIENT);

    assert_eq!(world.stopped, [CSE], "LNK-66");
}

#[test]
fn a_poll_is_not_waited_for() {
    let mut world = single();
    let channel = Draft::create("cse1/ae2", "Cae2", "p1", ResourceType::PollingChannel)
        .with(Attribute::ResourceName, Value::text("pch"));
    done(&mut world, "AE2", CSE, channel.0);
    world.ask(
        "AE2",
        CSE,
        Draft::retrieve("cse1/ae2/pch/pcu", "Cae2", "p2").0,
    );

    world.step(CSE, PATIENT);

    assert_eq!(world.stopped, [CSE], "LNK-66");
}

/// Both links are wanted until CSE1 is told to stop.
#[test]
fn no_link_is_dialled() {
    let mut own = config("cse1", CseKind::Mn, Some("/cse2/cse2"));
    own.providers = vec![Provider {
        id: "b.example".into(),
        points_of_access: vec!["ws://b.example:8080".into()],
    }];
    let mut world = World::new([(CSE, own)]);
    crate::common::scene::register(&mut world, "AE1", CSE, false);
    world.ask(
        "AE1",
        CSE,
        Draft::retrieve("//b.example/in", "Cae1", "x1").0,
    );
    let timers = [Timer::Redial, Timer::DialRegistree("//b.example".into())];
    let wanted = |world: &World| {
        let deadlines = world.cse(CSE).deadlines().into_iter();
        deadlines
            .filter(|(_, timer)| timers.contains(timer))
            .count()
    };
    let before = wanted(&world);

    world.step(CSE, PATIENT);

    assert_eq!((before, wanted(&world)), (2, 0), "LNK-66");
    for timer in timers {
        assert_eq!(world.step(CSE, Input::Elapsed(timer)), [], "LNK-66");
    }
    assert!(world.stopped.is_empty(), "it may be answered yet");
}
