//! A calendar month in UTC: the period of a bill and of a plan's limits.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

/// A calendar month in UTC, written `2026-03`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month(Date);

impl Month {
    /// The month in which `time` lies.
    #[must_use]
    pub fn of(time: Timestamp) -> Self {
        Self(TimeZone::UTC.to_datetime(time).date().first_of_month())
    }

    /// Its begin.
    #[must_use]
    pub fn start(self) -> Timestamp {
        midnight(self.0)
    }

    /// Its end: the begin of the next one.
    #[must_use]
    pub fn end(self) -> Timestamp {
        self.0.checked_add(1.month()).map_or(Timestamp::MAX, midnight)
    }
}

fn midnight(day: Date) -> Timestamp {
    TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).unwrap_or(Timestamp::MAX)
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0.year(), self.0.month())
    }
}

impl FromStr for Month {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "must be a month of the years 1970 to 9998, written as `2026-03`";
        let (year, month) = text.split_once('-').ok_or(WRONG)?;
        let is_number = |text: &str, digits| text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
        if !is_number(year, 4) || !is_number(month, 2) {
            return Err(WRONG);
        }
        let (year, month): (i16, i8) = (year.parse().map_err(|_| WRONG)?, month.parse().map_err(|_| WRONG)?);
        if !(1970..=9998).contains(&year) || !(1..=12).contains(&month) {
            return Err(WRONG);
        }
        Ok(Self(date(year, month, 1)))
    }
}
