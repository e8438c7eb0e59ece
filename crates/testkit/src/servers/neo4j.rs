//! The handle of a Neo4j server.
//!
//! One server is shared by all tests of a run, because it is heavy: tests keep apart by using a tenant each, and
//! must never delete or count what is not theirs. A test that kills servers must own its server.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use tokio::sync::OnceCell;

use super::launch::neo4j::{Neo4jProcess, check_bolt};
use super::launch::tools::NEO4J_URL;
use super::{blocking, environment, workspace_tools};

static SHARED: OnceCell<Neo4jServer> = OnceCell::const_new();

/// A Neo4j server: the one that the environment names, or a process of its own that ends with this one.
#[derive(Debug)]
pub struct Neo4jServer {
    url: String,
    process: Option<Arc<Mutex<Neo4jProcess>>>,
}

impl Neo4jServer {
    /// The server that tests share: the one of `FOODFLOW_TEST_NEO4J_URL`, else one started once per process.
    ///
    /// # Errors
    /// When the named server does not answer, or no server can be started; the error carries the end of its log.
    pub async fn shared() -> anyhow::Result<&'static Self> {
        SHARED.get_or_try_init(Self::named_or_started).await
    }

    /// Starts a server of its own, which takes some seconds; it is killed when dropped.
    ///
    /// # Errors
    /// When Neo4j or Java is not installed, or it does not start; the error carries the end of its log.
    pub async fn start() -> anyhow::Result<Self> {
        let tools = workspace_tools()?;
        let process = blocking(move || Neo4jProcess::start(&tools)).await?;
        Ok(Self { url: process.url(), process: Some(Arc::new(Mutex::new(process))) })
    }

    /// The `bolt://` URL that clients connect to; a server that was started here has no user and password.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The folder that holds everything that the server writes.
    ///
    /// # Errors
    /// When the server is not this process's own.
    pub fn folder(&self) -> anyhow::Result<std::path::PathBuf> {
        let process = self.process.as_ref().context("the files of the shared server are not known")?;
        Ok(lock(process).folder().to_owned())
    }

    /// The id of the process, unless the environment named the server, or it is down.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        lock(self.process.as_ref()?).process_id()
    }

    /// Kills the server with SIGKILL, as a crash would, and returns when the process is gone.
    ///
    /// # Errors
    /// When the operating system refuses, or the server is not this process's own.
    pub async fn kill9(&self) -> anyhow::Result<()> {
        self.change(|process| Ok(process.kill9()?)).await
    }

    /// Starts the server on the same port and data, after killing it if it runs, and waits until it answers.
    ///
    /// # Errors
    /// When it does not start; the error carries the end of its log.
    pub async fn restart(&self) -> anyhow::Result<()> {
        self.change(Neo4jProcess::restart).await
    }

    async fn change(
        &self,
        work: impl FnOnce(&mut Neo4jProcess) -> anyhow::Result<()> + Send + 'static,
    ) -> anyhow::Result<()> {
        let process = self.process.clone().context("the shared server is nobody's to kill")?;
        blocking(move || work(&mut lock(&process))).await
    }

    async fn named_or_started() -> anyhow::Result<Self> {
        let Some(url) = environment(NEO4J_URL) else {
            return Self::start().await;
        };
        let named = url.clone();
        blocking(move || check_bolt(&named)).await.with_context(|| format!("{NEO4J_URL} is set"))?;
        Ok(Self { url, process: None })
    }
}

/// A panic while the lock was held leaves a process that can still be killed, so poisoning is passed over.
fn lock(process: &Mutex<Neo4jProcess>) -> MutexGuard<'_, Neo4jProcess> {
    process.lock().unwrap_or_else(PoisonError::into_inner)
}
