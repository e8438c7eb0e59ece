//! Holds and recalls over event time.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::food_graph::FoodGraphError;
use crate::quantity::Quantity;

/// A hold: from its event time until it is released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Event time of the hold; it bars from here on.
    pub from: Timestamp,
    /// Event time of the release; it bars no longer from there on.
    pub until: Option<Timestamp>,
    /// How much is held; all where absent.
    pub quantity: Option<Quantity>,
    /// Why.
    pub reason: String,
}

impl Hold {
    fn covers(&self, at: Timestamp) -> bool {
        self.from <= at && self.until.is_none_or(|until| at < until)
    }
}

/// What bars a lot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bars {
    /// Holds, in recorded order.
    pub holds: Vec<Hold>,
    /// Event time of the recall; it bars from here on, for good.
    pub recalled_from: Option<Timestamp>,
}

impl Bars {
    /// True where some hold is not released.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.holds.iter().any(|hold| hold.until.is_none())
    }

    /// True where some open hold counts at `at`.
    #[must_use]
    pub fn is_held_at(&self, at: Timestamp) -> bool {
        self.holds.iter().any(|hold| hold.until.is_none() && hold.from <= at)
    }

    /// How much is held at `at`, at most `remaining`.
    #[must_use]
    pub fn held_at(&self, at: Timestamp, remaining: Quantity) -> Quantity {
        Self::sum(self.holds.iter().filter(|hold| hold.covers(at)), remaining)
    }

    /// How much a release at `at` can lift, at most `remaining`: what open holds bar from then on.
    #[must_use]
    pub fn releasable_at(&self, at: Timestamp, remaining: Quantity) -> Quantity {
        Self::sum(self.holds.iter().filter(|hold| hold.until.is_none() && hold.from <= at), remaining)
    }

    fn sum<'a>(holds: impl Iterator<Item = &'a Hold>, remaining: Quantity) -> Quantity {
        let mut held = Quantity::zero(remaining.unit);
        for hold in holds {
            match hold.quantity {
                None => return remaining,
                Some(quantity) => held = held.plus(quantity).unwrap_or(remaining),
            }
        }
        if held.value > remaining.value { remaining } else { held }
    }

    /// Adds a hold.
    pub fn hold(&mut self, from: Timestamp, quantity: Option<Quantity>, reason: &str) {
        self.holds.push(Hold { from, until: None, quantity, reason: reason.to_owned() });
    }

    /// Lifts every open hold from `at` on; where only `quantity` is released, the rest stays held.
    pub fn release(&mut self, at: Timestamp, quantity: Option<Quantity>, remaining: Quantity) {
        let held = self.releasable_at(at, remaining);
        let mut reason = String::new();
        for hold in self.holds.iter_mut().filter(|hold| hold.until.is_none() && hold.from <= at) {
            hold.until = Some(at);
            reason.clone_from(&hold.reason);
        }
        let rest = quantity.and_then(|released| held.minus(released).ok());
        if let Some(rest) = rest.filter(|rest| rest.value.is_sign_positive() && !rest.is_zero()) {
            self.hold(at, Some(rest), &reason);
        }
    }

    /// May `asked` of a lot that holds `remaining` move at `at`?
    ///
    /// # Errors
    /// `BatchRecalled` or `BatchHeld`.
    pub fn check(
        &self,
        batch_number: &str,
        at: Timestamp,
        asked: Quantity,
        remaining: Quantity,
    ) -> Result<(), FoodGraphError> {
        if let Some(since) = self.recalled_from.filter(|since| *since <= at) {
            return Err(FoodGraphError::BatchRecalled { batch_number: batch_number.to_owned(), since });
        }
        let Some(hold) = self.holds.iter().find(|hold| hold.covers(at)) else { return Ok(()) };
        let held = self.held_at(at, remaining);
        let all = self.holds.iter().any(|hold| hold.covers(at) && hold.quantity.is_none());
        if all || asked.value > remaining.value - held.value {
            return Err(FoodGraphError::BatchHeld {
                batch_number: batch_number.to_owned(),
                since: hold.from,
                reason: hold.reason.clone(),
            });
        }
        Ok(())
    }
}
