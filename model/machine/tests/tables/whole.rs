//! Whether the tables try everything that can happen to a CSE.
//!
//! A new variant of an input or a timer does not compile before it stands in both lists here, and then fails until a
//! table has a row for it.

use crate::diagram::Row;
use m2m_machine::cse::{Input, Opening, Timer};
use m2m_machine::id::{Entity, LinkId, RequestId, RequestKey, ResourceId, SessionId};
use m2m_machine::primitive::{Malformed, Primitive, Response};
use m2m_machine::shared::Shared;
use m2m_machine::status::Status;
use std::collections::BTreeSet;

const LINK: LinkId = LinkId(1);

fn key() -> RequestKey {
    RequestKey {
        originator: "/cse1/Cae1".into(),
        request_id: "x1".into(),
    }
}

/// The timer that is declared after this one.
fn timer_after(timer: &Timer) -> Option<Timer> {
    let session = SessionId::from("/cse1/s");
    let resource = ResourceId::from("cnt1");
    let peer = Entity::Cse("/cse2".into());
    match timer {
        Timer::Redial => Some(Timer::Answer(key())),
        Timer::Answer(_) => Some(Timer::Outgoing(peer, RequestId::from("x1"))),
        Timer::Outgoing(..) => Some(Timer::Attempt(session)),
        Timer::Attempt(_) => Some(Timer::Lease(session)),
        Timer::Lease(_) => Some(Timer::SessionExpiry(session)),
        Timer::SessionExpiry(_) => Some(Timer::HopGrace(session)),
        Timer::HopGrace(_) => Some(Timer::Termination(session)),
        Timer::Termination(_) => Some(Timer::TombstoneRetry(session)),
        Timer::TombstoneRetry(_) => Some(Timer::TombstoneEnd(session)),
        Timer::TombstoneEnd(_) => Some(Timer::UndoRetry(1)),
        Timer::UndoRetry(_) => Some(Timer::Window(resource)),
        Timer::Window(_) => Some(Timer::StoredExpiry(resource)),
        Timer::StoredExpiry(_) => Some(Timer::ResourceExpiry(resource)),
        Timer::ResourceExpiry(_) => Some(Timer::Outcome(key())),
        Timer::Outcome(_) => Some(Timer::DialRegistree("/cse1".into())),
        Timer::DialRegistree(_) => Some(Timer::Reachable(peer)),
        Timer::Reachable(_) => Some(Timer::Notifications(resource)),
        Timer::Notifications(_) => Some(Timer::Interrupted(resource)),
        Timer::Interrupted(_) => None,
    }
}

/// The input that is declared after this one.
fn input_after(input: &Input) -> Option<Input> {
    match input {
        Input::LinkOpened { opening, .. } => match opening {
            Opening::Accepted { .. } => Some(Input::LinkOpened {
                link: LINK,
                opening: Opening::Dialed,
                far_end: m2m_machine::cse::FarEnd::new(true),
            }),
            Opening::Dialed => Some(Input::LinkOpened {
                link: LINK,
                opening: Opening::DialedRegistree {
                    cse: "/cse1".into(),
                },
                far_end: m2m_machine::cse::FarEnd::new(true),
            }),
            Opening::DialedRegistree { .. } => Some(Input::LinkLost { link: LINK }),
        },
        Input::LinkLost { .. } => Some(Input::DialFailed),
        Input::DialFailed => Some(Input::RegistreeNotReached {
            cse: "/cse1".into(),
        }),
        Input::RegistreeNotReached { .. } => Some(Input::Received {
            link: LINK,
            primitive: Primitive::Response(Shared::new(Response::new(Status::OK, "x1".into()))),
        }),
        Input::Received { .. } => Some(Input::Undecodable {
            link: LINK,
            request_id: None,
            why: Malformed::Syntax,
        }),
        Input::Undecodable { .. } => Some(Input::Elapsed(Timer::Redial)),
        Input::Elapsed(timer) => match timer_after(timer) {
            Some(next) => Some(Input::Elapsed(next)),
            None => Some(Input::StoreFailing(true)),
        },
        Input::StoreFailing(true) => Some(Input::StoreFailing(false)),
        Input::StoreFailing(false) => Some(Input::Stopping { is_patient: true }),
        Input::Stopping { is_patient: true } => Some(Input::Stopping { is_patient: false }),
        Input::Stopping { is_patient: false } => None,
    }
}

/// A move of a table that tries it.
fn tried_by(input: &Input) -> &'static str {
    match input {
        Input::LinkOpened { opening, .. } => match opening {
            Opening::Accepted { .. } => "LinkOpened without origin",
            Opening::Dialed => "LinkOpened Dialed",
            Opening::DialedRegistree { .. } => "LinkOpened DialedRegistree",
        },
        Input::LinkLost { .. } => "LinkLost",
        Input::DialFailed => "DialFailed",
        Input::RegistreeNotReached { .. } => "RegistreeNotReached",
        Input::Received { .. } => "response",
        Input::Undecodable { .. } => "Undecodable",
        Input::StoreFailing(true) => "StoreFailing",
        Input::StoreFailing(false) => "StoreFailing no more",
        Input::Stopping { is_patient: true } => "Stopping",
        Input::Stopping { is_patient: false } => "Stopping without patience",
        Input::Elapsed(timer) => match timer {
            Timer::Redial => "Elapsed Redial",
            Timer::Answer(_) => "Elapsed Answer",
            Timer::Outgoing(..) => "Elapsed Outgoing",
            Timer::Attempt(_) => "Elapsed Attempt",
            Timer::Lease(_) => "Elapsed Lease",
            Timer::SessionExpiry(_) => "Elapsed SessionExpiry",
            Timer::HopGrace(_) => "Elapsed HopGrace",
            Timer::Termination(_) => "Elapsed Termination",
            Timer::TombstoneRetry(_) => "Elapsed TombstoneRetry",
            Timer::TombstoneEnd(_) => "Elapsed TombstoneEnd",
            Timer::UndoRetry(_) => "Elapsed UndoRetry",
            Timer::Window(_) => "Elapsed Window",
            Timer::StoredExpiry(_) => "Elapsed StoredExpiry",
            Timer::ResourceExpiry(_) => "Elapsed ResourceExpiry",
            Timer::Outcome(_) => "Elapsed Outcome",
            Timer::DialRegistree(_) => "Elapsed DialRegistree",
            Timer::Reachable(_) => "Elapsed Reachable",
            Timer::Notifications(_) => "Elapsed Notifications",
            Timer::Interrupted(_) => "Elapsed Interrupted",
        },
    }
}

#[test]
fn the_tables_try_every_input_and_every_timer() {
    let tables: [fn() -> Vec<Row>; 7] = [
        crate::link::rows,
        crate::dialing::rows,
        crate::registree::rows,
        crate::reach::rows,
        crate::pending::rows,
        crate::session::rows,
        crate::stored::rows,
    ];
    let rows: Vec<Row> = tables.into_iter().flat_map(|table| table()).collect();
    let tried: BTreeSet<&str> = rows.iter().map(|row| row.input.as_str()).collect();
    let mut next = Some(Input::LinkOpened {
        link: LINK,
        opening: Opening::Accepted { origin: None },
        far_end: m2m_machine::cse::FarEnd::new(true),
    });

    let mut count = 0;
    while let Some(input) = next {
        assert!(tried.contains(tried_by(&input)), "no row for {input:?}");
        count += 1;
        next = input_after(&input);
    }

    assert!(count > 20, "the list is cut short: {count}");
}
