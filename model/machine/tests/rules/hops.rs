//! What the CSEs of a session say to each other, and over which hop a request of it may come.

use super::codes::answer_at;
use super::confirmation::{before_the_confirmation, confirmation};
use super::establishment::holds_anything;
use super::hop::{SESSION, hop_request, with_peers};
use crate::common::message::{Draft, member, policy, reply, request, sealed_instance, yes};
use crate::common::scene::{
    below_target, chain, done_after_settling, pair, proposal, question, session, single,
};
use crate::common::{Node, World};
use m2m_machine::attribute::Attribute;
use m2m_machine::primitive::{Primitive, Request, ResponseMode};
use m2m_machine::record::{Phase, Record};
use m2m_machine::resource::ResourceType;
use m2m_machine::status::Status;
use m2m_machine::value::{Members, Value};
use rstest::rstest;
use std::collections::BTreeSet;

const ENDPOINTS: Attribute = Attribute::Resource(ResourceType::SessionEndpoint);

fn proposed(hop: &Request) -> &Members {
    let content = hop.content.as_ref().expect("content");
    content
        .members_of(ResourceType::Session)
        .expect("a session")
}

fn text(hop: &Request, name: &Attribute) -> String {
    let value = proposed(hop).get(name).and_then(Value::as_text);
    value.expect("a text").to_string()
}

/// Whether every CSE holds this one session, ACTIVE.
fn is_active_everywhere(world: &World) -> bool {
    let active = |r: Record| matches!(r, Record::Session(s) if s.phase == Phase::Active);
    let mut hosts = world.hosts.values();
    hosts.all(|host| host.cse.durable().filter(|r| active(r.clone())).count() == 1)
}

#[test]
fn a_hop_request_carries_what_the_next_cse_needs_and_nothing_else() {
    let mut world = pair();
    let asked = proposal(&world, "e1", "s1");
    world.ask("AE1", "CSE1", asked);

    let hop = request(world.pass("CSE1", "CSE2").expect("F1-09"));

    let names: BTreeSet<Attribute> = proposed(&hop).keys().cloned().collect();
    let expected = BTreeSet::from([
        Attribute::SessionId,
        Attribute::SessionOriginator,
        Attribute::SessionTargets,
        Attribute::ExpirationTime,
        Attribute::EndToEnd,
        Attribute::AllEndpointsRequired,
        Attribute::RemoteSession,
        Attribute::Visited,
        Attribute::Credentials,
        ENDPOINTS,
    ]);
    assert_eq!(names, expected, "EST-47");
    assert_eq!(hop.from.as_deref(), Some("/cse1"), "EST-47");
    assert_eq!(hop.to.as_str(), "/cse2/Cae2/sessions");
}

#[test]
fn a_transit_cse_keeps_a_session_of_its_own_and_passes_on_what_concerns_all() {
    let mut world = chain();
    let asked = proposal(&world, "e1", "s1");
    world.ask("AE1", "CSE1", asked);
    let first = request(world.pass("CSE1", "CSE2").expect("F1-09"));
    let second = request(
        world
            .pass("CSE2", "CSE3")
            .expect("F1-09 of the transit CSE"),
    );
    let asked = question(&mut world);
    crate::common::scene::agree(&mut world, &asked, &["/cse3/cse3/ae2/container1"]);
    world.take_response("CSE1", "AE1", "e1").expect("success");

    assert_eq!(second.from.as_deref(), Some("/cse2"), "EST-50");
    let visited = proposed(&second).get(&Attribute::Visited);
    assert_eq!(visited, Some(&Value::texts(["/cse1", "/cse2"])), "EST-50");
    let [near, far] = [&first, &second].map(|hop| text(hop, &Attribute::RemoteSession));
    assert!(near.starts_with("/cse1/") && far.starts_with("/cse2/"));
    let own = world.resources("CSE2", ResourceType::Session);
    let collections = world.resources("CSE2", ResourceType::Sessions);
    assert_eq!([own.len(), collections.len()], [1, 1]);
    assert_eq!(own[0].parent.as_ref(), Some(&collections[0].id), "EST-50");
    assert!(is_active_everywhere(&world), "EST-50: the confirmation");
    done_after_settling(
        &mut world,
        policy("cse1/ae1/sessions/s1", "Cae1", "p1", 1, 1).0,
    );
    for node in ["CSE1", "CSE2", "CSE3"] {
        let policies = world.resources(node, ResourceType::SessionPolicy);
        assert_eq!(policies.len(), 1, "{node}: EST-50");
    }
    let delete = Draft::delete("cse1/ae1/sessions/s1", "Cae1", "d1");
    world.ask("AE1", "CSE1", delete.0);
    world.settle();
    let told = request(world.pass("CSE3", "AE2").expect("F3-04"));
    world.answer("AE2", "CSE3", reply(&told, Status::OK));
    world.settle();
    assert!(!holds_anything(&world), "EST-50: the end");
}

#[test]
fn both_endpoints_at_one_cse_share_one_session_without_hop() {
    let mut world = single();

    session(&mut world);

    let count = |of| world.resources("CSE1", of).len();
    let found = [ResourceType::Session, ResourceType::NextHop].map(count);
    assert_eq!(found, [1, 0], "EST-51");
    assert!(is_active_everywhere(&world), "EST-51");
    let collection = world.resources("CSE1", ResourceType::Session)[0]
        .parent
        .clone();
    let of_initiator = world
        .resources("CSE1", ResourceType::Sessions)
        .into_iter()
        .find(|r| r.parent == Some("Cae1".into()));
    assert_eq!(collection, of_initiator.map(|r| r.id.clone()), "EST-51");
}

#[test]
fn the_answer_to_a_hop_request_comes_after_the_verdict_and_shows_no_key() {
    let mut world = with_peers(|_| {});
    let asked = hop_request(&world, "Cae1/e1", SESSION);
    world.ask("PEER1", "CSE2", asked.0);
    let question = request(world.pass("CSE2", "AE2").expect("F1-12"));
    let early = world.take_response("CSE2", "PEER1", "Cae1/e1");
    world.answer("AE2", "CSE2", yes(&question, &[]));

    let agreed = world.take_response("CSE2", "PEER1", "Cae1/e1");
    let agreed = agreed.expect("F1-15");

    assert_eq!(early, None, "EST-59");
    let shown = |name: &Attribute| member(&agreed, name);
    assert_eq!(
        shown(&Attribute::Lifecycle),
        Some(Value::Integer(1)),
        "EST-59"
    );
    assert!(shown(&Attribute::ResourceId).is_some(), "EST-59");
    assert_eq!(shown(&Attribute::Credentials), None, "EST-59");
    let endpoints = shown(&ENDPOINTS).expect("endpoints");
    let id = |e: &Value| e.member(&Attribute::EndpointId).cloned();
    let ids: Vec<_> = endpoints
        .as_list()
        .unwrap_or_default()
        .iter()
        .map(id)
        .collect();
    let both = ["/cse1/Cae1", "/cse2/Cae2"].map(|id| Some(Value::text(id)));
    assert_eq!(ids, both, "EST-59");
}

#[test]
fn a_hop_request_repeated_after_a_reopening_gets_the_same_answer() {
    let mut world = with_peers(|_| {});
    let asked = hop_request(&world, "Cae1/e1", SESSION).0;
    world.ask("PEER1", "CSE2", asked.clone());
    let question = request(world.pass("CSE2", "AE2").expect("F1-12"));
    world.answer("AE2", "CSE2", yes(&question, &[]));
    let first = world.take_response("CSE2", "PEER1", "Cae1/e1");
    world.cut("PEER1", "CSE2");
    world.open("PEER1", "CSE2", Some("/cse1"));

    let again = world.exchange("PEER1", "CSE2", asked);

    assert_eq!(Some(again), first, "EST-65");
    assert_eq!(
        world.waiting("CSE2", "AE2").count(),
        0,
        "EST-65: asked once"
    );
}

#[test]
fn a_hop_request_that_was_taken_back_before_it_came_is_refused() {
    let mut world = with_peers(|_| {});
    let back = Draft::delete("/cse2/Cae2/sessions", "/cse1", "x1").within(&SESSION.into());
    let unknown = world.exchange("PEER1", "CSE2", back.0);
    let asked = hop_request(&world, "Cae1/e1", SESSION);

    let late = world.exchange("PEER1", "CSE2", asked.0);

    assert_eq!(unknown.status, Status::NOT_FOUND, "END-26");
    assert_eq!(late.status, Status::CONFLICT, "EST-49");
    assert!(!holds_anything(&world));
}

#[rstest]
fn an_establishment_is_blocking(
    #[values(ResponseMode::NonBlockingSynch, ResponseMode::NonBlockingAsynch)] mode: ResponseMode,
) {
    let mut near = pair();
    let asked = Draft(proposal(&near, "e1", "s1")).answered(mode);
    let mut far = with_peers(|_| {});
    let hop = hop_request(&far, "Cae1/e1", SESSION).answered(mode);

    let by_ae = answer_at(&mut near, "AE1", asked.0);
    let by_hop = far.exchange("PEER1", "CSE2", hop.0).status;

    assert_eq!([by_ae, by_hop.0], [5207, 5207], "EST-75");
    assert!(!holds_anything(&near) && !holds_anything(&far), "EST-75");
}

#[test]
fn a_hop_that_cannot_be_reached_in_time_fails_the_establishment() {
    let mut world = pair();
    world.cut("CSE1", "CSE2");
    let asked = proposal(&world, "e1", "s1");
    world.ask("AE1", "CSE1", asked);
    world.wait(30_000);

    let answer = world.take_response("CSE1", "AE1", "e1").expect("an answer");

    assert_eq!(answer.status, Status::REMOTE_ENTITY_NOT_REACHABLE, "EST-41");
    assert!(!holds_anything(&world));
}

#[test]
fn a_forwarded_request_differs_in_originator_identifier_and_response_type_only() {
    let mut world = pair();
    let ticket = session(&mut world);
    let to = below_target(&world, "container1");
    let mut asked = sealed_instance(&to, "Cae1", "u1", &ticket)
        .by(world.now.plus(9_000))
        .showing(0)
        .answered(ResponseMode::Blocking)
        .0;
    world.ask("AE1", "CSE1", asked.clone());

    let forwarded = request(world.pass("CSE1", "CSE2").expect("F2-07"));

    asked.from = Some("/cse1/Cae1".into());
    asked.request_id = "Cae1/u1".into();
    asked.response_type = None;
    assert_eq!(forwarded, asked, "USE-41");
}

/// CSE2 with an ACTIVE session between AE1, behind PEER1, and AE2, which lets `container1` be addressed; PEER3 says
/// that `/cse1` is behind it, too.
fn with_two_ways_to_the_initiator() -> World {
    let mut world = with_peers(|_| {});
    let asked = hop_request(&world, "Cae1/e1", SESSION);
    world.ask("PEER1", "CSE2", asked.0);
    let question = request(world.pass("CSE2", "AE2").expect("F1-12"));
    let verdict = yes(&question, &["/cse2/cse2/ae2/container1"]);
    world.answer("AE2", "CSE2", verdict);
    world.take_response("CSE2", "PEER1", "Cae1/e1");
    let session = super::codes::far_session(&world);
    let confirmed = confirmation(&format!("/cse2/{session}"));
    let confirmed = world.exchange("PEER1", "CSE2", confirmed.0);
    assert_eq!(confirmed.status, Status::UPDATED);
    let also = Draft::update("/cse2/cse2/cse3", "/cse3", "x1", ResourceType::RemoteCse)
        .with(Attribute::DescendantCses, Value::texts(["/cse1"]))
        .showing(0);
    let told = world.exchange("PEER3", "CSE2", also.0);
    assert_eq!(told.status, Status::UPDATED);
    world
}

/// The path lies outside, so that whoever may come this way is answered 4005 by the next check.
#[rstest]
#[case::the_hop_of_its_originator("PEER1", Status::OPERATION_NOT_ALLOWED)]
#[case::another_neighbour_that_leads_there("PEER3", Status::ORIGINATOR_HAS_NO_PRIVILEGE)]
fn a_request_of_a_session_comes_over_the_hop_of_its_originator_only(
    #[case] way: Node,
    #[case] expected: Status,
) {
    let mut world = with_two_ways_to_the_initiator();
    let read = Draft::retrieve("/cse2/cse2/ae2/elsewhere", "/cse1/Cae1", "x2");

    let answer = world.exchange(way, "CSE2", read.within(&SESSION.into()).0);

    assert_eq!(answer.status, expected, "USE-04");
}

#[test]
fn a_hop_that_knows_no_such_session_has_confirmed_its_end() {
    let (mut world, session) = before_the_confirmation();
    world.exchange("PEER1", "CSE2", confirmation(&session).0);
    world.ask("AE2", "CSE2", Draft::delete(&session, "Cae2", "d2").0);
    let hop = request(world.pass("CSE2", "PEER1").expect("F3-03"));
    let before = world.take_response("CSE2", "AE2", "d2");

    world.answer("PEER1", "CSE2", reply(&hop, Status::NOT_FOUND));

    assert_eq!(before, None, "END-02");
    let answer = world.take_response("CSE2", "AE2", "d2");
    assert_eq!(answer.expect("an answer").status, Status::DELETED, "END-35");
    assert!(!holds_anything(&world));
}

#[test]
fn a_cse_whose_delete_is_crossed_ends_its_session_at_once() {
    let mut world = pair();
    session(&mut world);
    let far = super::codes::far_session(&world);
    let near = Draft::delete("cse1/ae1/sessions/s1", "Cae1", "d1");
    world.ask("AE1", "CSE1", near.0);
    world.ask("AE2", "CSE2", Draft::delete(&far, "Cae2", "d2").0);

    world.pass("CSE1", "CSE2");

    assert_eq!(world.resources("CSE2", ResourceType::Session), [], "END-27");
    let confirms =
        |p: &Primitive| matches!(p, Primitive::Response(r) if r.status == Status::DELETED);
    assert!(world.waiting("CSE2", "CSE1").any(confirms), "END-27");
    let own = world.take_response("CSE2", "AE2", "d2");
    assert_eq!(own, None, "END-27: its own hop has not answered");
    world.settle();
    for (ae, cse, id) in [("AE1", "CSE1", "d1"), ("AE2", "CSE2", "d2")] {
        let answer = world.take_response(cse, ae, id).expect("an answer");
        assert_eq!(answer.status, Status::DELETED, "{ae}: END-27");
    }
}

#[test]
fn what_the_hop_refuses_is_reported_and_changes_no_policy() {
    let (mut world, session) = before_the_confirmation();
    world.exchange("PEER1", "CSE2", confirmation(&session).0);
    let made = policy(&session, "Cae2", "p1", 1, 1)
        .with(Attribute::ResourceName, Value::text("direct"))
        .with(Attribute::PolicyOrder, Value::Integer(10));
    world.ask("AE2", "CSE2", made.0);
    let hop = request(world.pass("CSE2", "PEER1").expect("F1-19"));
    world.answer("PEER1", "CSE2", reply(&hop, Status::CREATED));
    world.take_response("CSE2", "AE2", "p1").expect("F1-23");
    let before = world.resources("CSE2", ResourceType::SessionPolicy);
    assert_eq!(before.len(), 1);
    let to = format!("{session}/direct");
    let change = Draft::update(&to, "Cae2", "p2", ResourceType::SessionPolicy)
        .with(Attribute::PolicyOrder, Value::Integer(7));
    let delete = Draft::delete(&to, "Cae2", "p3");

    for (asked, refusal) in [(change, 5207), (delete, 4103)] {
        let id = asked.0.request_id.clone();
        world.ask("AE2", "CSE2", asked.0);
        let hop = request(world.pass("CSE2", "PEER1").expect("the hop is asked"));
        world.answer("PEER1", "CSE2", reply(&hop, Status(refusal)));

        let answer = world.take_response("CSE2", "AE2", id.as_str());
        assert_eq!(answer.expect("an answer").status.0, refusal, "POL-09");
        let after = world.resources("CSE2", ResourceType::SessionPolicy);
        assert_eq!(after, before, "POL-09");
    }
}
