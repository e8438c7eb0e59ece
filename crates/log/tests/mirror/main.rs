//! Copies of logs, from every adapter to every adapter.
//!
//! Each test ends with what both logs hold, message for message: that nothing is missing, nothing stands twice, and
//! everything stands where it did.

mod faults;
mod following;
#[path = "../contract/memory_streams.rs"]
mod memory_streams;
mod records;
mod refusals;
mod restoring;
mod resuming;
mod roundtrip;
mod signing;
mod support;
mod writer;
