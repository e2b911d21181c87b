//! Property tests that go on for as long as they are told.

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use std::time::{Duration, Instant};

/// Where a run starts unless `FUZZ_SEED` says otherwise.
const SEED: u64 = 1;

/// Plays `test` on so many values of `strategy`; if `FUZZ_SECONDS` is set, on batches of so many,
/// each with the next seed, until the time is over, and says how many that were.
#[expect(clippy::print_stdout, reason = "test programs keep it unless asked")]
pub(crate) fn fuzz<S: Strategy>(cases: u32, strategy: &S, test: impl Fn(S::Value)) {
    let first = setting("FUZZ_SEED").unwrap_or(SEED);
    let span = Duration::from_secs(setting("FUZZ_SECONDS").unwrap_or(0));
    let begin = Instant::now();
    let mut batches = 0;
    loop {
        batch(first + batches, cases, strategy, &test);
        batches += 1;
        if begin.elapsed() >= span {
            break;
        }
    }
    let total = u128::from(batches * u64::from(cases));
    let millis = begin.elapsed().as_millis().max(1);
    println!("{total} executions, {} a second", total * 1000 / millis);
}

fn batch<S: Strategy>(seed: u64, cases: u32, strategy: &S, test: impl Fn(S::Value)) {
    let config = Config {
        cases,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(seed),
        ..Config::default()
    };
    let result = TestRunner::new(config).run(strategy, |value| {
        test(value);
        Ok(())
    });
    if let Err(why) = result {
        panic!("again with FUZZ_SEED={seed}: {why}");
    }
}

fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name}={text} is no number")),
    )
}
