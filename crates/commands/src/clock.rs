//! Where recorded time comes from.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;

/// A clock.
pub trait Clock: Send + Sync + 'static {
    /// The present instant (UTC).
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that stands where it was put, and follows the machine's clock once it is let go.
///
/// The demo's history is recorded at the instants at which it happened.
#[derive(Debug, Default)]
pub struct ScriptedClock {
    /// Microseconds since 1970; the lowest value means that the machine's clock counts.
    stands_at_us: AtomicI64,
}

const LET_GO: i64 = i64::MIN;

impl ScriptedClock {
    /// A clock that stands at `instant`.
    #[must_use]
    pub fn at(instant: Timestamp) -> Self {
        Self { stands_at_us: AtomicI64::new(instant.as_microsecond()) }
    }

    /// Moves it to `instant`.
    pub fn set(&self, instant: Timestamp) {
        self.stands_at_us.store(instant.as_microsecond(), Ordering::SeqCst);
    }

    /// From here on the machine's clock counts.
    pub fn let_go(&self) {
        self.stands_at_us.store(LET_GO, Ordering::SeqCst);
    }
}

impl Clock for ScriptedClock {
    fn now(&self) -> Timestamp {
        match self.stands_at_us.load(Ordering::SeqCst) {
            LET_GO => Timestamp::now(),
            stands_at_us => Timestamp::from_microsecond(stands_at_us).unwrap_or_else(|_| Timestamp::now()),
        }
    }
}
