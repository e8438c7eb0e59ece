//! Lots of one tenant in one month, as one process counts them: what is metered, what it recorded itself behind that, and
//! what it is about to record.

use std::collections::{BTreeMap, VecDeque};

use foodflow_domain::tenancy::Month;
use foodflow_log::Position;
use jiff::{SignedDuration, Timestamp};

use super::Metered;

/// Own commits that are kept apart until they are metered. Beyond that neighbours are counted as one, until the later one
/// is metered.
const OWN_MAX: usize = 1_024;

/// Lots of a month.
#[derive(Debug, Default)]
pub(super) struct MonthUse {
    month: Option<Month>,
    hours: BTreeMap<Timestamp, u64>,
    metered: u64,
    metered_to: Position,
    /// What was recorded here behind that: the commit's position and its lots, rising.
    own: VecDeque<(Position, u64)>,
    recorded: u64,
    kept: u64,
}

impl MonthUse {
    /// Begins anew where another month has begun.
    fn turn_to(&mut self, month: Month) {
        if self.month != Some(month) {
            let (kept, metered_to) = (self.kept, self.metered_to);
            *self = Self { month: Some(month), kept, metered_to, ..Self::default() };
        }
    }

    /// From which hour on what is metered may still change: recorded time rises but for what writers differ.
    pub(super) fn unsettled_since(&self, month: Month) -> Timestamp {
        let last = self.hours.last_key_value().filter(|_| self.month == Some(month));
        let before = last.and_then(|(hour, _)| hour.checked_sub(SignedDuration::from_hours(1)).ok());
        before.map_or(month.start(), |hour| hour.max(month.start()))
    }

    /// Takes in what the read model says of these hours.
    pub(super) fn take_in(&mut self, month: Month, metered: Metered) {
        self.turn_to(month);
        self.hours.extend(metered.hours);
        self.metered = self.hours.values().sum();
        self.metered_to = self.metered_to.max(metered.position);
        while let Some((_, lots)) = self.own.pop_front_if(|(position, _)| *position <= self.metered_to) {
            self.recorded -= lots;
        }
    }

    /// Keeps room for so many lots.
    ///
    /// # Errors
    /// What is used, where the limit leaves no room for them.
    pub(super) fn keep(&mut self, month: Month, lots: u64, limit: u64) -> Result<(), u64> {
        self.turn_to(month);
        let used = self.metered + self.recorded + self.kept;
        if used.saturating_add(lots) > limit {
            return Err(used);
        }
        self.kept += lots;
        Ok(())
    }

    /// Nothing came of what room was kept for.
    pub(super) fn give_back(&mut self, lots: u64) {
        self.kept = self.kept.saturating_sub(lots);
    }

    /// What room was kept for is recorded there.
    pub(super) fn record(&mut self, position: Position, lots: u64) {
        self.give_back(lots);
        if position <= self.metered_to {
            return;
        }
        if self.own.len() == OWN_MAX {
            self.own = self.own.make_contiguous().chunks(2).map(merged).collect();
        }
        // Answers of the log may overtake each other.
        let place = self.own.partition_point(|(before, _)| *before < position);
        self.own.insert(place, (position, lots));
        self.recorded += lots;
    }
}

/// Neighbours as one, that counts until the last of them is metered.
fn merged(some: &[(Position, u64)]) -> (Position, u64) {
    let last = some.last().map_or(Position(0), |(position, _)| *position);
    (last, some.iter().map(|(_, lots)| lots).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month(text: &str) -> Month {
        text.parse().unwrap()
    }

    fn hour(month: Month, number: i64) -> Timestamp {
        month.start() + SignedDuration::from_hours(number)
    }

    fn metered(position: u64, hours: &[(Timestamp, u64)]) -> Metered {
        Metered { position: Position(position), hours: hours.to_vec() }
    }

    #[test]
    fn a_lot_counts_once_be_it_kept_recorded_or_metered() {
        let march = month("2026-03");
        let mut used = MonthUse::default();
        used.keep(march, 2, 3).unwrap();
        assert_eq!(used.keep(march, 2, 3), Err(2));
        used.record(Position(10), 2);
        assert_eq!(used.keep(march, 2, 3), Err(2));
        used.take_in(march, metered(9, &[]));
        assert_eq!(used.keep(march, 2, 3), Err(2), "it is not metered yet");
        used.take_in(march, metered(10, &[(hour(march, 5), 2)]));
        assert_eq!(used.keep(march, 2, 3), Err(2));
        used.keep(march, 1, 3).unwrap();
        used.give_back(1);
        used.keep(march, 1, 3).unwrap();
        // Metered before its answer came.
        used.take_in(march, metered(12, &[(hour(march, 5), 3)]));
        used.record(Position(12), 1);
        assert_eq!(used.keep(march, 1, 3), Err(3));
    }

    #[test]
    fn a_month_begins_with_nothing_used() {
        let (march, april) = (month("2026-03"), month("2026-04"));
        let mut used = MonthUse::default();
        used.keep(march, 3, 3).unwrap();
        used.record(Position(1), 3);
        used.keep(april, 3, 3).unwrap();
        assert_eq!(used.keep(april, 1, 3), Err(3));
    }

    #[test]
    fn hours_that_are_settled_are_not_asked_for_again() {
        let march = month("2026-03");
        let mut used = MonthUse::default();
        assert_eq!(used.unsettled_since(march), march.start());
        used.take_in(march, metered(5, &[(hour(march, 0), 1)]));
        assert_eq!(used.unsettled_since(march), march.start());
        used.take_in(march, metered(9, &[(hour(march, 0), 2), (hour(march, 7), 1)]));
        assert_eq!(used.unsettled_since(march), hour(march, 6));
        assert_eq!(used.unsettled_since(month("2026-04")), month("2026-04").start());
        used.take_in(march, metered(11, &[(hour(march, 7), 4)]));
        assert_eq!(used.keep(march, 1, 6), Err(6));
    }

    #[test]
    fn what_is_not_metered_for_long_is_bounded_and_all_counted() {
        let march = month("2026-03");
        let mut used = MonthUse::default();
        for number in (1..=10_000_u64).rev() {
            used.keep(march, 1, u64::MAX).unwrap();
            used.record(Position(number), 1);
            assert!(used.own.len() <= OWN_MAX);
        }
        assert_eq!(used.keep(march, 1, 10_000), Err(10_000));
        used.take_in(march, metered(10_000, &[(hour(march, 1), 10_000)]));
        assert!(used.own.is_empty());
        assert_eq!(used.keep(march, 1, 10_000), Err(10_000));
    }
}
