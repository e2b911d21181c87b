//! Repetitions (REG-30 to REG-33): absorbed while open, answered as before afterwards, never executed again.

use super::policy::instances;
use crate::common::message::{Draft, Ticket, sealed_instance, ticket};
use crate::common::scene::{agree, below_target, pair, proposal, question, session};
use crate::common::{MINUTE, SECOND, World};
use m2m_machine::attribute::Attribute;
use m2m_machine::primitive::Request;
use m2m_machine::resource::ResourceType;
use m2m_machine::status::Status;
use m2m_machine::value::Value;
use rstest::rstest;

fn with_session() -> (World, Ticket) {
    let mut world = pair();
    let ticket = session(&mut world);
    (world, ticket)
}

fn data(world: &World, ticket: &Ticket, id: &str) -> Request {
    let to = below_target(world, "container1");
    let expires = world.now.plus(30 * SECOND);
    sealed_instance(&to, "Cae1", id, ticket).by(expires).0
}

#[test]
fn an_open_request_absorbs_its_repetition() {
    let (mut world, ticket) = with_session();
    let asked = data(&world, &ticket, "u1");
    world.ask("AE1", "CSE1", asked.clone());

    world.ask("AE1", "CSE1", asked);
    world.settle();

    // REG-30
    assert!(world.take_response("CSE1", "AE1", "u1").is_some());
    assert!(
        world.take_response("CSE1", "AE1", "u1").is_none(),
        "one answer"
    );
    assert_eq!(instances(&world), 1);
}

#[test]
fn a_different_request_under_an_open_identifier_is_refused() {
    let (mut world, ticket) = with_session();
    let asked = data(&world, &ticket, "u1");
    world.ask("AE1", "CSE1", asked);
    let other = Draft::retrieve("cse1/ae1", "Cae1", "u1");

    let refused = world.exchange("AE1", "CSE1", other.0);
    world.settle();
    let served = world.take_response("CSE1", "AE1", "u1").expect("an answer");

    // REG-32
    assert_eq!(refused.status, Status::CONFLICT);
    assert_eq!(served.status, Status::CREATED);
}

#[rstest]
#[case::at_once(0, 1)]
#[case::after_its_own_time(45 * SECOND, 1)]
#[case::just_before_it_is_forgotten(90 * SECOND - 1, 1)]
fn an_answered_request_is_answered_as_before(#[case] later: u64, #[case] expected: usize) {
    let (mut world, ticket) = with_session();
    let asked = data(&world, &ticket, "u1");
    world.ask("AE1", "CSE1", asked.clone());
    world.settle();
    let first = world.take_response("CSE1", "AE1", "u1").expect("an answer");
    world.wait(later);

    let again = world.exchange("AE1", "CSE1", asked);

    assert_eq!(again, first);
    assert_eq!(instances(&world), expected);
}

#[test]
fn a_forgotten_request_is_past_its_time() {
    let (mut world, ticket) = with_session();
    let asked = data(&world, &ticket, "u1");
    world.ask("AE1", "CSE1", asked.clone());
    world.settle();
    world.take_response("CSE1", "AE1", "u1").expect("an answer");
    world.wait(91 * SECOND);

    let again = world.exchange("AE1", "CSE1", asked);

    assert_eq!(again.status, Status::REQUEST_TIMEOUT);
    assert_eq!(instances(&world), 1);
}

#[test]
fn a_different_request_under_an_answered_identifier_is_a_new_one() {
    let mut world = pair();
    let one = Draft::create("cse1/ae1", "Cae1", "x1", ResourceType::Container)
        .with(Attribute::ResourceName, Value::text("one"));
    let two = Draft::create("cse1/ae1", "Cae1", "x1", ResourceType::Container)
        .with(Attribute::ResourceName, Value::text("two"));

    let first = world.exchange("AE1", "CSE1", one.0);
    let second = world.exchange("AE1", "CSE1", two.0);

    // REG-32
    assert_eq!([first.status, second.status], [Status::CREATED; 2]);
}

#[test]
fn a_repeated_establishment_gives_the_same_session_and_the_same_key() {
    let mut world = pair();
    let asked = proposal(&world, "e1", "s1");
    world.ask("AE1", "CSE1", asked.clone());
    let question = question(&mut world);
    world.ask("AE1", "CSE1", asked.clone());
    agree(&mut world, &question, &[]);
    let first = world.take_response("CSE1", "AE1", "e1").expect("success");

    let again = world.exchange("AE1", "CSE1", asked);

    assert_eq!(again, first, "key included");
    assert!(!ticket(&again).key.as_str().is_empty());
    assert_eq!(world.waiting("CSE2", "AE2").count(), 0, "asked once");
}

#[test]
fn a_response_lost_with_its_link_is_given_on_the_next_one() {
    let (mut world, ticket) = with_session();
    let asked = data(&world, &ticket, "u1");
    world.ask("AE1", "CSE1", asked.clone());
    world.cut("AE1", "CSE1");
    world.settle();
    world.open("AE1", "CSE1", Some("Cae1"));

    let again = world.exchange("AE1", "CSE1", asked);

    assert_eq!(again.status, Status::CREATED);
    assert_eq!(instances(&world), 1, "LNK-21");
}

#[test]
fn a_hop_request_lost_with_its_link_is_repeated_and_executed_once() {
    let (mut world, ticket) = with_session();
    let asked = data(&world, &ticket, "u1");
    world.ask("AE1", "CSE1", asked);
    world.pass("CSE1", "CSE2");
    world.cut("CSE1", "CSE2");

    crate::common::scene::join(&mut world, "CSE1");

    let answer = world.take_response("CSE1", "AE1", "u1");
    assert_eq!(answer.expect("an answer").status, Status::CREATED);
    assert_eq!(instances(&world), 1, "USE-12");
}

#[test]
fn an_update_notification_is_repeated_with_its_identifier_until_it_is_acknowledged() {
    let (mut world, ticket) = with_session();
    let asked = data(&world, &ticket, "u1");
    world.ask("AE1", "CSE1", asked);
    world.settle();
    let first = crate::common::message::request(world.pass("CSE2", "AE2").expect("told"));
    world.cut("AE2", "CSE2");
    world.wait(10 * MINUTE);

    world.open("AE2", "CSE2", Some("Cae2"));

    let again = crate::common::message::request(world.pass("CSE2", "AE2").expect("told again"));
    assert_eq!(again, first, "USE-53, USE-54");
    let thanks = crate::common::message::reply(&again, Status::OK);
    world.answer("AE2", "CSE2", thanks);
    world.cut("AE2", "CSE2");
    world.open("AE2", "CSE2", Some("Cae2"));
    assert_eq!(world.waiting("CSE2", "AE2").count(), 0);
}

#[test]
fn identifiers_are_those_of_one_direction() {
    let (mut world, _) = with_session();
    let asked = Draft::delete("cse1/ae1/sessions/s1", "Cae1", "d1").0;
    world.ask("AE1", "CSE1", asked);
    world.settle();
    let notice = crate::common::message::request(world.pass("CSE2", "AE2").expect("told"));
    let same_id = Draft::retrieve("cse2/ae2", "Cae2", notice.request_id.as_str());

    let read = world.exchange("AE2", "CSE2", same_id.0);
    let thanks = crate::common::message::reply(&notice, Status::OK);
    world.answer("AE2", "CSE2", thanks);
    world.settle();

    assert_eq!(read.status, Status::OK);
    let ended = world.take_response("CSE1", "AE1", "d1").expect("the end");
    assert_eq!(ended.status, Status::DELETED, "LNK-14");
}
