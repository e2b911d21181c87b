use super::*;
use crate::scenarios::{self, Scenario};
use stateright::{Checker, Model};

fn world(scenario: &'static Scenario) -> World {
    World::new(scenario, None, properties::of(scenario.properties))
}

fn swept(world: &World) -> Swept {
    sweep(world, Until::Exhausted, None, &mut |_, _, _, _| {})
}

/// Two searches that share no code find the same.
#[test]
fn states_transitions_and_situations_are_those_that_stateright_finds() {
    for name in [
        "capability",
        "fail",
        "link-close",
        "plain",
        "policy-lost",
        "use-limits",
    ] {
        let scenario = scenarios::by_name(name).expect(name);
        let own = swept(&world(scenario));
        let theirs = world(scenario).checker().spawn_bfs().join();
        assert_eq!(own.unique, theirs.unique_state_count(), "{name}");
        assert_eq!(own.transitions, theirs.state_count(), "{name}");
        assert_eq!(own.depth, theirs.max_depth(), "{name}");
        let discovered = theirs.discoveries();
        for (slot, found) in own.witnessed.iter().enumerate() {
            let theirs = discovered.contains_key(properties::OCCURS[slot]);
            assert_eq!(found.is_some(), theirs, "{name} {slot}");
        }
        assert_eq!(own.broken.iter().flatten().count(), 0, "{name}");
    }
}

/// The way to a state leads to it.
#[test]
fn a_way_leads_where_it_says() {
    let scenario = scenarios::by_name("plain").expect("it exists");
    let world = world(scenario);
    let swept = swept(&world);
    for (slot, property) in world.properties.iter().enumerate() {
        let number = swept.witnessed[slot].expect(property.name);
        let mut state = world.initial.clone();
        for action in swept.way(&world, number) {
            state = interpret::perform(&world, &state, &action).expect("it is possible");
        }
        assert!((property.witness)(&world, &state), "{}", property.name);
    }
}

/// A search that is stopped says so.
#[test]
fn a_search_that_stops_early_is_not_complete() {
    let scenario = scenarios::by_name("fail").expect("it exists");
    let limit = Some(100);
    let stopped = sweep(
        &world(scenario),
        Until::Exhausted,
        limit,
        &mut |_, _, _, _| {},
    );
    assert!(!stopped.complete);
}
