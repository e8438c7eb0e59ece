//! Token buckets, in whole numbers, so that every store counts alike.
//!
//! A bucket's level is kept in tokens times microseconds of the rate's period. So what flows in during a microsecond is a
//! whole number, and nothing is ever rounded.

use std::time::Duration;

use foodflow_domain::TenantId;

use super::hashed;

/// Longest period of a rate.
const PERIOD_MAX: Duration = Duration::from_secs(24 * 3_600);
/// Largest level: whole numbers up to here are exact wherever they are reckoned with, the scripts of Redis included.
const LEVEL_MAX: u64 = 1 << 52;

/// So many tokens in each period, and so many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    tokens: u32,
    period_us: u64,
    burst: u32,
}

impl Rate {
    /// `tokens` in each `period`, evenly, and up to `burst` at once. `None` where one of them is 0, the period is longer than a
    /// day, or the burst is beyond what can be counted exactly (52,000 with a period of a day).
    #[must_use]
    pub fn new(tokens: u32, period: Duration, burst: u32) -> Option<Self> {
        let period_us = u64::try_from(period.as_micros()).ok().filter(|_| period <= PERIOD_MAX)?;
        let fits = u64::from(burst).checked_mul(period_us).is_some_and(|level| level <= LEVEL_MAX);
        (tokens > 0 && burst > 0 && period_us > 0 && fits).then_some(Self { tokens, period_us, burst })
    }

    /// Tokens in each period.
    #[must_use]
    pub const fn tokens(self) -> u32 {
        self.tokens
    }

    /// The period.
    #[must_use]
    pub const fn period(self) -> Duration {
        Duration::from_micros(self.period_us)
    }

    /// Most tokens at once.
    #[must_use]
    pub const fn burst(self) -> u32 {
        self.burst
    }

    pub(crate) const fn period_us(self) -> u64 {
        self.period_us
    }

    /// The level of a full bucket.
    pub(crate) fn full(self) -> u64 {
        u64::from(self.burst) * self.period_us
    }

    /// The level now of one that had `level` of a rate with `period_us`, `elapsed_us` ago.
    pub(crate) fn level(self, level: u64, period_us: u64, elapsed_us: u64) -> u64 {
        // Of another rate, whole tokens alone can be taken over.
        let level = if period_us == self.period_us { level } else { (level / period_us) * self.period_us };
        level.saturating_add(elapsed_us.saturating_mul(u64::from(self.tokens))).min(self.full())
    }

    /// How long until one has `more`, in microseconds.
    pub(crate) fn time_for(self, more: u64) -> u64 {
        more.div_ceil(u64::from(self.tokens))
    }
}

/// A named bucket. One that was never taken from is full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    kind: &'static str,
    key: String,
    rate: Rate,
}

impl Bucket {
    /// What a tenant may ask for.
    #[must_use]
    pub fn of_tenant(tenant: TenantId, rate: Rate) -> Self {
        Self { kind: "tenant", key: tenant.to_string(), rate }
    }

    /// What `whose` may do of `kind`, e.g. logins of an account or from an address. It may be personal and of any length:
    /// the store gets a hash of it.
    #[must_use]
    pub fn of(kind: &'static str, whose: &str, rate: Rate) -> Self {
        Self { kind, key: hashed(whose), rate }
    }

    /// What kind of bucket: buckets of one kind never crowd out those of another.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        self.kind
    }

    /// Its rate.
    #[must_use]
    pub const fn rate(&self) -> Rate {
        self.rate
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_that_cannot_be_counted_exactly_is_none() {
        let day = Duration::from_secs(24 * 3_600);
        assert!(Rate::new(1, day, 52_000).is_some());
        assert!(Rate::new(u32::MAX, Duration::from_secs(1), u32::MAX).is_some());
        for (tokens, period, burst) in [
            (0, day, 1),
            (1, day, 0),
            (1, Duration::ZERO, 1),
            (1, Duration::from_nanos(999), 1),
            (1, day + Duration::from_secs(1), 1),
            (1, day, 60_000),
        ] {
            assert_eq!(Rate::new(tokens, period, burst), None, "{tokens} in {period:?}, {burst}");
        }
    }

    #[test]
    fn a_level_grows_to_the_full_and_no_further() {
        let rate = Rate::new(3, Duration::from_secs(1), 2).unwrap();
        assert_eq!(rate.full(), 2_000_000);
        assert_eq!(rate.level(0, 1_000_000, 1), 3);
        assert_eq!(rate.level(0, 1_000_000, 333_334), 1_000_002);
        assert_eq!(rate.level(5, 1_000_000, u64::MAX), rate.full());
        assert_eq!(rate.time_for(1_000_000), 333_334);
        // Two and a half tokens of another period are two of this one.
        assert_eq!(rate.level(250, 100, 0), rate.full());
        assert_eq!(rate.level(150, 100, 0), 1_000_000);
    }

    #[test]
    fn a_bucket_names_nobody() {
        let rate = Rate::new(1, Duration::from_secs(1), 1).unwrap();
        let bucket = Bucket::of("login", "anna@harbor-vale.example", rate);
        assert_eq!(bucket.key().len(), 32);
        assert!(!format!("{bucket:?}").contains("anna"), "{bucket:?}");
        assert_ne!(bucket.key(), Bucket::of("login", "bert@harbor-vale.example", rate).key());
    }
}
