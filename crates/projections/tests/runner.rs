//! The runner: from a log to a store, through every failure in between.
//!
//! - [`support`]: commits to append, a projection that can be broken, a log that fails;
//! - [`store`]: a store that records what it is told and fails where it is told to;
//! - [`generations`]: its generations;
//! - [`live`], [`failures`], [`status`], [`progress`], [`rebuild`]: the tests;
//! - [`leases`]: several runners that share the partitions;
//! - [`real_store`]: the same with the food graph in the embedded store.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod failures;
mod generations;
mod leases;
mod live;
mod progress;
mod real_store;
mod rebuild;
mod status;
mod store;
mod support;
