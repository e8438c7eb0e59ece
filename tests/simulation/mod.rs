//! Thousands of seeded simulations of the write path and the projections; see the test kit.

use std::sync::atomic::{AtomicU64, Ordering};

use foodflow_testkit::simulation::{Outcome, simulate};

/// Seeds of a run.
const SEEDS: u64 = 2_000;
/// Names one seed, to be run alone.
const SEED: &str = "FOODFLOW_SIMULATION_SEED";

#[test]
fn everything_holds_whatever_fails_between_two_steps() {
    if let Ok(seed) = std::env::var(SEED) {
        let seed = seed.parse().expect("a seed is a number");
        simulate(seed).unwrap_or_else(|violation| panic!("{violation}"));
        return;
    }
    let next = AtomicU64::new(0);
    let simulated = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut outcomes = Vec::new();
                    loop {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed >= SEEDS {
                            return outcomes;
                        }
                        outcomes.push(simulate(seed).unwrap_or_else(|violation| {
                            panic!(
                                "{violation}\nreplay it with `{SEED}={seed} cargo test -p foodflow-tests simulation`"
                            )
                        }));
                    }
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect::<Vec<Outcome>>()
    });
    // The faults were there, and work was done between them.
    let sum = |count: fn(&Outcome) -> u64| simulated.iter().map(count).sum::<u64>();
    assert_eq!(simulated.len() as u64, SEEDS);
    assert!(sum(|outcome| outcome.kills) > SEEDS && sum(|outcome| outcome.looks as u64) > SEEDS);
    assert!(sum(|outcome| outcome.rebuilds) > SEEDS / 2 && sum(|outcome| outcome.switches) > SEEDS / 5);
    assert!(sum(|outcome| outcome.answered as u64) > SEEDS * 5, "{}", sum(|outcome| outcome.answered as u64));
}

#[test]
fn a_seed_tells_the_same_story_each_time() {
    for seed in (0..40).chain([1_000_003, u64::MAX]) {
        assert_eq!(simulate(seed), simulate(seed));
    }
}
