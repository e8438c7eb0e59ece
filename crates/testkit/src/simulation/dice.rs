//! The one source of chance of a simulation.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use uuid::Uuid;

/// A sequence of numbers that follows from its seed (SplitMix64). Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Dice {
    state: Arc<AtomicU64>,
    calm: Arc<AtomicU64>,
}

impl Dice {
    /// The sequence of `seed`.
    #[must_use]
    pub(super) fn new(seed: u64) -> Self {
        Self { state: Arc::new(AtomicU64::new(seed)), calm: Arc::default() }
    }

    /// The next number.
    #[must_use]
    pub(super) fn roll(&self) -> u64 {
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut mixed = self.state.fetch_add(STEP, Ordering::SeqCst).wrapping_add(STEP);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is at least 1.
    #[must_use]
    pub(super) fn below(&self, bound: u64) -> u64 {
        self.roll() % bound.max(1)
    }

    /// True `per_mille` times in a thousand; never while it is calm.
    #[must_use]
    pub(super) fn strikes(&self, per_mille: u64) -> bool {
        let struck = self.below(1_000) < per_mille;
        struck && self.calm.load(Ordering::SeqCst) == 0
    }

    /// True in `chances` of `of` cases.
    #[must_use]
    pub(super) fn chance(&self, chances: u64, of: u64) -> bool {
        self.below(of) < chances
    }

    /// An id.
    #[must_use]
    pub(super) fn id(&self) -> Uuid {
        uuid::Builder::from_random_bytes(
            (u128::from(self.roll()) << 64 | u128::from(self.roll())).to_be_bytes(),
        )
        .into_uuid()
    }

    /// Waits for up to `longest` of virtual time.
    pub(super) async fn pause(&self, longest: Duration) {
        let micros = self.below(longest.as_micros() as u64 + 1);
        tokio::time::sleep(Duration::from_micros(micros)).await;
    }

    /// From here on nothing strikes any more: faults end, so that what should come about can come about.
    pub(super) fn calm_down(&self) {
        self.calm.store(1, Ordering::SeqCst);
    }
}
