//! What a schema of a database has, as facts that can be compared: `table.column: type`, `table: primary key`.

use std::collections::BTreeMap;

use sqlx::postgres::PgConnection;

/// The value of every fact.
pub(super) type Facts = BTreeMap<String, String>;

/// Stands for the value of what is not there.
pub(super) const ABSENT: &str = "-";

const TABLES: &str = "SELECT table_name || ': table', 'present' FROM information_schema.tables \
     WHERE table_schema = $1 AND table_type = 'BASE TABLE'";

const COLUMNS: &str = "SELECT table_name || '.' || column_name || ': ' || fact.name, fact.value \
     FROM information_schema.columns CROSS JOIN LATERAL (VALUES \
         ('type', data_type || coalesce('(' || character_maximum_length || ')', '')), \
         ('nullable', lower(is_nullable)), ('default', coalesce(column_default, 'none'))) AS fact (name, value) \
     WHERE table_schema = $1";

/// Keys and references, by their columns.
const CONSTRAINTS: &str = "SELECT class.relname || ': ' || CASE contype WHEN 'p' THEN 'primary key' \
         WHEN 'u' THEN 'unique (' || columns || ')' ELSE 'references (' || columns || ')' END, \
         CASE contype WHEN 'p' THEN columns WHEN 'u' THEN 'present' \
         ELSE replace(regexp_replace(pg_get_constraintdef(con.oid), '^.* REFERENCES ', ''), $1 || '.', '') END \
     FROM pg_constraint AS con JOIN pg_class AS class ON class.oid = con.conrelid \
     CROSS JOIN LATERAL (SELECT string_agg(attname, ', ' ORDER BY place) AS columns \
         FROM UNNEST(conkey) WITH ORDINALITY AS key (number, place) \
         JOIN pg_attribute ON attrelid = conrelid AND attnum = key.number) AS named \
     WHERE con.connamespace = $1::regnamespace AND contype IN ('p', 'u', 'f')";

/// Indexes that stand for no constraint, by their names.
const INDEXES: &str = "SELECT class.relname || ': index ' || named.relname, \
         regexp_replace(pg_get_indexdef(indexrelid), '^CREATE (UNIQUE )?INDEX .* USING ', '\\1') \
     FROM pg_index JOIN pg_class AS class ON class.oid = indrelid JOIN pg_class AS named ON named.oid = indexrelid \
     WHERE class.relnamespace = $1::regnamespace \
     AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u'))";

/// The facts of a schema.
pub(super) async fn facts(connection: &mut PgConnection, schema: &str) -> Facts {
    let mut facts = Facts::new();
    for sql in [TABLES, COLUMNS, CONSTRAINTS, INDEXES] {
        let rows: Vec<(String, String)> =
            sqlx::query_as(sql).bind(schema).fetch_all(&mut *connection).await.unwrap();
        facts.extend(rows);
    }
    facts
}
