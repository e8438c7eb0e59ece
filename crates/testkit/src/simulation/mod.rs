//! A seeded simulation of the write path and the projections, with everything that can go wrong between two steps.
//!
//! One seed decides everything: what clients command, which calls fail or are delayed, which answers are lost, and when
//! the process is killed. Time is virtual, so that a day of retries takes milliseconds. What runs is the real write
//! path and the real runner; only what lies beneath them is faulty.
//!
//! - [`dice`]: the one source of chance;
//! - [`fault_log`], [`fault_store`]: a log and a store that fail, delay, lose answers and answer twice;
//! - [`model_store`], [`model_generations`]: a graph in memory, to be looked at between any two steps;
//! - [`client`]: what people do, and what they were answered;
//! - [`rebuilds`]: an operator who rebuilds, goes back and gives up, while all of this goes on;
//! - [`process`]: one life of the program, until it is killed;
//! - [`run`](mod@run): a whole simulation, and what must hold at its end ([`invariants`]).

mod client;
mod dice;
mod fault_log;
mod fault_store;
mod invariants;
mod model_generations;
mod model_store;
mod process;
mod rebuilds;
mod run;

pub use model_store::ModelGraph;
pub use run::{Outcome, Violation, simulate};
