//! The questions of traceability, on the real projection and the embedded store.
//!
//! - [`world`]: a plant whose documents become events, changes and edges, at scripted recorded times;
//! - [`golden`]: the golden scenario and its answers;
//! - [`shares`]: exact shares of hand-made and random genealogies;
//! - [`changes`], [`random_changes`]: what entered and left the scope of a recall;
//! - [`balance`], [`tracing`], [`nodes`]: everything else that a query must get right.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod balance;
mod changes;
mod golden;
mod nodes;
mod random_changes;
mod shares;
mod tracing;
mod world;
