//! Who may speak on a link, and under whose name (LNK-03, LNK-19, LNK-47, LNK-59, REG-14, REG-15, REG-33, REG-38).

use super::hop::{registration as hop_registration, with_peers};
use crate::common::message::{Draft, member};
use crate::common::scene::{pair, register, registration, single};
use crate::common::{Node, World, config};
use m2m_machine::attribute::Attribute;
use m2m_machine::config::CseKind;
use m2m_machine::cse::{CloseReason, Input};
use m2m_machine::id::LinkId;
use m2m_machine::primitive::{Primitive, Request, When};
use m2m_machine::resource::ResourceType;
use m2m_machine::shared::Shared;
use m2m_machine::status::Status;
use m2m_machine::value::Value;
use rstest::rstest;

fn read(from: &str) -> Request {
    Draft::retrieve("/cse2/cse2", from, "x1").0
}

#[rstest]
#[case::its_stem("Cae1", 2000)]
#[case::another_stem("Cae3", 4106)]
#[case::no_stem("/cse1/Cae1", 4000)]
#[case::another_of_a_cse("/cse2/Cae2", 4000)]
#[case::nothing("", 4000)]
#[case::the_registrar("/cse1", 4000)]
fn an_ae_speaks_under_its_stem(#[case] from: &str, #[case] expected: u16) {
    let mut world = single();
    let request = Draft::retrieve("cse1/ae1", from, "x1").0;

    assert_eq!(world.exchange("AE1", "CSE1", request).status.0, expected);
}

#[rstest]
#[case::itself("/cse1", 4103)]
#[case::one_of_its_aes("/cse1/Cae1", 4103)]
#[case::another_cse("/cse3", 4106)]
#[case::an_ae_of_another("/cse3/Cae1", 4106)]
#[case::a_longer_name("/cse10/Cae1", 4106)]
#[case::one_of_the_receivers("/cse2/Cae2", 4106)]
#[case::a_stem("Cae1", 4106)]
fn a_registree_cse_speaks_for_itself_and_what_is_below_it(
    #[case] from: &str,
    #[case] expected: u16,
) {
    let mut world = with_peers(|_| {});
    let request = Draft::retrieve("/cse2/cse2/ae2", from, "x1").0;

    let answer = world.exchange("PEER1", "CSE2", request);

    // 4103: heard, but without rights on the `<AE>`.
    assert_eq!(answer.status.0, expected);
}

#[rstest]
#[case::reading(read("/cse9"), 4106)]
#[case::reading_as_an_ae(Draft::retrieve("cse2", "Cae9", "x1").0, 4106)]
#[case::reading_as_nobody(Draft::retrieve("cse2", "", "x1").0, 4106)]
#[case::a_container(Draft::create("cse2", "Cae9", "x1", ResourceType::Container).0, 4106)]
// REG-09
#[case::its_own_remote_cse(Draft::retrieve("/cse2/cse2/cse9", "/cse9", "x1").0, 4004)]
#[case::the_end_of_it(Draft::delete("/cse2/cse2/cse9", "/cse9", "x1").0, 4004)]
#[case::an_ae(registration("AE9", "CSE2", true), 2001)]
#[case::an_ae_that_is_registered(registration("AE2", "CSE2", true), 4117)]
#[case::a_cse(hop_registration("cse9").0, 2001)]
#[case::a_cse_that_is_registered(hop_registration("cse1").0, 4117)]
fn a_link_without_identity_carries_registrations_only(
    #[case] request: Request,
    #[case] expected: u16,
) {
    let mut world = with_peers(|_| {});
    world.open("X", "CSE2", None);

    assert_eq!(world.exchange("X", "CSE2", request).status.0, expected);
}

#[rstest]
#[case::none(None, "Cae2", 2000)]
#[case::none_and_an_unknown_name(None, "Cae9", 4106)]
#[case::the_right_one(Some("Cae2"), "Cae2", 2000)]
#[case::another_registered_one(Some("/cse1"), "Cae2", 4106)]
#[case::one_that_is_not_registered(Some("Cae9"), "Cae2", 4106)]
fn a_link_belongs_to_who_it_was_opened_for(
    #[case] origin: Option<&str>,
    #[case] from: &str,
    #[case] expected: u16,
) {
    let mut world = with_peers(|_| {});
    world.open("X", "CSE2", origin);
    let request = Draft::retrieve("cse2/ae2", from, "x1").0;

    assert_eq!(world.exchange("X", "CSE2", request).status.0, expected);
}

#[test]
fn a_claimed_name_is_the_only_one_that_can_be_registered() {
    let mut world = with_peers(|_| {});
    world.open("X", "CSE2", Some("Cae9"));

    let other = world.exchange("X", "CSE2", registration("AE8", "CSE2", true));
    let own = world.exchange("X", "CSE2", registration("AE9", "CSE2", true));

    assert_eq!([other.status.0, own.status.0], [4106, 2001]);
}

#[rstest]
#[case::over_plain_where_it_is_not_allowed(false, false, 4107)]
#[case::over_plain_where_it_is_allowed(true, false, 2001)]
#[case::over_a_trusted_link(false, true, 2001)]
fn a_cse_registers_over_a_link_that_is_secure_enough(
    #[case] allow_plain_mcc: bool,
    #[case] trusted: bool,
    #[case] expected: u16,
) {
    let mut world = with_peers(|config| config.allow_plain_mcc = allow_plain_mcc);
    world.open_as("X", "CSE2", None, trusted);

    // LNK-50
    let answer = world.exchange("X", "CSE2", hop_registration("cse9").0);

    assert_eq!(answer.status.0, expected);
}

#[rstest]
#[case::over_plain_where_it_is_not_allowed(false, "/cse9", 4107)]
#[case::over_plain_where_it_is_allowed(true, "/cse9", 4106)]
#[case::of_an_ae_at_it(false, "/cse9/Cae9", 4106)]
fn a_cse_that_is_not_registered_learns_first_what_the_link_lacks(
    #[case] allow_plain_mcc: bool,
    #[case] from: &str,
    #[case] expected: u16,
) {
    let mut world = with_peers(|config| config.allow_plain_mcc = allow_plain_mcc);
    world.open_as("X", "CSE2", None, false);

    // LNK-04, LNK-50
    let answer = world.exchange("X", "CSE2", Draft::retrieve("cse2", from, "x1").0);

    assert_eq!(answer.status.0, expected);
}

#[test]
fn an_ae_cannot_register_a_cse() {
    let mut world = single();
    let mut request = hop_registration("cse9").0;
    request.to = "cse1".into();
    request.from = Some("Cae1".into());

    assert_eq!(world.exchange("AE1", "CSE1", request).status.0, 4005);
}

#[test]
fn a_newer_link_of_the_same_identity_replaces_the_older_one() {
    let mut world = pair();
    world.open("AE1", "CSE1", Some("Cae1"));

    assert_eq!(world.closed, [("CSE1", "AE1", CloseReason::Replaced)]);
    assert_eq!(world.links_of("CSE1").len(), 3, "AE1, AE3 and CSE2");
    let answer = world.exchange("AE1", "CSE1", Draft::retrieve("cse1/ae1", "Cae1", "x1").0);
    assert_eq!(answer.status.0, 2000);
}

#[test]
fn a_request_on_a_replaced_link_does_not_bind_it_again() {
    let mut world = single();
    let request = |request: Request| Primitive::Request(Shared::new(request));
    let received = |link, request| Input::Received {
        link,
        primitive: request,
    };
    let older = LinkId(901);
    let newer = LinkId(902);
    for link in [older, newer] {
        let origin = Some("Cae3".into());
        let opening = m2m_machine::cse::Opening::Accepted { origin };
        world.step(
            "CSE1",
            Input::LinkOpened {
                link,
                opening,
                far_end: m2m_machine::cse::FarEnd::new(true),
            },
        );
    }
    let gone = Draft::delete("cse1/ae3", "Cae3", "x1").0;
    world.step("CSE1", received(newer, request(gone)));

    // World checks after each step that no replaced link is the current one of anybody.
    let back = registration("AE3", "CSE1", true);
    world.step("CSE1", received(older, request(back)));
}

#[test]
fn an_answer_goes_out_on_the_link_that_replaced_the_one_it_was_asked_on() {
    let mut world = pair();
    let ticket = crate::common::scene::session(&mut world);
    let to = crate::common::scene::below_target(&world, "container1");
    let asked = crate::common::message::sealed_instance(&to, "Cae1", "u1", &ticket);
    world.ask("AE1", "CSE1", asked.0);

    world.open("AE1", "CSE1", Some("Cae1"));
    world.settle();

    // LNK-45, LNK-46
    let answer = world.take_response("CSE1", "AE1", "u1");
    assert_eq!(answer.expect("an answer").status.0, 2001);
}

#[test]
fn who_has_deregistered_is_nobody_on_its_link() {
    let mut world = pair();
    let gone = world.exchange("AE3", "CSE1", Draft::delete("cse1/ae3", "Cae3", "x1").0);
    let then = world.exchange("AE3", "CSE1", Draft::retrieve("cse1", "Cae3", "x2").0);
    let to_it = world.exchange("AE1", "CSE1", Draft::notify("cse1/ae3", "Cae1", "x3").0);

    assert_eq!(
        [gone.status.0, then.status.0, to_it.status.0],
        [2002, 4106, 4004]
    );
}

#[test]
fn a_stranger_gets_no_remembered_answer_and_spoils_none() {
    let mut world = pair();
    let asked = crate::common::scene::proposal(&world, "e-s1", "s1");
    crate::common::scene::session(&mut world);
    let mut claimed = registration("AE1", "CSE1", true);
    claimed.request_id = "e-s1".into();
    world.open("X", "CSE1", None);

    let stranger = world.exchange("X", "CSE1", claimed);
    let other = world.exchange("AE3", "CSE1", asked.clone());
    let own = world.exchange("AE1", "CSE1", asked);

    assert_eq!(
        // REG-33
        [stranger.status.0, other.status.0, own.status.0],
        [4117, 4106, 2001]
    );
}

#[rstest]
#[case::reading_the_base(Draft::retrieve("/cse1/cse1", "/cse2", "c2-1").0, "/cse2")]
#[case::passing_on_for_an_ae(Draft::retrieve("/cse1/cse1", "/cse2/Cae2", "Cae2/c2-1").0, "/cse2")]
fn the_registrar_is_known_by_its_first_word(#[case] request: Request, #[case] expected: &str) {
    let mut world = crate::common::scene::two_cses();
    world.open("CSE1", "CSE2", Some("/cse1"));
    let link = world.link("CSE1", "CSE2").expect("a link");
    let primitive = Primitive::Request(Shared::new(request));

    world.step("CSE1", Input::Received { link, primitive });

    assert_eq!(neighbours(&world, "CSE1"), [expected]);
}

fn neighbours(world: &World, node: Node) -> Vec<String> {
    let mut names = Vec::new();
    for record in world.cse(node).durable() {
        if let m2m_machine::record::Record::Neighbour(neighbour) = record {
            names.push(neighbour.cse.to_string());
        }
    }
    names
}

#[rstest]
#[case::its_choice("C", "C")]
#[case::for_the_service_provider("S", "S")]
#[case::nothing_said("", "C")]
fn a_registrar_chooses_a_stem(#[case] from: &str, #[case] prefix: &str) {
    let mut world = single();
    world.open("AE9", "CSE1", None);
    let mut request = registration("AE9", "CSE1", true);
    request.from = Some(from.into());

    let answer = world.exchange("AE9", "CSE1", request);

    let id = member(&answer, &Attribute::AeId);
    let id = id.and_then(|id| id.as_text().cloned()).expect("an AE-ID");
    assert!(id.starts_with(prefix), "{id}");
    let read = Draft::retrieve("cse1", &id, "x2").0;
    assert_eq!(
        world.exchange("AE9", "CSE1", read).status.0,
        2000,
        "its link is bound"
    );
}

#[rstest]
#[case::without_an_application(Attribute::AppId, None, 4000)]
#[case::with_a_malformed_one(Attribute::AppId, Some(Value::text("x")), 4000)]
#[case::without_reachability(Attribute::RequestReachability, None, 4000)]
#[case::without_release_versions(Attribute::SupportedReleaseVersions, None, 4000)]
#[case::without_session_capability(Attribute::SessionCapable, None, 2001)]
fn the_members_of_a_registration_are_checked(
    #[case] name: Attribute,
    #[case] value: Option<Value>,
    #[case] expected: u16,
) {
    let mut world = single();
    world.open("AE9", "CSE1", None);
    let mut request = registration("AE9", "CSE1", true);
    if let Some(Value::Object(content)) = request.content.as_mut().map(|c| &mut c.value)
        && let Some(Value::Object(members)) = content.values_mut().next()
    {
        members.remove(&name);
        members.extend(value.map(|value| (name, value)));
    }

    assert_eq!(world.exchange("AE9", "CSE1", request).status.0, expected);
}

#[test]
fn sessions_come_and_go_with_the_capability() {
    let mut world = pair();
    let ticket = crate::common::scene::session(&mut world);
    let read = |id: &str| Draft::retrieve("cse1/ae1/sessions", "Cae1", id).0;
    let set = |id: &str, capable: bool| {
        let update = Draft::update("cse1/ae1", "Cae1", id, ResourceType::Ae);
        update
            .with(Attribute::SessionCapable, Value::Bool(capable))
            .0
    };
    let there = world.exchange("AE1", "CSE1", read("x1")).status.0;
    world.exchange("AE1", "CSE1", set("x2", false));
    let gone = world.exchange("AE1", "CSE1", read("x3")).status.0;
    world.exchange("AE1", "CSE1", set("x4", true));
    let back = world.exchange("AE1", "CSE1", read("x5")).status.0;
    world.settle();

    assert_eq!([there, gone, back], [2000, 4004, 2000]);
    let told = super::establishment::reasons(&mut world, "CSE2", "AE2");
    assert_eq!(
        told,
        [3],
        "REG-05: the session {} ended as by deregistration",
        ticket.id
    );
    register(&mut world, "AE9", "CSE1", false);
    let none = Draft::retrieve("cse1/ae9/sessions", "Cae9", "x6").0;
    assert_eq!(world.exchange("AE9", "CSE1", none).status.0, 4004);
}

fn administered() -> World {
    let mut own = config("cse1", CseKind::In, None);
    own.administrator = Some("CAdmin".into());
    let mut world = World::new([("CSE1", own)]);
    register(&mut world, "AE1", "CSE1", false);
    world
}

#[rstest]
#[case::named_in_the_handshake(Some("CAdmin"), "CAdmin", true, 2000)]
#[case::named_in_its_requests(None, "CAdmin", true, 2000)]
#[case::over_a_link_that_is_not_trusted(Some("CAdmin"), "CAdmin", false, 4106)]
#[case::unannounced_over_such_a_link(None, "CAdmin", false, 4106)]
#[case::behind_another_name(Some("Cae9"), "CAdmin", true, 4106)]
#[case::as_another(Some("CAdmin"), "Cae1", true, 4106)]
#[case::by_a_name_that_begins_alike(None, "CAdmin2", true, 4106)]
fn the_administrator_needs_no_registration(
    #[case] origin: Option<&str>,
    #[case] from: &str,
    #[case] trusted: bool,
    #[case] expected: u16,
) {
    let mut world = administered();
    world.open_as("AE9", "CSE1", origin, trusted);

    let read = Draft::retrieve("cse1/ae1", from, "x1").0;

    let answer = world.exchange("AE9", "CSE1", read);
    assert_eq!(answer.status.0, expected, "REG-38");
}

#[test]
fn nobody_registers_under_the_administrators_name_from_elsewhere() {
    let mut world = administered();
    world.open_as("AE9", "CSE1", None, false);
    let mut request = registration("AE9", "CSE1", false);
    request.from = Some("CAdmin".into());

    let answer = world.exchange("AE9", "CSE1", request);

    assert_eq!(
        answer.status,
        Status::ORIGINATOR_NOT_AUTHENTICATED,
        "REG-38"
    );
    assert_eq!(world.resources("CSE1", ResourceType::Ae).len(), 1);
}

/// Some neighbours name the form of addresses in every request, and their service provider in a registration.
#[test]
fn a_registration_may_say_more_than_this_cse_needs() {
    let mut world = with_peers(|_| {});
    world.open("PEER4", "CSE2", Some("/cse4"));
    let spi = Attribute::Custom("spi".into());
    let mut request = hop_registration("cse4")
        .with(spi, Value::text("//sp.example.com"))
        .0;
    request.identifier_type = Some(1);

    let answer = world.exchange("PEER4", "CSE2", request);

    assert_eq!(answer.status, Status::CREATED);
}

#[test]
fn a_stem_of_the_service_provider_is_made_where_it_is_unique_and_names_its_ae() {
    let mut world = pair();
    world.open("AE9", "CSE1", None);
    let mut request = registration("AE9", "CSE1", false);
    request.from = Some("S".into());

    let made = world.exchange("AE9", "CSE1", request);

    // REG-51
    let stem = member(&made, &Attribute::AeId).expect("aei");
    let stem = stem.as_text().expect("text").to_string();
    assert!(stem.starts_with("Scse1-"), "{stem}");
    let read = Draft::retrieve(&format!("/{stem}"), &stem, "x1").0;
    let found = world.exchange("AE9", "CSE1", read);
    assert_eq!(found.status.0, 2000);
    let mut later = Draft::retrieve(&format!("/{stem}"), &stem, "x3").0;
    later.execution_time = Some(When::After(1_000));
    world.ask("AE9", "CSE1", later);
    world.wait(1_000);
    let found = world.take_response("CSE1", "AE9", "x3").expect("an answer");
    assert_eq!(found.status.0, 2000);
    for other in ["/S9", &format!("//other.example/{stem}")] {
        world.ask("AE9", "CSE1", Draft::retrieve(other, &stem, "x2").0);
        world.settle();
        let unknown = world.take_response("CSE1", "AE9", "x2").expect("an answer");
        assert_eq!(unknown.status.0, 4004, "{other}");
    }
}
