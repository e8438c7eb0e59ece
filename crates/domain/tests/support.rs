//! Short names for what every test needs: times, ids, quantities, and the decision of an aggregate.

use std::pin::pin;
use std::task::{Poll, Waker};

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use cqrs_es::test::TestFramework;
use foodflow_domain::food_graph::FoodGraphError;
use foodflow_domain::{Context, DomainProblem, Quantity, TenantId};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

/// The recorded time of every decision, in minutes as [`at`] counts them.
pub(crate) const NOW: i64 = 1_000;

/// `minutes` after midnight of 2026-03-01.
pub(crate) fn at(minutes: i64) -> Timestamp {
    "2026-03-01T00:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minutes)
}

/// `milliseconds` after the recorded time.
pub(crate) fn after_now(milliseconds: i64) -> Timestamp {
    at(NOW) + SignedDuration::from_millis(milliseconds)
}

/// An id with a recognizable number.
pub(crate) fn id<T: From<Uuid>>(number: u128) -> T {
    T::from(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + number))
}

/// What stands for the SHA-256 of something, with a recognizable number.
pub(crate) fn hash(number: u128) -> String {
    format!("{number:0>64}")
}

/// A quantity as people write it: `12.5 KGM`.
pub(crate) fn quantity(text: &str) -> Quantity {
    let (value, unit) = text.split_once(' ').unwrap_or_else(|| panic!("`{text}` is not `<value> <unit>`"));
    Quantity::new(value.parse().unwrap(), unit.parse().unwrap())
}

pub(crate) fn context() -> Context {
    Context { now: at(NOW), actor: "qa@harbor-vale.example".to_owned(), tenant: id::<TenantId>(0xA) }
}

/// What an aggregate with this history decides.
pub(crate) fn decide<A>(given: &[A::Event], when: A::Command) -> Result<Vec<A::Event>, A::Error>
where
    A: Aggregate<Services = Context>,
{
    TestFramework::<A>::with(context()).given(given.to_vec()).when(when).inspect_result()
}

/// What an aggregate in this state decides; the state goes through the decision's events.
pub(crate) fn decide_in_state<A>(state: &mut A, when: A::Command) -> Result<Vec<A::Event>, A::Error>
where
    A: Aggregate<Services = Context>,
{
    decide_at(state, at(NOW), when)
}

/// As [`decide_in_state`], at another time.
pub(crate) fn decide_at<A>(state: &mut A, now: Timestamp, when: A::Command) -> Result<Vec<A::Event>, A::Error>
where
    A: Aggregate<Services = Context>,
{
    let (context, sink) = (Context { now, ..context() }, EventSink::default());
    at_once(state.handle(when, &context, &sink))?;
    Ok(at_once(sink.collect()))
}

/// A decision waits for nothing, so its future is ready when it is first asked.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut std::task::Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a decision waited for something"),
    }
}

/// What an aggregate with this history has become.
pub(crate) fn replay<A: Aggregate>(events: &[A::Event]) -> A {
    let mut state = A::default();
    for event in events {
        state.apply(event.clone());
    }
    state
}

/// A refusal's code.
pub(crate) fn code<T: std::fmt::Debug>(decision: Result<T, FoodGraphError>) -> &'static str {
    decision.expect_err("it was not refused").code()
}
