//! What the service refuses: of every operation, of every field, with which status, code and JSON pointer.
//!
//! - [`contract`]: the operations and bodies that the program documents; [`examples`], [`tenancy_examples`]: a full body
//!   of each write;
//! - [`attempt`]: one request that must be refused, and the proof that it left nothing in the log;
//! - [`fields`], [`relations`], [`bodies`], [`bounds`]: bodies;
//! - [`access`], [`tokens`], [`tenants`]: who may ask;
//! - [`injection`]: statements of databases in the place of values;
//! - [`parameters`], [`headers`], [`paths`]: the rest of a request;
//! - [`domain`], [`identity`]: what the domain refuses;
//! - [`explained`]: every code has its section in `docs/ERRORS.md`.
//!
//! The lists of operations and fields come from the OpenAPI document that is served, so that a new one without
//! its cases fails.

mod access;
mod attempt;
mod bodies;
mod bounds;
mod contract;
mod domain;
mod examples;
mod explained;
mod fields;
mod headers;
mod identity;
mod injection;
mod kinds;
mod parameters;
mod paths;
mod relations;
mod tenancy_examples;
mod tenants;
mod tokens;
