//! Tenancy's tables: their definitions, what makes their rows, and what is metered.

mod metering;
mod rows;
mod schema;
