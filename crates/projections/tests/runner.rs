//! The runner: from a log to a store, through every failure in between.
//!
//! - [`support`]: commits to append, a projection that can be broken, a log that fails;
//! - [`store`]: a store that records what it is told and fails where it is told to;
//! - [`withholding`]: a log that leaves something out;
//! - [`world`]: streams by number, and decisions about them;
//! - [`quarantine`]: a message that cannot be projected;
//! - [`refusing`]: a store that refuses some changes; [`refusals`], [`refused_tables`]: what becomes of
//!   them, and of what databases refuse;
//! - [`audit`]: what is noticed without a failure being told;
//! - [`generations`]: its generations;
//! - [`live`], [`failures`], [`status`], [`progress`], [`rebuild`]: the tests;
//! - [`leases`]: several runners that share the partitions;
//! - [`real_store`]: the same with the food graph in the embedded store.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod audit;
mod failures;
mod generations;
mod leases;
mod live;
mod progress;
mod quarantine;
mod real_store;
mod rebuild;
mod refusals;
mod refused_tables;
mod refusing;
mod status;
mod store;
mod support;
mod withholding;
mod world;
