//! Tests of the read models against real stores and logs, as one binary.

mod food_graph_project;
mod graph_contract;
mod queries;
mod runner;
mod story;
