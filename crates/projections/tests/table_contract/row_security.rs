//! The second wall in PostgreSQL: what a connection sees that forgets the tenant, in every generation.

use std::sync::Arc;

use foodflow_domain::TenantId;
use foodflow_projections::store::generations::RebuildScope;
use foodflow_projections::store::{DigestScope, ReadModel as _, StoreError};
use foodflow_projections::tables::postgres::{PostgresConfig, PostgresTables};
use foodflow_projections::tables::{Select, TableStore, rows_of};
use foodflow_testkit::servers::PostgresServer;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

use super::generations::{beside, hold, story};
use super::postgres::migrated;
use super::tables::{CONTRACT, Sample, badge, sample};
use super::world::{World, append, upsert};

const TABLES: [&str; 4] = ["samples", "sample_parts", "meters", "badges"];
/// Refused for want of a right.
pub(super) const DENIED: &str = "42501";
/// Refused since the transaction only reads.
const READ_ONLY: &str = "25006";

/// Two tenants with rows under the same ids, and the connections that read them.
pub(super) struct Both {
    store: Arc<dyn TableStore>,
    pub(super) tables: PostgresTables,
    pub(super) own: TenantId,
    stranger: TenantId,
}

impl Both {
    pub(super) async fn new() -> (PgPool, Self) {
        let (pool, tables) = migrated().await;
        let store: Arc<dyn TableStore> = Arc::new(tables.clone());
        let mut world = World::new(Arc::clone(&store), 1).await;
        let (own, stranger) = (world.tenant, TenantId(Uuid::new_v4()));
        world.apply(story(own, "ours", "1")).await;
        world.apply(vec![upsert(badge(own, 1, "ours"))]).await;
        world.tenant = stranger;
        world.apply(story(stranger, "theirs", "9")).await;
        world.apply(vec![upsert(badge(stranger, 1, "theirs"))]).await;
        (pool, Self { store, tables, own, stranger })
    }
}

/// Tells the session for this transaction which tenant it reads for.
pub(super) async fn become_reader_of(connection: &mut PgConnection, tenant: &str) {
    sqlx::query("SELECT set_config('foodflow.tenant', $1, true)")
        .bind(tenant)
        .execute(connection)
        .await
        .unwrap();
}

/// The tenants of the rows of every table that a statement without any predicate finds.
async fn tenants_seen(connection: &mut PgConnection) -> Vec<Vec<Uuid>> {
    let mut seen = Vec::new();
    for table in TABLES {
        let sql = format!("SELECT DISTINCT tenant_id FROM {table}");
        seen.push(sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut *connection).await.unwrap());
    }
    seen
}

/// The code that the server refuses a statement with.
pub(super) async fn refusal(connection: &mut PgConnection, sql: &str) -> String {
    let refused = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await;
    match refused {
        Err(sqlx::Error::Database(error)) => error.code().unwrap().into_owned(),
        other => panic!("{sql}: {other:?}"),
    }
}

#[tokio::test]
async fn a_connection_that_forgets_the_predicate_sees_its_tenant_alone() {
    let (_, both) = Both::new().await;
    for tenant in [both.own, both.stranger] {
        let mut transaction = both.tables.readers().begin().await.unwrap();
        become_reader_of(&mut transaction, &tenant.to_string()).await;
        assert_eq!(tenants_seen(&mut transaction).await, [[tenant.0]; 4]);
        let joined = "SELECT DISTINCT other.tenant_id FROM samples JOIN samples AS other USING (id) \
             LEFT JOIN sample_parts AS part ON part.sample_id = other.id";
        let joined: Vec<Uuid> = sqlx::query_scalar(joined).fetch_all(&mut *transaction).await.unwrap();
        assert_eq!(joined, [tenant.0]);
        let other = "SELECT count(*) FROM samples WHERE tenant_id <> $1 OR true AND tenant_id <> $1";
        let others: i64 =
            sqlx::query_scalar(other).bind(tenant.0).fetch_one(&mut *transaction).await.unwrap();
        assert_eq!(others, 0);
    }
}

#[tokio::test]
async fn without_a_tenant_nothing_is_seen() {
    let (pool, both) = Both::new().await;
    let mut transaction = both.tables.readers().begin().await.unwrap();
    assert_eq!(tenants_seen(&mut transaction).await, [[]; 4] as [[Uuid; 0]; 4]);
    become_reader_of(&mut transaction, "").await;
    assert_eq!(tenants_seen(&mut transaction).await, [[]; 4] as [[Uuid; 0]; 4]);
    become_reader_of(&mut transaction, &Uuid::new_v4().to_string()).await;
    assert_eq!(tenants_seen(&mut transaction).await, [[]; 4] as [[Uuid; 0]; 4]);
    // The rows are there.
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM samples").fetch_one(&pool).await.unwrap();
    assert_eq!(rows, 4);
}

#[tokio::test]
async fn a_reader_writes_nothing() {
    let (_, both) = Both::new().await;
    let writes = TABLES.map(|table| {
        [
            format!("INSERT INTO {table} SELECT * FROM {table}"),
            format!("UPDATE {table} SET tenant_id = gen_random_uuid()"),
            format!("DELETE FROM {table}"),
            format!("TRUNCATE {table}"),
            format!("DROP POLICY foodflow_tenant ON {table}"),
            format!("ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"),
            format!("DROP TABLE {table} CASCADE"),
        ]
    });
    let others =
        ["CREATE TABLE mine (id INT)", "SELECT * FROM projection_tenants", "SELECT 1 FROM projection_store"];
    for sql in writes.into_iter().flatten().chain(others.map(str::to_owned)) {
        let mut connection = both.tables.readers().acquire().await.unwrap();
        become_reader_of(&mut connection, &both.own.to_string()).await;
        let code = refusal(&mut connection, &sql).await;
        assert!(code == READ_ONLY || code == DENIED, "{sql}: {code}");
        // Nor where a session says that it would write.
        let insisting = format!("BEGIN READ WRITE; {sql}");
        assert_eq!(refusal(&mut connection, &insisting).await, DENIED, "{sql}");
        connection.close().await.unwrap();
    }
    let world = World { tenant: both.own, ..World::new(both.store, 2).await };
    assert_eq!(world.rows::<Sample>().await.len(), 2);
}

#[tokio::test]
async fn a_connection_forgets_its_tenant_before_the_next_question() {
    let (_, both) = Both::new().await;
    let ask = async |tenant: TenantId| {
        let rows: Vec<Sample> = rows_of(&*both.store, &Select::of::<Sample>(tenant)).await.unwrap();
        assert_eq!(rows.len(), 2);
        assert!(rows.iter().all(|row| row.tenant_id == tenant.0), "{rows:?}");
    };
    let questions = (0..64).map(|number| ask(if number % 2 == 0 { both.own } else { both.stranger }));
    futures::future::join_all(questions).await;
    // One that ends in an error forgets, too: the cast of what is no date fails after the tenant was told.
    let failing = "SELECT found.* FROM (SELECT set_config('foodflow.tenant', $1, true)::uuid) AS asked (tenant) \
         CROSS JOIN LATERAL (SELECT \"order\"::date FROM samples WHERE tenant_id = asked.tenant) AS found";
    sqlx::query(failing).bind(both.own.to_string()).fetch_all(both.tables.readers()).await.unwrap_err();
    let readers = both.tables.readers();
    assert!(readers.size() > 1, "{}", readers.size());
    let mut connections = Vec::new();
    for _ in 0..readers.size() {
        let mut connection = readers.acquire().await.unwrap();
        let left: Option<String> =
            sqlx::query_scalar("SELECT nullif(current_setting('foodflow.tenant', true), '')")
                .fetch_one(&mut *connection)
                .await
                .unwrap();
        assert_eq!(left, None);
        assert_eq!(tenants_seen(&mut connection).await, [[]; 4] as [[Uuid; 0]; 4]);
        connections.push(connection);
    }
}

/// Every table with a tenant, in every schema: its name, and whether it is guarded by the policy alone.
async fn guarded(pool: &PgPool) -> Vec<(String, bool)> {
    sqlx::query_as(
        "SELECT class.oid::regclass::text, class.relrowsecurity AND NOT class.relforcerowsecurity \
             AND (SELECT array_agg(policyname::text) = '{foodflow_tenant}' AND bool_and(permissive = 'PERMISSIVE' \
                  AND roles = '{foodflow_reader}' AND cmd = 'SELECT' AND qual LIKE '(tenant_id = %foodflow.tenant%') \
                  FROM pg_policies AS policy WHERE policy.schemaname = namespace.nspname \
                  AND policy.tablename = class.relname) \
         FROM pg_class AS class JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace \
         JOIN pg_attribute AS attribute ON attribute.attrelid = class.oid AND attribute.attname = 'tenant_id' \
         WHERE class.relkind = 'r' AND namespace.nspname !~ '^pg_' AND class.relname !~ '^projection_' ORDER BY 1",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}

async fn expect_guarded(pool: &PgPool, store: &PostgresTables, generations: usize) {
    let tables = guarded(pool).await;
    assert_eq!(tables.len(), generations * TABLES.len(), "{tables:?}");
    assert!(tables.iter().all(|(_, is_guarded)| *is_guarded), "{tables:?}");
    assert!(store.missing_schema().await.unwrap().is_empty());
    // A secret column is not for the reader, in any schema; every other one is.
    let selectable: Vec<(String, bool)> = sqlx::query_as(
        "SELECT DISTINCT attname::text, has_column_privilege('foodflow_reader', attrelid, attnum, 'SELECT') \
         FROM pg_attribute WHERE attnum > 0 AND attrelid IN (SELECT oid FROM pg_class WHERE relname = 'badges') ORDER BY 1",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    let expected = [("code", false), ("holder", true), ("id", true), ("tenant_id", true)];
    assert_eq!(selectable, expected.map(|(name, is_shown)| (name.to_owned(), is_shown)));
    // What the reader may select from is guarded; of all else it sees nothing.
    let open: Vec<String> = sqlx::query_scalar(
        "SELECT class.oid::regclass::text FROM pg_class AS class JOIN pg_namespace AS namespace \
         ON namespace.oid = class.relnamespace WHERE class.relkind IN ('r', 'v', 'm', 'p') \
         AND nspname !~ '^(pg_|information_schema)' AND NOT class.relrowsecurity \
         AND has_table_privilege('foodflow_reader', class.oid, 'SELECT, INSERT, UPDATE, DELETE')",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    assert!(open.is_empty(), "{open:?}");
}

#[tokio::test]
async fn every_table_of_every_generation_is_guarded() {
    let (pool, both) = Both::new().await;
    let Both { store, tables, own, .. } = &both;
    expect_guarded(&pool, tables, 1).await;
    for scope in [RebuildScope::All, RebuildScope::Tenant(*own)] {
        let mut filler = beside(store, scope).await;
        expect_guarded(&pool, tables, 2).await;
        let mut rows = story(*own, "again", "1");
        rows.push(upsert(badge(*own, 1, "again")));
        filler.apply(*own, 4, rows).await;
        // What stands beside is nobody's to read.
        let mut transaction = tables.readers().begin().await.unwrap();
        become_reader_of(&mut transaction, &own.to_string()).await;
        let beside = "SELECT * FROM foodflow_contract_other.samples";
        assert_eq!(refusal(&mut transaction, beside).await, DENIED);
        transaction.rollback().await.unwrap();
        let compared = hold(store, &filler).await;
        store.switch(&[compared]).await.unwrap();
        expect_guarded(&pool, tables, 2).await;
        let world = World { tenant: *own, ..World::new(Arc::clone(store), 2).await };
        assert_eq!(world.sample(1).await.unwrap().note.as_deref(), Some("again"));
        let mut transaction = tables.readers().begin().await.unwrap();
        become_reader_of(&mut transaction, &own.to_string()).await;
        assert_eq!(tenants_seen(&mut transaction).await, [[own.0]; 4]);
    }
    store.discard().await.unwrap();
    expect_guarded(&pool, tables, 1).await;
}

#[tokio::test]
async fn what_an_older_program_left_open_is_guarded_by_the_next_migration() {
    let (pool, both) = Both::new().await;
    let Both { store, tables, own, .. } = &both;
    beside(store, RebuildScope::All).await;
    let before = store.digest(DigestScope::Tenant(*own)).await.unwrap();
    for place in ["public", "foodflow_contract_other"] {
        let open = format!(
            "ALTER TABLE {place}.samples DISABLE ROW LEVEL SECURITY; DROP POLICY foodflow_tenant ON {place}.meters; \
             REVOKE SELECT ON {place}.sample_parts FROM foodflow_reader; \
             GRANT SELECT ON {place}.badges TO foodflow_reader"
        );
        sqlx::raw_sql(AssertSqlSafe(open)).execute(&pool).await.unwrap();
    }
    let missing = tables.missing_schema().await.unwrap();
    let expected = ["public", "foodflow_contract_other"]
        .map(|place| TABLES.map(|table| format!("row security of {place}.{table}")));
    assert_eq!(missing, expected.concat());
    tables.migrate().await.unwrap();
    expect_guarded(&pool, tables, 2).await;
    let after = store.digest(DigestScope::Tenant(*own)).await.unwrap();
    assert_eq!(before, after);
}

/// The contract's tables for this user of a server, in the schema named like the user.
async fn of_user(server: &str, user: &str) -> PostgresTables {
    let url = server.replacen("foodflow@", &format!("{user}@"), 1);
    PostgresTables::new(PostgresConfig { url }.connect().await.unwrap(), &CONTRACT)
}

#[tokio::test]
async fn who_may_not_make_roles_is_told_what_to_do() {
    let server = PostgresServer::start().await.unwrap();
    let url = server.new_database().await.unwrap();
    let pool = PostgresConfig { url: url.clone() }.connect().await.unwrap();
    let database = url.rsplit('/').next().unwrap();
    let users = format!(
        "CREATE ROLE plant LOGIN; CREATE ROLE keeper LOGIN CREATEROLE; \
         GRANT CREATE, TEMPORARY ON DATABASE {database} TO plant, keeper; \
         CREATE SCHEMA plant AUTHORIZATION plant; CREATE SCHEMA keeper AUTHORIZATION keeper"
    );
    sqlx::raw_sql(AssertSqlSafe(users)).execute(&pool).await.unwrap();
    let told = async |tables: &PostgresTables| {
        let refused = tables.migrate().await.unwrap_err();
        assert!(matches!(refused, StoreError::Unavailable { .. }), "{refused}");
        let (reason, make) = (refused.to_string(), "CREATE ROLE foodflow_reader NOLOGIN");
        assert!(reason.contains(make) && reason.contains("GRANT foodflow_reader TO"), "{reason}");
    };
    let plant = of_user(&url, "plant").await;
    told(&plant).await;
    // Who may make roles makes it, and reads and rebuilds from then on; in a schema that is not `public`.
    let keeper = of_user(&url, "keeper").await;
    keeper.migrate().await.unwrap();
    works(&keeper).await;
    // Nor may it end what is written ahead, and says so.
    let left = keeper.scrub().await.unwrap();
    assert_eq!(left, keeper.left_by_scrub().await.unwrap());
    assert!(left.iter().any(|left| left.contains("GRANT pg_checkpoint TO")), "{left:?}");
    assert!(left.iter().any(|left| left.contains("wal_recycle = off")), "{left:?}");
    let grant = "GRANT pg_checkpoint TO keeper; GRANT EXECUTE ON FUNCTION pg_switch_wal() TO keeper; \
         ALTER SYSTEM SET wal_recycle = off";
    for statement in grant.split(';').chain(["SELECT pg_reload_conf()"]) {
        sqlx::raw_sql(AssertSqlSafe(statement.trim().to_owned())).execute(&pool).await.unwrap();
    }
    // The server tells its connections in its own time.
    while !keeper.left_by_scrub().await.unwrap().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(keeper.scrub().await.unwrap(), Vec::<String>::new());
    told(&plant).await;
    sqlx::raw_sql("GRANT foodflow_reader TO plant").execute(&pool).await.unwrap();
    plant.migrate().await.unwrap();
    works(&plant).await;
}

/// Fills the tables by stream, reads, rebuilds and switches, and reads again.
async fn works(tables: &PostgresTables) {
    assert!(tables.missing_schema().await.unwrap().is_empty());
    let store: Arc<dyn TableStore> = Arc::new(tables.clone());
    let mut world = World::new(Arc::clone(&store), 1).await;
    let tenant = world.tenant;
    world.apply((0..300).map(|number| append(sample(tenant, number))).collect()).await;
    assert_eq!(world.rows::<Sample>().await.len(), 300);
    let mut filler = beside(&store, RebuildScope::All).await;
    filler.apply(tenant, 1, vec![upsert(sample(tenant, 1))]).await;
    let compared = hold(&store, &filler).await;
    store.switch(&[compared]).await.unwrap();
    assert_eq!(world.rows::<Sample>().await.len(), 1);
    store.discard().await.unwrap();
}

#[tokio::test]
async fn whose_name_ends_with_a_tenant_sees_that_tenant_whatever_is_set() {
    let (pool, both) = Both::new().await;
    let name = format!("bi_{}", both.own);
    let make = format!("CREATE ROLE \"{name}\" LOGIN IN ROLE foodflow_reader");
    sqlx::raw_sql(AssertSqlSafe(make)).execute(&pool).await.unwrap();
    let options = (*pool.connect_options()).clone().username(&name);
    let tool = PgPool::connect_with(options).await.unwrap();
    let mut session = tool.acquire().await.unwrap();
    assert_eq!(tenants_seen(&mut session).await, [[both.own.0]; 4]);
    for attempt in [
        format!("SET foodflow.tenant = '{}'", both.stranger),
        "SET ROLE foodflow_reader".to_owned(),
        "SET row_security = on".to_owned(),
    ] {
        sqlx::raw_sql(AssertSqlSafe(attempt)).execute(&mut *session).await.unwrap();
        assert_eq!(tenants_seen(&mut session).await, [[both.own.0]; 4]);
    }
    for attempt in [
        "SET row_security = off; SELECT * FROM samples",
        "SET SESSION AUTHORIZATION foodflow",
        "ALTER ROLE foodflow_reader LOGIN",
    ] {
        assert_eq!(refusal(&mut session, attempt).await, DENIED, "{attempt}");
    }
    drop(session);
    tool.close().await;
    let drop = format!("DROP ROLE \"{name}\"");
    sqlx::raw_sql(AssertSqlSafe(drop)).execute(&pool).await.unwrap();
}
