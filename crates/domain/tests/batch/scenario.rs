//! A lot's commands under short names, and the runner of scenario tables.
//!
//! A scenario says which commands were accepted before, which one comes now, and how the lot stands
//! afterwards or with which code it is refused. Times are minutes, see [`at`].

use cqrs_es::Aggregate as _;
use foodflow_domain::food_graph::batch::ledger::OutflowKind;
use foodflow_domain::food_graph::batch::{
    AdjustmentKind, Balance, Bar, Batch, BatchCommand, BatchEvent, Movement, Origin, Status,
};
use foodflow_domain::food_graph::facts::Item;
use foodflow_domain::ids::BatchId;
use jiff::Timestamp;

use crate::support::{at, code, decide, id, quantity, replay};

/// Name, what was accepted before, the command, and what is expected of it.
pub(super) type Scenario = (&'static str, Vec<BatchCommand>, BatchCommand, Expected);

/// How the lot stands afterwards, or the code of the refusal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Expected {
    Stands(Balance),
    Refused(&'static str),
}

pub(super) fn stands(remaining: &str, status: Status) -> Expected {
    Expected::Stands(Balance { remaining: quantity(remaining), status })
}

pub(super) const fn refused(code: &'static str) -> Expected {
    Expected::Refused(code)
}

/// The events that the commands led to, all of which must be accepted.
pub(super) fn history(commands: &[BatchCommand]) -> Vec<BatchEvent> {
    let mut events = Vec::new();
    for command in commands {
        let decided = decide::<Batch>(&events, command.clone());
        events.extend(decided.unwrap_or_else(|error| panic!("given {command:?}: {error}")));
    }
    events
}

/// Runs every scenario and names all that fail.
pub(super) fn run(scenarios: Vec<Scenario>) {
    let failures: Vec<String> = scenarios
        .into_iter()
        .filter_map(|(name, given, when, expected)| {
            let found = outcome(&history(&given), when);
            (found != expected).then(|| format!("{name}:\n  expected {expected:?}\n  found    {found:?}"))
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn outcome(given: &[BatchEvent], when: BatchCommand) -> Expected {
    let events = match decide::<Batch>(given, when) {
        Ok(events) => events,
        refusal => return Expected::Refused(code(refusal)),
    };
    let [event] = events.as_slice() else { panic!("a lot answers a command with one event: {events:?}") };
    let mut state: Batch = replay(given);
    state.apply(event.clone());
    let after = after(event);
    assert_eq!(Some(after), state.balance(), "the event's balance is that of the lot: {event:?}");
    Expected::Stands(after)
}

/// The balance that an event carries.
pub(super) fn after(event: &BatchEvent) -> Balance {
    match event {
        BatchEvent::Received(data) | BatchEvent::Produced(data) => data.after,
        BatchEvent::Consumed(data) | BatchEvent::Shipped(data) => data.after,
        BatchEvent::Sampled(data)
        | BatchEvent::Wasted(data)
        | BatchEvent::Counted(data)
        | BatchEvent::Disposed(data) => data.after,
        BatchEvent::Held(data) | BatchEvent::Released(data) | BatchEvent::Recalled(data) => data.after,
        BatchEvent::OriginCorrected(data) => data.after,
        BatchEvent::ConsumptionCorrected(data) | BatchEvent::ShipmentCorrected(data) => data.after,
    }
}

pub(super) fn lot() -> BatchId {
    id(1)
}

pub(super) fn origin(amount: &str) -> Origin {
    Origin {
        document_id: id(100),
        batch_number: "MP-0417".to_owned(),
        item: Item::Ingredient(id(10)),
        supplier_id: Some(id(20)),
        sku_id: None,
        quantity: quantity(amount),
        location_id: id(30),
        line: None,
        occurred_at: at(0),
        production_date: None,
        expiry_date: None,
        sscc: None,
        documents: vec![],
    }
}

pub(super) fn receive(amount: &str) -> BatchCommand {
    BatchCommand::Receive(lot(), origin(amount))
}

pub(super) fn produce(amount: &str) -> BatchCommand {
    BatchCommand::Produce(lot(), origin(amount))
}

pub(super) fn movement(document: u128, amount: &str, occurred_at: Timestamp) -> Movement {
    Movement { batch_id: lot(), document_id: id(document), quantity: quantity(amount), occurred_at }
}

/// Consumed by document 200.
pub(super) fn consume(amount: &str, minute: i64) -> BatchCommand {
    BatchCommand::Consume(movement(200, amount, at(minute)))
}

/// Shipped by document 300.
pub(super) fn ship(amount: &str, minute: i64) -> BatchCommand {
    BatchCommand::Ship(movement(300, amount, at(minute)))
}

pub(super) fn bar(amount: Option<&str>, minute: i64) -> Bar {
    Bar {
        batch_id: lot(),
        reason: "peanut in mustard".to_owned(),
        occurred_at: at(minute),
        quantity: amount.map(quantity),
    }
}

pub(super) fn hold(minute: i64) -> BatchCommand {
    BatchCommand::Hold(bar(None, minute))
}

pub(super) fn hold_part(amount: &str, minute: i64) -> BatchCommand {
    BatchCommand::Hold(bar(Some(amount), minute))
}

pub(super) fn release(minute: i64) -> BatchCommand {
    BatchCommand::Release(bar(None, minute))
}

pub(super) fn release_part(amount: &str, minute: i64) -> BatchCommand {
    BatchCommand::Release(bar(Some(amount), minute))
}

pub(super) fn recall(minute: i64) -> BatchCommand {
    BatchCommand::Recall(bar(None, minute))
}

pub(super) fn dispose(minute: i64) -> BatchCommand {
    BatchCommand::Dispose(bar(None, minute))
}

pub(super) fn dispose_part(amount: &str, minute: i64) -> BatchCommand {
    BatchCommand::Dispose(bar(Some(amount), minute))
}

pub(super) fn adjust(kind: AdjustmentKind, amount: &str, minute: i64) -> BatchCommand {
    let reason = Some("shift 2".to_owned());
    BatchCommand::Adjust {
        batch_id: lot(),
        kind,
        quantity: quantity(amount),
        occurred_at: at(minute),
        reason,
    }
}

pub(super) fn sample(amount: &str, minute: i64) -> BatchCommand {
    adjust(AdjustmentKind::Sample, amount, minute)
}

pub(super) fn waste(amount: &str, minute: i64) -> BatchCommand {
    adjust(AdjustmentKind::Waste, amount, minute)
}

pub(super) fn count(amount: &str, minute: i64) -> BatchCommand {
    adjust(AdjustmentKind::Count, amount, minute)
}

/// The document that the lot came from should have said `amount`.
pub(super) fn restate(amount: &str) -> BatchCommand {
    correct_origin(Some(origin(amount)))
}

/// The document that the lot came from should not have been.
pub(super) fn retire() -> BatchCommand {
    correct_origin(None)
}

fn correct_origin(restated: Option<Origin>) -> BatchCommand {
    BatchCommand::CorrectOrigin { batch_id: lot(), reason: "typing error".to_owned(), restated }
}

/// The document should have taken these lines.
pub(super) fn correct(kind: OutflowKind, document: u128, lines: &[(&str, i64)]) -> BatchCommand {
    BatchCommand::CorrectMovement {
        batch_id: lot(),
        document_id: id(document),
        kind,
        reason: "wrong scale".to_owned(),
        restated: lines.iter().map(|(amount, minute)| (quantity(amount), at(*minute))).collect(),
    }
}

/// Document 200 should have consumed these lines.
pub(super) fn correct_consumption(lines: &[(&str, i64)]) -> BatchCommand {
    correct(OutflowKind::Used, 200, lines)
}

/// Document 300 should have shipped these lines.
pub(super) fn correct_shipment(lines: &[(&str, i64)]) -> BatchCommand {
    correct(OutflowKind::Shipped, 300, lines)
}
