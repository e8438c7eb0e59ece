//! What a table is: data, known when the program is compiled.

/// A table of a read model.
#[derive(Debug)]
pub struct Table {
    /// Its documented name.
    pub name: &'static str,
    /// Its columns, in order.
    pub columns: &'static [Column],
    /// Names of the columns of its primary key; the tenant is one of them.
    pub key: &'static [&'static str],
    /// The column that holds the tenant.
    pub tenant: &'static str,
    /// Columns that are unique together, besides the key.
    pub unique: &'static [&'static [&'static str]],
    /// Further indexes.
    pub indexes: &'static [Index],
}

/// A column of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its documented name.
    pub name: &'static str,
    /// What it holds.
    pub column_type: ColumnType,
    /// Whether it may hold nothing.
    pub nullable: bool,
    /// Whether no question is answered with it: a [`Secret`](super::Secret).
    pub secret: bool,
    /// What it says, for people.
    pub description: &'static str,
    /// The words that it may hold, where they are few.
    pub words: &'static [&'static str],
}

/// An index that is not unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Index {
    /// Its documented name.
    pub name: &'static str,
    /// Its columns, in order.
    pub columns: &'static [&'static str],
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColumnType {
    /// `UUID`.
    Uuid,
    /// `TEXT`.
    Text,
    /// `VARCHAR(n)`: at most this many characters.
    Varchar(u32),
    /// `BOOLEAN`.
    Bool,
    /// `INTEGER`, 32 bits.
    Integer,
    /// `BIGINT`, 64 bits.
    BigInteger,
    /// `NUMERIC`: an exact decimal.
    Decimal,
    /// `TIMESTAMPTZ`: an instant in UTC, in microseconds.
    Instant,
    /// `DATE`.
    Date,
    /// `JSONB`.
    Json,
}

impl ColumnType {
    /// The same, of at most so many characters where a number is given.
    #[must_use]
    pub const fn at_most(self, characters: Option<u32>) -> Self {
        match (self, characters) {
            (Self::Text, Some(characters)) => Self::Varchar(characters),
            (same, _) => same,
        }
    }
}

impl Table {
    /// Where the column stands in a row.
    #[must_use]
    pub fn position_of(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|one| one.name == column)
    }

    /// Where the columns of the key stand in a row, in the order of the key.
    pub fn key_positions(&self) -> impl Iterator<Item = usize> + '_ {
        self.key.iter().filter_map(|name| self.position_of(name))
    }

    /// Columns that are no part of the key.
    pub fn other_columns(&self) -> impl Iterator<Item = &'static Column> + '_ {
        self.columns.iter().filter(|column| !self.key.contains(&column.name))
    }

    /// What is wrong with the description itself; nothing in a program that was tested.
    #[must_use]
    pub fn defect(&self) -> Option<String> {
        let unknown = |names: &[&'static str]| {
            names.iter().find(|name| self.position_of(name).is_none()).map(|name| format!("no column {name}"))
        };
        let lists = self.unique.iter().copied().chain(self.indexes.iter().map(|index| index.columns));
        if let Some(defect) = lists.chain([self.key]).find_map(unknown) {
            return Some(defect);
        }
        if !self.key.contains(&self.tenant) {
            return Some(format!("the tenant column {} is not part of the key", self.tenant));
        }
        let key_column = |column: &Column| self.key.contains(&column.name);
        if let Some(column) = self.columns.iter().find(|column| key_column(column) && column.secret) {
            return Some(format!("{} is part of the key and secret", column.name));
        }
        let loose = self.columns.iter().find(|column| key_column(column) && column.nullable);
        loose.map(|column| format!("{} is part of the key and may be absent", column.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[
        column("tenant_id", ColumnType::Uuid, false),
        column("id", ColumnType::Uuid, false),
        column("note", ColumnType::Text, true),
        Column { secret: true, ..column("code", ColumnType::Text, false) },
    ];

    const fn column(name: &'static str, column_type: ColumnType, nullable: bool) -> Column {
        Column { name, column_type, nullable, description: "", words: &[], secret: false }
    }

    const fn table(key: &'static [&'static str]) -> Table {
        Table { name: "notes", columns: COLUMNS, key, tenant: "tenant_id", unique: &[], indexes: &[] }
    }

    #[test]
    fn the_tenant_is_part_of_every_key() {
        assert_eq!(table(&["tenant_id", "id"]).defect(), None);
        assert_eq!(table(&["tenant_id", "id"]).key_positions().collect::<Vec<_>>(), [0, 1]);
        for key in [&["id"][..], &["tenant_id", "note"], &["tenant_id", "code"], &["tenant_id", "name"]] {
            let key: &'static [&'static str] = key.to_vec().leak();
            assert!(table(key).defect().is_some(), "{key:?}");
        }
    }
}
