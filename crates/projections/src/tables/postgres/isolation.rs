//! The second wall between tenants: the server itself shows a reader the rows of one tenant alone.
//!
//! Rows are written by the owner of the tables, and read as the role [`READER`], which may select from them, but for
//! secret columns, and do nothing else. A policy on every table shows it the rows of the tenant that its session is of ([`THE_TENANT`]), and none
//! where that is nobody's. The first wall is the question itself, which names its tenant; this one holds where a statement
//! forgets to. What stands beside the live generation is guarded alike, since it takes its place in a switch.

use sqlx::{PgConnection, PgPool};

use super::error::{refused, unavailable};
use super::generations;
use super::place::{Place, run};
use crate::store::StoreError;
use crate::tables::description::Table;
use crate::tables::projection::TableProjection;

/// Who reads; made by the first migration on a server.
const READER: &str = "foodflow_reader";
/// The policy's name on every table.
const POLICY: &str = "foodflow_tenant";
/// What a server answers to who may not do something.
const INSUFFICIENT_PRIVILEGE: &str = "42501";

/// The tenant whose rows a session may see: that of the name that it logged in with, which nobody can set, where it ends
/// with a UUID; else what it was set to.
const THE_TENANT: &str = "coalesce(\
     substring(session_user::text FROM '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$'), \
     nullif(current_setting('foodflow.tenant', true), ''))::uuid";

/// Makes the role where it is missing. Roles are of the whole server: another database may make it at the same time.
const MAKE_READER: &str = "DO $$ BEGIN CREATE ROLE foodflow_reader NOLOGIN; \
     EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$";
/// Lets whoever migrates read as it.
const JOIN_READER: &str = "DO $$ BEGIN EXECUTE format('GRANT foodflow_reader TO %I', session_user); \
     EXCEPTION WHEN unique_violation THEN NULL; END $$";

/// Connections like those of `pool`, made when they are needed, that read as [`READER`] and write nothing.
pub(super) fn readers(pool: &PgPool) -> PgPool {
    let options = (*pool.connect_options()).clone();
    let options = options.options([("role", READER), ("default_transaction_read_only", "on")]);
    pool.options().clone().connect_lazy_with(options)
}

/// Wraps `inner`, a question that names its tenant `asked.tenant`, so that the server is told the tenant of variable 1
/// for this statement alone. One statement, and so one round trip: what is selected from depends on what is asked.
pub(super) fn asked_for_tenant(inner: &str, order: &[String]) -> String {
    let columns: Vec<String> = order.iter().map(|column| format!("found.{column}")).collect();
    let order = if columns.is_empty() { String::new() } else { format!(" ORDER BY {}", columns.join(", ")) };
    format!(
        "SELECT found.* FROM (SELECT set_config('foodflow.tenant', $1::text, true)::uuid) AS asked (tenant) \
         CROSS JOIN LATERAL ({inner}) AS found{order}"
    )
}

/// Guards the tables of `projection` in this place; safe to repeat.
pub(super) async fn guard(
    connection: &mut PgConnection,
    projection: &'static TableProjection,
    place: &Place,
) -> Result<(), StoreError> {
    ensure_reader(connection).await?;
    let schema = place.schema(connection).await?;
    if *place == Place::live() && !sees_schema(connection, &schema).await? {
        run(connection, format!("GRANT USAGE ON SCHEMA {schema} TO {READER}")).await?;
        // A server only warns where the right is not this user's to give.
        if !sees_schema(connection, &schema).await? {
            return Err(refused(format!(
                "the role {READER} does not see the schema {schema}: let its owner run \
                 `GRANT USAGE ON SCHEMA {schema} TO {READER}`, then run `foodflow migrate`"
            )));
        }
    }
    for table in projection.tables() {
        let (name, tenant) = (format!("{schema}.{}", table.name), table.tenant);
        let sql = format!(
            "ALTER TABLE {name} ENABLE ROW LEVEL SECURITY; \
             DROP POLICY IF EXISTS {POLICY} ON {name}; \
             CREATE POLICY {POLICY} ON {name} FOR SELECT TO {READER} USING (\"{tenant}\" = (SELECT {THE_TENANT})); \
             {}",
            grant(table, &name)
        );
        run(connection, sql).await?;
    }
    Ok(())
}

/// The statements that give the reader what it may select, and take what it could select before.
fn grant(table: &Table, name: &str) -> String {
    let shown = table.columns.iter().filter(|column| !column.secret);
    let shown: Vec<String> = shown.map(|column| format!("\"{}\"", column.name)).collect();
    let columns = match shown.len() == table.columns.len() {
        true => String::new(),
        false => format!(" ({})", shown.join(", ")),
    };
    // What is taken from a table is taken from each of its columns.
    format!("REVOKE SELECT ON {name} FROM {READER}, PUBLIC; GRANT SELECT{columns} ON {name} TO {READER};")
}

/// Guards what stands beside the live generation, where something does.
pub(super) async fn guard_other(
    connection: &mut PgConnection,
    projection: &'static TableProjection,
) -> Result<(), StoreError> {
    match generations::other(connection, projection.name).await? {
        Some(_) => guard(connection, projection, &Place::other(projection.name)).await,
        None => Ok(()),
    }
}

/// What [`guard`] would do to tables that exist, in both generations.
pub(super) async fn unguarded(
    connection: &mut PgConnection,
    projection: &'static TableProjection,
) -> Result<Vec<String>, StoreError> {
    if may_read(connection).await? != Some(true) {
        return Ok(vec![format!("role {READER}")]);
    }
    let live = Place::live().schema(connection).await?;
    let mut lacking = Vec::new();
    if !sees_schema(connection, &live).await? {
        lacking.push(format!("usage of schema {live} by {READER}"));
    }
    let mut schemas = vec![live];
    if generations::other(connection, projection.name).await?.is_some() {
        schemas.push(Place::other(projection.name).schema(connection).await?);
    }
    let tables = projection.tables();
    let (mut names, mut columns, mut secrets) = (Vec::new(), Vec::new(), Vec::new());
    for (schema, table) in schemas.iter().flat_map(|schema| tables.iter().map(move |table| (schema, table))) {
        for column in table.columns {
            names.push(format!("{schema}.{}", table.name));
            columns.push(column.name);
            secrets.push(column.secret);
        }
    }
    let open: Vec<String> = sqlx::query_scalar(
        "SELECT 'row security of ' || name \
         FROM UNNEST($1::text[], $2::text[], $3::bool[]) WITH ORDINALITY AS wanted (name, shown, secret, number) \
         LEFT JOIN pg_class ON pg_class.oid = to_regclass(name) \
         LEFT JOIN pg_attribute ON attrelid = pg_class.oid AND attname = shown \
         GROUP BY name \
         HAVING NOT coalesce(bool_and(relrowsecurity), false) \
         OR bool_or(coalesce(has_column_privilege($4, pg_class.oid, attnum, 'SELECT'), NOT secret) = secret) \
         OR NOT EXISTS (SELECT 1 FROM pg_policy WHERE polrelid = to_regclass(name) AND polname = $5) \
         ORDER BY min(number)",
    )
    .bind(names)
    .bind(columns)
    .bind(secrets)
    .bind(READER)
    .bind(POLICY)
    .fetch_all(connection)
    .await
    .map_err(unavailable)?;
    lacking.extend(open);
    Ok(lacking)
}

/// Whether the reader finds what is in the schema.
async fn sees_schema(connection: &mut PgConnection, schema: &str) -> Result<bool, StoreError> {
    sqlx::query_scalar("SELECT has_schema_privilege($1, to_regnamespace($2)::oid, 'USAGE')")
        .bind(READER)
        .bind(schema)
        .fetch_one(connection)
        .await
        .map_err(unavailable)
}

/// Makes the role, and whoever is connected one of its members, where that is not so already.
async fn ensure_reader(connection: &mut PgConnection) -> Result<(), StoreError> {
    let (lacks, steps) = match may_read(connection).await? {
        Some(true) => return Ok(()),
        Some(false) => ("which is there but not for this user", &[JOIN_READER][..]),
        None => ("which is missing, and this user may not make it", &[MAKE_READER, JOIN_READER][..]),
    };
    for sql in steps {
        match sqlx::raw_sql(*sql).execute(&mut *connection).await {
            Ok(_) => {}
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(INSUFFICIENT_PRIVILEGE) => {
                return Err(refused(format!(
                    "rows are read as the role {READER}, {lacks}: let an administrator run \
                     `CREATE ROLE {READER} NOLOGIN` unless it exists, and `GRANT {READER} TO` the user of the \
                     URL, then run `foodflow migrate`"
                )));
            }
            Err(error) => return Err(unavailable(error)),
        }
    }
    Ok(())
}

/// Whether who is connected may read as the role; nothing where that does not exist.
async fn may_read(connection: &mut PgConnection) -> Result<Option<bool>, StoreError> {
    sqlx::query_scalar(
        "SELECT pg_has_role(session_user, oid, \
             CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'MEMBER' ELSE 'SET' END) \
         FROM pg_roles WHERE rolname = $1",
    )
    .bind(READER)
    .fetch_optional(connection)
    .await
    .map_err(unavailable)
}
