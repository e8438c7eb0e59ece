//! Black-box tests: the real program, on embedded stores and on real servers, spoken to over HTTP.
#![allow(clippy::unwrap_used, missing_docs)]

mod attacks;
mod crash;
mod food_graph;
mod identity;
mod openapi;
mod projectors;
mod quarantine;
mod rebuild;
mod refusals;
mod simulation;
mod tenancy;
mod tokens;
