//! The handle of a Redis server.
//!
//! One server is shared by all tests of a run; each keeps to tenants and ids of its own. A test that kills servers must
//! own its server, and never kills the shared one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use tokio::sync::OnceCell;

use super::launch::redis::RedisProcess;
use super::launch::tools::REDIS_URL;
use super::{blocking, environment};

static SHARED: OnceCell<RedisServer> = OnceCell::const_new();

/// A Redis server: the one that the environment names, or a process of its own that ends with this one.
#[derive(Debug)]
pub struct RedisServer {
    url: String,
    process: Option<Arc<Mutex<RedisProcess>>>,
}

impl RedisServer {
    /// The server that tests share: the one of `FOODFLOW_TEST_REDIS_URL`, else one started once per process.
    ///
    /// # Errors
    /// When no server can be started; the error carries the end of its log.
    pub async fn shared() -> anyhow::Result<&'static Self> {
        let named_or_started = || async {
            match environment(REDIS_URL) {
                Some(url) => Ok(Self { url, process: None }),
                None => Self::start().await,
            }
        };
        SHARED.get_or_try_init(named_or_started).await
    }

    /// Starts a server of its own, which takes about 50 ms; it is killed when dropped.
    ///
    /// # Errors
    /// When Redis is not installed, or does not start; the error carries the end of its log.
    pub async fn start() -> anyhow::Result<Self> {
        let process = blocking(RedisProcess::start).await?;
        Ok(Self { url: process.url(), process: Some(Arc::new(Mutex::new(process))) })
    }

    /// The URL that clients connect to; it stays the same when the server is started again.
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

    /// Lets the server hang, with its connections open, until [`Self::resume`].
    ///
    /// # Errors
    /// When the server is down or not this process's own, or the operating system refuses.
    pub async fn suspend(&self) -> anyhow::Result<()> {
        self.change(|process| process.suspend()).await
    }

    /// Lets a suspended server go on.
    ///
    /// # Errors
    /// When the server is down or not this process's own, or the operating system refuses.
    pub async fn resume(&self) -> anyhow::Result<()> {
        self.change(|process| process.resume()).await
    }

    /// Starts the server on the same port and data, after killing it if it runs, and waits until it answers.
    ///
    /// # Errors
    /// When it does not start; the error carries the end of its log.
    pub async fn restart(&self) -> anyhow::Result<()> {
        self.change(RedisProcess::restart).await
    }

    async fn change(
        &self,
        work: impl FnOnce(&mut RedisProcess) -> anyhow::Result<()> + Send + 'static,
    ) -> anyhow::Result<()> {
        let process = self.process.clone().context("the shared server is nobody's to stop")?;
        blocking(move || work(&mut lock(&process))).await
    }
}

/// A panic while the lock was held leaves a process that can still be killed, so poisoning is passed over.
fn lock(process: &Mutex<RedisProcess>) -> MutexGuard<'_, RedisProcess> {
    process.lock().unwrap_or_else(PoisonError::into_inner)
}
