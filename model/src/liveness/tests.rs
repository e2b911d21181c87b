use super::graph::{Class, Edge, Graph};
use super::*;
use crate::sabotage::{self, Saboteur};
use crate::scenarios;

const A: Class = Class::Fair(0);
const B: Class = Class::Fair(1);

/// A graph in which the one promise is owed in the named states; edges lead from, to, with a class.
fn graph(states: usize, owed: &[u32], edges: &[(u32, u32, Class)]) -> Graph {
    let of = |at: u32| -> Vec<Edge> {
        let own = edges.iter().filter(|(from, ..)| *from == at);
        let edge = |(action, (_, to, class)): (u16, &(u32, u32, Class))| Edge {
            to: *to,
            class: *class,
            action,
        };
        (0_u16..).zip(own).map(edge).collect()
    };
    let rows = (0_u32..)
        .take(states)
        .map(|at| (owed.contains(&at), of(at)));
    Graph::by_hand(rows.collect())
}

fn lasso_of(graph: &Graph) -> Option<(Vec<u16>, Vec<u16>)> {
    lasso::find(graph, 0).map(|lasso| (lasso.stem, lasso.round))
}

#[test]
fn a_loop_that_takes_every_class_is_a_lasso() {
    let graph = graph(3, &[1, 2], &[(0, 1, A), (1, 2, A), (2, 1, B)]);
    assert_eq!(lasso_of(&graph), Some((vec![0], vec![0, 0])));
}

#[test]
fn a_loop_that_starves_a_step_which_leads_out_is_none() {
    // B is possible all the way round and never taken.
    let edges = [(0, 1, A), (1, 2, A), (2, 1, A), (1, 3, B), (2, 3, B)];
    assert_eq!(lasso_of(&graph(4, &[1, 2], &edges)), None);
    // Where it is not possible at one place of the loop, weak fairness does not demand it.
    assert!(lasso_of(&graph(4, &[1, 2], &edges[..4])).is_some());
}

#[test]
fn a_loop_goes_through_all_that_fairness_demands() {
    // Two loops through 1; only together they take A and B, and C is impossible in 3.
    let c = Class::Fair(2);
    let edges = [
        (0, 1, A),
        (1, 2, A),
        (2, 1, A),
        (1, 3, B),
        (3, 1, A),
        (1, 4, c),
        (2, 4, c),
    ];
    let graph = graph(5, &[1, 2, 3], &edges);
    let (stem, round) = lasso_of(&graph).expect("a lasso");
    assert_eq!(stem, [0]);
    let mut at = 1;
    let mut classes = Vec::new();
    for action in round {
        let edge = graph.edges(at)[usize::from(action)];
        classes.push(edge.class);
        at = edge.to;
    }
    assert_eq!(at, 1, "it comes back");
    assert!(classes.contains(&A) && classes.contains(&B), "{classes:?}");
}

#[test]
fn where_nothing_is_possible_what_is_owed_is_owed_for_ever() {
    assert_eq!(
        lasso_of(&graph(2, &[1], &[(0, 1, A)])),
        Some((vec![0], vec![]))
    );
    // Applications owe nothing, and faults do not come for ever.
    let edges = [(0, 1, A), (1, 2, Class::Free), (1, 2, Class::Fault)];
    assert_eq!(lasso_of(&graph(3, &[1], &edges)), Some((vec![0], vec![])));
    assert_eq!(lasso_of(&graph(3, &[1], &[(0, 1, A), (1, 2, B)])), None);
}

#[test]
fn a_loop_of_faults_is_no_fair_run() {
    let edges = [
        (0, 1, A),
        (1, 2, Class::Fault),
        (2, 1, B),
        (1, 3, A),
        (2, 3, A),
    ];
    assert_eq!(lasso_of(&graph(4, &[1, 2], &edges)), None);
}

#[test]
fn every_promise_can_be_looked_at_and_nothing_else_is_claimed_of_its_scenario() {
    let endless = scenarios::all().filter(|s| !s.promises.is_empty());
    let mut promises = 0;
    for scenario in endless {
        assert!(scenario.properties.is_empty(), "{}", scenario.name);
        for promise in scenario.promises {
            assert!(promise.owed().is_some(), "{}", promise.name());
            promises += 1;
        }
    }
    assert!(promises >= 10, "{promises}");
}

fn world(name: &str, saboteur: Option<&'static Saboteur>) -> World {
    World::new(scenarios::by_name(name).expect(name), saboteur, Vec::new())
}

#[test]
fn a_graph_that_is_left_early_is_not_finished_and_shows_where_it_was_left() {
    let passed = pass(&world("live-policy", None), 100);
    assert!(!passed.is_complete);
    assert!(passed.left_at.is_some());
    assert!(passed.broken.is_empty());
}

#[test]
fn the_pass_and_the_checker_find_as_many_states() {
    let outcome = search(world("live-policy", None), &mut |_, _, _, _| {});
    let passed = outcome.passed.as_ref().expect("it was a liveness scenario");
    assert!(outcome.complete);
    assert_eq!(passed.states, outcome.unique);
    assert!(passed.broken.is_empty() && passed.without_witness.is_empty());
}

#[test]
fn each_livelock_is_a_lasso_and_each_lasso_comes_back_to_where_it_began() {
    let livelocks = sabotage::all().filter(|saboteur| {
        let scenario = scenarios::by_name(saboteur.scenario);
        scenario.is_some_and(|s| !s.promises.is_empty())
    });
    let mut loops = 0;
    for saboteur in livelocks {
        let world = world(saboteur.scenario, Some(saboteur));
        let passed = pass(&world, STATES_MAX);
        assert!(passed.is_complete, "{}", saboteur.name);
        for id in saboteur.kills {
            let is_broken = passed.broken.iter().any(|(p, _)| p.id() == *id);
            assert!(is_broken, "{}: {id}", saboteur.name);
        }
        for (promise, lasso) in passed.broken {
            let walk = |mut state: State, way: &[Action]| {
                for action in way {
                    state = interpret::perform(&world, &state, action).expect("it is possible");
                }
                state
            };
            let begins = walk(world.initial.clone(), &lasso.stem);
            assert_eq!(
                walk(begins.clone(), &lasso.round),
                begins,
                "{}",
                promise.name()
            );
            loops += usize::from(!lasso.round.is_empty());
        }
    }
    assert!(loops >= 2, "{loops}");
}
