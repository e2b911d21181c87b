//! Which code an offence against a session, its resources or its links gets (section 8 of the wire contract).

use super::hop::{SESSION, hop_request, with_peers};
use crate::common::message::{Draft, Ticket, establish, request, sealed, sealed_instance, yes};
use crate::common::scene::{
    INBOX, below_target, consent, pair, proposal, register, session, session_with, subscription,
};
use crate::common::{DAY, Node, World};
use m2m_machine::attribute::Attribute;
use m2m_machine::cse::Input;
use m2m_machine::id::SessionId;
use m2m_machine::primitive::{Primitive, Request};
use m2m_machine::resource::ResourceType;
use m2m_machine::shared::Shared;
use m2m_machine::status::Status;
use m2m_machine::value::Value;
use rstest::rstest;

const S1: &str = "cse1/ae1/sessions/s1";

fn with_session() -> (World, Ticket) {
    let mut world = pair();
    let ticket = session(&mut world);
    (world, ticket)
}

/// What CSE1 finally answers an AE of its own.
pub(crate) fn answer_at(world: &mut World, ae: Node, request: Request) -> u16 {
    let id = request.request_id.clone();
    world.ask(ae, "CSE1", request);
    world.settle();
    let answer = world.take_response("CSE1", ae, id.as_str());
    answer.expect("an answer").status.0
}

/// What CSE2 answers to what comes over the link of CSE1.
fn answer_over_hop(world: &mut World, request: Request) -> u16 {
    let id = request.request_id.clone();
    let link = world.link("CSE1", "CSE2").expect("a link");
    let primitive = Primitive::Request(Shared::new(request));
    world.step("CSE2", Input::Received { link, primitive });
    let answer = world.take_response("CSE2", "CSE1", id.as_str());
    answer.expect("an answer").status.0
}

fn update(to: &str, name: Attribute, value: Value) -> Request {
    Draft::update(to, "Cae1", "x1", ResourceType::Session)
        .with(name, value)
        .0
}

fn child(to: &str, new: ResourceType) -> Request {
    Draft::create(to, "Cae1", "x1", new).0
}

#[rstest]
// EST-69
#[case::a_member_that_is_fixed_while_online(update(S1, Attribute::SessionTargets, Value::texts(["/cse2/Cae3"])), 5215)]
#[case::keys_end_to_end_while_online(update(S1, Attribute::EndToEnd, Value::Bool(true)), 5215)]
#[case::the_lifecycle_by_an_endpoint(update(S1, Attribute::Lifecycle, Value::Integer(2)), 4103)]
// EST-61
#[case::another_lifecycle(update(S1, Attribute::Lifecycle, Value::Integer(3)), 4000)]
// EST-72
#[case::access_control_on_a_session(update(S1, Attribute::AccessControlPolicyIds, Value::texts(["x"])), 4000)]
#[case::an_end_in_the_past(
    update(S1, Attribute::ExpirationTime, Value::Time(crate::common::START)),
    4000
)]
// EST-72
#[case::a_subscription_under_a_session(child(S1, ResourceType::Subscription), 5203)]
// EST-71
#[case::an_endpoint_by_request(child(S1, ResourceType::SessionEndpoint), 4005)]
#[case::a_hop_by_request(child(S1, ResourceType::NextHop), 4005)]
#[case::a_context_by_request(child(S1, ResourceType::SessionContext), 4005)]
#[case::an_entry_by_request(
    child("cse1/ae1/sessions/s1/context", ResourceType::SessionContextEntry),
    4005
)]
#[case::a_collection_by_request(child("cse1/ae1", ResourceType::Sessions), 4005)]
#[case::a_container_under_a_session(child(S1, ResourceType::Container), 4108)]
// EST-71
#[case::the_end_of_a_collection(Draft::delete("cse1/ae1/sessions", "Cae1", "x1").0, 4005)]
#[case::the_end_of_an_endpoint(Draft::delete("cse1/ae1/sessions/s1/ep0", "Cae1", "x1").0, 4005)]
#[case::the_end_of_a_context(Draft::delete("cse1/ae1/sessions/s1/context", "Cae1", "x1").0, 4005)]
#[case::a_notification_to_a_session(Draft::notify(S1, "Cae1", "x1").0, 4005)]
#[case::a_session_that_is_not_there(Draft::retrieve("cse1/ae1/sessions/s2", "Cae1", "x1").0, 4004)]
// USE-38
#[case::another_sessions_identifier(Draft::retrieve(S1, "Cae1", "x1").within(&SESSION.into()).0, 4000)]
// END-26
#[case::a_collection_with_an_unknown_identifier(Draft::delete("cse1/ae1/sessions", "Cae1", "x1").within(&SESSION.into()).0, 4004)]
#[case::the_key_of_a_session(Draft::retrieve("cse1/ae1/sessions/s1/scr", "Cae1", "x1").0, 4004)]
fn an_endpoint_is_told_what_is_wrong(#[case] request: Request, #[case] expected: u16) {
    let (mut world, _) = with_session();

    assert_eq!(answer_at(&mut world, "AE1", request), expected);
}

#[rstest]
#[case::reading(Draft::retrieve(S1, "Cae3", "x1").0)]
#[case::reading_a_part(Draft::retrieve("cse1/ae1/sessions/s1/context", "Cae3", "x1").0)]
#[case::ending(Draft::delete(S1, "Cae3", "x1").0)]
#[case::a_policy(crate::common::message::policy(S1, "Cae3", "x1", 1, 1).0)]
// EST-34
#[case::a_session_for_another(establish("cse1/ae1/sessions", "Cae3", "x1", "/cse2/Cae2").0)]
// EST-53
#[case::a_subscription_for_another(subscription("cse1/ae1/sessions", "Cae3", "x1", "spy", &[50003]))]
fn a_stranger_has_no_rights_on_session_resources(#[case] request: Request) {
    let (mut world, _) = with_session();

    assert_eq!(answer_at(&mut world, "AE3", request), 4103);
}

#[test]
fn a_fixed_member_is_just_wrong_while_the_session_is_offline() {
    let (mut world, _) = with_session();
    world.cut("CSE1", "CSE2");
    let request = update(S1, Attribute::SessionTargets, Value::texts(["/cse2/Cae3"]));

    // EST-69
    assert_eq!(answer_at(&mut world, "AE1", request), 4000);
}

#[test]
fn a_second_consent_subscription_is_refused() {
    let (mut world, _) = with_session();
    let again = subscription("cse2/ae2/sessions", "Cae2", "x1", "again", &[50001]);
    let mixed = subscription("cse2/ae2/sessions", "Cae2", "x2", "mixed", &[50001, 1]);
    let mut elsewhere = subscription("cse2/ae2/sessions", "Cae2", "x3", "other", &[50003]);
    elsewhere.content = consent("cse2", "Cae9", "ae2").content;

    let statuses = [again, mixed, elsewhere].map(|r| world.exchange("AE2", "CSE2", r).status.0);

    assert_eq!(statuses, [4124, 4000, 4000]);
}

#[rstest]
#[case::the_confirmation(2, 2004)]
#[case::another_value(3, 4000)]
fn only_the_hop_towards_the_initiator_confirms(#[case] lifecycle: i64, #[case] expected: u16) {
    let (mut world, _) = with_session();
    let far = far_session(&world);
    let confirm = Draft::update(
        &format!("/cse2/{far}"),
        "/cse1",
        "x1",
        ResourceType::Session,
    )
    .with(Attribute::Lifecycle, Value::Integer(lifecycle))
    .showing(0);

    // EST-61
    assert_eq!(answer_over_hop(&mut world, confirm.0), expected);
}

#[test]
fn the_hop_towards_the_target_cannot_confirm() {
    let (mut world, ticket) = with_session();
    let to = format!("/cse1/{}", ticket.resource);
    let confirm = Draft::update(&to, "/cse2", "x1", ResourceType::Session)
        .with(Attribute::Lifecycle, Value::Integer(2));
    let link = world.link("CSE1", "CSE2").expect("a link");
    let primitive = Primitive::Request(Shared::new(confirm.0));

    world.step("CSE1", Input::Received { link, primitive });

    let answer = world.take_response("CSE1", "CSE2", "x1");
    // EST-61
    assert_eq!(answer.expect("an answer").status.0, 4103);
}

/// The identifier of the one session at CSE2.
pub(crate) fn far_session(world: &World) -> String {
    let sessions = world.resources("CSE2", ResourceType::Session);
    sessions.first().expect("a session").id.to_string()
}

#[test]
fn data_over_a_link_that_is_not_the_hop_of_its_originator_is_refused() {
    let (mut world, ticket) = with_session();
    let to = below_target(&world, "container1");
    let claimed = sealed_instance(&to, "/cse2/Cae2", "x1", &ticket);
    let direct = sealed_instance(&to, "/cse1", "x2", &ticket);

    // AE2 is here, so its data cannot come from CSE1; and a CSE is no endpoint.
    assert_eq!(answer_over_hop(&mut world, claimed.0), 4106);
    assert_eq!(answer_over_hop(&mut world, direct.0), 4103);
}

#[rstest]
#[case::no_seal(Some(Value::text("21.5")), "application/jose:0", 4102)]
#[case::a_seal_under_another_type(None, "text/plain:0", 4102)]
#[case::as_it_should_be(None, "application/jose:0", 1002)]
fn data_is_sealed_in_its_one_form(
    #[case] value: Option<Value>,
    #[case] info: &str,
    #[case] expected: u16,
) {
    let (mut world, ticket) = with_session();
    let to = below_target(&world, "container1");
    let mut draft =
        sealed_instance(&to, "Cae1", "x1", &ticket).with(Attribute::ContentInfo, Value::text(info));
    if let Some(value) = value {
        draft = draft.with(Attribute::Content, value);
    }

    assert_eq!(answer_at(&mut world, "AE1", draft.notified().0), expected);
}

#[test]
fn a_seal_of_another_session_is_refused() {
    let mut world = pair();
    let to = below_target(&world, "container1");
    let one = session_with(&mut world, "s1", &[to.as_str()]);
    let other = session_with(&mut world, "s2", &[to.as_str()]);
    let other_key = sealed(&to, "Cae1", "x1", &other);
    let other_session = Ticket {
        id: other.id,
        ..one.clone()
    };
    let other_id = sealed(&to, "Cae1", "x2", &other_session);
    let with = |id: &str, value: Value| {
        let draft = sealed_instance(&to, "Cae1", id, &one);
        draft.with(Attribute::Content, value).notified().0
    };

    assert_eq!(answer_at(&mut world, "AE1", with("x1", other_key)), 4112);
    assert_eq!(answer_at(&mut world, "AE1", with("x2", other_id)), 4102);
}

#[rstest]
#[case::the_container_itself("/cse2/cse2/ae2/container1", true)]
#[case::below_it("/cse2/cse2/ae2/container1/la", true)]
#[case::with_a_dash("/cse2/-/ae2/container1", false)]
#[case::a_longer_name("/cse2/cse2/ae2/container10", false)]
#[case::its_parent("/cse2/cse2/ae2", false)]
#[case::another_cse("/cse1/cse1/ae2/container1", false)]
#[case::the_initiators_own_path(INBOX, true)]
fn paths_are_compared_by_whole_segments(#[case] to: &str, #[case] is_inside: bool) {
    let mut world = pair();
    let ticket = session_with(&mut world, "s1", &["/cse2/cse2/ae2/container1"]);
    let read = Draft::retrieve(to, "Cae1", "x1").within(&ticket.id);

    let status = answer_at(&mut world, "AE1", read.0);

    assert_eq!(status != 4005, is_inside, "{to}: {status}");
}

#[rstest]
#[case("cse2/ae2/container1")]
#[case("-/ae2/container1")]
#[case("/cse2/cse2/ae2/container1")]
#[case("/cse2/-/ae2/container1")]
#[case("//sp.example/cse2/cse2/ae2/container1")]
#[case("Cae2/container1")]
#[case("/cse2/Cae2/container1")]
fn every_form_of_address_reaches_the_target_within_a_session(#[case] to: &str) {
    let mut world = pair();
    let ticket = session_with(&mut world, "s1", &["/cse2/cse2/ae2/container1"]);
    let read = Draft::retrieve(to, "Cae2", "x1").within(&ticket.id);

    let answer = world.exchange("AE2", "CSE2", read.0);

    assert_eq!(answer.status, Status::OK, "{to}");
    assert_eq!(answer.session.as_ref(), Some(&ticket.id), "USE-37");
}

#[rstest]
#[case::its_own_identifier_in_the_route(&["/cse1", "/cse2"], 4105)]
#[case::too_many_on_the_route(&["/a", "/b", "/c", "/d", "/e", "/f", "/g", "/cse1"], 4105)]
#[case::nobody_on_the_route(&[], 4000)]
fn the_route_of_a_hop_request_is_checked(#[case] visited: &[&str], #[case] expected: u16) {
    let mut world = with_peers(|_| {});
    let asked =
        hop_request(&world, "Cae1/e1", SESSION).with(Attribute::Visited, Value::texts(visited));

    let answer = world.exchange("PEER1", "CSE2", asked.0);

    assert_eq!(answer.status.0, expected);
}

#[rstest]
#[case::known_and_different("Cae1/e2", false, Some(4105))]
#[case::the_same_again("Cae1/e1", true, None)]
#[case::the_same_identifier_but_different("Cae1/e1", false, Some(4105))]
fn a_known_session_identifier_is_not_taken_twice(
    #[case] id: &str,
    #[case] same: bool,
    #[case] expected: Option<u16>,
) {
    let mut world = with_peers(|_| {});
    let asked = hop_request(&world, "Cae1/e1", SESSION);
    world.ask("PEER1", "CSE2", asked.0);
    let mut again = hop_request(&world, id, SESSION);
    if !same {
        let later = Value::Time(world.now.plus(2 * DAY));
        again = again.with(Attribute::ExpirationTime, later);
    }

    world.ask("PEER1", "CSE2", again.0);

    let answer = world.take_response("CSE2", "PEER1", id);
    // EST-13, EST-49
    assert_eq!(answer.map(|r| r.status.0), expected);
    assert_eq!(world.waiting("CSE2", "AE2").count(), 1, "one question");
}

#[test]
fn a_pending_session_is_used_by_the_hop_towards_the_initiator_only() {
    let mut world = with_peers(|_| {});
    let asked = hop_request(&world, "Cae1/e1", SESSION);
    world.ask("PEER1", "CSE2", asked.0);
    let question = request(world.pass("CSE2", "AE2").expect("a question"));
    let verdict = yes(&question, &["/cse2/cse2/ae2"]);
    world.answer("AE2", "CSE2", verdict);
    let own = Draft::retrieve("cse2/ae2", "Cae2", "x1").within(&SESSION.into());
    let hop = Draft::retrieve("/cse2/cse2/ae2", "/cse1/Cae1", "x2").within(&SESSION.into());

    let early = world.exchange("AE2", "CSE2", own.0).status.0;
    let valid = world.exchange("PEER1", "CSE2", hop.0).status.0;
    let own = Draft::retrieve("cse2/ae2", "Cae2", "x3").within(&SESSION.into());
    let then = world.exchange("AE2", "CSE2", own.0).status.0;

    // AE1 has no right on the `<AE>`, so its request was no valid first use.
    assert_eq!([early, valid, then], [4004, 4103, 4004]);
}

#[test]
fn an_unknown_session_is_never_handled_as_none() {
    let (mut world, _) = with_session();
    let unknown = SessionId::from(SESSION);
    let to = below_target(&world, "container1");
    let read = Draft::retrieve(&to, "Cae2", "x1").within(&unknown);

    assert_eq!(world.exchange("AE2", "CSE2", read.0).status.0, 4004);
}

#[test]
fn the_names_of_collections_are_addresses_and_no_names() {
    let (mut world, _) = with_session();
    let read = Draft::retrieve("cse1/ae1/sessions/s1/nextHops", "Cae1", "x1");
    let hops = world.exchange("AE1", "CSE1", read.0);
    let shown = hops.content.expect("content").value;
    let session = Attribute::Resource(ResourceType::Session);
    let members = shown.member(&session).and_then(Value::as_object).cloned();
    let names: Vec<_> = members
        .unwrap_or_default()
        .into_iter()
        .map(|(name, _)| name)
        .collect();

    assert_eq!(names, [Attribute::Resource(ResourceType::NextHop)]);
    for name in [
        "subscriptions",
        "sessionPolicies",
        "sessionEndpoints",
        "nextHops",
    ] {
        let asked = proposal(&world, name, name);
        assert_eq!(answer_at(&mut world, "AE1", asked), 4000, "{name}");
    }
}

#[test]
fn an_ae_without_sessions_is_not_session_capable() {
    let mut world = pair();
    register(&mut world, "AE4", "CSE1", false);
    let asked = establish("cse1/ae4/sessions", "Cae4", "x1", "/cse2/Cae2");

    assert_eq!(answer_at(&mut world, "AE4", asked.0), 5214);
}

/// What an AE finds of that type at its CSE.
fn found(world: &mut World, cse: Node, from: &str, of: ResourceType) -> Vec<String> {
    let ae = match from {
        "Cae1" => "AE1",
        "Cae2" => "AE2",
        _ => "AE3",
    };
    let types = Value::List(vec![Value::Integer(i64::from(of.number()))]);
    let mut discovery = Draft::retrieve(&cse.to_lowercase(), from, "find").0;
    discovery.filter = Some(Value::object([
        (Attribute::FilterUsage, Value::Integer(1)),
        (Attribute::ResourceType, types),
    ]));
    let answer = world.exchange(ae, cse, discovery);
    let content = answer.content.expect("a list");
    let list = content
        .value
        .member(&Attribute::UriList)
        .and_then(Value::as_texts);
    list.expect("texts")
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn sessions_are_found_by_their_endpoints_only() {
    let (mut world, _) = with_session();
    let session = world.resources("CSE2", ResourceType::Session)[0]
        .name
        .clone();

    let by_initiator = found(&mut world, "CSE1", "Cae1", ResourceType::Session);
    let by_stranger = found(&mut world, "CSE1", "Cae3", ResourceType::Session);
    let by_target = found(&mut world, "CSE2", "Cae2", ResourceType::Session);

    assert_eq!(by_initiator, [S1], "DIS-06");
    assert_eq!(by_stranger, [""; 0], "DIS-06");
    assert_eq!(
        by_target,
        [format!("cse2/ae2/sessions/{session}")],
        "DIS-06"
    );
}
