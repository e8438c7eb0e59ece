//! What a lot should answer, told a second time and as plainly as possible: whole grams, no stored balance,
//! everything recomputed from what was accepted.

use super::scenario::{self, lot};
use foodflow_domain::food_graph::batch::ledger::OutflowKind;
use foodflow_domain::food_graph::batch::{AdjustmentKind, BatchCommand};

/// A command in whole grams and minutes.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Document, grams, minute; documents below 300 consume, the others ship.
    Move(u128, i64, i64),
    /// Sample or waste.
    Lose(AdjustmentKind, i64, i64),
    Count(i64, i64),
    Dispose(Option<i64>, i64),
    Hold(Option<i64>, i64),
    Release(Option<i64>, i64),
    Recall(i64),
    /// The document that the lot came from should have said so many grams, or should not have been.
    Restate(Option<i64>),
    /// The document should have taken these lines.
    Correct(u128, Vec<(i64, i64)>),
}

/// A quantity of so many grams; every other one in kilograms, so that units mix.
pub(super) fn grams(number: i64) -> String {
    if number % 2 == 0 {
        format!("{number} GRM")
    } else {
        format!("{}.{:03} KGM", number / 1_000, number % 1_000)
    }
}

impl Step {
    pub(super) fn command(&self) -> BatchCommand {
        let amount = |number: &Option<i64>| number.map(grams);
        match self {
            &Self::Move(document, number, minute) => {
                let movement = scenario::movement(document, &grams(number), crate::support::at(minute));
                if document < 300 { BatchCommand::Consume(movement) } else { BatchCommand::Ship(movement) }
            }
            &Self::Lose(kind, number, minute) => scenario::adjust(kind, &grams(number), minute),
            &Self::Count(number, minute) => scenario::count(&grams(number), minute),
            Self::Dispose(number, minute) => {
                BatchCommand::Dispose(scenario::bar(amount(number).as_deref(), *minute))
            }
            Self::Hold(number, minute) => {
                BatchCommand::Hold(scenario::bar(amount(number).as_deref(), *minute))
            }
            Self::Release(number, minute) => {
                BatchCommand::Release(scenario::bar(amount(number).as_deref(), *minute))
            }
            Self::Recall(minute) => scenario::recall(*minute),
            Self::Restate(None) => scenario::retire(),
            Self::Restate(Some(number)) => scenario::restate(&grams(*number)),
            Self::Correct(document, lines) => {
                let kind = if *document < 300 { OutflowKind::Used } else { OutflowKind::Shipped };
                let lines: Vec<_> = lines.iter().map(|(number, minute)| (grams(*number), *minute)).collect();
                let lines: Vec<_> = lines.iter().map(|(amount, minute)| (amount.as_str(), *minute)).collect();
                scenario::correct(kind, *document, &lines)
            }
        }
    }
}

/// A hold: from, until, grams; all where absent.
type Held = (i64, Option<i64>, Option<i64>);

/// A lot as its accepted commands describe it.
#[derive(Debug, Clone)]
pub(super) struct Model {
    inflow: i64,
    retired: bool,
    /// Document, grams, minute.
    outflows: Vec<(Option<u128>, i64, i64)>,
    /// Minute, grams; in recorded order.
    counts: Vec<(i64, i64)>,
    holds: Vec<Held>,
    recalled_from: Option<i64>,
}

impl Model {
    pub(super) const fn received(inflow: i64) -> Self {
        Self { inflow, retired: false, outflows: vec![], counts: vec![], holds: vec![], recalled_from: None }
    }

    pub(super) fn book(&self) -> i64 {
        self.inflow - self.outflows.iter().map(|outflow| outflow.1).sum::<i64>()
    }

    pub(super) const fn inflow(&self) -> i64 {
        self.inflow
    }

    pub(super) fn remaining(&self) -> i64 {
        // Of counts at one minute, the one recorded last is the maximum that `max_by_key` returns.
        match self.counts.iter().max_by_key(|count| count.0) {
            None => self.book(),
            Some(&(counted_at, found)) => {
                let later = self.outflows.iter().filter(|outflow| outflow.2 > counted_at);
                found - later.map(|outflow| outflow.1).sum::<i64>()
            }
        }
    }

    fn available(&self, minute: i64) -> i64 {
        let counted = self.counts.iter().any(|count| minute <= count.0);
        if counted { self.book() } else { self.remaining() }
    }

    fn barred(&self, number: i64, minute: i64) -> Option<&'static str> {
        if self.recalled_from.is_some_and(|from| from <= minute) {
            return Some("batch-recalled");
        }
        let covering = |hold: &&Held| hold.0 <= minute && hold.1.is_none_or(|until| minute < until);
        let parts: Vec<Option<i64>> = self.holds.iter().filter(covering).map(|hold| hold.2).collect();
        let all = self.available(minute);
        let free = if parts.contains(&None) {
            None
        } else {
            Some(all - parts.iter().flatten().sum::<i64>().min(all))
        };
        (!parts.is_empty() && free.is_none_or(|free| number > free)).then_some("batch-held")
    }

    fn short(&self, number: i64, minute: i64) -> Option<&'static str> {
        (number > self.available(minute)).then_some("insufficient-quantity")
    }

    fn open_holds_at(&self, minute: i64) -> impl Iterator<Item = &Held> {
        self.holds.iter().filter(move |hold| hold.1.is_none() && hold.0 <= minute)
    }

    fn releasable(&self, minute: i64) -> i64 {
        let remaining = self.remaining();
        let parts = self.open_holds_at(minute).map(|hold| hold.2.unwrap_or(i64::MAX));
        parts.fold(0, i64::saturating_add).min(remaining)
    }

    /// The code that refuses the step, `None` where it is accepted. Not asked of corrections.
    pub(super) fn refusal(&self, step: &Step) -> Option<&'static str> {
        match *step {
            Step::Move(_, number, minute) => {
                self.barred(number, minute).or_else(|| self.short(number, minute))
            }
            Step::Lose(_, number, minute) | Step::Dispose(Some(number), minute) => self.short(number, minute),
            Step::Count(..) => self.retired.then_some("already-retired"),
            Step::Dispose(None, minute) => {
                let rest = self.remaining();
                if rest <= 0 { Some("insufficient-quantity") } else { self.short(rest, minute) }
            }
            Step::Hold(number, _) => number.and_then(|number| self.short(number, i64::MAX)),
            Step::Release(..) if self.recalled_from.is_some() => Some("batch-recalled"),
            Step::Release(_, minute) if self.open_holds_at(minute).next().is_none() => Some("batch-not-held"),
            Step::Release(number, minute) => {
                number.filter(|number| *number > self.releasable(minute)).map(|_| "insufficient-quantity")
            }
            Step::Recall(_) => self.recalled_from.map(|_| "batch-recalled"),
            Step::Restate(_) | Step::Correct(..) => unreachable!("corrections are judged by what they leave"),
        }
    }

    /// Takes in a step that was accepted.
    pub(super) fn accept(&mut self, step: &Step) {
        match step {
            &Step::Move(document, number, minute) => self.outflows.push((Some(document), number, minute)),
            &Step::Lose(_, number, minute) => self.outflows.push((None, number, minute)),
            &Step::Count(number, minute) => self.counts.push((minute, number)),
            &Step::Dispose(number, minute) => {
                let number = number.unwrap_or_else(|| self.remaining());
                self.outflows.push((None, number, minute));
            }
            &Step::Hold(number, minute) => self.holds.push((minute, None, number)),
            &Step::Release(number, minute) => self.release(number, minute),
            &Step::Recall(minute) => self.recalled_from = Some(minute),
            Step::Restate(Some(number)) => self.inflow = *number,
            Step::Restate(None) => (self.inflow, self.retired, self.counts) = (0, true, vec![]),
            Step::Correct(document, lines) => {
                self.outflows.retain(|outflow| outflow.0 != Some(*document));
                self.outflows.extend(lines.iter().map(|&(number, minute)| (Some(*document), number, minute)));
            }
        }
    }

    fn release(&mut self, number: Option<i64>, minute: i64) {
        let rest = number.map_or(0, |number| self.releasable(minute) - number);
        for hold in self.holds.iter_mut().filter(|hold| hold.1.is_none() && hold.0 <= minute) {
            hold.1 = Some(minute);
        }
        if rest > 0 {
            self.holds.push((minute, None, Some(rest)));
        }
    }
}

/// The lot that every model begins with.
pub(super) fn receive(number: i64) -> BatchCommand {
    BatchCommand::Receive(lot(), scenario::origin(&format!("{number} GRM")))
}
