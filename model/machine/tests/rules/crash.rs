//! A crash of one CSE after any output of the three flows (USE-08, USE-65, EST-67, END-24): it recovers from its
//! store, links return, AEs repeat what was not answered, and everything ends as if nothing had happened, or as if it
//! had never begun.

use super::establishment::holds_anything;
use super::policy::instances;
use crate::common::message::{Draft, sealed_instance, session_of};
use crate::common::player::Players;
use crate::common::scene::{add_night, below_target, chain, pair, proposal, session, single};
use crate::common::{HOUR, MINUTE, Node, SECOND, START, World};
use m2m_machine::attribute::Attribute;
use m2m_machine::primitive::Request;
use m2m_machine::record::{Phase, Record};
use m2m_machine::resource::ResourceType;
use m2m_machine::status::Status;
use rstest::rstest;

/// Runs a flow once for each output of a node after which it may crash, until the flow is through before the crash.
fn crashing(
    start: &World,
    node: Node,
    flow: impl Fn(&mut World, &mut Players),
    check: fn(&World, &Players),
) {
    for after in 0..200 {
        let mut world = start.clone();
        let mut players = Players::default();
        world.fuse = Some((node, after));
        flow(&mut world, &mut players);
        let is_through = world.fuse.is_some();
        check(&world, &players);
        if is_through {
            assert!(after > 0, "the flow needs {node}");
            return;
        }
    }
    panic!("the flow never ends");
}

/// The sessions that each CSE holds, all of them ACTIVE.
fn active(world: &World) -> Vec<usize> {
    let count = |host: &crate::common::Host| {
        let attempts = |r: &Record| matches!(r, Record::Attempt(_));
        assert!(
            !host.cse.durable().any(|r| attempts(&r)),
            "no attempt is left"
        );
        let is_active = |r: &Record| matches!(r, Record::Session(s) if s.phase == Phase::Active);
        host.cse.durable().filter(is_active).count()
    };
    world.hosts.values().map(count).collect()
}

fn status(players: &Players, id: &str) -> Status {
    players.answer("AE1", id).expect("an answer").status
}

#[rstest]
#[case::of_the_only_cse(single(), "CSE1")]
#[case::of_the_initiators_cse(pair(), "CSE1")]
#[case::of_the_targets_cse(pair(), "CSE2")]
#[case::of_the_first_of_three(chain(), "CSE1")]
#[case::of_the_transit_cse(chain(), "CSE2")]
#[case::of_the_last_of_three(chain(), "CSE3")]
fn an_establishment_is_completed_or_taken_back(#[case] start: World, #[case] node: Node) {
    let flow = |world: &mut World, players: &mut Players| {
        let asked = proposal(world, "e1", "s1");
        players.ask(world, "AE1", asked);
        players.play(world, START.plus(3 * MINUTE));
    };

    crashing(&start, node, flow, |world, players| {
        let made = status(players, "e1") == Status::CREATED;
        let all = active(world);
        assert!(
            all.iter().all(|count| *count == usize::from(made)),
            "{all:?}"
        );
        let answer = players.answer("AE1", "e1").expect("an answer");
        // EST-67
        assert_eq!(session_of(answer).is_some(), made);
        assert!(made, "nothing was slow, so it was completed: {answer:?}");
        players.check_single_answers();
    });
}

#[rstest]
#[case::of_the_first_of_two(pair(), "CSE1")]
#[case::of_the_second_of_two(pair(), "CSE2")]
#[case::of_the_transit_cse(chain(), "CSE2")]
fn a_policy_is_on_all_hops_or_on_none(#[case] mut start: World, #[case] node: Node) {
    session(&mut start);
    let flow = |world: &mut World, players: &mut Players| {
        let asked = crate::common::scene::night("p1", "night");
        let asked = Draft(asked).by(world.now.plus(30 * SECOND));
        players.ask(world, "AE1", asked.0);
        players.play(world, START.plus(3 * MINUTE));
    };

    crashing(&start, node, flow, |world, players| {
        for node in world.hosts.keys() {
            let policies = world.resources(node, ResourceType::SessionPolicy);
            assert_eq!(policies.len(), 1, "{node}: EST-24");
        }
        assert_eq!(status(players, "p1"), Status::CREATED);
    });
}

/// The stored request leaves at two o'clock and is served once; its result arrives once.
#[rstest]
#[case::of_the_first_of_two(pair(), "CSE1")]
#[case::of_the_second_of_two(pair(), "CSE2")]
#[case::of_the_first_of_three(chain(), "CSE1")]
#[case::of_the_transit_cse(chain(), "CSE2")]
#[case::of_the_last_of_three(chain(), "CSE3")]
fn a_stored_request_is_delivered_once(#[case] mut start: World, #[case] node: Node) {
    let created = session(&mut start);
    add_night(&mut start);
    let flow = move |world: &mut World, players: &mut Players| {
        let to = below_target(world, "container1");
        let asked = sealed_instance(&to, "Cae1", "u1", &created)
            .notified()
            .by(START.plus(20 * HOUR));
        players.ask(world, "AE1", asked.0);
        players.play(world, START.plus(19 * HOUR));
    };

    crashing(&start, node, flow, |world, players| {
        assert_eq!(status(players, "u1"), Status::ACCEPTED_ASYNCH);
        let results = results(players);
        assert_eq!(results.len(), 1, "USE-47");
        check_served(world, results[0]);
        let mut hosts = world.hosts.values();
        assert!(hosts.all(|h| !h.cse.durable().any(|r| matches!(r, Record::Stored(_)))));
    });
}

/// The results that AE1 was notified of.
fn results(players: &Players) -> Vec<i64> {
    let result = |notice: &Request| {
        let (name, body) = notice.content.as_ref()?.single()?;
        let status = body.member(&Attribute::ResponseStatusCode)?.as_integer()?;
        (*name == Attribute::ResponsePrimitive).then_some(status)
    };
    let to_initiator = players.told.iter().filter(|((ae, _), _)| *ae == "AE1");
    to_initiator.filter_map(|(_, n)| result(n)).collect()
}

/// Served once; or refused, where a transit CSE has forgotten that it passed it on and its link was not back (USE-42).
fn check_served(world: &World, status: i64) {
    let has_transit = world.hosts.len() == 3;
    match status {
        2001 => assert_eq!(instances(world), 1, "USE-12"),
        5103 if has_transit => assert!(instances(world) <= 1, "USE-12"),
        other => panic!("{other}"),
    }
}

#[rstest]
#[case::of_the_first_of_two(pair(), "CSE1")]
#[case::of_the_second_of_two(pair(), "CSE2")]
#[case::of_the_transit_cse(chain(), "CSE2")]
fn a_request_that_someone_waits_for_is_executed_once(#[case] mut start: World, #[case] node: Node) {
    let created = session(&mut start);
    let flow = move |world: &mut World, players: &mut Players| {
        let to = below_target(world, "container1");
        let asked = sealed_instance(&to, "Cae1", "u1", &created).by(world.now.plus(30 * SECOND));
        players.ask(world, "AE1", asked.0);
        players.play(world, START.plus(3 * MINUTE));
    };

    crashing(&start, node, flow, |world, players| {
        check_served(world, i64::from(status(players, "u1").0));
        players.check_single_answers();
    });
}

#[rstest]
#[case::of_the_only_cse(single(), "CSE1")]
#[case::of_the_first_of_two(pair(), "CSE1")]
#[case::of_the_second_of_two(pair(), "CSE2")]
#[case::of_the_first_of_three(chain(), "CSE1")]
#[case::of_the_transit_cse(chain(), "CSE2")]
#[case::of_the_last_of_three(chain(), "CSE3")]
fn a_termination_is_resumed(#[case] mut start: World, #[case] node: Node) {
    session(&mut start);
    let flow = |world: &mut World, players: &mut Players| {
        let expires = world.now.plus(30 * SECOND);
        let delete = Draft::delete("cse1/ae1/sessions/s1", "Cae1", "d1").by(expires);
        players.ask(world, "AE1", delete.0);
        players.play(world, START.plus(3 * MINUTE));
    };

    crashing(&start, node, flow, |world, players| {
        assert!(!holds_anything(world), "END-10, END-24");
        assert_eq!(status(players, "d1"), Status::DELETED, "END-03");
        let reasons = players.reasons("AE2");
        assert_eq!(reasons, [1], "END-20");
        assert_eq!(players.reasons("AE1"), [0_i64; 0], "END-28");
    });
}

#[rstest]
#[case::of_the_first_of_two("CSE1")]
#[case::of_the_second_of_two("CSE2")]
fn deletes_that_cross_both_finish_whatever_crashes(#[case] node: Node) {
    let mut start = pair();
    session(&mut start);
    let far = super::codes::far_session(&start);
    let flow = move |world: &mut World, players: &mut Players| {
        let expires = world.now.plus(30 * SECOND);
        let near = Draft::delete("cse1/ae1/sessions/s1", "Cae1", "d1").by(expires);
        let other = Draft::delete(&far, "Cae2", "d2").by(expires);
        players.ask(world, "AE1", near.0);
        players.ask(world, "AE2", other.0);
        players.play(world, START.plus(3 * MINUTE));
    };

    crashing(&start, node, flow, |world, players| {
        assert!(!holds_anything(world), "END-11");
        for (ae, id) in [("AE1", "d1"), ("AE2", "d2")] {
            let answer = players.answer(ae, id).expect("an answer");
            assert!([2002, 4004].contains(&answer.status.0), "{ae}: {answer:?}");
        }
    });
}

#[rstest]
#[case::of_the_first_of_two("CSE1")]
#[case::of_the_second_of_two("CSE2")]
fn a_deregistration_ends_its_sessions_whatever_crashes(#[case] node: Node) {
    let mut start = pair();
    session(&mut start);
    let flow = |world: &mut World, players: &mut Players| {
        let expires = world.now.plus(30 * SECOND);
        let gone = Draft::delete("cse2/ae2", "Cae2", "d1").by(expires);
        players.ask(world, "AE2", gone.0);
        players.play(world, START.plus(3 * MINUTE));
    };

    crashing(&start, node, flow, |world, players| {
        assert!(!holds_anything(world), "END-18");
        assert_eq!(players.reasons("AE1"), [3], "END-37");
    });
}

#[test]
fn a_crash_changes_no_registration_and_no_session() {
    let mut world = pair();
    let created = session(&mut world);
    let before: Vec<Record> = world.cse("CSE1").durable().collect();

    world.crash("CSE1");

    assert!(world.cse("CSE1").durable().eq(before), "USE-65");
    let mut players = Players::default();
    players.play(&mut world, START.plus(MINUTE));
    let to = below_target(&world, "container1");
    let asked = sealed_instance(&to, "Cae1", "u1", &created);
    players.ask(&mut world, "AE1", asked.0);
    players.play(&mut world, START.plus(2 * MINUTE));
    assert_eq!(status(&players, "u1"), Status::CREATED, "LNK-06");
    assert!(holds_anything(&world));
}
