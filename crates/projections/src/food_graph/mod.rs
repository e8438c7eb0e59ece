//! The food graph.
//!
//! - [`project`](mod@project): its events, as changes to the graph;
//! - [`queries`]: the questions of traceability.

pub mod project;
pub mod queries;

pub use project::project;
