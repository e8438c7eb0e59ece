//! Tenants, their subscriptions and features, and what they may use and do use: in SQLite and in PostgreSQL.

mod bills;
mod entitlements;
mod lifecycle;
pub(crate) mod metering;
mod operators;
mod rebuild;
