//! Limits: what one peer can make a CSE hold is bounded, and what is beyond is refused, not lost (USE-18, USE-30).

use super::codes::answer_at;
use super::hop::{SESSION, hop_request, with_peers};
use crate::common::message::{Draft, member, request, sealed_instance, yes};
use crate::common::scene::{
    add_night, below_target, far, pair, pair_with, proposal, question, session, session_with,
};
use crate::common::{HOUR, MINUTE, World};
use m2m_machine::attribute::Attribute;
use m2m_machine::cse::{Event, Input};
use m2m_machine::primitive::Malformed;
use m2m_machine::record::Record;
use m2m_machine::resource::ResourceType;
use m2m_machine::status::Status;
use m2m_machine::value::Value;
use rstest::rstest;

#[test]
fn sessions_beyond_the_number_of_a_collection_are_refused_at_both_ends() {
    let mut world = pair_with(|config| config.limits.sessions_per_ae = 1);
    session_with(&mut world, "s1", &[]);
    let beyond = proposal(&world, "e2", "s2");
    let mut at_target = with_peers(|config| config.limits.sessions_per_ae = 1);
    let first = hop_request(&at_target, "Cae1/e1", SESSION);
    at_target.ask("PEER1", "CSE2", first.0);
    let asked = request(at_target.pass("CSE2", "AE2").expect("a question"));
    at_target.answer("AE2", "CSE2", yes(&asked, &[]));
    let second = hop_request(&at_target, "Cae1/e2", "/cse1/BBBBBBBBBBBBBBBBBBBBBB");

    // EST-35
    assert_eq!(answer_at(&mut world, "AE1", beyond), 5207);
    let answer = at_target.exchange("PEER1", "CSE2", second.0);
    assert_eq!(answer.status, Status::NOT_ACCEPTABLE);
}

#[rstest]
#[case::by_count(2, u64::MAX)]
#[case::by_bytes(100, 200)]
fn stored_requests_stay_within_their_bounds(#[case] count: u32, #[case] bytes: u64) {
    let mut world = pair_with(|config| {
        config.limits.stored_requests = count;
        config.limits.stored_bytes = bytes;
    });
    let ticket = session(&mut world);
    add_night(&mut world);
    let to = below_target(&world, "container1");
    let stored = |id: &str| sealed_instance(&to, "Cae1", id, &ticket).notified().0;

    let statuses = ["u1", "u2", "u3"].map(|id| answer_at(&mut world, "AE1", stored(id)));

    assert_eq!(statuses, [1002, 1002, 5207]);
    world.wait(17 * HOUR);
    assert_eq!(super::policy::instances(&world), 2, "none was lost");
    assert_eq!(
        answer_at(&mut world, "AE1", stored("u4")),
        1002,
        "room again"
    );
}

#[test]
fn notifications_for_an_absent_ae_are_bounded_and_then_changes_are_refused() {
    let mut world = pair_with(|config| config.limits.outgoing_per_peer = 3);
    let ticket = session(&mut world);
    world.cut("AE2", "CSE2");
    let to = below_target(&world, "container1");
    let data = |id: &str| sealed_instance(&to, "Cae1", id, &ticket).0;

    let statuses = ["u1", "u2", "u3", "u4"].map(|id| answer_at(&mut world, "AE1", data(id)));

    assert_eq!(statuses, [2001, 2001, 2001, 5207]);
    assert_eq!(
        super::policy::instances(&world),
        3,
        "a refused change is none"
    );
}

#[test]
fn outcomes_are_remembered_up_to_their_number() {
    let mut world = pair_with(|config| config.limits.outcomes_per_originator = 4);
    for number in 0..10 {
        let create = Draft::create(
            "cse1/ae1",
            "Cae1",
            &format!("x{number}"),
            ResourceType::Container,
        );
        world.exchange("AE1", "CSE1", create.0);
    }

    let of_ae1 = |r: &Record| matches!(r, Record::Outcome(o) if o.key.originator == "/cse1/Cae1");
    assert_eq!(world.cse("CSE1").durable().filter(of_ae1).count(), 4);
}

#[test]
fn a_tree_that_is_full_takes_nothing_and_keeps_no_half_session() {
    let resources = |world: &World| {
        let is_resource = |r: &Record| matches!(r, Record::Resource(_));
        let count = world.cse("CSE2").durable().filter(is_resource).count();
        u32::try_from(count).expect("few")
    };
    let full = resources(&pair());
    for room in 0..6 {
        let mut world = pair_with(|config| {
            if config.name == "cse2" {
                config.limits.resources = full + room;
            }
        });
        let asked = proposal(&world, "e1", "s1");
        world.ask("AE1", "CSE1", asked);
        let question = question(&mut world);
        let verdict = yes(&question, &[]);
        world.answer("AE2", "CSE2", verdict);
        world.settle();

        let status = world.take_response("CSE1", "AE1", "e1").expect("an answer");
        let is_whole = room == 5;
        assert_eq!(
            status.status.0,
            if is_whole { 2001 } else { 5207 },
            "{room}"
        );
        assert_eq!(super::establishment::holds_anything(&world), is_whole);
    }
}

#[test]
fn too_many_messages_in_a_row_that_are_no_primitives_close_the_link() {
    let mut world = pair_with(|config| config.limits.malformed_in_a_row = 2);
    let link = world.link("AE1", "CSE1").expect("a link");
    let nonsense = Input::Undecodable {
        link,
        request_id: None,
        why: Malformed::Syntax,
    };
    for _ in 0..2 {
        world.step("CSE1", nonsense.clone());
    }
    world.exchange("AE1", "CSE1", Draft::retrieve("cse1/ae1", "Cae1", "x1").0);
    for _ in 0..3 {
        assert!(world.closed.is_empty(), "a good one in between counts");
        world.step("CSE1", nonsense.clone());
    }

    // LNK-42
    assert_eq!(world.closed.len(), 1);
    let limit = Event::LimitReached("malformed_in_a_row");
    assert!(world.events.contains(&("CSE1", limit)));
    let answers: Vec<_> = world.waiting("CSE1", "AE1").collect();
    assert_eq!(answers.len(), 4, "4000 for each before");
}

/// A session in whose context four entries were written, ten minutes apart.
fn four_entries(name: Attribute, value: i64) -> (World, Vec<String>) {
    let mut world = pair();
    let ticket = session(&mut world);
    let bound = Draft::update(
        "cse1/ae1/sessions/s1/context",
        "Cae1",
        "b1",
        ResourceType::SessionContext,
    )
    .with(name, Value::Integer(value));
    world.exchange("AE1", "CSE1", bound.0);
    let to = below_target(&world, "container1");
    for number in 1..=4 {
        world.wait(10 * MINUTE);
        let data = sealed_instance(&to, "Cae1", &format!("u{number}"), &ticket);
        world.ask("AE1", "CSE1", data.0);
        world.settle();
    }
    let read = Draft::retrieve("cse1/ae1/sessions/s1/context", "Cae1", "r1").showing(4);
    let shown = world.exchange("AE1", "CSE1", read.0);
    let name = Attribute::Resource(ResourceType::SessionContextEntry);
    let entries = member(&shown, &name).unwrap_or(Value::List(Vec::new()));
    let id = |entry: &Value| {
        let id = entry.member(&Attribute::RequestIdentifier)?;
        id.as_text().map(ToString::to_string)
    };
    let entries = entries.as_list().unwrap_or_default().iter().filter_map(id);
    let count = member(&shown, &Attribute::CurrentNrOfInstances);
    let entries: Vec<String> = entries.collect();
    assert_eq!(
        count,
        Some(Value::Integer(i64::try_from(entries.len()).expect("few")))
    );
    (world, entries)
}

#[rstest]
#[case::at_most_two(Attribute::MaxNrOfInstances, 2, &["u3", "u4"])]
#[case::none(Attribute::MaxNrOfInstances, 0, &[])]
#[case::more_than_there_are(Attribute::MaxNrOfInstances, 50, &["u1", "u2", "u3", "u4"])]
#[case::none_older_than_a_quarter_of_an_hour(Attribute::MaxInstanceAge, 900, &["u3", "u4"])]
fn the_context_drops_its_oldest_entries(
    #[case] name: Attribute,
    #[case] value: i64,
    #[case] expected: &[&str],
) {
    let (_, entries) = four_entries(name, value);

    assert_eq!(entries, expected);
}

#[test]
fn no_endpoint_makes_the_context_larger_than_the_cse_allows() {
    let (mut world, _) = four_entries(Attribute::MaxNrOfInstances, 1_000_000);
    let read = Draft::retrieve("cse1/ae1/sessions/s1/context", "Cae1", "r2");

    let shown = world.exchange("AE1", "CSE1", read.0);

    let bound = member(&shown, &Attribute::MaxNrOfInstances);
    assert_eq!(bound, Some(Value::Integer(100)));
}

#[rstest]
#[case::the_newest("la", "u4")]
#[case::the_oldest("ol", "u1")]
fn the_context_shows_its_ends(#[case] which: &str, #[case] expected: &str) {
    let (mut world, _) = four_entries(Attribute::MaxNrOfInstances, 100);
    let to = format!("cse1/ae1/sessions/s1/context/{which}");

    let entry = world.exchange("AE1", "CSE1", Draft::retrieve(&to, "Cae1", "r2").0);

    let id = member(&entry, &Attribute::RequestIdentifier);
    assert_eq!(id, Some(Value::text(expected)), "USE-50");
}

#[test]
fn refusals_repetitions_and_readings_of_the_session_leave_no_entry() {
    let mut world = pair();
    let ticket = session(&mut world);
    let to = below_target(&world, "container1");
    let served = sealed_instance(&to, "Cae1", "u1", &ticket).0;
    world.ask("AE1", "CSE1", served.clone());
    world.settle();
    world.ask("AE1", "CSE1", served);
    let plain = Draft::create(&to, "Cae1", "u2", ResourceType::ContentInstance).within(&ticket.id);
    world.ask("AE1", "CSE1", plain.0);
    let own = Draft::retrieve("cse1/ae1/sessions/s1", "Cae1", "u3").within(&ticket.id);
    world.ask("AE1", "CSE1", own.0);
    world.settle();

    for node in ["CSE1", far(&world)] {
        let entries = world.resources(node, ResourceType::SessionContextEntry);
        assert_eq!(entries.len(), 1, "{node}: USE-17, USE-49");
    }
}

#[test]
fn a_forwarded_request_that_nobody_answers_has_its_entry_too() {
    let mut world = pair();
    let created = session(&mut world);
    let to = below_target(&world, "container1");
    let asked = sealed_instance(&to, "Cae1", "u1", &created).by(world.now.plus(5_000));
    world.ask("AE1", "CSE1", asked.0);
    world.cut("CSE1", "CSE2");
    world.wait(5_000);

    let answer = world.take_response("CSE1", "AE1", "u1").expect("an answer");
    let read = Draft::retrieve("cse1/ae1/sessions/s1/context/la", "Cae1", "r1");
    let entry = world.exchange("AE1", "CSE1", read.0);

    assert_eq!(answer.status, Status::REQUEST_TIMEOUT);
    let status = member(&entry, &Attribute::ResponseStatusCode);
    assert_eq!(status, Some(Value::Integer(4008)), "USE-17");
}
