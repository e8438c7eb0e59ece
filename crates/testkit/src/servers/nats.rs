//! The handle of a NATS server that one test owns, and the URL of one that tests share.
//!
//! A test that kills servers must own its server, and never kills the shared one.

use std::net::ToSocketAddrs as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use tokio::sync::OnceCell;

use super::launch::nats::{NatsProcess, greeting};
use super::launch::tools::NATS_URL;
use super::{blocking, environment, workspace_tools};

static SHARED: OnceCell<(String, Option<NatsServer>)> = OnceCell::const_new();

/// A NATS server with JetStream on its own port, with its own store; killed when dropped.
#[derive(Debug)]
pub struct NatsServer {
    url: String,
    process: Arc<Mutex<NatsProcess>>,
}

impl NatsServer {
    /// Starts a server and waits until it answers, which takes about 50 ms.
    ///
    /// # Errors
    /// When there is no `nats-server`, or it does not start; the error carries the end of its log.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with("").await
    }

    /// The same for those alone whom `authorization` names, in the words of the server's configuration.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_with(authorization: &str) -> anyhow::Result<Self> {
        let (tools, authorization) = (workspace_tools()?, authorization.to_owned());
        let process = blocking(move || NatsProcess::start_with(&tools, &authorization)).await?;
        Ok(Self { url: process.url(), process: Arc::new(Mutex::new(process)) })
    }

    /// The URL that clients connect to; it stays the same when the server is started again.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The id of the process, unless the server is down.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        self.lock().process_id()
    }

    /// The folder that holds everything that the server writes.
    #[must_use]
    pub fn folder(&self) -> std::path::PathBuf {
        self.lock().folder().to_owned()
    }

    /// Everything that the server has written to its log so far.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn log(&self) -> anyhow::Result<String> {
        let log = self.lock().log();
        std::fs::read_to_string(&log).with_context(|| format!("reading {}", log.display()))
    }

    /// Kills the server with SIGKILL, as a crash would, and returns when the process is gone.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub async fn kill9(&self) -> anyhow::Result<()> {
        self.change(|process| Ok(process.kill9()?)).await
    }

    /// Lets the server hang, with its connections open, until [`Self::resume`].
    ///
    /// # Errors
    /// When the server is down, or the operating system refuses.
    pub fn suspend(&self) -> anyhow::Result<()> {
        self.lock().suspend()
    }

    /// Lets a suspended server go on.
    ///
    /// # Errors
    /// When the server is down, or the operating system refuses.
    pub fn resume(&self) -> anyhow::Result<()> {
        self.lock().resume()
    }

    /// Ends the server with SIGTERM, as an operator would, and returns when the process is gone.
    ///
    /// # Errors
    /// When the server does not end within 20 s; it is then killed.
    pub async fn terminate(&self) -> anyhow::Result<()> {
        self.change(NatsProcess::terminate).await
    }

    /// Starts the server on the same port and store, after killing it if it runs, and waits until it answers.
    ///
    /// # Errors
    /// When it does not start; the error carries the end of its log.
    pub async fn restart(&self) -> anyhow::Result<()> {
        self.change(NatsProcess::restart).await
    }

    async fn change(
        &self,
        work: impl FnOnce(&mut NatsProcess) -> anyhow::Result<()> + Send + 'static,
    ) -> anyhow::Result<()> {
        let process = Arc::clone(&self.process);
        blocking(move || work(&mut lock(&process))).await
    }

    fn lock(&self) -> MutexGuard<'_, NatsProcess> {
        lock(&self.process)
    }
}

/// A panic while the lock was held leaves a process that can still be killed, so poisoning is passed over.
fn lock(process: &Mutex<NatsProcess>) -> MutexGuard<'_, NatsProcess> {
    process.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The URL of a server that tests share: the one of `FOODFLOW_TEST_NATS_URL`, else one that this process starts.
///
/// # Errors
/// When the named server does not answer, or no server can be started.
pub async fn shared_nats_url() -> anyhow::Result<&'static str> {
    let (url, _) = SHARED.get_or_try_init(shared_server).await?;
    Ok(url)
}

async fn shared_server() -> anyhow::Result<(String, Option<NatsServer>)> {
    let Some(url) = environment(NATS_URL) else {
        let server = NatsServer::start().await?;
        return Ok((server.url().to_owned(), Some(server)));
    };
    let named = url.clone();
    blocking(move || {
        let authority = named.strip_prefix("nats://").unwrap_or(&named);
        let address = authority.to_socket_addrs()?.next().context("the host has no address")?;
        greeting(address).map(drop)
    })
    .await
    .with_context(|| format!("{NATS_URL} is set, but no NATS server answers at {url}"))?;
    Ok((url, None))
}
