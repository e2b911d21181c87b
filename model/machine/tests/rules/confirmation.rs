//! A session that waits for its confirmation (F1-13): from whom it takes it, and what it does not take before.

use super::hop::{SESSION, hop_request, registration, with_peers};
use crate::common::World;
use crate::common::message::{Draft, establish, paths, policy, reply, request, yes};
use crate::common::scene::{join, three_cses};
use m2m_machine::attribute::Attribute;
use m2m_machine::primitive::{Content, Operation, Primitive};
use m2m_machine::resource::ResourceType;
use m2m_machine::status::Status;
use m2m_machine::value::{Members, Value};
use rstest::rstest;

/// CSE2 after AE2's yes and F1-11, before F1-13; with it the address of its session.
pub(crate) fn before_the_confirmation() -> (World, String) {
    let mut world = with_peers(|_| {});
    let asked = hop_request(&world, "Cae1/e1", SESSION);
    world.ask("PEER1", "CSE2", asked.0);
    let question = request(world.pass("CSE2", "AE2").expect("F1-10"));
    world.answer("AE2", "CSE2", yes(&question, &[]));
    let agreed = world.take_response("CSE2", "PEER1", "Cae1/e1");
    assert_eq!(agreed.expect("F1-11").status, Status::CREATED);
    let session = world.resources("CSE2", ResourceType::Session)[0].id.clone();
    (world, format!("/cse2/{session}"))
}

pub(crate) fn confirmation(session: &str) -> Draft {
    Draft::update(session, "/cse1", "x3", ResourceType::Session)
        .with(Attribute::Lifecycle, Value::Integer(2))
}

#[test]
fn a_session_that_waits_for_its_confirmation_gets_it_from_its_hop() {
    let (mut world, session) = before_the_confirmation();

    let answer = world.exchange("PEER1", "CSE2", confirmation(&session).0);

    assert_eq!(answer.status, Status::UPDATED, "EST-20");
}

#[test]
fn a_hop_that_has_deregistered_confirms_nothing() {
    let (mut world, session) = before_the_confirmation();
    let leave = Draft::delete("/cse2/cse2/cse1", "/cse1", "x1");
    let gone = world.exchange("PEER1", "CSE2", leave.0);
    assert_eq!(gone.status, Status::DELETED);
    let mut again = registration("cse1").0;
    again.request_id = "x2".into();
    let back = world.exchange("PEER1", "CSE2", again);
    assert_eq!(back.status, Status::CREATED);

    let answer = world.exchange("PEER1", "CSE2", confirmation(&session).0);

    assert_eq!(answer.status, Status::NOT_FOUND, "EST-28");
}

#[test]
fn a_session_that_waits_for_its_confirmation_takes_no_policy() {
    let (mut world, session) = before_the_confirmation();
    let early =
        policy(&session, "/cse1", "x1", 1, 1).with(Attribute::ResourceName, Value::text("early"));

    let answer = world.exchange("PEER1", "CSE2", early.0);

    assert_eq!(answer.status, Status::NOT_FOUND, "EST-26");
    assert_eq!(world.resources("CSE2", ResourceType::SessionPolicy), []);
}

#[test]
fn a_neighbour_that_never_said_what_it_hosts_is_asked_again_when_its_link_is_back() {
    let mut world = three_cses();
    join(&mut world, "CSE1");
    world.open("CSE3", "CSE2", Some("/cse3"));
    world.pass("CSE3", "CSE2");
    world.crash("CSE2");

    world.open("CSE3", "CSE2", Some("/cse3"));

    let reads = world
        .waiting("CSE2", "CSE3")
        .filter(|p| matches!(p, Primitive::Request(r) if r.operation == Operation::Retrieve));
    assert_eq!(reads.count(), 1, "REG-10");
}

#[rstest]
#[case::about_this_session(None, Status::CREATED)]
#[case::about_another_session(Some(SESSION), Status::REMOTE_ENTITY_NOT_REACHABLE)]
fn the_answer_of_a_hop_counts_for_the_session_that_it_names(
    #[case] another: Option<&str>,
    #[case] expected: Status,
) {
    let mut world = with_peers(|_| {});
    let asked = establish("cse2/ae2/sessions", "Cae2", "e1", "/cse1/Cae1");
    world.ask("AE2", "CSE2", asked.0);
    let offer = request(world.pass("CSE2", "PEER1").expect("the hop request"));
    let content = offer.content.as_ref().expect("its content");
    let offered = content
        .members_of(ResourceType::Session)
        .expect("a session");
    let mut made: Members = offered.clone();
    let endpoint = Value::object([
        (Attribute::EndpointId, Value::text("/cse1/Cae1")),
        (Attribute::EndpointType, Value::Integer(1)),
        paths(&[]),
    ]);
    let endpoints = Attribute::Resource(ResourceType::SessionEndpoint);
    made.insert(endpoints, Value::List(vec![endpoint]));
    made.insert(Attribute::ResourceId, Value::text("ses9"));
    if let Some(another) = another {
        made.insert(Attribute::SessionId, Value::text(another));
    }
    let mut answer = reply(&offer, Status::CREATED);
    answer.content = Some(Content::resource(ResourceType::Session, made));

    world.answer("PEER1", "CSE2", answer);

    let told = world.take_response("CSE2", "AE2", "e1").expect("an answer");
    assert_eq!(told.status, expected, "EST-06");
}
