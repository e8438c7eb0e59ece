//! Read models in tables: their description, what may change in them, and the two stores behind them.
//!
//! A table is described once ([`Table`]: name, columns with types, key, tenant column); both stores derive every
//! statement from that. What must never happen here: a row that one tenant's event writes and another tenant owns (the
//! tenant is part of every key and of every query), or two stores that hold something else after the same changes.
//!
//! - [`description`], [`value`], [`secret`], [`row`]: tables, their values, and rows as types;
//! - [`change`], [`mod@fold`]: what a projection may ask for, and a batch of it folded per key;
//! - [`check`]: whether a change fits its table;
//! - [`mod@projection`]: the projection of a context whose read model are tables;
//! - [`mod@schema`]: rows as the OpenAPI document describes them;
//! - [`select`]: questions to one table, always within a tenant;
//! - [`embedded`], [`postgres`]: the stores.

pub mod change;
pub mod check;
pub mod description;
pub mod embedded;
pub mod fold;
pub mod postgres;
pub mod projection;
pub mod row;
pub mod schema;
pub mod secret;
pub mod select;
pub mod value;

use async_trait::async_trait;

pub use change::TableChange;
pub use description::{Column, ColumnType, Index, Table};
pub use projection::{EventTable, EventTypes, TableEvent, TableProjection, TableSource, projection};
pub use row::{Row, TableRow};
pub use secret::Secret;
pub use select::{Conditions, Select};
/// For [`table!`](crate::table!).
#[doc(hidden)]
pub use utoipa;
pub use value::Value;

use crate::store::StoreError;
use crate::store::generations::Generations;

/// The changes of one batch of whole commits to tables.
pub type Batch = crate::store::Batch<TableChange>;

/// A store of the tables of one projection.
#[async_trait]
pub trait TableStore: Generations<TableChange> {
    /// The rows that `select` asks for, in its order.
    ///
    /// # Errors
    /// [`StoreError`] where the store does not answer, or the question does not fit the table.
    async fn rows(&self, select: &Select) -> Result<Vec<Row>, StoreError>;
}

/// The rows that `select` asks for, as the type of their table.
///
/// # Errors
/// [`StoreError`] as [`TableStore::rows`]; `Corrupt` where a row is not of the type.
pub async fn rows_of<R: TableRow>(store: &dyn TableStore, select: &Select) -> Result<Vec<R>, StoreError> {
    let rows = store.rows(select).await?;
    rows.into_iter().map(|row| R::from_row(row, store.name())).collect()
}
