//! Arbitrary inputs in arbitrary order: no panic, no violated invariant, and promises kept on the way.

use super::bench::{
    Bench, SESSION, application, created, data, no, proposal, question, registered, response,
    termination, update, wanted, yes,
};
use crate::fuzz::fuzz;
use m2m_machine::Ae;
use m2m_machine::ae::command::Ask;
use m2m_machine::ae::endpoint::Phase;
use m2m_machine::ae::{Input, Output};
use m2m_machine::id::{LinkId, RequestId};
use m2m_machine::primitive::{Malformed, Primitive, Request};
use m2m_machine::shared::Shared;
use m2m_machine::status::Status;
use m2m_machine::value::Members;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// One move of the world round an AE.
#[derive(Clone, Copy, Debug)]
enum Move {
    Open(u8),
    Lose(u8),
    DialFailed,
    Elapse(u8),
    Advance(u32),
    Undecodable,
    Ask(u8),
    Answer(u8, u16),
    Request(u8, u8),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        3 => (0..3_u8).prop_map(Move::Open),
        2 => (0..3_u8).prop_map(Move::Lose),
        1 => Just(Move::DialFailed),
        4 => any::<u8>().prop_map(Move::Elapse),
        2 => (0..40_000_u32).prop_map(Move::Advance),
        1 => Just(Move::Undecodable),
        8 => (0..14_u8).prop_map(Move::Ask),
        8 => (1..12_u8, prop::sample::select(vec![1002, 2000, 2001, 2002, 4004, 4008, 4103, 5107]))
            .prop_map(|(number, status)| Move::Answer(number, status)),
        6 => (0..6_u8, 0..4_u8).prop_map(|(what, id)| Move::Request(what, id)),
    ];
    prop::collection::vec(one, 0..60)
}

fn ask(number: u8) -> Ask {
    let session = SESSION.into();
    match number {
        0 => Ask::Connect,
        1 => Ask::Disconnect,
        2 => application(),
        3 => Ask::Deregister,
        4 => Ask::Discover {
            at: "/cse2/cse2".into(),
        },
        5 => Ask::Subscribe {
            name: None,
            consent: true,
        },
        6 | 7 => Ask::Establish(Shared::new(proposal())),
        8 => yes(),
        9 => no(),
        10 => Ask::SetPolicy {
            session,
            policy: Members::new(),
        },
        11 => Ask::Terminate { session },
        12 => wanted(data("one")),
        _ => wanted(Request {
            session: None,
            ..data("two")
        }),
    }
}

fn request(what: u8, id: u8) -> Request {
    let id = format!("n{id}");
    match what {
        0 | 1 => question(&id),
        2 => update(&id),
        3 => termination("/cse1", "Cae1", &id),
        4 => termination("/cse2", "Cae2", &id),
        _ => Request {
            content: None,
            ..update(&id)
        },
    }
}

fn input(ae: &Ae, now: &mut u64, chosen: Move) -> Option<Input> {
    let link = ae.link().open().unwrap_or(LinkId(0));
    Some(match chosen {
        Move::Open(number) => Input::LinkOpened {
            link: LinkId(number.into()),
        },
        Move::Lose(number) => Input::LinkLost {
            link: LinkId(number.into()),
        },
        Move::DialFailed => Input::DialFailed,
        Move::Elapse(which) => {
            let listed: Vec<_> = ae.deadlines().collect();
            Input::Elapsed(
                listed
                    .get(usize::from(which) % listed.len().max(1))?
                    .1
                    .clone(),
            )
        }
        Move::Advance(by) => {
            *now += u64::from(by);
            return None;
        }
        Move::Undecodable => Input::Undecodable {
            link,
            request_id: None,
            why: Malformed::NoPrimitive,
        },
        Move::Ask(number) => Input::Asked(m2m_machine::ae::command::Command {
            tag: 7,
            ask: ask(number),
        }),
        Move::Answer(number, status) => {
            let content = match status {
                2001 if number % 2 == 0 => Some(created()),
                2001 => Some(registered()),
                _ => None,
            };
            let primitive = response(&format!("q{number}"), Status(status), content);
            Input::Received { link, primitive }
        }
        Move::Request(what, id) => {
            let primitive = Primitive::Request(Shared::new(request(what, id)));
            Input::Received { link, primitive }
        }
    })
}

/// Session data that an AE sends while it is no endpoint, and seals that it gives twice.
fn broken_promise(
    before: &Ae,
    outputs: &[Output],
    sealed: &mut BTreeSet<String>,
) -> Option<String> {
    let is_member = match before.phase(&SESSION.into()) {
        Some(Phase::Member(_) | Phase::Leaving(_) | Phase::Asked(_)) => true,
        Some(Phase::Refused(_) | Phase::Ended(_)) | None => false,
    };
    for output in outputs {
        if let Output::Send {
            primitive: Primitive::Request(request),
            ..
        } = output
        {
            let is_data = request.session.is_some() && request.content.is_some();
            if is_data && !is_member {
                return Some(format!("data for a session that is over: {request:?}"));
            }
            let number: &RequestId = &request.request_id;
            let shown = format!("{number} {:?}", request.content);
            let earlier = sealed
                .iter()
                .any(|s| s.starts_with(&format!("{number} ")) && *s != shown);
            if earlier {
                return Some(format!("a repetition differs: {shown}"));
            }
            sealed.insert(shown);
        }
    }
    None
}

fn run(mut bench: Bench, moves: &[Move]) {
    let mut now = bench.now.0;
    let mut sealed = BTreeSet::new();
    for chosen in moves {
        let Some(input) = input(&bench.ae, &mut now, *chosen) else {
            bench.now.0 = now;
            continue;
        };
        let before = bench.ae.clone();
        let mut twin = bench.ae.clone();
        let outputs = bench.give(input.clone());
        let env = m2m_machine::Env {
            now: bench.now,
            fresh: m2m_machine::Fresh::predictable(1),
        };
        assert_eq!(twin.step(env, input), outputs.clone());
        assert_eq!(&twin, &bench.ae);
        assert_eq!(broken_promise(&before, &outputs, &mut sealed), None);
        let is_over = match bench.ae.phase(&SESSION.into()) {
            Some(Phase::Refused(_) | Phase::Ended(_)) => true,
            Some(Phase::Asked(_) | Phase::Member(_) | Phase::Leaving(_)) | None => false,
        };
        let holds_secret = format!("{:?}", bench.ae).contains("Secret(");
        assert!(!(is_over && holds_secret));
    }
}

#[test]
fn no_input_breaks_an_ae() {
    fuzz(1_500, &(moves(), 0..4_u8), |(moves, start)| {
        let bench = match start {
            0 => Bench::new(),
            1 => Bench::initiator(),
            2 => Bench::target(),
            _ => Bench::established(),
        };
        run(bench, &moves);
    });
}
