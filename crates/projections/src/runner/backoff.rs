//! Delays between tries: exponential, bounded, with jitter so that workers do not knock in step.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

/// The delays after consecutive failures.
#[derive(Debug)]
pub(super) struct Backoff {
    builder: ExponentialBuilder,
    delays: ExponentialBackoff,
    longest: Duration,
}

impl Backoff {
    /// Delays from `shortest` on, doubling, none longer than `longest`.
    pub(super) fn new(shortest: Duration, longest: Duration) -> Self {
        // The jitter adds up to the delay itself: half of the bound keeps the sum within it.
        let builder = ExponentialBuilder::new()
            .with_min_delay(shortest)
            .with_max_delay((longest / 2).max(shortest))
            .without_max_times()
            .with_jitter();
        Self { builder, delays: builder.build(), longest }
    }

    /// How long to wait after one more failure.
    pub(super) fn next_delay(&mut self) -> Duration {
        self.delays.next().unwrap_or(self.longest).min(self.longest)
    }

    /// Starts again with the shortest delay.
    pub(super) fn reset(&mut self) {
        self.delays = self.builder.build();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_within_their_bounds_and_start_again() {
        let (shortest, longest) = (Duration::from_millis(100), Duration::from_secs(5));
        let mut backoff = Backoff::new(shortest, longest);
        let delays: Vec<_> = (0..50).map(|_| backoff.next_delay()).collect();
        assert!(delays.iter().all(|delay| (shortest..=longest).contains(delay)), "{delays:?}");
        assert!(delays[0] <= shortest * 2);
        assert!(delays[49] >= longest / 2);
        assert!(delays[10..].windows(2).any(|pair| pair[0] != pair[1]), "no jitter: {delays:?}");
        backoff.reset();
        assert!(backoff.next_delay() <= shortest * 2);
    }
}
