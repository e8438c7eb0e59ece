//! The description of the tables, held against what PostgreSQL has, and against the file for SQLite.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use foodflow_projections::audit::AUDIT;
use foodflow_projections::identity::IDENTITY;
use foodflow_projections::store::ReadModel as _;
use foodflow_projections::tables::embedded::definition;
use foodflow_projections::tables::postgres::PostgresTables;
use foodflow_projections::tables::{Column, ColumnType, TableProjection};
use foodflow_projections::tenancy::TENANCY;
use sqlx::PgPool;

use crate::table_contract::postgres::database;

/// Those whose definitions are held against files and server.
static PROJECTIONS: [&TableProjection; 3] = [&AUDIT, &IDENTITY, &TENANCY];

#[test]
fn the_embedded_definition_is_the_one_of_the_file() {
    for projection in PROJECTIONS {
        let file = format!("../../schemas/embedded/{}.sql", projection.name);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let defined = definition(projection);
        if std::env::var("BLESS").is_ok_and(|bless| bless == "1") {
            std::fs::write(&path, &defined).unwrap();
        }
        let file = std::fs::read_to_string(&path).unwrap();
        assert_eq!(file, defined, "BLESS=1 writes the file anew; raise the projection's `layout`");
    }
}

/// `(name, type, characters, nullable)` of every column, in order.
type Columns = Vec<(String, String, Option<i32>, bool)>;

fn described(column: &Column) -> (String, String, Option<i32>, bool) {
    let (name, characters) = match column.column_type {
        ColumnType::Uuid => ("uuid", None),
        ColumnType::Text => ("text", None),
        ColumnType::Varchar(characters) => ("character varying", Some(characters as i32)),
        ColumnType::Bool => ("boolean", None),
        ColumnType::Integer => ("integer", None),
        ColumnType::BigInteger => ("bigint", None),
        ColumnType::Decimal => ("numeric", None),
        ColumnType::Instant => ("timestamp with time zone", None),
        ColumnType::Date => ("date", None),
        ColumnType::Json => ("jsonb", None),
    };
    (column.name.to_owned(), name.to_owned(), characters, column.nullable)
}

/// `(name, columns, unique, primary)` of every index of a table.
async fn indexes(pool: &PgPool, table: &str) -> Vec<(String, Vec<String>, bool, bool)> {
    sqlx::query_as(
        "SELECT class.relname::text, ARRAY(SELECT attribute.attname::text \
             FROM UNNEST(index.indkey) WITH ORDINALITY AS key (number, place) \
             JOIN pg_attribute AS attribute ON attribute.attrelid = index.indrelid AND attribute.attnum = key.number \
             ORDER BY key.place), index.indisunique, index.indisprimary \
         FROM pg_index AS index JOIN pg_class AS class ON class.oid = index.indexrelid \
         WHERE index.indrelid = $1::regclass ORDER BY class.relname",
    )
    .bind(table)
    .fetch_all(pool)
    .await
    .unwrap()
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

async fn is_as_described(pool: &PgPool, tables: &'static TableProjection) {
    for table in tables.tables() {
        let name = table.name;
        assert_eq!(table.defect(), None, "{name}");
        let columns: Columns = sqlx::query_as(
            "SELECT column_name::text, data_type::text, character_maximum_length::int, is_nullable = 'YES' \
             FROM information_schema.columns WHERE table_name = $1 ORDER BY ordinal_position",
        )
        .bind(name)
        .fetch_all(pool)
        .await
        .unwrap();
        assert_eq!(columns, table.columns.iter().map(described).collect::<Columns>(), "{name}");
        let found = indexes(pool, name).await;
        let primary: Vec<_> = found.iter().filter(|index| index.3).map(|index| index.1.clone()).collect();
        assert_eq!(primary, [owned(table.key)], "{name}");
        let unique: BTreeSet<_> =
            found.iter().filter(|index| index.2 && !index.3).map(|index| index.1.clone()).collect();
        assert_eq!(unique, table.unique.iter().map(|columns| owned(columns)).collect(), "{name}");
        let others: BTreeMap<String, Vec<String>> =
            found.into_iter().filter(|index| !index.2).map(|index| (index.0, index.1)).collect();
        let wanted = table.indexes.iter().map(|index| (index.name.to_owned(), owned(index.columns)));
        assert_eq!(others, wanted.collect(), "{name}");
    }
}

#[tokio::test]
async fn the_server_has_what_is_described() {
    let pool = database().await;
    for projection in PROJECTIONS {
        PostgresTables::new(pool.clone(), projection).migrate().await.unwrap();
        is_as_described(&pool, projection).await;
    }
}
