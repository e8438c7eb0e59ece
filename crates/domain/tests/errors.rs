//! Refusals: a stable code for programs, a sentence for people.

use std::collections::BTreeSet;

use foodflow_domain::food_graph::FoodGraphError;
use foodflow_domain::quantity::Incompatible;
use foodflow_domain::{DomainProblem, Unit};

use crate::support::{at, id, quantity};

fn refusals() -> Vec<(FoodGraphError, &'static str, &'static str)> {
    let batch_number = || "MP-0417".to_owned();
    let lot = "01900000-0000-7000-8000-000000000001";
    vec![
        (
            FoodGraphError::AlreadyExists { what: "lot", id: lot.to_owned() },
            "already-exists",
            "lot 01900000-0000-7000-8000-000000000001 already exists",
        ),
        (
            FoodGraphError::NotFound { what: "lot", id: id(1) },
            "not-found",
            "there is no lot 01900000-0000-7000-8000-000000000001",
        ),
        (
            FoodGraphError::BatchHeld {
                batch_number: batch_number(),
                since: at(20),
                reason: "peanut".to_owned(),
            },
            "batch-held",
            "lot MP-0417 is on hold since 2026-03-01T00:20:00Z: peanut; release it before it moves",
        ),
        (
            FoodGraphError::BatchRecalled { batch_number: batch_number(), since: at(20) },
            "batch-recalled",
            "lot MP-0417 is recalled since 2026-03-01T00:20:00Z and does not move; dispose of it instead",
        ),
        (
            FoodGraphError::BatchNotHeld { batch_number: batch_number(), at: at(20) },
            "batch-not-held",
            "lot MP-0417 is not on hold at 2026-03-01T00:20:00Z",
        ),
        (
            FoodGraphError::InsufficientQuantity {
                batch_number: batch_number(),
                requested: quantity("12.50 KGM"),
                available: quantity("0 KGM"),
            },
            "insufficient-quantity",
            "lot MP-0417 has 0 KGM available, 12.5 KGM were asked for",
        ),
        (
            FoodGraphError::QuantityNotPositive { batch_number: batch_number(), given: quantity("-1 GRM") },
            "quantity-not-positive",
            "-1 GRM is no amount of lot MP-0417: it must be more than zero in the lot's unit",
        ),
        (
            FoodGraphError::UnitMismatch {
                batch_number: batch_number(),
                source: Incompatible { from: Unit::Ltr, to: Unit::Kgm },
            },
            "unit-mismatch",
            "the unit does not fit lot MP-0417: an amount in LTR cannot be stated in KGM",
        ),
        (
            FoodGraphError::Cycle { batch_id: id(1) },
            "cycle",
            "lot 01900000-0000-7000-8000-000000000001 would be among its own ancestors",
        ),
        (
            FoodGraphError::OccurredInFuture { occurred_at: at(20), now: at(10) },
            "occurred-in-future",
            "2026-03-01T00:20:00Z lies in the future; it is 2026-03-01T00:10:00Z now",
        ),
        (
            FoodGraphError::AlreadyRetired { what: "receipt", id: id(1) },
            "already-retired",
            "receipt 01900000-0000-7000-8000-000000000001 was retired by a correction; record a new one instead",
        ),
        (
            FoodGraphError::OtherBatch { expected: id(1), given: id(2) },
            "other-batch",
            "a correction keeps the lot: expected 01900000-0000-7000-8000-000000000001, \
             got 01900000-0000-7000-8000-000000000002",
        ),
    ]
}

#[test]
fn every_refusal_has_its_code_and_its_sentence() {
    for (error, code, sentence) in refusals() {
        assert_eq!(error.code(), code);
        assert_eq!(error.to_string(), sentence);
    }
}

#[test]
fn every_code_is_tested_and_used_once() {
    let source = include_str!("../src/food_graph/error.rs");
    let codes = source.lines().filter_map(|line| line.trim().strip_prefix("Self::")?.split('"').nth(1));
    let declared: Vec<&str> = codes.collect();
    let tested: BTreeSet<&str> = refusals().iter().map(|refusal| refusal.1).collect();
    assert_eq!(declared.iter().copied().collect::<BTreeSet<_>>(), tested);
    assert_eq!(declared.len(), tested.len(), "no two refusals share a code");
}
