//! Whoever was forgotten is in no file of any server: JetStream, PostgreSQL with its write-ahead log, Neo4j and Redis.

use std::path::PathBuf;

use foodflow_testkit::servers::{NatsServer, Neo4jServer, PostgresServer, RedisServer};
use foodflow_testkit::{Answer, TestApp, TestClient};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};

use super::forgetting::holding;
use super::{PASSWORD, Plant, position, text};

const EMAIL: &str = "quillfeather@plant.example";
const OTHER_EMAIL: &str = "zephyrina.q@elsewhere.example";
const FIRST_NAME: &str = "Zephyrina";
const LAST_NAME: &str = "Quillfeather";
const ADDRESS: &str = "203.0.113.77";
const PROGRAM: &str = "Quillbrowser/7.31";
/// Everything that is told of the person.
const TEXTS: [&str; 6] = [EMAIL, OTHER_EMAIL, FIRST_NAME, LAST_NAME, ADDRESS, PROGRAM];

/// The program on servers of its own, of each of which the files are known.
struct Servers {
    app: TestApp,
    nats: NatsServer,
    neo4j: Neo4jServer,
    postgres: PostgresServer,
    redis: RedisServer,
    database: String,
}

impl Servers {
    async fn start() -> anyhow::Result<Self> {
        let (nats, neo4j, postgres, redis) = tokio::try_join!(
            NatsServer::start(),
            Neo4jServer::start(),
            PostgresServer::start(),
            RedisServer::start()
        )?;
        let database = postgres.new_database().await?;
        // As docs/OPERATIONS.md has it: what was written ahead is let go of and not used again.
        let mut connection = PgConnection::connect(&database).await?;
        for statement in ["ALTER SYSTEM SET wal_recycle = off", "SELECT pg_reload_conf()"] {
            sqlx::raw_sql(statement).execute(&mut connection).await?;
        }
        let environment = [
            ("FOODFLOW_LOG_URL", nats.url()),
            ("FOODFLOW_NEO4J_URL", neo4j.url()),
            ("FOODFLOW_POSTGRES_URL", &database),
            ("FOODFLOW_REDIS_URL", redis.url()),
            ("FOODFLOW_TRUSTED_PROXIES", "127.0.0.1/32"),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let app = TestApp::start(&["serve"], environment.to_vec()).await?;
        Ok(Self { app, nats, neo4j, postgres, redis, database })
    }

    /// Every folder that something is kept in, with what it is of.
    fn folders(&self) -> anyhow::Result<[(&'static str, PathBuf); 5]> {
        Ok([
            ("program", self.app.data().to_owned()),
            ("nats", self.nats.folder()),
            ("neo4j", self.neo4j.folder()?),
            ("postgres", self.postgres.folder()?),
            ("redis", self.redis.folder()?),
        ])
    }

    /// Of which servers the files hold one of `texts`, once everything is in them.
    async fn holding(&self, texts: &[&str]) -> anyhow::Result<Vec<(&'static str, Vec<String>)>> {
        let mut connection = PgConnection::connect(&self.database).await?;
        for statement in ["ANALYZE", "CHECKPOINT"] {
            sqlx::raw_sql(statement).execute(&mut connection).await?;
        }
        let look = |(name, folder): &(&'static str, PathBuf)| Ok((*name, holding(folder, texts)?));
        let found: Vec<_> = self.folders()?.iter().map(look).collect::<anyhow::Result<_>>()?;
        Ok(found.into_iter().filter(|(_, files)| !files.is_empty()).collect())
    }
}

/// Asks as the person would: from an address and with a program that are nobody else's.
async fn ask(client: &TestClient, method: Method, path: &str, body: &Value) -> anyhow::Result<Answer> {
    let headers = [("X-Forwarded-For", ADDRESS), ("User-Agent", PROGRAM)];
    let body = (method != Method::GET).then(|| body.to_string().into_bytes());
    client.send(method, path, &headers, body).await
}

#[tokio::test]
async fn no_file_of_any_server_holds_who_was_forgotten() -> anyhow::Result<()> {
    let mut servers = Servers::start().await?;
    let plant = Plant::new(&servers.app).await?;
    let role = plant.role("Operator").await?;
    let body = json!({"email": EMAIL, "first_name": FIRST_NAME, "last_name": LAST_NAME, "role_ids": [role]});
    let invited = plant.admin.post("/v1/users", &body).await?.ok();
    let visitor = plant.admin.with_token("none");
    let accept = json!({"token": text(&invited, "token"), "password": PASSWORD});
    ask(&visitor, Method::POST, "/v1/invitations/accept", &accept).await?.ok();
    let login = |password: &str| json!({"tenant": plant.slug, "email": EMAIL, "password": password});
    ask(&visitor, Method::POST, "/v1/login", &login("violet-otter-cobalt-30"))
        .await?
        .refused(401, "login-refused");
    let grant = ask(&visitor, Method::POST, "/v1/login", &login(PASSWORD)).await?.ok();
    let session = visitor.with_token(text(&grant, "access_token"));
    // What is refused is written down with the address; enough of a history for snapshots.
    ask(&session, Method::GET, "/v1/users", &json!(null)).await?.refused(403, "forbidden");
    let mut last = json!(null);
    for email in [EMAIL, OTHER_EMAIL].iter().cycle().take(30) {
        let profile = json!({"email": email, "first_name": FIRST_NAME, "last_name": LAST_NAME});
        last = ask(&session, Method::PUT, "/v1/me", &profile).await?.ok();
    }
    let user = format!("/v1/users/{}", text(&invited, "id"));
    let shown = plant.admin.get_after(position(&last), &user).await?.ok();
    assert_eq!(text(&shown, "last_name"), LAST_NAME);
    let mut connection = PgConnection::connect(&servers.database).await?;
    let hash: String = sqlx::query_scalar("SELECT password_hash FROM users WHERE last_name = $1")
        .bind(LAST_NAME)
        .fetch_one(&mut connection)
        .await?;
    connection.close().await?;
    assert!(hash.starts_with("$argon2id$"), "{hash}");
    let texts: Vec<&str> = TEXTS.into_iter().chain([hash.as_str()]).collect();
    let found = servers.holding(&texts).await?;
    let of: Vec<_> = found.iter().map(|(name, _)| *name).collect();
    assert_eq!(of, ["postgres"], "sealed, or not there at all, everywhere else: {found:#?}");
    for place in ["/pg_wal/", "/base/"] {
        assert!(found[0].1.iter().any(|file| file.contains(place)), "{place}: {found:#?}");
    }

    let why = json!({"reason": "request of the person"});
    let erased = plant.admin.post(&format!("{user}/forget"), &why).await?.ok();
    let record: Value = serde_json::from_str(text(&erased, "record"))?;
    assert_eq!(record["left"], json!([]), "{record:#}");
    assert_eq!(servers.holding(&texts).await?, []);
    // Nor do the servers write any of it once they end, or begin.
    servers.app.terminate()?;
    servers.postgres.restart().await?;
    servers.redis.restart().await?;
    servers.nats.restart().await?;
    assert_eq!(servers.holding(&texts).await?, []);
    Ok(())
}
