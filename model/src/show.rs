//! States and actions in words.

use crate::action::{Action, Due};
use crate::look;
use crate::topology::Place;
use crate::world::{Side, State, World};
use m2m_machine::Timestamp;
use m2m_machine::ae::endpoint::Phase as AePhase;
use m2m_machine::id::{Entity, SessionId};
use m2m_machine::record::{Phase, Stage};
use m2m_machine::{ae, cse};
use std::fmt::Write;

impl Action {
    /// The action as one line.
    pub(crate) fn label(&self, world: &World) -> String {
        let topology = world.scenario.topology;
        let name = |place: Place| topology.name(place);
        let link = |pair: u8| {
            let (client, server) = world.links[usize::from(pair)];
            format!("{}-{}", name(client), name(server))
        };
        let end = |pair: u8, side: Side| name(world.node(usize::from(pair), side));
        let which = |connection: u8| match connection {
            0 => String::new(),
            more => format!(" #{}", more + 1),
        };
        match self {
            Self::Ask(ae) => format!("{} asks", name(Place::Ae(*ae))),
            Self::Decide { ae, yes } => {
                let word = if *yes { "yes" } else { "no" };
                format!("{} says {word}", name(Place::Ae(*ae)))
            }
            Self::Deliver {
                pair,
                connection,
                to,
            } => format!(
                "{} to {}{}",
                end(*pair, to.other()),
                end(*pair, *to),
                which(*connection)
            ),
            Self::Notice {
                pair,
                connection,
                side,
            } => format!(
                "{} notices that {}{} is gone",
                end(*pair, *side),
                link(*pair),
                which(*connection)
            ),
            Self::Cut(pair) => format!("{} is cut", link(*pair)),
            Self::Lose { pair, side } => {
                format!("{} loses {}", end(*pair, *side), link(*pair))
            }
            Self::Reopen(pair) => format!("{} opens {}", end(*pair, Side::Client), link(*pair)),
            Self::Fail(pair) => {
                format!("{} fails to open {}", end(*pair, Side::Client), link(*pair))
            }
            Self::Elapse(due) => due.label(world),
            Self::Advance(at) => format!("the clock moves on to {}", moment(world, *at)),
            Self::Crash { cse, cause: None } => {
                format!("{} crashes and restarts", name(Place::Cse(*cse)))
            }
            Self::Crash {
                cse,
                cause: Some((action, after)),
            } => format!(
                "{}; {} crashes after output {after}, and restarts",
                action.label(world),
                name(Place::Cse(*cse))
            ),
            Self::Repeat { ae, number } => {
                format!("{} repeats its request {number}", name(Place::Ae(*ae)))
            }
        }
    }
}

impl Due {
    fn label(&self, world: &World) -> String {
        let name = |place| world.scenario.topology.name(place);
        match self {
            Self::Ae(at, timer) => format!("{}: {}", name(Place::Ae(*at)), of_ae(timer)),
            Self::Cse(at, timer) => format!("{}: {}", name(Place::Cse(*at)), of_cse(timer)),
        }
    }
}

fn of_ae(timer: &ae::Timer) -> String {
    match timer {
        ae::Timer::Redial => "the pause before dialing is over".into(),
        ae::Timer::Request(number) => format!("request {number} is given up"),
        ae::Timer::Question(_) => "the time for a verdict is over".into(),
        ae::Timer::SessionExpiry(_) => "the session expires".into(),
        ae::Timer::Forget(_) => "a session that is over is forgotten".into(),
        ae::Timer::Outcome(_) => "an answer is forgotten".into(),
    }
}

fn of_cse(timer: &cse::Timer) -> String {
    match timer {
        cse::Timer::Redial => "the pause before dialing is over".into(),
        cse::Timer::Answer(key) => {
            format!("{} of {} must be answered", key.request_id, key.originator)
        }
        cse::Timer::Outgoing(peer, id) => format!("{id} to {} is given up", peer.as_str()),
        cse::Timer::Attempt(_) => "an establishment is forgotten".into(),
        cse::Timer::Lease(_) => "the lease is over".into(),
        cse::Timer::SessionExpiry(_) => "the session expires".into(),
        cse::Timer::HopGrace(_) => "the grace for a lost hop is over".into(),
        cse::Timer::Termination(_) => "waiting at termination is over".into(),
        cse::Timer::TombstoneRetry(_) => "the end is sent again".into(),
        cse::Timer::UndoRetry(_) => "the hop is asked again to take it back".into(),
        cse::Timer::TombstoneEnd(_) => "a tombstone is dropped".into(),
        cse::Timer::Window(_) => "the window opens".into(),
        cse::Timer::StoredExpiry(_) => "a stored request expires".into(),
        cse::Timer::ResourceExpiry(_) => "a resource expires".into(),
        cse::Timer::Outcome(_) => "an outcome is forgotten".into(),
        cse::Timer::DialRegistree(cse) => format!("a link to {cse} is wanted"),
        cse::Timer::Reachable(peer) => format!("the schedule of {} opens", peer.as_str()),
        cse::Timer::Notifications(id) => format!("the schedule of {id} opens"),
        cse::Timer::Interrupted(_) => "an interrupted request ends".into(),
    }
}

/// A moment, seen from the beginning of the search.
pub(crate) fn moment(world: &World, at: Timestamp) -> String {
    let start = world.initial.now;
    if at < start {
        return format!("-{} s", (start.0 - at.0).div_ceil(1_000));
    }
    format!("+{} s", (at.0 - start.0).div_ceil(1_000))
}

/// A session identifier without the zeros that all identifiers of a world have.
fn short(id: &SessionId) -> String {
    id.as_str().replace("AAAAAAAAAAAAAAAAAAAA", "..")
}

/// The state at the end of a path, for people.
pub(crate) fn after(world: &World, actions: &[Action]) -> String {
    let mut last = world.initial.clone();
    for action in actions {
        match crate::interpret::perform(world, &last, action) {
            Some(next) => last = next,
            None => break,
        }
    }
    let mut text = state(world, &last);
    for (at, ae) in (0_u8..).zip(&last.aes) {
        if let Some(violation) = ae.violation() {
            let name = world.scenario.topology.name(Place::Ae(at));
            let _ = writeln!(text, "{name} violates {violation:?}");
        }
    }
    for (at, cse) in (0_u8..).zip(&last.cses) {
        if let Some(invariant) = cse.violation() {
            let name = world.scenario.topology.name(Place::Cse(at));
            let _ = writeln!(text, "{name} violates {invariant:?}");
        }
    }
    text
}

/// A state, for people.
pub(crate) fn state(world: &World, state: &State) -> String {
    let mut text = format!("clock {}\n", moment(world, state.now));
    let topology = world.scenario.topology;
    for (at, ae) in (0_u8..).zip(&state.aes) {
        let _ = write!(text, "{}:", topology.name(Place::Ae(at)));
        for (id, phase) in ae.sessions() {
            let word = match phase {
                AePhase::Asked(_) => "asked",
                AePhase::Member(_) => "member",
                AePhase::Leaving(_) => "leaving",
                AePhase::Refused(_) => "refused",
                AePhase::Ended(_) => "ended",
            };
            let _ = write!(text, " {} {word};", short(id));
        }
        for (number, exchange) in ae.exchanges() {
            let _ = write!(text, " request {number} {:?};", exchange.stage);
        }
        text.push('\n');
    }
    for (at, cse) in (0_u8..).zip(&state.cses) {
        let _ = write!(text, "{}:", topology.name(Place::Cse(at)));
        let durable = cse.state();
        for (id, session) in durable.sessions.iter() {
            let word = match session.phase {
                Phase::Pending { .. } => "PENDING",
                Phase::Active => "ACTIVE",
                Phase::Terminating(_) => "TERMINATING",
            };
            let _ = write!(text, " session {} {word}", short(id));
            let policies: Vec<String> = look::policies(cse, session)
                .keys()
                .map(ToString::to_string)
                .collect();
            if !policies.is_empty() {
                let _ = write!(text, " under {}", policies.join(", "));
            }
            text.push(';');
        }
        for (id, attempt) in durable.attempts.iter() {
            let stage = match attempt.stage {
                Stage::AwaitingCapability => "awaits what the next hop can do",
                Stage::Asked => "asked",
                Stage::Abandoned { .. } => "abandoned",
            };
            let key = if attempt.credentials.key.is_some() {
                ", with the key"
            } else {
                ""
            };
            let _ = write!(text, " attempt {} {stage}{key};", short(id));
        }
        for (id, _) in durable.tombstones.iter() {
            let _ = write!(text, " tombstone {};", short(id));
        }
        for (_, stored) in durable.stored.iter() {
            let _ = write!(text, " stores {};", stored.requester.key.request_id);
        }
        for outgoing in cse.outgoing_requests() {
            let _ = write!(
                text,
                " asks {} {};",
                Entity::as_str(outgoing.peer),
                outgoing.request_id
            );
        }
        text.push('\n');
    }
    for (pair, (client, server)) in world.links.iter().enumerate() {
        let row = &state.pairs[pair];
        let _ = write!(
            text,
            "{}-{}:",
            topology.name(*client),
            topology.name(*server)
        );
        for connection in &row.connections {
            let up = connection.is_whole();
            let _ = write!(
                text,
                " {} ({} on their way to {}, {} to {})",
                if up { "up" } else { "half open" },
                connection.server.queue.len(),
                topology.name(*server),
                connection.client.queue.len(),
                topology.name(*client),
            );
        }
        if row.dialing {
            text.push_str(" being opened");
        }
        text.push('\n');
    }
    text
}
