//! Numbers and ids that are the same in every run, and different for every part of it.

use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

/// Everything random in a run follows from this.
const SEED: u64 = 0x0F00_DF10_2026_0001;

static PARTS: AtomicU64 = AtomicU64::new(0);

/// `SplitMix64`: small, and good enough to spread ids and choices.
#[derive(Debug)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    /// The numbers of the part `name`: the same whatever else is measured in the run.
    pub(crate) fn named(name: &str) -> Self {
        Self::of(name.bytes().fold(0, |mixed, byte| Self::of(mixed ^ u64::from(byte)).number()))
    }

    /// The numbers of the next part of the run: no two parts meet the same ids.
    pub(crate) fn next_part() -> Self {
        Self::of(PARTS.fetch_add(1, Ordering::Relaxed))
    }

    fn of(part: u64) -> Self {
        let mut seed = Self { state: SEED ^ part.wrapping_mul(0xA24B_AED4_963E_E407) };
        Self { state: seed.number() }
    }

    /// Any number.
    pub(crate) fn number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number less than `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.number() % bound as u64) as usize
    }

    /// An id.
    pub(crate) fn id(&mut self) -> Uuid {
        let bits = (u128::from(self.number()) << 64) | u128::from(self.number());
        uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid()
    }
}
