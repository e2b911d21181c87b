use super::*;
use crate::scenarios;

fn searched(states: usize) -> (End, usize, usize) {
    let scenario = scenarios::by_name("fail").expect("it exists");
    let world = World::new(scenario, None, properties::of(scenario.properties));
    let bounds = Bounds {
        states,
        memory: u64::MAX,
        time: Duration::from_secs(600),
    };
    let search = Search::new(world, bounds);
    search.go(Instant::now());
    let unique = search.unique.load(Ordering::Relaxed);
    let transitions = search.transitions.load(Ordering::Relaxed);
    (*lock(&search.end), unique, transitions)
}

/// Two searches that share no code find as much.
#[test]
fn a_search_without_a_bound_finds_what_the_sweep_finds() {
    let scenario = scenarios::by_name("fail").expect("it exists");
    let world = World::new(scenario, None, properties::of(scenario.properties));
    let swept = crate::sweep::sweep(
        &world,
        crate::sweep::Until::Exhausted,
        None,
        &mut |_, _, _, _| {},
    );
    let (end, unique, transitions) = searched(1_000_000);
    assert_eq!(end, End::Complete);
    assert_eq!(unique, swept.unique);
    assert_eq!(transitions, swept.transitions);
}

/// A bounded search never says that it is complete.
#[test]
fn a_search_that_reaches_its_bound_says_so() {
    let (end, unique, _) = searched(100);
    assert_eq!(end, End::Enough);
    assert!(unique >= 100);
    assert!(End::Enough.in_words().contains("nothing is proved"));
}

#[test]
fn a_fingerprint_is_new_once() {
    let table = Table::for_states(10_000);
    for fingerprint in (0..10_000_u64).map(|n| n.wrapping_mul(0x1234_5678_9abc_def1) | 1) {
        assert!(table.insert(fingerprint));
        assert!(!table.insert(fingerprint));
    }
    // Fingerprints that want the same slot all find one.
    let crowded = Table::for_states(0);
    for n in 1..=500 {
        assert!(crowded.insert(n << 40));
    }
}
