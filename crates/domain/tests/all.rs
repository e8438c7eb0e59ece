//! Tests of the domain: what it decides, what its laws are, and how its events are written.
//!
//! - [`support`]: short names for times, quantities and the commands of a lot, and the scenario runner;
//! - [`batch`]: scenarios and laws of a lot;
//! - [`documents`]: receipts, shipments and transformations;
//! - [`guards`], [`master_data`]: the remaining aggregates;
//! - [`identity`]: users, sessions, roles and keys;
//! - [`tenancy`]: tenants, subscriptions and features;
//! - [`quantity`], [`personal`], [`errors`]: values and refusals;
//! - [`events`]: the frozen samples and JSON Schemas of `schemas/events`;
//! - [`dependencies`]: what the crate may lean on.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod batch;
mod dependencies;
mod documents;
mod errors;
mod events;
mod guards;
mod identity;
mod master_data;
mod personal;
mod quantity;
mod support;
mod tenancy;
