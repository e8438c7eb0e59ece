//! What tests are built from: the real program and real servers, whose life ends with the test.
//!
//! - [`app`]: the `foodflow` program as a process, and a client that speaks to it;
//! - [`world`]: a small plant, built over HTTP;
//! - [`servers`]: NATS, Neo4j and PostgreSQL on free ports.

pub mod app;
pub mod servers;
pub mod world;

pub use app::{Answer, Stores, TestApp, TestClient};
pub use world::{World, amount, at, create};
