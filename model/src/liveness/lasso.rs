//! Fair runs that never keep a promise: a way to a part of the graph, and a way round in it for ever.
//!
//! Within the states in which the promise is owed, and without the faults, a run stays in one strongly connected
//! component in the end. Such a run can be fair exactly if each class of steps is taken inside the component or is
//! impossible somewhere in it: a run that goes through all of it for ever then starves no class.

use super::graph::{Class, Edge, Graph};
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

/// A run that never keeps a promise, as numbers of actions.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Lasso {
    /// The way to where the loop begins.
    pub(super) stem: Vec<u16>,
    /// What is repeated for ever; empty: nothing happens any more.
    pub(super) round: Vec<u16>,
}

/// The fair run with the shortest stem that owes a promise for ever, if there is one.
pub(super) fn find(graph: &Graph, slot: usize) -> Option<Lasso> {
    let fair = components(graph, slot)
        .into_iter()
        .filter(|members| is_fair(graph, members));
    let nearest = fair.min_by_key(|members| members.iter().min().copied())?;
    let entry = *nearest.iter().min()?;
    let members: HashSet<u32> = nearest.into_iter().collect();
    Some(Lasso {
        stem: graph.way_to(entry),
        round: round(graph, &members, entry),
    })
}

/// The steps from a state that a run without further faults can take without keeping the promise.
fn steps(graph: &Graph, slot: usize, at: u32) -> impl Iterator<Item = &Edge> {
    let edges = graph.edges(at).iter();
    edges.filter(move |edge| edge.class != Class::Fault && graph.is_owed(edge.to, slot))
}

/// The strongly connected components of the states that owe a promise (Tarjan), without recursion.
fn components(graph: &Graph, slot: usize) -> Vec<Vec<u32>> {
    const NEW: u32 = u32::MAX;
    let size = graph.len();
    let mut index = vec![NEW; size];
    let mut low = vec![NEW; size];
    let mut is_open = vec![false; size];
    let (mut open, mut found) = (Vec::new(), Vec::new());
    let mut next = 0;
    let starts = (0_u32..).take(size).filter(|at| graph.is_owed(*at, slot));
    for start in starts {
        if index[start as usize] != NEW {
            continue;
        }
        let mut path = vec![(start, steps(graph, slot, start))];
        while let Some((at, edges)) = path.last_mut() {
            let at = *at;
            let here = at as usize;
            if index[here] == NEW {
                (index[here], low[here]) = (next, next);
                next += 1;
                open.push(at);
                is_open[here] = true;
            }
            if let Some(edge) = edges.next() {
                let to = edge.to as usize;
                if index[to] == NEW {
                    path.push((edge.to, steps(graph, slot, edge.to)));
                } else if is_open[to] {
                    low[here] = low[here].min(index[to]);
                }
                continue;
            }
            path.pop();
            if let Some((above, _)) = path.last() {
                let above = *above as usize;
                low[above] = low[above].min(low[here]);
            }
            if low[here] == index[here] {
                let first = open.iter().rposition(|member| *member == at).unwrap_or(0);
                let members = open.split_off(first);
                for member in &members {
                    is_open[*member as usize] = false;
                }
                found.push(members);
            }
        }
    }
    found
}

/// The classes of steps that are possible in a state.
fn possible(graph: &Graph, at: u32) -> BTreeSet<u16> {
    let edges = graph.edges(at).iter();
    edges.filter_map(|edge| number(edge.class)).collect()
}

const fn number(class: Class) -> Option<u16> {
    match class {
        Class::Fair(number) => Some(number),
        Class::Free | Class::Fault => None,
    }
}

/// Whether a run can stay in these states for ever and be fair.
fn is_fair(graph: &Graph, members: &[u32]) -> bool {
    let Some((first, others)) = members.split_first() else {
        return false;
    };
    let mut starved = possible(graph, *first);
    for at in others {
        if starved.is_empty() {
            return true;
        }
        let here = possible(graph, *at);
        starved.retain(|class| here.contains(class));
    }
    if starved.is_empty() {
        return true;
    }
    let inside: HashSet<u32> = members.iter().copied().collect();
    for at in members {
        for edge in graph.edges(*at) {
            if inside.contains(&edge.to)
                && let Some(class) = number(edge.class)
            {
                starved.remove(&class);
            }
        }
    }
    starved.is_empty()
}

/// A way from the entry through the component and back that starves no class.
fn round(graph: &Graph, members: &HashSet<u32>, entry: u32) -> Vec<u16> {
    let mut way = Vec::new();
    let mut at = entry;
    let mut starved = possible(graph, entry);
    while let Some(class) = starved.first().copied() {
        let passes = |edge: &Edge| number(edge.class) == Some(class);
        let rests = |at: u32| !possible(graph, at).contains(&class);
        let Some(leg) = leg(graph, members, at, &passes, &rests) else {
            break;
        };
        for edge in leg {
            way.push(edge.action);
            at = edge.to;
            let here = possible(graph, at);
            starved.retain(|class| here.contains(class) && number(edge.class) != Some(*class));
        }
    }
    if at != entry || (way.is_empty() && members.len() > 1) {
        let home = leg(graph, members, at, &|edge| edge.to == entry, &|_| false);
        way.extend(home.into_iter().flatten().map(|edge| edge.action));
    }
    way
}

/// The shortest way inside the component over such an edge or to such a state.
fn leg(
    graph: &Graph,
    members: &HashSet<u32>,
    start: u32,
    passes: &dyn Fn(&Edge) -> bool,
    rests: &dyn Fn(u32) -> bool,
) -> Option<Vec<Edge>> {
    let mut from: HashMap<u32, (u32, Edge)> = HashMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        let inside = graph.edges(at).iter();
        for edge in inside.filter(|e| e.class != Class::Fault && members.contains(&e.to)) {
            if passes(edge) || rests(edge.to) {
                let mut way = vec![*edge];
                let mut back = at;
                while back != start {
                    let (before, edge) = from[&back];
                    way.push(edge);
                    back = before;
                }
                way.reverse();
                return Some(way);
            }
            if edge.to != start && !from.contains_key(&edge.to) {
                from.insert(edge.to, (at, *edge));
                queue.push_back(edge.to);
            }
        }
    }
    None
}
