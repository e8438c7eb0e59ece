//! Tenants, their subscriptions and features, and what they use: in SQLite and in PostgreSQL.

mod lifecycle;
pub(crate) mod metering;
mod operators;
mod rebuild;
