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
    /// Lots of the plant that is projected.
    pub(crate) lots: usize,
    /// Lots of the plants that are traced, from small to large.
    pub(crate) traced_lots: [usize; 3],
    /// Lots of the plant that warms the read models up.
    pub(crate) warm_up_lots: usize,
    /// Events that the peer replays, at most: it takes one after another.
    pub(crate) replayed_events: usize,
    /// Commands per second of a live load.
    pub(crate) live_rate: u32,
    /// How long a live load lasts, before it is measured and then.
    pub(crate) live_times: [Duration; 2],
    /// Events that are in the log when memory is measured.
    pub(crate) memory_events: usize,
    /// How long filling one read model may take; what it holds then is what is measured.
    pub(crate) fill_max: Duration,
}

impl Effort {
    /// For figures.
    pub(crate) const FULL: Self = Self {
        rounds: 3,
        window: Duration::from_millis(1_000),
        histories: [10, 1_000, 100_000],
        samples: 300,
        long_samples: 40,
        history_samples: 5,
        lots: 100_000,
        traced_lots: [10_000, 100_000, 1_000_000],
        warm_up_lots: 2_000,
        replayed_events: 20_000,
        live_rate: 2_000,
        live_times: [Duration::from_secs(30), Duration::from_secs(15)],
        memory_events: 1_000_000,
        fill_max: Duration::from_secs(700),
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
        traced_lots: [300, 1_500, 3_000],
        warm_up_lots: 100,
        replayed_events: 500,
        live_rate: 200,
        live_times: [Duration::from_millis(500), Duration::from_secs(1)],
        memory_events: 5_000,
        fill_max: Duration::from_secs(60),
    };
}
