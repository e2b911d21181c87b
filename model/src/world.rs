//! A world: nodes, the links between them, the clock, and what the environment may still do.
//!
//! Nodes are the machines of `m2m-machine`, shared between states. Everything in a [`State`] is finite: tokens,
//! link numbers and identifiers are given in order, and what the environment may do is budgeted.

use crate::action::{self, Action, Due};
use crate::ledger::Ledger;
use crate::memo::Memo;
use crate::properties::Property;
use crate::sabotage::Saboteur;
use crate::scenarios::Scenario;
use crate::setup;
use crate::topology::Place;
use m2m_machine::config::Limits;
use m2m_machine::id::LinkId;
use m2m_machine::primitive::Primitive;
use m2m_machine::shared::Shared;
use m2m_machine::{Ae, Cse, Timestamp};
use smallvec::SmallVec;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// 2027-03-01T10:00:00, a Monday morning: where every world begins.
pub(crate) const START: Timestamp = Timestamp(1_803_895_200_000);

/// A scenario that is being searched, with or without a defect.
#[derive(Debug)]
pub(crate) struct World {
    /// What is searched.
    pub(crate) scenario: &'static Scenario,
    /// The defect that is built in, if any.
    pub(crate) saboteur: Option<&'static Saboteur>,
    /// The properties that are looked at, each in its slot.
    pub(crate) properties: Vec<&'static Property>,
    /// The links of the topology, client first.
    pub(crate) links: Vec<(Place, Place)>,
    /// The limits that its CSEs have to keep.
    pub(crate) limits: Limits,
    /// Where the search starts.
    pub(crate) initial: State,
    /// What its machines did before.
    pub(crate) memo: Memo,
    /// Set where the checker's search is not to go on, because it would not be finished anyway.
    pub(crate) halted: Arc<AtomicBool>,
}

/// How many AEs or CSEs a world has, and how many links, that its states need no memory of their own for them.
const NODES_MAX: usize = 3;
const LINKS_MAX: usize = 5;

/// One state of a world.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct State {
    /// The clock; all nodes agree on it.
    pub(crate) now: Timestamp,
    /// How many fresh tokens were drawn.
    pub(crate) tokens: u8,
    /// The AEs.
    pub(crate) aes: SmallVec<[Shared<Ae>; NODES_MAX]>,
    /// The CSEs, in the order of the path.
    pub(crate) cses: SmallVec<[Shared<Cse>; NODES_MAX]>,
    /// The connections between each two that may have one, in the order of [`World::links`].
    pub(crate) pairs: SmallVec<[Shared<Pair>; LINKS_MAX]>,
    /// Which of its wishes each AE comes to next.
    pub(crate) wishes: SmallVec<[u8; NODES_MAX]>,
    /// What the environment may still do.
    pub(crate) left: Budget,
    /// What properties about the past need to know.
    pub(crate) ledger: Shared<Ledger>,
}

/// What two nodes have between them.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct Pair {
    /// The connections, the oldest first.
    pub(crate) connections: Vec<Connection>,
    /// Whether the client's host was asked to open one.
    pub(crate) dialing: bool,
}

/// A connection; it loses and reorders nothing until it ends.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Connection {
    /// The client's end, by the client's number for it; `None` once it is gone there.
    pub(crate) client: End,
    /// The server's end.
    pub(crate) server: End,
}

/// One end of a connection.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct End {
    /// How this node calls the link; `None` once it is gone for this node.
    pub(crate) link: Option<LinkId>,
    /// Whether this node has sent its Close.
    pub(crate) closing: bool,
    /// What is on its way to this end.
    pub(crate) queue: Vec<Primitive>,
}

/// A budget that is never used up.
pub(crate) const ENDLESS: u8 = u8::MAX;

/// Takes one from a budget.
pub(crate) const fn spend(budget: &mut u8) {
    if *budget != ENDLESS {
        *budget -= 1;
    }
}

/// How often the environment may interfere; [`ENDLESS`]: as often as it likes.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct Budget {
    /// Links cut at both ends, with all that is in flight.
    pub(crate) cuts: u8,
    /// Links that only one end knows to be lost.
    pub(crate) losses: u8,
    /// Crashes of a CSE, each with a restart.
    pub(crate) crashes: u8,
    /// Requests that an AE sends twice.
    pub(crate) repeats: u8,
    /// Deadlines that elapse while something is in flight.
    pub(crate) races: u8,
    /// Attempts to open a link that fail.
    pub(crate) failures: u8,
}

/// Which end of a connection.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum Side {
    /// Who opened it.
    Client,
    /// Who accepted it.
    Server,
}

impl Side {
    /// Both, in order.
    pub(crate) const BOTH: [Self; 2] = [Self::Client, Self::Server];

    /// The other one.
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

impl Connection {
    /// One end.
    pub(crate) fn end(&self, side: Side) -> &End {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    /// One end.
    pub(crate) fn end_mut(&mut self, side: Side) -> &mut End {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    /// Whether both ends have it.
    pub(crate) fn is_whole(&self) -> bool {
        self.client.link.is_some() && self.server.link.is_some()
    }
}

impl State {
    /// The AE of that place, if it is one.
    pub(crate) fn ae(&self, at: u8) -> &Ae {
        &self.aes[usize::from(at)]
    }

    /// AE1's CSE.
    pub(crate) fn near(&self) -> &Cse {
        &self.cses[0]
    }

    /// AE2's CSE.
    pub(crate) fn far(&self) -> &Cse {
        &self.cses[self.cses.len() - 1]
    }

    /// Everything that is on its way, with its link and the side it goes to.
    pub(crate) fn in_flight(&self) -> impl Iterator<Item = (usize, Side, &Primitive)> + '_ {
        self.pairs.iter().enumerate().flat_map(|(at, pair)| {
            pair.connections.iter().flat_map(move |connection| {
                Side::BOTH.into_iter().flat_map(move |side| {
                    connection
                        .end(side)
                        .queue
                        .iter()
                        .map(move |primitive| (at, side, primitive))
                })
            })
        })
    }

    /// Whether nothing can be delivered.
    pub(crate) fn is_silent(&self) -> bool {
        self.in_flight().next().is_none()
    }
}

impl World {
    /// The world of a scenario, set up.
    pub(crate) fn new(
        scenario: &'static Scenario,
        saboteur: Option<&'static Saboteur>,
        properties: Vec<&'static Property>,
    ) -> Self {
        let links = scenario.topology.links();
        let mut world = Self {
            scenario,
            saboteur: None,
            properties: Vec::new(),
            limits: scenario.limits(),
            initial: setup::empty(scenario, saboteur),
            links,
            memo: Memo::default(),
            halted: Arc::default(),
        };
        world.initial = setup::run(&world);
        // A boundary defect does not disturb the set-up; a machine's is in its configuration.
        world.saboteur = saboteur;
        world.properties = properties;
        world
    }

    /// The node at one side of a link.
    pub(crate) fn node(&self, pair: usize, side: Side) -> Place {
        let (client, server) = self.links[pair];
        match side {
            Side::Client => client,
            Side::Server => server,
        }
    }

    /// Whether this is a liveness scenario: faults have no budget, and what is only counted is not remembered.
    pub(crate) const fn is_endless(&self) -> bool {
        !self.scenario.promises.is_empty()
    }

    /// Up to when deadlines elapse.
    pub(crate) fn horizon(&self) -> Timestamp {
        self.initial.now.plus(self.scenario.horizon_ms)
    }

    /// Whether each pair has one connection that both ends know, and none is being opened; between providers one that
    /// nobody closes, or none, because nothing keeps a link there.
    fn is_connected(&self, state: &State) -> bool {
        let mut pairs = self.links.iter().zip(&state.pairs);
        pairs.all(|((client, server), pair)| {
            let is_abroad = self.scenario.topology.abroad(*client, *server).is_some();
            let stays = |c: &Connection| !is_abroad || !c.client.closing && !c.server.closing;
            let connected = match pair.connections.as_slice() {
                [] => is_abroad,
                [one] => one.is_whole() && stays(one),
                [_, _, ..] => false,
            };
            !pair.dialing && connected
        })
    }

    /// Whether nothing is on its way, nothing is due, and all links are up: whatever was begun must be done.
    pub(crate) fn is_at_rest(&self, state: &State) -> bool {
        if !state.is_silent() || !self.is_connected(state) {
            return false;
        }
        let lists = action::all_due(self, state);
        action::due(self, state, &lists).all(|(at, due)| self.is_without_effect(state, *at, due))
    }

    /// Whether a deadline has passed and its elapsing changes nothing: a defect has taken its effect from it.
    pub(crate) fn is_without_effect(&self, state: &State, at: Timestamp, due: &Due) -> bool {
        let elapse = || crate::interpret::perform(self, state, &Action::Elapse(due.clone()));
        at <= state.now && elapse().as_ref() == Some(state)
    }
}

impl stateright::Model for World {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![self.initial.clone()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if !self.halted.load(Ordering::Relaxed) {
            action::possible(self, state, actions);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        crate::interpret::perform(self, state, &action)
    }

    fn properties(&self) -> Vec<stateright::Property<Self>> {
        crate::properties::in_slots(self)
    }
}
