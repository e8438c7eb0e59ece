//! How much is measured: everything, or just enough to see that it works.

use std::time::Duration;

/// Sizes and times of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    /// How often the competitors of a race take turns.
    pub(crate) rounds: u32,
    /// How long one of them runs in a round.
    pub(crate) window: Duration,
    /// Events of the histories that are loaded, from short to long.
    pub(crate) histories: [usize; 3],
    /// How often a short thing is asked for.
    pub(crate) samples: usize,
    /// How often a long thing is asked for.
    pub(crate) long_samples: usize,
    /// How often a whole long history is read.
    pub(crate) history_samples: usize,
    /// Lots of the plant.
    pub(crate) lots: usize,
    /// Lots of the plant that warms the read models up.
    pub(crate) warm_up_lots: usize,
}

impl Effort {
    /// For figures.
    pub(crate) const FULL: Self = Self {
        rounds: 3,
        window: Duration::from_millis(1_500),
        histories: [10, 1_000, 100_000],
        samples: 300,
        long_samples: 40,
        history_samples: 10,
        lots: 100_000,
        warm_up_lots: 2_000,
    };

    /// For a look whether the benches work.
    pub(crate) const QUICK: Self = Self {
        rounds: 1,
        window: Duration::from_millis(200),
        histories: [10, 200, 2_000],
        samples: 20,
        long_samples: 5,
        history_samples: 3,
        lots: 1_500,
        warm_up_lots: 100,
    };
}
