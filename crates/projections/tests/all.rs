//! Tests of the read models against real stores and logs, as one binary.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test that cannot go on fails")]

mod audit;
mod documented;
mod food_graph_project;
mod graph_contract;
mod key_contract;
mod neo4j_store;
mod past;
mod queries;
mod runner;
mod statements;
mod story;
mod table_contract;
mod tenancy;
