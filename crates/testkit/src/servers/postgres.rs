//! The handle of a PostgreSQL server.
//!
//! One server is shared by all tests of a run; each test makes a database of its own on it. A test that kills servers
//! must own its server, and never kills the shared one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use tokio::sync::OnceCell;

use super::launch::postgres::{PostgresProcess, create_database};
use super::launch::tools::POSTGRES_URL;
use super::{blocking, environment};

static SHARED: OnceCell<PostgresServer> = OnceCell::const_new();

/// A PostgreSQL server: the one that the environment names, or a process of its own that ends with this one.
#[derive(Debug)]
pub struct PostgresServer {
    url: String,
    process: Option<Arc<Mutex<PostgresProcess>>>,
}

impl PostgresServer {
    /// The server that tests share: the one of `FOODFLOW_TEST_POSTGRES_URL`, else one started once per process.
    ///
    /// # Errors
    /// When no server can be started; the error carries the end of its log.
    pub async fn shared() -> anyhow::Result<&'static Self> {
        let named_or_started = || async {
            match environment(POSTGRES_URL) {
                Some(url) => Ok(Self { url, process: None }),
                None => Self::start().await,
            }
        };
        SHARED.get_or_try_init(named_or_started).await
    }

    /// Starts a server of its own, which takes a second or two; it is stopped when dropped.
    ///
    /// # Errors
    /// When PostgreSQL is not installed, or does not start; the error carries the end of its log.
    pub async fn start() -> anyhow::Result<Self> {
        let process = blocking(PostgresProcess::start).await?;
        Ok(Self { url: process.url(), process: Some(Arc::new(Mutex::new(process))) })
    }

    /// Makes an empty database with a name that no other has; answers with its URL.
    ///
    /// # Errors
    /// When the server does not answer, or its user may not create databases.
    pub async fn new_database(&self) -> anyhow::Result<String> {
        let (url, name) = (self.url.clone(), format!("t_{}", uuid::Uuid::new_v4().simple()));
        let made = blocking(move || create_database(&url, &name)).await;
        made.with_context(|| match self.process {
            Some(_) => "making a database for a test".to_owned(),
            None => format!("making a database for a test on the server that {POSTGRES_URL} names"),
        })
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
        self.change(PostgresProcess::restart).await
    }

    async fn change(
        &self,
        work: impl FnOnce(&mut PostgresProcess) -> anyhow::Result<()> + Send + 'static,
    ) -> anyhow::Result<()> {
        let process = self.process.clone().context("the shared server is nobody's to kill")?;
        blocking(move || work(&mut lock(&process))).await
    }
}

/// A panic while the lock was held leaves a process that can still be killed, so poisoning is passed over.
fn lock(process: &Mutex<PostgresProcess>) -> MutexGuard<'_, PostgresProcess> {
    process.lock().unwrap_or_else(PoisonError::into_inner)
}
