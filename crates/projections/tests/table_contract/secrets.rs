//! What the role that reads may not select: secret columns, on a real server.

use foodflow_projections::audit::AUDIT;
use foodflow_projections::identity::IDENTITY;
use foodflow_projections::store::ReadModel as _;
use foodflow_projections::tables::postgres::PostgresTables;
use foodflow_projections::tenancy::TENANCY;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::row_security::{Both, DENIED, become_reader_of, refusal};
use super::tables::badge;

#[tokio::test]
async fn a_reader_selects_no_secret() {
    let (_, both) = Both::new().await;
    let refused = [
        "SELECT code FROM badges",
        "SELECT * FROM badges",
        "SELECT badges FROM badges",
        "SELECT to_jsonb(badges) FROM badges",
        "SELECT count(*) FROM badges WHERE code = 'ours'",
        "SELECT holder FROM badges ORDER BY code",
        "SELECT max(code) FROM badges",
        "SELECT badges.holder FROM badges JOIN samples ON samples.note = badges.code",
        "COPY badges TO STDOUT",
        "SELECT stavalues1 FROM pg_statistic",
    ];
    for sql in refused {
        let mut connection = both.tables.readers().acquire().await.unwrap();
        become_reader_of(&mut connection, &both.own.to_string()).await;
        assert_eq!(refusal(&mut connection, sql).await, DENIED, "{sql}");
    }
    let mut transaction = both.tables.readers().begin().await.unwrap();
    become_reader_of(&mut transaction, &both.own.to_string()).await;
    let others: Vec<(Uuid, Uuid, String)> = sqlx::query_as("SELECT tenant_id, id, holder FROM badges")
        .fetch_all(&mut *transaction)
        .await
        .unwrap();
    assert_eq!(others, [(both.own.0, badge(both.own, 1, "").id, "holder 1".to_owned())]);
}

/// What is secret in identity's tables, on the server that serves them.
#[tokio::test]
async fn hashes_of_passwords_tokens_and_keys_are_secret() {
    let tables = PostgresTables::new(super::postgres::database().await, &IDENTITY);
    tables.migrate().await.unwrap();
    for (table, secret) in [("users", "password_hash"), ("refresh_tokens", "token"), ("api_keys", "key_hash")]
    {
        let mut connection = tables.readers().acquire().await.unwrap();
        for what in [secret, "*"] {
            let sql = format!("SELECT {what} FROM public.{table}");
            assert_eq!(refusal(&mut connection, &sql).await, DENIED, "{sql}");
        }
        let others = format!(
            "SELECT string_agg(quote_ident(column_name), ', ') FROM information_schema.columns \
             WHERE table_schema = 'public' AND table_name = '{table}' AND column_name <> '{secret}'"
        );
        let others: String =
            sqlx::query_scalar(AssertSqlSafe(others)).fetch_one(&mut *connection).await.unwrap();
        assert!(others.contains("tenant_id") && others.contains("created_at"), "{others}");
        let sql = format!("SELECT {others} FROM public.{table}");
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *connection).await.unwrap();
    }
    // A further column whose name says that it is one must be declared as one.
    let words = ["hash", "token", "secret", "password"];
    for table in [&IDENTITY, &TENANCY, &AUDIT].iter().flat_map(|projection| projection.tables()) {
        for column in table.columns.iter().filter(|column| !column.secret) {
            assert!(!words.iter().any(|word| column.name.contains(word)), "{}.{}", table.name, column.name);
        }
    }
}
