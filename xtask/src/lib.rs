//! The development tasks of this repository, behind `cargo xtask`.
//!
//! It depends on no crate of the workspace, so that it compiles in seconds and runs while they do not compile.
//! What must never happen here: a started process that outlives the task, or a check that is skipped in silence.

pub mod cli;
pub mod doctor;
pub mod events;
pub mod eventstore;
pub mod fuzz;
pub mod install;
/// The launcher of real servers, shared with the test kit; see its own documentation.
#[path = "../../crates/testkit/src/servers/launch/mod.rs"]
pub mod launch;
pub mod openapi;
pub mod programs;
pub mod report;
pub mod run;
pub mod servers;
pub mod steps;
pub mod workspace;
