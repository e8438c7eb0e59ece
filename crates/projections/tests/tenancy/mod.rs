//! Tenancy's tables: their definitions, what makes their rows, and what is metered.

mod metering;
pub(crate) mod rows;
mod schema;
