//! Time: how requests expire along their way (R7), when sessions, tombstones and held notifications do.

use super::codes::answer_at;
use super::establishment::reasons;
use crate::common::message::{Draft, Ticket, reply, request, sealed_instance};
use crate::common::scene::{
    add_night, below_target, chain, done, done_after_settling, join, pair, pair_with, proposal,
    session, single,
};
use crate::common::{DAY, HOUR, MINUTE, Node, SECOND, START, World};
use m2m_machine::attribute::Attribute;
use m2m_machine::cse::Timer;
use m2m_machine::primitive::{Operation, Primitive, Request, ResponseMode, When};
use m2m_machine::record::Record;
use m2m_machine::resource::ResourceType;
use m2m_machine::status::Status;
use m2m_machine::value::Value;
use rstest::rstest;

/// The requests that passed on a way, with that operation.
fn next(world: &mut World, from: Node, to: Node) -> Request {
    request(world.pass(from, to).expect("a request"))
}

fn expires(request: &Request) -> Option<u64> {
    match request.request_expiration {
        Some(When::At(at)) => Some(at.0 - START.0),
        Some(When::After(_)) | None => None,
    }
}

#[rstest]
#[case::as_asked(Some(When::At(START.plus(30 * SECOND))), 30 * SECOND)]
#[case::relative_made_absolute(Some(When::After(20 * SECOND)), 20 * SECOND)]
#[case::by_default(None, 30 * SECOND)]
fn each_hop_of_an_establishment_expires_a_step_earlier(
    #[case] asked: Option<When>,
    #[case] life: u64,
) {
    let mut world = chain();
    let mut proposal = proposal(&world, "e1", "s1");
    proposal.request_expiration = asked;
    world.ask("AE1", "CSE1", proposal);

    let first = next(&mut world, "CSE1", "CSE2");
    let second = next(&mut world, "CSE2", "CSE3");
    let question = next(&mut world, "CSE3", "AE2");

    let seen = [&first, &second, &question].map(expires);
    let expected = [1, 2, 3].map(|steps| Some(life - steps * SECOND));
    assert_eq!(seen, expected, "EST-48");
}

#[rstest]
#[case::absolute(When::At(START.plus(9 * SECOND)))]
#[case::relative(When::After(9 * SECOND))]
fn data_keeps_its_expiration_along_the_way(#[case] asked: When) {
    let mut world = pair();
    let ticket = session(&mut world);
    let to = below_target(&world, "container1");
    let mut data = sealed_instance(&to, "Cae1", "u1", &ticket).0;
    data.request_expiration = Some(asked);
    world.ask("AE1", "CSE1", data);

    let forwarded = next(&mut world, "CSE1", "CSE2");

    assert_eq!(expires(&forwarded), Some(9 * SECOND));
}

#[test]
fn who_waits_is_answered_when_its_time_is_over() {
    let mut world = pair();
    let ticket = session(&mut world);
    let to = below_target(&world, "container1");
    let data = sealed_instance(&to, "Cae1", "u1", &ticket);
    world.ask("AE1", "CSE1", data.0);
    world.cut("CSE1", "CSE2");

    world.wait(30 * SECOND - 1);
    assert_eq!(world.waiting("CSE1", "AE1").count(), 0);
    world.wait(1);

    let answer = world.take_response("CSE1", "AE1", "u1").expect("an answer");
    assert_eq!(answer.status, Status::REQUEST_TIMEOUT, "REG-27, USE-33");
}

#[test]
fn a_stored_request_that_expires_has_one_outcome_and_is_never_delivered() {
    let mut world = pair();
    let ticket = session(&mut world);
    add_night(&mut world);
    let to = below_target(&world, "container1");
    let stored = sealed_instance(&to, "Cae1", "u1", &ticket)
        .notified()
        .by(START.plus(17 * HOUR));
    assert_eq!(answer_at(&mut world, "AE1", stored.0), 1002);
    world.cut("CSE1", "CSE2");
    world.wait(18 * HOUR);
    join(&mut world, "CSE1");
    world.wait(HOUR);

    let told = next(&mut world, "CSE1", "AE1");
    let (_, body) = told
        .content
        .as_ref()
        .and_then(|c| c.single())
        .expect("m2m:rsp");
    assert_eq!(
        body.member(&Attribute::ResponseStatusCode),
        Some(&Value::Integer(4008))
    );
    assert_eq!(
        world.waiting("CSE1", "AE1").count(),
        0,
        "USE-11: one outcome"
    );
    assert_eq!(super::policy::instances(&world), 0, "USE-07");
}

#[rstest]
#[case::a_moment_before(0, 2000)]
#[case::at_its_end(1, 4004)]
fn use_of_a_session_ends_at_its_end(#[case] after: u64, #[case] expected: u16) {
    let mut world = pair();
    let ticket = session(&mut world);
    world.wait(6 * DAY - 1 + after);
    let to = below_target(&world, "container1");
    let read = Draft::retrieve(&to, "Cae2", "x1").within(&ticket.id);

    assert_eq!(
        world.exchange("AE2", "CSE2", read.0).status.0,
        expected,
        "END-36"
    );
}

#[test]
fn a_session_expires_everywhere_without_a_word_between_cses() {
    let mut world = chain();
    let ticket = session(&mut world);
    for (one, other) in [("CSE1", "CSE2"), ("CSE3", "CSE2")] {
        world.cut(one, other);
    }
    world.wait(6 * DAY + 2 * SECOND - 1);
    assert!(super::establishment::holds_anything(&world));
    world.wait(1);

    assert!(
        !super::establishment::holds_anything(&world),
        "END-17: {}",
        ticket.id
    );
    assert_eq!(reasons(&mut world, "CSE1", "AE1"), [2]);
    assert_eq!(reasons(&mut world, "CSE3", "AE2"), [2]);
}

#[rstest]
#[case::within_the_life_of_the_session(5 * DAY, 1)]
#[case::after_it(7 * DAY, 0)]
fn a_termination_notice_is_held_until_the_end_of_the_session(
    #[case] away: u64,
    #[case] expected: usize,
) {
    let mut world = pair();
    session(&mut world);
    world.cut("AE2", "CSE2");
    done_after_settling(
        &mut world,
        Draft::delete("cse1/ae1/sessions/s1", "Cae1", "d1").0,
    );
    world.wait(away);

    world.open("AE2", "CSE2", Some("Cae2"));

    assert_eq!(
        reasons(&mut world, "CSE2", "AE2").len(),
        expected,
        "END-30, LNK-10"
    );
}

#[rstest]
#[case::a_day_at_most(DAY - MINUTE, 1)]
#[case::not_longer(DAY + MINUTE, 0)]
fn a_notice_of_expiry_is_held_a_day_longer(#[case] away: u64, #[case] expected: usize) {
    let mut world = pair();
    session(&mut world);
    world.cut("AE2", "CSE2");
    world.wait(6 * DAY + away);

    world.open("AE2", "CSE2", Some("Cae2"));

    assert_eq!(reasons(&mut world, "CSE2", "AE2").len(), expected);
}

#[rstest]
#[case::with_time_enough(30 * SECOND, 5 * SECOND)]
#[case::with_little_time(4 * SECOND, 2 * SECOND)]
fn a_silent_endpoint_delays_the_end_for_a_bounded_time(#[case] life: u64, #[case] wait: u64) {
    let mut world = pair();
    session(&mut world);
    let delete = Draft::delete("cse1/ae1/sessions/s1", "Cae1", "d1").by(START.plus(life));
    world.ask("AE1", "CSE1", delete.0);
    world.settle();

    world.wait(wait - 1);
    let early = world.take_response("CSE1", "AE1", "d1");
    world.wait(1);
    let answer = world.take_response("CSE1", "AE1", "d1");

    assert_eq!(early, None);
    assert_eq!(answer.expect("an answer").status, Status::DELETED, "END-16");
}

#[test]
fn an_unreachable_hop_is_asked_again_at_growing_intervals() {
    let mut world = pair();
    session(&mut world);
    let delete = Draft::delete("cse1/ae1/sessions/s1", "Cae1", "d1").by(START.plus(10 * SECOND));
    world.ask("AE1", "CSE1", delete.0);
    // The hop gets the request, and never says a word.
    let mut sent = Vec::new();
    for _ in 0..(60 * 60) {
        world.wait_without_passing(SECOND);
        while let Some(primitive) = world.lose_next("CSE1", "CSE2") {
            if let Primitive::Request(request) = primitive {
                assert_eq!(request.operation, Operation::Delete);
                sent.push((world.now.0 - START.0) / SECOND);
            }
        }
    }

    let gaps: Vec<u64> = sent.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let answer = world.take_response("CSE1", "AE1", "d1").expect("an answer");
    assert_eq!(answer.status, Status::REMOTE_ENTITY_NOT_REACHABLE, "END-33");
    assert_eq!(gaps[1..7], [30, 60, 120, 240, 480, 600], "END-34: {gaps:?}");
}

#[test]
fn a_tombstone_permits_no_use_and_goes_with_the_end_of_its_session() {
    let mut world = pair();
    let ticket = session(&mut world);
    world.cut("CSE1", "CSE2");
    let delete = Draft::delete("cse1/ae1/sessions/s1", "Cae1", "d1");
    world.ask("AE1", "CSE1", delete.0);
    world.wait(MINUTE);
    let to = below_target(&world, "container1");
    let data = sealed_instance(&to, "Cae1", "u1", &ticket);
    let used = answer_at(&mut world, "AE1", data.0);
    let is_tombstone = |r: &Record| matches!(r, Record::Tombstone(_));

    assert_eq!(used, 4004, "END-22");
    assert!(world.cse("CSE1").durable().any(|r| is_tombstone(&r)));
    world.wait(6 * DAY);
    assert!(!world.cse("CSE1").durable().any(|r| is_tombstone(&r)));
}

#[test]
fn a_hop_that_returns_ends_its_session_and_whoever_was_acknowledged_hears_of_it() {
    let mut world = pair();
    session(&mut world);
    world.cut("CSE1", "CSE2");
    let delete = Draft::delete("cse1/ae1/sessions/s1", "Cae1", "d1").notified();
    let first = answer_at(&mut world, "AE1", delete.0);
    world.wait(10 * MINUTE);
    assert_eq!(
        world.waiting("CSE1", "AE1").count(),
        0,
        "not all have confirmed"
    );

    join(&mut world, "CSE1");
    let notice = next(&mut world, "CSE2", "AE2");
    let thanks = reply(&notice, Status::OK);
    world.answer("AE2", "CSE2", thanks);
    world.settle();

    assert_eq!(first, 1002);
    let told = next(&mut world, "CSE1", "AE1");
    let (_, body) = told
        .content
        .as_ref()
        .and_then(|c| c.single())
        .expect("m2m:rsp");
    assert_eq!(
        body.member(&Attribute::ResponseStatusCode),
        Some(&Value::Integer(2002))
    );
    assert!(!super::establishment::holds_anything(&world), "END-10");
}

#[rstest]
#[case::it_stays_away(true)]
#[case::it_registers_again_in_time(false)]
fn a_session_outlives_the_registration_of_its_hop_by_a_grace(#[case] stays_away: bool) {
    let mut world = super::hop::with_peers(|_| {});
    let asked = super::hop::hop_request(&world, "Cae1/e1", super::hop::SESSION);
    world.ask("PEER1", "CSE2", asked.0);
    let question = next(&mut world, "CSE2", "AE2");
    world.answer("AE2", "CSE2", crate::common::message::yes(&question, &[]));
    world
        .take_response("CSE2", "PEER1", "Cae1/e1")
        .expect("created");
    let far = super::codes::far_session(&world);
    let confirm = Draft::update(
        &format!("/cse2/{far}"),
        "/cse1",
        "c1",
        ResourceType::Session,
    )
    .with(Attribute::Lifecycle, Value::Integer(2));
    world.exchange("PEER1", "CSE2", confirm.0);
    let gone = Draft::delete("/cse2/cse2/cse1", "/cse1", "c2");
    assert_eq!(world.exchange("PEER1", "CSE2", gone.0).status.0, 2002);
    world.wait(20 * SECOND);
    if !stays_away {
        let mut back = super::hop::registration("cse1");
        back.0.request_id = "c3".into();
        world.exchange("PEER1", "CSE2", back.0);
    }

    world.wait(20 * SECOND);

    let expected: &[i64] = if stays_away { &[5] } else { &[] };
    assert_eq!(reasons(&mut world, "CSE2", "AE2"), expected, "END-38");
}

#[test]
fn a_shorter_session_shortens_what_is_stored_for_it() {
    let mut world = pair();
    let ticket = session(&mut world);
    add_night(&mut world);
    let to = below_target(&world, "container1");
    let stored = sealed_instance(&to, "Cae1", "u1", &ticket).notified();
    assert_eq!(answer_at(&mut world, "AE1", stored.0), 1002);
    let ends = Value::Time(START.plus(HOUR));
    let shorter = Draft::update("cse1/ae1/sessions/s1", "Cae1", "x1", ResourceType::Session)
        .with(Attribute::ExpirationTime, ends.clone());

    done_after_settling(&mut world, shorter.0);

    for node in ["CSE1", "CSE2"] {
        let sessions = world.resources(node, ResourceType::Session);
        assert_eq!(
            sessions[0].expires.map(Value::Time),
            Some(ends.clone()),
            "EST-68"
        );
    }
    world.wait(HOUR);
    let told = next(&mut world, "CSE1", "AE1");
    let (_, body) = told
        .content
        .as_ref()
        .and_then(|c| c.single())
        .expect("m2m:rsp");
    assert_eq!(
        body.member(&Attribute::ResponseStatusCode),
        Some(&Value::Integer(4008))
    );
}

#[test]
fn the_state_of_a_session_follows_its_links() {
    let mut world = pair();
    session(&mut world);
    let state = |world: &mut World, id: &str| {
        let read = Draft::retrieve("cse1/ae1/sessions/s1", "Cae1", id);
        let shown = world.exchange("AE1", "CSE1", read.0);
        crate::common::message::member(&shown, &Attribute::SessionState)
    };
    let up = state(&mut world, "r1");
    world.cut("CSE1", "CSE2");
    let down = state(&mut world, "r2");
    join(&mut world, "CSE1");
    let again = state(&mut world, "r3");

    assert_eq!(
        [up, down, again],
        [2, 1, 2].map(|n| Some(Value::Integer(n))),
        "EST-74"
    );
}

#[test]
fn a_request_that_came_too_late_is_not_carried_out() {
    let mut world = single();
    let late = Draft::create("cse1/ae1", "Cae1", "x1", ResourceType::Container)
        .with(Attribute::ResourceName, Value::text("late"))
        .by(START);

    let answer = world.exchange("AE1", "CSE1", late.0);

    assert_eq!(answer.status, Status::REQUEST_TIMEOUT);
    let read = Draft::retrieve("cse1/ae1/late", "Cae1", "x2");
    assert_eq!(
        world.exchange("AE1", "CSE1", read.0).status,
        Status::NOT_FOUND
    );
}

#[test]
fn the_wait_for_a_neighbours_capabilities_is_part_of_the_request() {
    let mut world = pair_with(|_| {});
    let ticket: Ticket = session(&mut world);
    world.crash("CSE1");
    world.open("AE1", "CSE1", Some("Cae1"));
    let again = proposal(&world, "e2", "s2");
    world.ask("AE1", "CSE1", again);

    world.wait(30 * SECOND);

    let answer = world.take_response("CSE1", "AE1", "e2").expect("an answer");
    assert_eq!(
        answer.status,
        Status::REMOTE_ENTITY_NOT_REACHABLE,
        "EST-41: {}",
        ticket.id
    );
}

#[test]
fn a_window_that_opens_with_the_expiration_is_no_deadline() {
    let mut world = pair();
    let ticket = session(&mut world);
    add_night(&mut world);
    let to = below_target(&world, "container1");
    let opens = world.now.plus(20 * HOUR);
    for id in ["u1", "u2"] {
        let asked = sealed_instance(&to, "Cae1", id, &ticket).by(opens);
        let stored = world.exchange(
            "AE1",
            "CSE1",
            asked.answered(ResponseMode::NonBlockingSynch).0,
        );
        assert_eq!(stored.status, Status::ACCEPTED_SYNCH);
    }
    let change = Draft::update("cse1/ae1/sessions/s1", "Cae1", "p5", ResourceType::Session)
        .with(Attribute::ExpirationTime, Value::Time(world.now.plus(HOUR)));
    done_after_settling(&mut world, change.0);

    world.wait(2 * HOUR);

    for node in ["CSE1", "CSE2"] {
        assert_eq!(world.resources(node, ResourceType::Session), [], "{node}");
    }
}

/// USE-11: whichever of two deadlines a host that was suspended looks at first, a stored request does not outlive its
/// `<request>`.
#[test]
fn a_request_resource_that_expires_takes_what_is_stored_with_it() {
    let mut world = pair();
    world.cut("CSE1", "CSE2");
    let asked = Draft::retrieve("/cse2/cse2/ae2", "Cae1", "x1").by(world.now.plus(SECOND));
    let stored = world.exchange(
        "AE1",
        "CSE1",
        asked.answered(ResponseMode::NonBlockingSynch).0,
    );
    assert_eq!(stored.status, Status::ACCEPTED_SYNCH);

    world.now = world.now.plus(2 * DAY);
    let deadlines = world.cse("CSE1").deadlines();
    let [row] = &*world.resources("CSE1", ResourceType::Request) else {
        panic!("one request is stored");
    };
    let late = Timer::ResourceExpiry(row.id.clone());
    assert!(deadlines.iter().any(|(_, timer)| *timer == late));
    world.elapse("CSE1", late);

    assert_eq!(world.resources("CSE1", ResourceType::Request), []);
    let left = world.cse("CSE1").durable();
    assert_eq!(
        left.filter(|r| matches!(r, Record::Stored(_))).count(),
        0,
        "USE-11"
    );
}

/// The host has not looked at its deadlines yet.
#[rstest]
#[case::just_before(SECOND - 1, Status::OK)]
#[case::at_its_end(SECOND, Status::NOT_FOUND)]
#[case::after_a_jump_of_the_clock(DAY, Status::NOT_FOUND)]
fn nobody_meets_a_resource_that_is_past_its_end(#[case] later: u64, #[case] expected: Status) {
    let mut world = single();
    let brief = |to: &str, id: &str, rn: &str| {
        let ends = Value::Time(world.now.plus(SECOND));
        Draft::create(to, "Cae1", id, ResourceType::Container)
            .with(Attribute::ResourceName, Value::text(rn))
            .with(Attribute::ExpirationTime, ends)
    };
    let drafts = [
        brief("cse1/ae1", "c1", "brief"),
        brief("cse1/ae1/brief", "c2", "inner"),
    ];
    for draft in drafts {
        done(&mut world, "AE1", "CSE1", draft.0);
    }
    world.now = world.now.plus(later);

    let inner = Draft::retrieve("cse1/ae1/brief/inner", "Cae1", "r1").0;
    let answer = world.exchange("AE1", "CSE1", inner);

    assert_eq!(answer.status, expected, "REG-96");
}

#[test]
fn an_ae_that_is_past_its_end_is_nobody() {
    let mut world = single();
    let ends = Value::Time(world.now.plus(SECOND));
    let update = Draft::update("cse1/ae1", "Cae1", "u1", ResourceType::Ae)
        .with(Attribute::ExpirationTime, ends);
    // What stands below it must not outlive it.
    for (at, below) in ["inbox", "sessions/told"].into_iter().enumerate() {
        let to = format!("cse1/ae1/{below}");
        done(
            &mut world,
            "AE1",
            "CSE1",
            Draft::delete(&to, "Cae1", &format!("d{at}")).0,
        );
    }
    done(&mut world, "AE1", "CSE1", update.0);
    world.now = world.now.plus(SECOND);

    let read = Draft::retrieve("cse1/ae1", "Cae1", "r1").0;
    let answer = world.exchange("AE1", "CSE1", read);

    assert_eq!(
        answer.status,
        Status::ORIGINATOR_NOT_AUTHENTICATED,
        "REG-96"
    );
}
