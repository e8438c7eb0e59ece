//! Rows, and the types that stand for the rows of one table.

use foodflow_domain::TenantId;

use super::description::{Column, Table};
use super::value::Value;
use crate::digest::{Canonical, RowsDigest};
use crate::store::StoreError;

/// A row of a table.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its table.
    pub table: &'static Table,
    /// A value for each column, in order.
    pub values: Vec<Value>,
}

impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        self.table.name == other.table.name && self.values == other.values
    }
}

/// The key of a row: the values of the table's key columns, in the order of the key.
pub type Key = Vec<Value>;

impl Row {
    /// The value of a column; `None` where the table has none of that name.
    #[must_use]
    pub fn get(&self, column: &str) -> Option<&Value> {
        self.values.get(self.table.position_of(column)?)
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> Key {
        self.table.key_positions().filter_map(|position| self.values.get(position).cloned()).collect()
    }

    /// Takes it into a digest.
    pub fn add_to(&self, digest: &mut RowsDigest, tenant: TenantId) {
        let mut bytes = Canonical::row(*b"row ", tenant);
        bytes.text(self.table.name);
        for (column, value) in self.table.columns.iter().zip(&self.values) {
            bytes.text(column.name);
            value.write_canonical(&mut bytes);
        }
        digest.add(&bytes);
    }
}

/// A type whose values are the rows of one table; declared by [`table!`](crate::table!).
pub trait TableRow: Sized {
    /// The columns of its fields, in order.
    const COLUMNS: &'static [Column];
    /// The table.
    const TABLE: &'static Table;

    /// The row.
    fn into_row(self) -> Row;

    /// Reads a row.
    ///
    /// # Errors
    /// `Corrupt` of `store` where a value is not of its column's type.
    fn from_row(row: Row, store: &'static str) -> Result<Self, StoreError>;
}

/// Declares a table and the type of its rows: fields are columns, in order.
///
/// `String [100]` is a text of at most 100 characters, `String [50 of "active" | "cancelled"]` one of these words, `Option<…>` a
/// column that may hold nothing; a column whose name is a keyword is given as `field as "name"`. What only the program may
/// know, such as a hash of a password, is a [`Secret`](crate::tables::Secret): it is written, never asked for, and in no
/// answer's schema. The docs of a field describe it in the OpenAPI document.
#[macro_export]
macro_rules! table {
    (
        $(#[$($attribute:tt)*])*
        $vis:vis struct $row:ident in $name:literal {
            $($(#[$($field_attribute:tt)*])* $field:ident $(as $column:literal)? : $type:ty
                $([$characters:literal $(of $($word:literal)|+)?])?,)*
        }
        key: [$($key:literal),*], tenant: $tenant:literal,
        $(unique: [$([$($unique:literal),*]),*],)?
        $(indexes: [$($index:literal: [$($indexed:literal),*]),* $(,)?],)?
    ) => {
        $(#[$($attribute)*])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize)]
        $vis struct $row {
            $($(#[$($field_attribute)*])* $(#[serde(rename = $column)])? pub $field: $type,)*
        }

        impl $crate::tables::utoipa::PartialSchema for $row {
            fn schema() -> $crate::tables::utoipa::openapi::RefOr<$crate::tables::utoipa::openapi::schema::Schema> {
                let description = $crate::attribute_docs!($(#[$($attribute)*])*);
                $crate::tables::schema::of(<Self as $crate::tables::TableRow>::TABLE, description)
            }
        }

        impl $crate::tables::utoipa::ToSchema for $row {}

        impl $crate::tables::TableRow for $row {
            const COLUMNS: &'static [$crate::tables::Column] = &[
                $($crate::tables::Column {
                    name: $crate::column_name!($field $($column)?),
                    column_type: <$type as $crate::tables::value::ColumnValue>::TYPE
                        .at_most($crate::column_characters!($($characters)?)),
                    nullable: <$type as $crate::tables::value::ColumnValue>::NULLABLE,
                    secret: <$type as $crate::tables::value::ColumnValue>::SECRET,
                    description: $crate::attribute_docs!($(#[$($field_attribute)*])*),
                    words: &[$($($($word),+)?)?],
                },)*
            ];
            const TABLE: &'static $crate::tables::Table = &$crate::tables::Table {
                name: $name,
                columns: Self::COLUMNS,
                key: &[$($key),*],
                tenant: $tenant,
                unique: &[$($(&[$($unique),*]),*)?],
                indexes: &[$($($crate::tables::Index { name: $index, columns: &[$($indexed),*] }),*)?],
            };

            fn into_row(self) -> $crate::tables::Row {
                let values = vec![$($crate::tables::value::ColumnValue::into_value(self.$field),)*];
                $crate::tables::Row { table: Self::TABLE, values }
            }

            fn from_row(
                row: $crate::tables::Row,
                store: &'static str,
            ) -> Result<Self, $crate::store::StoreError> {
                let mut values = row.values.into_iter();
                $(let $field = values
                    .next()
                    .and_then(<$type as $crate::tables::value::ColumnValue>::from_value)
                    .ok_or_else(|| $crate::store::StoreError::Corrupt {
                        store,
                        reason: format!("column {} of table {}", $crate::column_name!($field $($column)?), $name),
                    })?;)*
                Ok(Self { $($field),* })
            }
        }
    };
}

/// The name of a column: of its field, unless another is given.
#[doc(hidden)]
#[macro_export]
macro_rules! column_name {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $column:literal) => {
        $column
    };
}

/// How many characters a text may have, where that is bounded.
#[doc(hidden)]
#[macro_export]
macro_rules! column_characters {
    () => {
        None
    };
    ($characters:literal) => {
        Some($characters)
    };
}

/// The text of doc comments.
#[doc(hidden)]
#[macro_export]
macro_rules! attribute_docs {
    () => {
        ""
    };
    (#[doc = $line:literal] $($rest:tt)*) => {
        concat!($line, $crate::attribute_docs!($($rest)*))
    };
    (#[$($other:tt)*] $($rest:tt)*) => {
        $crate::attribute_docs!($($rest)*)
    };
}
