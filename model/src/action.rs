//! What the environment may do next, in a fixed order.

use crate::memo::Deadlines;
use crate::topology::Place;
use crate::wish;
use crate::world::{Side, State, World};
use m2m_machine::ae::exchange::Stage;
use m2m_machine::{Timestamp, ae, cse};
use smallvec::SmallVec;

/// A move of the environment.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Action {
    /// An application comes to its next wish.
    Ask(u8),
    /// An application answers a question for consent.
    Decide {
        /// Which AE.
        ae: u8,
        /// What it says.
        yes: bool,
    },
    /// The first message on its way to one end of a connection arrives.
    Deliver {
        /// Which link.
        pair: u8,
        /// Which of its connections.
        connection: u8,
        /// To which end.
        to: Side,
    },
    /// One end learns that a connection is gone, or was closed by the other.
    Notice {
        /// Which link.
        pair: u8,
        /// Which of its connections.
        connection: u8,
        /// Which end.
        side: Side,
    },
    /// A link is cut: both ends know at once, and what was in flight is lost.
    Cut(u8),
    /// One end loses a connection; the other does not know yet.
    Lose {
        /// Which link.
        pair: u8,
        /// Which end.
        side: Side,
    },
    /// The client opens the link.
    Reopen(u8),
    /// The client's attempt to open the link fails.
    Fail(u8),
    /// A deadline is due.
    Elapse(Due),
    /// The clock moves on, and no deadline is noticed yet.
    Advance(Timestamp),
    /// A CSE crashes and restarts; with a cause: in the middle of the step, after so many outputs.
    Crash {
        /// Which CSE.
        cse: u8,
        /// The step that is not finished.
        cause: Option<(Box<Self>, u8)>,
    },
    /// An AE sends a request again although nothing was lost.
    Repeat {
        /// Which AE.
        ae: u8,
        /// Which of its requests.
        number: u64,
    },
}

/// A deadline of a node.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Due {
    /// Of an AE.
    Ae(u8, ae::Timer),
    /// Of a CSE.
    Cse(u8, cse::Timer),
}

/// Deadlines further away than this are those of a session, not of a step: notices held for its whole life.
const PATIENCE_MS: u64 = 600_000;

impl Due {
    /// Whose deadline it is.
    pub(crate) const fn place(&self) -> Place {
        match self {
            Self::Ae(at, _) => Place::Ae(*at),
            Self::Cse(at, _) => Place::Cse(*at),
        }
    }

    /// Whether somebody waits for it; the others only forget or try again.
    const fn is_pressing(&self) -> bool {
        match self {
            Self::Ae(_, timer) => match timer {
                ae::Timer::Redial | ae::Timer::Request(_) | ae::Timer::Question(_) => true,
                ae::Timer::SessionExpiry(_) | ae::Timer::Forget(_) | ae::Timer::Outcome(_) => false,
            },
            Self::Cse(_, timer) => match timer {
                cse::Timer::Redial
                | cse::Timer::Answer(_)
                | cse::Timer::Outgoing(..)
                | cse::Timer::Attempt(_)
                | cse::Timer::Lease(_)
                | cse::Timer::HopGrace(_)
                | cse::Timer::Termination(_)
                | cse::Timer::TombstoneRetry(_)
                | cse::Timer::UndoRetry(_)
                | cse::Timer::Window(_)
                | cse::Timer::StoredExpiry(_)
                | cse::Timer::DialRegistree(_)
                | cse::Timer::Reachable(_)
                | cse::Timer::Notifications(_)
                | cse::Timer::Interrupted(_) => true,
                cse::Timer::SessionExpiry(_)
                | cse::Timer::TombstoneEnd(_)
                | cse::Timer::ResourceExpiry(_)
                | cse::Timer::Outcome(_) => false,
            },
        }
    }
}

impl Due {
    /// Whether only the pause before a link is dialed again is over.
    pub(crate) const fn is_redial(&self) -> bool {
        matches!(
            self,
            Self::Ae(_, ae::Timer::Redial) | Self::Cse(_, cse::Timer::Redial)
        )
    }

    /// Whether only a pause before another attempt is over: in a liveness scenario pauses have no length.
    const fn is_retry(&self) -> bool {
        matches!(
            self,
            Self::Ae(_, ae::Timer::Redial)
                | Self::Cse(
                    _,
                    cse::Timer::Redial
                        | cse::Timer::TombstoneRetry(_)
                        | cse::Timer::DialRegistree(_)
                        | cse::Timer::UndoRetry(_)
                )
        )
    }
}

/// How many outputs of a step a crash may let through, at most.
const OUTPUTS_MAX: u8 = 5;

/// Everything that may happen next.
pub(crate) fn possible(world: &World, state: &State, actions: &mut Vec<Action>) {
    asks(world, state, actions);
    deliveries(world, state, actions);
    links(world, state, actions);
    // What disturbs a world in which nobody has asked for anything yet leads back to where it was.
    let has_begun = state.wishes.iter().any(|next| *next > 0);
    if has_begun {
        disturbances(world, state, actions);
    }
    time(world, state, actions);
    if has_begun {
        repeats(world, state, actions);
        crashes(world, state, actions);
    }
}

fn asks(world: &World, state: &State, actions: &mut Vec<Action>) {
    for (ae, script) in (0_u8..).zip(world.scenario.scripts) {
        let next = script.get(usize::from(state.wishes[usize::from(ae)]));
        // Whoever asks later than that asks as if nothing had been before.
        if state.now > world.horizon() {
            continue;
        }
        if next.is_some_and(|wish| wish::is_possible(world, state, ae, wish)) {
            actions.push(Action::Ask(ae));
        }
    }
    for ae in (0_u8..).take(state.aes.len()) {
        if wish::question(state.ae(ae)).is_some() {
            for yes in world.scenario.verdicts {
                actions.push(Action::Decide { ae, yes: *yes });
            }
        }
    }
}

fn deliveries(world: &World, state: &State, actions: &mut Vec<Action>) {
    for pair in (0_u8..).take(world.links.len()) {
        for (connection, row) in (0_u8..).zip(&state.pairs[usize::from(pair)].connections) {
            for side in Side::BOTH {
                let end = row.end(side);
                let other = row.end(side.other());
                if end.link.is_none() {
                    continue;
                }
                if !end.queue.is_empty() {
                    actions.push(Action::Deliver {
                        pair,
                        connection,
                        to: side,
                    });
                }
                // What was sent before a Close arrives before it; a connection that is lost may lose it.
                let lost = other.link.is_none();
                let closed = other.closing && end.queue.is_empty();
                if lost || closed {
                    actions.push(Action::Notice {
                        pair,
                        connection,
                        side,
                    });
                }
            }
        }
    }
}

fn links(world: &World, state: &State, actions: &mut Vec<Action>) {
    for (pair, row) in (0_u8..).take(world.links.len()).zip(&state.pairs) {
        if row.dialing && row.connections.len() < 2 {
            actions.push(Action::Reopen(pair));
            if state.left.failures > 0 {
                actions.push(Action::Fail(pair));
            }
        }
    }
}

fn disturbances(world: &World, state: &State, actions: &mut Vec<Action>) {
    for pair in world.scenario.breaks {
        let newest = state.pairs[usize::from(*pair)].connections.last();
        let is_up = newest.is_some_and(|c| c.is_whole() && !c.client.closing && !c.server.closing);
        if is_up && state.left.cuts > 0 {
            actions.push(Action::Cut(*pair));
        }
        if is_up && state.left.losses > 0 {
            for side in Side::BOTH {
                actions.push(Action::Lose { pair: *pair, side });
            }
        }
    }
}

fn time(world: &World, state: &State, actions: &mut Vec<Action>) {
    let lists = all_due(world, state);
    let is_silent = state.is_silent();
    // Only a defect takes the effect from a deadline, or a pause without length; the others must not wait for it.
    let may_be_idle = (world.saboteur.is_some() || world.is_endless()) && is_silent;
    let counts =
        |row: &&(Timestamp, Due)| !(may_be_idle && world.is_without_effect(state, row.0, &row.1));
    if is_silent {
        let all: SmallVec<[_; 16]> = due(world, state, &lists).filter(counts).collect();
        // Nothing is in flight: the next deadline comes, and those of the same moment in any order.
        let waits = |due: &Due| !(world.is_endless() && due.is_retry());
        let ordered = all.iter().filter(|(_, due)| waits(due));
        let earliest = ordered.map(|(at, _)| *at).min();
        let next = all
            .into_iter()
            .filter(|(at, due)| Some(*at) == earliest || !waits(due));
        actions.extend(next.map(|(_, due)| Action::Elapse(due.clone())));
    } else if state.left.races > 0 {
        let all: SmallVec<[_; 16]> = due(world, state, &lists).collect();
        // Of each node the next one; hosts deal with deadlines in their order, but may be late.
        for (at, due) in &all {
            let of_node = |other: &&&(Timestamp, Due)| other.1.place() == due.place();
            if all.iter().filter(of_node).all(|(other, _)| at <= other) {
                actions.push(Action::Elapse(due.clone()));
            }
        }
    }
    for phase in world.scenario.phases {
        let at = world.initial.now.plus(*phase);
        if state.now < at {
            actions.push(Action::Advance(at));
            break;
        }
    }
}

fn repeats(world: &World, state: &State, actions: &mut Vec<Action>) {
    if state.left.repeats == 0 {
        return;
    }
    for (pair, (client, _)) in world.links.iter().enumerate() {
        let is_up = state.pairs[pair]
            .connections
            .last()
            .is_some_and(|c| c.client.link.is_some());
        let Place::Ae(ae) = *client else { continue };
        if !is_up {
            continue;
        }
        for (number, exchange) in state.ae(ae).exchanges() {
            match exchange.stage {
                Stage::Sent => actions.push(Action::Repeat { ae, number }),
                Stage::Waiting | Stage::Accepted | Stage::Abandoned => {}
            }
        }
    }
}

fn crashes(world: &World, state: &State, actions: &mut Vec<Action>) {
    if state.left.crashes == 0 {
        return;
    }
    let steps: Vec<(u8, Action)> = actions
        .iter()
        .filter_map(|action| Some((steps_cse(world, action)?, action.clone())))
        .filter(|(cse, _)| world.scenario.crashes.contains(cse))
        .collect();
    for cse in world.scenario.crashes {
        actions.push(Action::Crash {
            cse: *cse,
            cause: None,
        });
    }
    for (cse, action) in steps {
        for after in 1..OUTPUTS_MAX {
            actions.push(Action::Crash {
                cse,
                cause: Some((Box::new(action.clone()), after)),
            });
        }
    }
}

/// The CSE that alone takes a step in that action.
fn steps_cse(world: &World, action: &Action) -> Option<u8> {
    let place = match action {
        Action::Deliver { pair, to, .. } => world.node(usize::from(*pair), *to),
        Action::Elapse(Due::Cse(cse, _)) => Place::Cse(*cse),
        Action::Elapse(Due::Ae(..))
        | Action::Ask(_)
        | Action::Decide { .. }
        | Action::Notice { .. }
        | Action::Cut(_)
        | Action::Lose { .. }
        | Action::Reopen(_)
        | Action::Fail(_)
        | Action::Advance(_)
        | Action::Crash { .. }
        | Action::Repeat { .. } => return None,
    };
    match place {
        Place::Cse(cse) => Some(cse),
        Place::Ae(_) => None,
    }
}

/// The deadlines that may elapse: those that a protocol step waits for, and those of housekeeping up to the horizon.
pub(crate) fn due<'a>(
    world: &World,
    state: &State,
    lists: &'a Lists,
) -> impl Iterator<Item = &'a (Timestamp, Due)> {
    let now = state.now;
    let horizon = world.horizon();
    let patience = world.initial.now.plus(PATIENCE_MS);
    let is_endless = world.is_endless();
    let all = lists.iter().flat_map(|list| list.iter());
    all.filter(move |(at, due)| {
        // Dialing is left to [`Action::Reopen`].
        if due.is_redial() {
            return false;
        }
        // Nobody waits for the reading of a neighbour; it is repeated with each reopening.
        if is_endless && reads_base(state, due) {
            return false;
        }
        let presses = due.is_pressing() && *at <= patience;
        *at <= now || *at <= horizon || presses
    })
}

/// Whether it is the end of the reading of a neighbour.
fn reads_base(state: &State, due: &Due) -> bool {
    let Due::Cse(at, cse::Timer::Outgoing(_, id)) = due else {
        return false;
    };
    let mut outgoing = state.cses[usize::from(*at)].outgoing_requests();
    outgoing.any(|o| o.reads_base && o.request_id == id)
}

/// The deadlines of each node.
pub(crate) type Lists = SmallVec<[Deadlines; 6]>;

/// All deadlines.
pub(crate) fn all_due(world: &World, state: &State) -> Lists {
    let aes = (0_u8..).zip(&state.aes);
    let cses = (0_u8..).zip(&state.cses);
    let of_aes = aes.map(|(at, ae)| world.memo.deadlines_of_ae(at, ae));
    let of_cses = cses.map(|(at, cse)| world.memo.deadlines_of_cse(at, cse));
    of_aes.chain(of_cses).collect()
}
