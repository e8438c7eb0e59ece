//! Plans: what a tenant may use of the service.
//!
//! The catalogue holds the built-in plans; settings replace or add some. A tenant that is not registered has no plan and
//! no limits. A plan that no catalogue knows, as events may name one that was sold and never described, has no limits
//! either: what a contract says of a plant must not stop its receiving dock because a setting is missing.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::FREE_PLAN;

/// Fewest days for which what was recorded stays readable: the 24 months that food traceability law asks for.
pub const RETENTION_DAYS_MIN: u32 = 731;

/// What a plan entitles to. What is absent has no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Entitlements {
    /// Active users.
    pub seats: Option<u32>,
    /// Lots that are received or produced in a calendar month (UTC, of recorded time).
    pub lots_per_month: Option<u32>,
    /// Requests a second, on average.
    pub requests_per_second: Option<u32>,
    /// Requests that may come at once.
    pub request_burst: Option<u32>,
    /// Days for which events, use and the past of tenancy's tables are readable; never of lots and their genealogy.
    pub retention_days: Option<u32>,
}

impl Entitlements {
    /// Entitles to everything.
    pub const UNLIMITED: Self = Self {
        seats: None,
        lots_per_month: None,
        requests_per_second: None,
        request_burst: None,
        retention_days: None,
    };

    /// The earliest recorded time that is readable at `now`: a midnight (UTC), so that it moves once a day.
    #[must_use]
    pub fn retained_since(&self, now: Timestamp) -> Option<Timestamp> {
        let days = SignedDuration::from_hours(24 * i64::from(self.retention_days?));
        let since = now.checked_sub(days).ok()?;
        Timestamp::from_second(since.as_second().div_euclid(DAY_S) * DAY_S).ok()
    }

    /// What is wrong with them, for whoever set them.
    ///
    /// # Errors
    /// The name of the limit, and what it must be.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        let above_zero = || "must be 1 or more, or \"unlimited\"".to_owned();
        match self {
            Self { requests_per_second: Some(0), .. } => Err(("requests_per_second", above_zero())),
            Self { request_burst: Some(0), .. } => Err(("request_burst", above_zero())),
            Self { seats: Some(0), .. } => Err(("seats", above_zero())),
            Self { retention_days: Some(days), .. } if *days < RETENTION_DAYS_MIN => {
                let why = "the 24 months for which food traceability law keeps records";
                Err(("retention_days", format!("must be {RETENTION_DAYS_MIN} or more: {why}")))
            }
            _ => Ok(()),
        }
    }
}

/// Seconds of a day.
const DAY_S: i64 = 24 * 3_600;

/// The built-in plans: name, seats, lots a month, requests a second, requests at once, days of retention.
const BUILT_IN: [(&str, [u32; 5]); 3] = [
    (FREE_PLAN, [3, 200, 50, 1_000, RETENTION_DAYS_MIN]),
    ("starter", [10, 2_000, 100, 2_000, 1_096]),
    ("professional", [50, 25_000, 400, 4_000, 2_557]),
];

/// The catalogue of plans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plans(BTreeMap<String, Entitlements>);

impl Default for Plans {
    /// `free`, `starter`, `professional`, and `enterprise`, which has no limits.
    fn default() -> Self {
        let limited = |(name, [seats, lots, rate, burst, days]): (&str, [u32; 5])| {
            let entitlements = Entitlements {
                seats: Some(seats),
                lots_per_month: Some(lots),
                requests_per_second: Some(rate),
                request_burst: Some(burst),
                retention_days: Some(days),
            };
            (name.to_owned(), entitlements)
        };
        let unlimited = [("enterprise".to_owned(), Entitlements::UNLIMITED)];
        Self(BUILT_IN.into_iter().map(limited).chain(unlimited).collect())
    }
}

impl Plans {
    /// What the plan of this name entitles to; `None` where the catalogue has none of that name.
    #[must_use]
    pub fn get(&self, plan: &str) -> Option<Entitlements> {
        self.0.get(plan).copied()
    }

    /// What a plan that somebody has entitles to.
    #[must_use]
    pub fn entitlements(&self, plan: &str) -> Entitlements {
        self.get(plan).unwrap_or(Entitlements::UNLIMITED)
    }

    /// Puts a plan into the catalogue, in the place of one of the same name.
    pub fn set(&mut self, plan: String, entitlements: Entitlements) {
        self.0.insert(plan, entitlements);
    }

    /// The names of the plans, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}
