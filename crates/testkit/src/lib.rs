//! What tests are built from: real servers on free ports, whose life ends with the test.

pub mod app;
pub mod servers;
