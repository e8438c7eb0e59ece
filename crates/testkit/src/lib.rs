//! What tests are built from: the real program and real servers, whose life ends with the test.
//!
//! - [`app`]: the `foodflow` program as a process, and a client that speaks to it;
//! - [`contract`]: what every answer is held against;
//! - [`world`]: a small plant, built over HTTP;
//! - [`servers`]: NATS, Neo4j, PostgreSQL, Redis and an OpenID provider on free ports;
//! - `newer` (feature `simulation`): what a newer version of the program appends;
//! - `simulation` (feature of that name): seeded simulations of the write path and the projections.

pub mod app;
pub mod contract;
#[cfg(feature = "simulation")]
pub mod newer;
pub mod servers;
#[cfg(feature = "simulation")]
pub mod simulation;
pub mod world;

pub use app::{Answer, Stores, TestApp, TestClient};
pub use world::{World, amount, at, create};
