//! Statements that read within one tenant. Lookups are made of nothing else.

use foodflow_domain::TenantId;
use sqlx::AssertSqlSafe;
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments};

use crate::sqlite::blob;

/// The short key of the tenant in variable 1; no row matches where the tenant is unknown.
macro_rules! tenant_key {
    () => {
        "(SELECT tenant_key FROM graph_tenants WHERE tenant_id = ?1)"
    };
}
pub(super) use tenant_key;

/// What keeps the rows of a table to the tenant.
const PREDICATE: &[u8] = concat!("tenant_key = ", tenant_key!()).as_bytes();
/// How a statement names a table that it reads.
const SOURCES: [&[u8]; 4] =
    [b"FROM graph_nodes ", b"JOIN graph_nodes ", b"FROM graph_edges ", b"JOIN graph_edges "];

/// A statement that reads nodes or edges of one tenant, whose id is its first variable.
#[derive(Debug)]
pub(super) struct TenantStatement(Text);

#[derive(Debug)]
enum Text {
    Known(&'static str),
    Made(String),
}

impl TenantStatement {
    /// A statement that is known when the program is compiled; it does not compile where it reads a table without the
    /// tenant.
    pub(super) const fn of(sql: &'static str) -> Self {
        assert!(is_of_tenant(sql.as_bytes()), "each table that is read needs `tenant_key = (…)`");
        Self(Text::Known(sql))
    }

    /// Columns of the tenant's nodes, from this index where one is named, under further conditions.
    pub(super) fn nodes(columns: &str, index: Option<&str>, conditions: &str) -> Self {
        let index = index.map(|name| format!(" INDEXED BY {name}")).unwrap_or_default();
        let key = tenant_key!();
        let sql =
            format!("SELECT {columns} FROM graph_nodes{index} WHERE tenant_key = {key} AND {conditions}");
        Self(Text::Made(sql))
    }

    /// The statement for this tenant; further variables follow.
    pub(super) fn of_tenant(self, tenant: TenantId) -> Query<'static, Sqlite, SqliteArguments> {
        let statement = match self.0 {
            Text::Known(sql) => sqlx::query(sql),
            Text::Made(sql) => sqlx::query(AssertSqlSafe(sql)),
        };
        statement.bind(blob(tenant.0))
    }
}

/// Whether a statement reads some table, and each for the tenant alone.
const fn is_of_tenant(sql: &[u8]) -> bool {
    let (mut sources, mut kind) = (0, 0);
    while kind < SOURCES.len() {
        sources += occurrences(sql, SOURCES[kind]);
        kind += 1;
    }
    sources > 0 && sources == occurrences(sql, PREDICATE)
}

const fn occurrences(text: &[u8], part: &[u8]) -> usize {
    let (mut count, mut at) = (0, 0);
    while at + part.len() <= text.len() {
        let mut same = 0;
        while same < part.len() && text[at + same] == part[same] {
            same += 1;
        }
        if same == part.len() {
            count += 1;
        }
        at += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_that_reads_beyond_the_tenant_is_told_apart() {
        let own = concat!("SELECT id FROM graph_nodes AS n WHERE n.tenant_key = ", tenant_key!());
        let joined = concat!(" JOIN graph_edges AS edge ON edge.tenant_key = ", tenant_key!());
        assert!(is_of_tenant(own.as_bytes()));
        assert!(is_of_tenant(format!("{own}{joined}").as_bytes()));
        for beyond in [
            "SELECT 1".to_owned(),
            "SELECT id FROM graph_nodes AS node WHERE id = ?1".to_owned(),
            format!("{own} JOIN graph_edges AS edge ON edge.to_id = id"),
            format!("{own} UNION SELECT id FROM graph_nodes "),
        ] {
            assert!(!is_of_tenant(beyond.as_bytes()), "{beyond}");
        }
    }
}
