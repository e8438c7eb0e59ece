//! Laws of a lot under any sequence of commands.

use cqrs_es::Aggregate as _;
use foodflow_domain::food_graph::batch::{AdjustmentKind, Bar, Batch, BatchCommand, BatchEvent, Status};
use foodflow_domain::{DomainProblem as _, EventSet as _, Quantity, Unit};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::sample::select;
use proptest::test_runner::TestCaseError;
use rust_decimal::Decimal;

use super::model::{self, Model, Step};
use super::scenario::{self, after};
use crate::support::{NOW, decide, decide_in_state, replay};

const INFLOW_GRAMS: i64 = 100_000;

fn step() -> impl Strategy<Value = Step> {
    let amount = 1..40_000_i64;
    let part = option::of(1..60_000_i64);
    let minute = 0..50_i64;
    let document = select(vec![200_u128, 201, 300, 301]);
    let losing = select(vec![AdjustmentKind::Sample, AdjustmentKind::Waste]);
    let lines = vec((1..30_000_i64, minute.clone()), 0..3);
    prop_oneof![
        8 => (document.clone(), amount.clone(), minute.clone()).prop_map(|(d, n, t)| Step::Move(d, n, t)),
        2 => (losing, 1..5_000_i64, minute.clone()).prop_map(|(k, n, t)| Step::Lose(k, n, t)),
        2 => (0..150_000_i64, minute.clone()).prop_map(|(n, t)| Step::Count(n, t)),
        1 => (part.clone(), minute.clone()).prop_map(|(n, t)| Step::Dispose(n, t)),
        2 => (part.clone(), minute.clone()).prop_map(|(n, t)| Step::Hold(n, t)),
        3 => (part, minute.clone()).prop_map(|(n, t)| Step::Release(n, t)),
        1 => (30..50_i64).prop_map(Step::Recall),
        1 => option::weighted(0.8, 1..200_000_i64).prop_map(Step::Restate),
        2 => (document, lines).prop_map(|(d, lines)| Step::Correct(d, lines)),
    ]
}

/// A lot, its model and its events, through one sequence of commands.
struct Run {
    state: Batch,
    model: Model,
    events: Vec<BatchEvent>,
}

impl Run {
    fn begin() -> Self {
        let mut state = Batch::default();
        let events = decide_in_state(&mut state, model::receive(INFLOW_GRAMS)).unwrap();
        Self { state, model: Model::received(INFLOW_GRAMS), events }
    }

    /// Gives the command to the lot and, where it is accepted, the step to the model.
    fn take(&mut self, step: &Step) -> Result<Option<&'static str>, TestCaseError> {
        let decided = decide_in_state(&mut self.state, step.command());
        let code = decided.as_ref().err().map(foodflow_domain::DomainProblem::code);
        if !matches!(step, Step::Restate(_) | Step::Correct(..)) {
            prop_assert_eq!(code, self.model.refusal(step), "{:?} after {:?}", step, self.events);
        }
        if let Ok(events) = decided {
            prop_assert_eq!(events.len(), 1);
            self.events.extend(events);
            self.model.accept(step);
        }
        Ok(code)
    }

    fn remaining(&self) -> Quantity {
        self.state.balance().unwrap().remaining.to(Unit::Grm).unwrap()
    }
}

proptest! {
    #[test]
    fn the_lot_answers_as_its_model(steps in vec(step(), 1..40)) {
        let mut run = Run::begin();
        for step in &steps {
            run.take(step)?;
            prop_assert_eq!(run.remaining().value, Decimal::from(run.model.remaining()), "after {:?}", step);
        }
    }

    #[test]
    fn without_a_count_nothing_becomes_negative(steps in vec(step(), 1..40)) {
        let mut run = Run::begin();
        for step in steps.iter().filter(|step| !matches!(step, Step::Count(..))) {
            run.take(step)?;
            prop_assert_eq!(run.model.book(), run.model.remaining());
            prop_assert!((0..=run.model.inflow()).contains(&run.model.book()), "{} after {:?}", run.model.book(), step);
        }
    }

    #[test]
    fn a_count_alone_makes_the_rest_negative(steps in vec(step(), 1..40)) {
        let mut run = Run::begin();
        for step in &steps {
            let (book, remaining) = (run.model.book(), run.model.remaining());
            run.take(step)?;
            let counted = matches!(step, Step::Count(..));
            prop_assert!(counted || run.model.remaining() >= remaining.min(0), "{:?} from {}", step, remaining);
            prop_assert!(run.model.book() >= book.min(0) || remaining > book, "{:?} from {}", step, book);
        }
    }

    #[test]
    fn every_event_carries_the_balance_of_the_replayed_lot(steps in vec(step(), 1..30)) {
        let mut run = Run::begin();
        for step in &steps {
            run.take(step)?;
        }
        let mut replayed = Batch::default();
        for event in &run.events {
            replayed.apply(event.clone());
            prop_assert_eq!(Some(after(event)), replayed.balance());
        }
        prop_assert_eq!(replayed, run.state);
    }

    #[test]
    fn a_decision_is_a_pure_function_of_the_events(steps in vec(step(), 1..20), last in step()) {
        let mut run = Run::begin();
        for step in &steps {
            run.take(step)?;
        }
        let first = decide::<Batch>(&run.events, last.command());
        prop_assert_eq!(&first, &decide::<Batch>(&run.events, last.command()));
        let snapshot = serde_json::to_string(&run.state).unwrap();
        let mut restored: Batch = serde_json::from_str(&snapshot).unwrap();
        prop_assert_eq!(&restored, &run.state);
        let before = restored.clone();
        let from_snapshot = decide_in_state(&mut restored, last.command());
        prop_assert_eq!(&first, &from_snapshot);
        if from_snapshot.is_err() {
            prop_assert_eq!(restored, before, "a refusal changes nothing");
        }
    }

    #[test]
    fn what_is_written_reads_back(commands in vec(command_of_any_unit(), 1..20)) {
        let mut state = Batch::default();
        for command in commands {
            for event in decide_in_state(&mut state, command).unwrap_or_default() {
                let data = event.data().unwrap();
                let read = BatchEvent::decode(event.type_name(), data.get()).unwrap().unwrap();
                prop_assert_eq!(&read, &event, "{}", data);
                let snapshot = serde_json::to_string(&state).unwrap();
                prop_assert_eq!(&serde_json::from_str::<Batch>(&snapshot).unwrap(), &state, "{}", snapshot);
            }
        }
    }

    #[test]
    fn every_refusal_has_a_known_code(commands in vec(command_of_any_unit(), 1..20)) {
        let known = [
            "already-exists", "not-found", "batch-held", "batch-recalled", "batch-not-held", "insufficient-quantity",
            "quantity-not-positive", "unit-mismatch", "already-retired",
        ];
        let mut state = Batch::default();
        for command in commands {
            if let Err(error) = decide_in_state(&mut state, command) {
                prop_assert!(known.contains(&error.code()), "{}", error.code());
                prop_assert!(!error.to_string().is_empty());
            }
        }
    }
}

/// Any quantity that a client may state, most of them masses.
fn any_quantity() -> impl Strategy<Value = String> {
    let units = select(vec!["MGM", "GRM", "KGM", "TNE", "LBR", "ONZ", "KGM", "LBR", "LTR", "CS"]);
    let value = prop_oneof![
        (1..1_000_000_i64, 0..=9_u32),
        (any::<i64>().prop_map(|n| n.rem_euclid(1_000_000_000_000)), Just(0_u32)),
        (any::<i64>().prop_map(|n| n.rem_euclid(1_000_000_000_000_000_000)), Just(9_u32)),
        (-1_000..0_i64, 0..=3_u32),
    ];
    (value, units).prop_map(|((mantissa, scale), unit)| format!("{} {unit}", Decimal::new(mantissa, scale)))
}

fn command_of_any_unit() -> impl Strategy<Value = BatchCommand> {
    let minute = 0..NOW;
    let part = option::of(any_quantity());
    let barring: Vec<fn(Bar) -> BatchCommand> =
        vec![BatchCommand::Dispose, BatchCommand::Hold, BatchCommand::Release, BatchCommand::Recall];
    prop_oneof![
        3 => any_quantity().prop_map(|amount| scenario::receive(&amount)),
        6 => (any_quantity(), minute.clone()).prop_map(|(amount, t)| scenario::consume(&amount, t)),
        3 => (any_quantity(), minute.clone()).prop_map(|(amount, t)| scenario::sample(&amount, t)),
        3 => (any_quantity(), minute.clone()).prop_map(|(amount, t)| scenario::count(&amount, t)),
        7 => (part, minute.clone(), select(barring)).prop_map(|(amount, t, command)| {
            command(scenario::bar(amount.as_deref(), t))
        }),
        2 => any_quantity().prop_map(|amount| scenario::restate(&amount)),
        2 => (any_quantity(), minute).prop_map(|(amount, t)| scenario::correct_consumption(&[(&amount, t)])),
    ]
}

#[test]
fn status_words_are_those_that_are_documented() {
    for status in [Status::Available, Status::Held, Status::Recalled, Status::Consumed, Status::Disposed] {
        assert_eq!(serde_json::to_string(&status).unwrap(), format!("\"{}\"", status.as_str()));
    }
    let replayed: Batch = replay(&[]);
    assert_eq!(replayed.balance(), None, "a lot that is not known has no balance");
}
