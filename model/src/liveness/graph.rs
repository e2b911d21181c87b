//! The finished graph of a world: every state by its number, every step with what kind of step it is.

use crate::action::{self, Action, Due};
use crate::interpret;
use crate::interrupt;
use crate::world::{Side, State, World};
use m2m_machine::shared::digest;
use std::collections::{HashMap, VecDeque};

/// How many states a liveness scenario may have.
pub(crate) const STATES_MAX: usize = 500_000;

/// Steps that fairness looks at together: one of them comes in the end if one stays possible.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Kind {
    Delivery(u8, Side),
    Notice(u8, Side),
    Opening(u8),
    Deadline(Due),
    Clock,
}

/// What fairness demands of a step.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Class {
    /// It comes in the end if it stays possible; the number of its class.
    Fair(u16),
    /// It may come or not: applications and their users owe nothing.
    Free,
    /// A fault; a fair run has only finitely many.
    Fault,
}

/// A step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge {
    /// Where it leads.
    pub(super) to: u32,
    /// What fairness demands of it.
    pub(super) class: Class,
    /// Which of the possible actions it is.
    pub(super) action: u16,
}

/// A node.
#[derive(Clone, Copy, Debug)]
struct Node {
    /// From where it was reached first, and by which of the actions there.
    from: (u32, u16),
    /// Where its edges begin.
    edges: u32,
    /// Which promises are owed there.
    owed: u16,
}

/// A finished graph; states are numbered in the order of a breadth-first search.
pub(crate) struct Graph {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    /// One of the last states that were reached, if the limit came before the end: it shows what grows.
    pub(crate) left_at: Option<State>,
}

/// Whether a promise is owed in a state.
pub(crate) type Owed = Box<dyn Fn(&World, &State) -> bool>;

impl Graph {
    /// Explores a world whole, or up to the limit.
    pub(crate) fn of(world: &World, owed: &[Owed], limit: usize) -> Self {
        let mut graph = Self {
            nodes: Vec::new(),
            edges: Vec::new(),
            left_at: None,
        };
        let mut kinds = HashMap::new();
        let mut numbers = HashMap::from([(digest(&world.initial), 0_u32)]);
        let mut queue = VecDeque::from([((0, 0), world.initial.clone())]);
        let mut actions = Vec::new();
        while let Some((from, state)) = queue.pop_front() {
            let at = as_u32(graph.nodes.len());
            let mask = (owed.iter().enumerate())
                .filter(|(_, owed)| owed(world, &state))
                .fold(0, |mask, (slot, _)| mask | 1 << slot);
            graph.nodes.push(Node {
                from,
                edges: as_u32(graph.edges.len()),
                owed: mask,
            });
            if graph.nodes.len() + queue.len() > limit || interrupt::came() {
                graph.left_at = queue.pop_back().map(|(_, state)| state);
                break;
            }
            actions.clear();
            action::possible(world, &state, &mut actions);
            for (number, action) in (0_u16..).zip(&actions) {
                let Some(next) = interpret::perform(world, &state, action) else {
                    continue;
                };
                let new = as_u32(numbers.len());
                let to = *numbers.entry(digest(&next)).or_insert(new);
                if to == new {
                    queue.push_back(((at, number), next));
                }
                // What changes nothing is no step.
                if to != at {
                    let class = class_of(&mut kinds, action);
                    graph.edges.push(Edge {
                        to,
                        class,
                        action: number,
                    });
                }
            }
        }
        graph
    }

    /// A graph of rows: whether the first promise is owed there, and the edges. Ways lead along the first edges.
    #[cfg(test)]
    pub(super) fn by_hand(rows: Vec<(bool, Vec<Edge>)>) -> Self {
        let mut graph = Self {
            nodes: Vec::new(),
            edges: Vec::new(),
            left_at: None,
        };
        let froms: Vec<(u32, u16)> = (0..as_u32(rows.len()))
            .map(|at| {
                let all = (0_u32..).zip(&rows);
                let mut into = all.flat_map(|(from, (_, edges))| {
                    edges.iter().map(move |edge| (from, edge.to, edge.action))
                });
                let first = into.find(|(from, to, _)| *to == at && *from < at);
                first.map_or((0, 0), |(from, _, action)| (from, action))
            })
            .collect();
        for (from, (is_owed, edges)) in froms.into_iter().zip(rows) {
            graph.nodes.push(Node {
                from,
                edges: as_u32(graph.edges.len()),
                owed: u16::from(is_owed),
            });
            graph.edges.extend(edges);
        }
        graph
    }

    /// How many states there are.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether that promise is owed in a state.
    pub(super) fn is_owed(&self, at: u32, slot: usize) -> bool {
        self.nodes[at as usize].owed & (1 << slot) != 0
    }

    /// Whether that promise is owed somewhere, and kept after it.
    pub(crate) fn is_kept_somewhere(&self, slot: usize) -> bool {
        (0..as_u32(self.len())).any(|at| {
            let mut edges = self.edges(at).iter();
            self.is_owed(at, slot) && edges.any(|edge| !self.is_owed(edge.to, slot))
        })
    }

    /// The steps that are possible in a state and change it.
    pub(super) fn edges(&self, at: u32) -> &[Edge] {
        let at = at as usize;
        let end = self.nodes.get(at + 1);
        let end = end.map_or(self.edges.len(), |next| next.edges as usize);
        &self.edges[self.nodes[at].edges as usize..end]
    }

    /// The shortest way to a state, as the numbers of the actions.
    pub(super) fn way_to(&self, mut at: u32) -> Vec<u16> {
        let mut way = Vec::new();
        while at != 0 {
            let (from, action) = self.nodes[at as usize].from;
            way.push(action);
            at = from;
        }
        way.reverse();
        way
    }
}

fn class_of(kinds: &mut HashMap<Kind, u16>, action: &Action) -> Class {
    let kind = match action {
        Action::Deliver { pair, to, .. } => Kind::Delivery(*pair, *to),
        Action::Notice { pair, side, .. } => Kind::Notice(*pair, *side),
        Action::Reopen(pair) => Kind::Opening(*pair),
        Action::Elapse(due) => Kind::Deadline(due.clone()),
        Action::Advance(_) => Kind::Clock,
        Action::Ask(_) | Action::Decide { .. } => return Class::Free,
        Action::Cut(_)
        | Action::Lose { .. }
        | Action::Fail(_)
        | Action::Crash { .. }
        | Action::Repeat { .. } => return Class::Fault,
    };
    let new = u16::try_from(kinds.len()).unwrap_or(u16::MAX);
    Class::Fair(*kinds.entry(kind).or_insert(new))
}

fn as_u32(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
