//! The real `foodflow` program, started as a process on a free port, spoken to over HTTP.
//!
//! What a test sees is what a client sees. The process, its data and its servers end with the value, or when the
//! test process dies in whatever way.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::contract::contract;
use crate::servers::launch::process::ServerProcess;
use crate::servers::{NatsServer, Neo4jServer, PostgresServer, RedisServer, shared_nats_url};

/// Where the program under test is, if not beside the test's own executable.
pub const BINARY: &str = "FOODFLOW_TEST_BINARY";
/// The master key of every program on servers: those of a run share them.
pub const MASTER_KEY: &str = "Zm9vZGZsb3cgbWFzdGVyIGtleSBvZiBhbGwgdGVzdHM=\n";
/// How long the program may take to become ready.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How long what is printed together with `ready` may take to reach the file that is read here.
const PRINTED_WITHIN: Duration = Duration::from_secs(5);
/// How long the program may take to stop.
const STOP_WITHIN: Duration = Duration::from_secs(30);
/// How long a read waits for its own writes.
const WAIT: &str = "wait=20";

/// Which stores the program runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stores {
    /// Everything in SQLite files.
    Embedded,
    /// JetStream, Neo4j, PostgreSQL and Redis, shared by the tests of a run: each test keeps to tenants of its own.
    Servers,
}

/// A running program.
#[derive(Debug)]
pub struct TestApp {
    process: Option<ServerProcess>,
    base: String,
    data: PathBuf,
    command: Vec<String>,
    environment: Vec<(String, String)>,
    log: PathBuf,
    starts: u32,
    _folder: TempDir,
}

static SHARED_SERVERS: OnceCell<TestApp> = OnceCell::const_new();
static SHARED_EMBEDDED: OnceCell<TestApp> = OnceCell::const_new();
/// URL of the database that the programs of this process share.
static SHARED_DATABASE: OnceCell<String> = OnceCell::const_new();

impl TestApp {
    /// The program that the tests of this process share, on these stores.
    ///
    /// # Errors
    /// Where a server or the program does not start.
    pub async fn shared(stores: Stores) -> anyhow::Result<&'static Self> {
        match stores {
            Stores::Embedded => SHARED_EMBEDDED.get_or_try_init(|| Self::start(&["serve"], vec![])).await,
            Stores::Servers => {
                SHARED_SERVERS
                    .get_or_try_init(async || Self::start(&["serve"], shared_environment().await?).await)
                    .await
            }
        }
    }

    /// A program of its own, to be killed and restarted: embedded with an empty data folder, or as one more process
    /// that serves commands on the servers that the tests share.
    ///
    /// # Errors
    /// Where a server or the program does not start.
    pub async fn own(stores: Stores) -> anyhow::Result<Self> {
        Self::own_with(stores, vec![]).await
    }

    /// The same with more variables.
    ///
    /// # Errors
    /// As [`Self::own`].
    pub async fn own_with(stores: Stores, more: Vec<(String, String)>) -> anyhow::Result<Self> {
        match stores {
            Stores::Embedded => Self::start(&["serve"], more).await,
            Stores::Servers => {
                let mut environment = shared_environment().await?;
                environment.extend(more);
                Self::start(&["serve", "--role", "api"], environment).await
            }
        }
    }

    /// A program of its own on a log server and a graph server that the test owns.
    ///
    /// # Errors
    /// Where it does not start.
    pub async fn on_servers(nats: &NatsServer, neo4j: &Neo4jServer) -> anyhow::Result<Self> {
        Self::start(&["serve"], server_environment(nats.url(), neo4j.url())).await
    }

    /// The same, with its tables in a database of a PostgreSQL server.
    ///
    /// # Errors
    /// Where it does not start.
    pub async fn on_servers_and_database(
        nats: &NatsServer,
        neo4j: &Neo4jServer,
        database: &str,
    ) -> anyhow::Result<Self> {
        let mut environment = server_environment(nats.url(), neo4j.url());
        environment.push(database_environment(database));
        Self::start(&["serve"], environment).await
    }

    /// A program of its own, embedded, with an empty data folder.
    ///
    /// # Errors
    /// Where it does not start.
    pub async fn embedded() -> anyhow::Result<Self> {
        Self::start(&["serve"], vec![]).await
    }

    /// The demo, embedded, with an empty data folder.
    ///
    /// # Errors
    /// Where it does not start.
    pub async fn demo() -> anyhow::Result<Self> {
        Self::start(&["demo"], vec![]).await
    }

    /// Starts `foodflow <command>` on a free port with an empty data folder.
    ///
    /// # Errors
    /// Where it does not become ready; the error carries the end of its output.
    pub async fn start(command: &[&str], environment: Vec<(String, String)>) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("foodflow-app-").tempdir()?;
        let mut app = Self {
            process: None,
            base: String::new(),
            data: folder.path().join("data"),
            command: command.iter().map(|word| (*word).to_owned()).collect(),
            environment,
            log: folder.path().join("output.log"),
            starts: 0,
            _folder: folder,
        };
        app.give_master_key()?;
        app.launch().await?;
        Ok(app)
    }

    /// Another process on the same servers, with a data folder, and so with keys, of its own.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn beside(&self, command: &[&str]) -> anyhow::Result<Self> {
        Self::start(command, self.environment.clone()).await
    }

    /// On servers every process needs the same master key, and none makes one by itself.
    fn give_master_key(&self) -> anyhow::Result<()> {
        if self.environment.iter().any(|(name, _)| name == "FOODFLOW_LOG_URL") {
            std::fs::create_dir_all(&self.data)?;
            let path = self.data.join("master-key");
            std::fs::write(&path, MASTER_KEY)?;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        }
        Ok(())
    }

    async fn launch(&mut self) -> anyhow::Result<()> {
        self.starts += 1;
        self.log.set_file_name(format!("output-{}.log", self.starts));
        let mut command = Command::new(binary()?);
        command.args(&self.command).args(["--listen", "127.0.0.1:0", "--data"]).arg(&self.data);
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("FOODFLOW_"))
        {
            command.env_remove(name);
        }
        // Tests make tenants of their own.
        command.env("FOODFLOW_SIGN_UP", "open");
        // They ask more of one than people do.
        let unlimited = "{requests_per_second=\"unlimited\"}";
        let plans = ["free", "starter", "professional"].map(|plan| format!("{plan}={unlimited}"));
        command.env("FOODFLOW_PLANS", format!("{{{}}}", plans.join(",")));
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let folder = self._folder.path();
        self.process = Some(ServerProcess::start("foodflow", &mut command, &self.log, folder)?);
        let started = Instant::now();
        loop {
            let output = self.output();
            if let Some(base) = printed(&output, "ready ") {
                self.base = base.to_owned();
                return Ok(());
            }
            let gone = self.process.as_mut().is_none_or(|process| !process.is_running());
            anyhow::ensure!(!gone, "foodflow ended before it was ready:\n{output}");
            anyhow::ensure!(started.elapsed() < READY_WITHIN, "foodflow is not ready in time:\n{output}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Everything that the program has printed since it was last started.
    #[must_use]
    pub fn output(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The id of the process, unless it is down.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(ServerProcess::id)
    }

    /// Its data folder.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Its address, e.g. `http://127.0.0.1:40123`.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Kills the program with SIGKILL, as a crash would.
    ///
    /// # Errors
    /// Where the operating system refuses.
    pub fn kill9(&mut self) -> anyhow::Result<()> {
        match self.process.take() {
            Some(mut process) => process.kill9().context("killing foodflow"),
            None => Ok(()),
        }
    }

    /// Asks the program to stop and waits until it has.
    ///
    /// # Errors
    /// Where it does not stop in time.
    pub fn terminate(&mut self) -> anyhow::Result<()> {
        match self.process.take() {
            Some(mut process) => process.terminate(STOP_WITHIN).map(|_| ()),
            None => Ok(()),
        }
    }

    /// Starts the program again on the same data.
    ///
    /// # Errors
    /// Where it does not become ready.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.kill9()?;
        self.launch().await
    }

    /// Runs another command of the program on the same data and stores, and waits for its end.
    ///
    /// # Errors
    /// Where the program cannot be started.
    pub fn run(&self, arguments: &[&str]) -> anyhow::Result<std::process::Output> {
        self.command(arguments)?.output().context("running foodflow")
    }

    /// Another command of the program on the same data and stores, not started.
    ///
    /// # Errors
    /// Where the program is not built.
    pub fn command(&self, arguments: &[&str]) -> anyhow::Result<Command> {
        let mut command = Command::new(binary()?);
        command.args(arguments).arg("--data").arg(&self.data);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        Ok(command)
    }

    /// A client with every permission of a tenant that no other test has.
    ///
    /// # Errors
    /// Where no token is issued.
    pub fn new_tenant(&self) -> anyhow::Result<TestClient> {
        self.client(&format!("t-{}", uuid::Uuid::new_v4().simple()), &[])
    }

    /// A client of the tenant with these permissions; with all where none are named.
    ///
    /// # Errors
    /// Where no token is issued.
    pub fn client(&self, slug: &str, permissions: &[&str]) -> anyhow::Result<TestClient> {
        let permissions = permissions.join(",");
        let mut arguments = vec!["token", "--tenant", slug];
        if !permissions.is_empty() {
            arguments.extend(["--permissions", &permissions]);
        }
        let output = self.run(&arguments)?;
        anyhow::ensure!(output.status.success(), "no token: {}", String::from_utf8_lossy(&output.stderr));
        let token = String::from_utf8(output.stdout)?.trim().to_owned();
        Ok(TestClient { base: self.base.clone(), token, slug: slug.to_owned(), http: reqwest::Client::new() })
    }

    /// A client with a token that the program prints, as `demo` does together with `ready`.
    ///
    /// # Errors
    /// Where it prints none for the tenant within some seconds.
    pub async fn printed_client(&self, slug: &str) -> anyhow::Result<TestClient> {
        let prefix = format!("token {slug} ");
        let started = Instant::now();
        let token = loop {
            let output = self.output();
            if let Some(token) = printed(&output, &prefix) {
                break token.to_owned();
            }
            anyhow::ensure!(started.elapsed() < PRINTED_WITHIN, "no token of {slug} in:\n{output}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        Ok(TestClient { base: self.base.clone(), token, slug: slug.to_owned(), http: reqwest::Client::new() })
    }
}

/// What follows `prefix` on the first whole line that begins with it; a line that is still being written is none.
fn printed<'a>(output: &'a str, prefix: &str) -> Option<&'a str> {
    output.split_inclusive('\n').find_map(|line| line.strip_prefix(prefix)?.strip_suffix('\n'))
}

fn server_environment(nats: &str, neo4j: &str) -> Vec<(String, String)> {
    vec![
        ("FOODFLOW_LOG_URL".to_owned(), nats.to_owned()),
        ("FOODFLOW_NEO4J_URL".to_owned(), neo4j.to_owned()),
    ]
}

fn database_environment(url: &str) -> (String, String) {
    ("FOODFLOW_POSTGRES_URL".to_owned(), url.to_owned())
}

/// The servers that the tests share, with a database of this process's own.
async fn shared_environment() -> anyhow::Result<Vec<(String, String)>> {
    let database = SHARED_DATABASE
        .get_or_try_init(async || PostgresServer::shared().await?.new_database().await)
        .await?;
    let mut environment = server_environment(shared_nats_url().await?, Neo4jServer::shared().await?.url());
    environment.push(database_environment(database));
    environment.push(("FOODFLOW_REDIS_URL".to_owned(), RedisServer::shared().await?.url().to_owned()));
    Ok(environment)
}

/// The program under test.
pub(crate) fn binary() -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os(BINARY) {
        return Ok(path.into());
    }
    let own = std::env::current_exe()?;
    let beside =
        own.ancestors().skip(1).take(2).map(|folder| folder.join("foodflow")).find(|path| path.is_file());
    beside.with_context(|| {
        format!("the program is not built: run `cargo build -p foodflow-api`, or set {BINARY}")
    })
}

/// A client of one tenant.
#[derive(Debug, Clone)]
pub struct TestClient {
    base: String,
    /// Its bearer token.
    pub token: String,
    /// The tenant's short name.
    pub slug: String,
    http: reqwest::Client,
}

/// A response, read in full.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: StatusCode,
    /// Headers.
    pub headers: reqwest::header::HeaderMap,
    /// The body as JSON; a text where it is none.
    pub body: Value,
    /// The body, byte for byte.
    pub bytes: Vec<u8>,
}

impl Answer {
    /// The body of a success.
    ///
    /// # Panics
    /// Where it is a refusal; the message shows it.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert!(self.status.is_success(), "{}: {:#}", self.status, self.body);
        self.body
    }

    /// Asserts a refusal with this status and code.
    ///
    /// # Panics
    /// Where it is anything else.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) {
        let found = (self.status.as_u16(), self.body["code"].as_str().unwrap_or_default());
        assert_eq!(found, (status, code), "{:#}", self.body);
        let kind = self.headers.get("content-type").and_then(|value| value.to_str().ok());
        assert_eq!(kind, Some("application/problem+json"));
    }

    /// Asserts a refusal that names this part of the body.
    ///
    /// # Panics
    /// Where it is anything else.
    #[track_caller]
    pub fn refused_at(&self, status: u16, code: &str, pointer: &str) {
        self.refused(status, code);
        let pointers: Vec<_> =
            self.body["errors"].as_array().into_iter().flatten().map(|e| &e["pointer"]).collect();
        assert!(pointers.iter().any(|found| *found == pointer), "no error at {pointer}: {:#}", self.body);
    }

    /// A header as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl TestClient {
    /// The same client without a valid token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self.clone() }
    }

    /// Sends a request with headers of its own, and holds the answer against the contract.
    ///
    /// # Errors
    /// Where there is no response, or one that is not documented.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> anyhow::Result<Answer> {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.base));
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let response = request.send().await.with_context(|| format!("no answer to {path}"))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.bytes().await?;
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        let answer = Answer { status, headers, body, bytes: bytes.into() };
        contract()?.check(method.as_str(), path, &answer).map_err(|defect| {
            anyhow::anyhow!(
                "{method} {path} is not answered as documented: {defect}\n{status}: {:#}",
                answer.body
            )
        })?;
        Ok(answer)
    }

    /// Posts a command.
    ///
    /// # Errors
    /// Where there is no response.
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        self.send(Method::POST, path, &[], Some(body.to_string().into_bytes())).await
    }

    /// Posts a command under an idempotency key.
    ///
    /// # Errors
    /// Where there is no response.
    pub async fn post_as(&self, key: &str, path: &str, body: &Value) -> anyhow::Result<Answer> {
        self.send(Method::POST, path, &[("Idempotency-Key", key)], Some(body.to_string().into_bytes())).await
    }

    /// Puts a command.
    ///
    /// # Errors
    /// Where there is no response.
    pub async fn put(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        self.send(Method::PUT, path, &[], Some(body.to_string().into_bytes())).await
    }

    /// Reads.
    ///
    /// # Errors
    /// Where there is no response.
    pub async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.send(Method::GET, path, &[], None).await
    }

    /// Reads what reflects `position` at least.
    ///
    /// # Errors
    /// Where there is no response.
    pub async fn get_after(&self, position: u64, path: &str) -> anyhow::Result<Answer> {
        self.send(Method::GET, path, &[("After", &position.to_string()), ("Prefer", WAIT)], None).await
    }
}
