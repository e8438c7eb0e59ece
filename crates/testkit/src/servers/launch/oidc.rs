//! An OpenID provider (oidc-provider, on Node.js) with its own port and without data: it makes its keys at each start.
//!
//! It must never answer for another server: it is ready only when the process itself says that it listens.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use tempfile::TempDir;

use super::ports::{ATTEMPTS, free_port};
use super::process::ServerProcess;
use super::tools::{Tools, find_program, path_folders};

const READY_LIMIT: Duration = Duration::from_secs(30);

/// An OpenID provider process with its own port.
#[derive(Debug)]
pub struct OidcProcess {
    // The process stands before the folder, so that it is gone when its folder is removed.
    process: Option<ServerProcess>,
    node: PathBuf,
    libraries: PathBuf,
    script: PathBuf,
    port: u16,
    starts: u32,
    folder: TempDir,
}

impl OidcProcess {
    /// Starts a provider on a free port with these settings, which `script` describes, and waits until it listens.
    ///
    /// # Errors
    /// When it is not installed, or does not start; the error carries the end of its log.
    pub fn start(tools: &Tools, script: PathBuf, settings: &str) -> anyhow::Result<Self> {
        let node =
            find_program("node", &path_folders()).context("no node on PATH: run `cargo xtask install`")?;
        let libraries = tools.oidc_provider().join("node_modules");
        anyhow::ensure!(libraries.is_dir(), "oidc-provider is not installed: run `cargo xtask install`");
        let folder = tempfile::Builder::new().prefix("foodflow-oidc-").tempdir()?;
        let mut server = Self { process: None, node, libraries, script, port: 0, starts: 0, folder };
        let mut attempt = 1;
        loop {
            server.port = free_port()?;
            match server.restart(settings) {
                Err(error) if attempt < ATTEMPTS && lost_its_port(&error) => attempt += 1,
                started => return started.map(|()| server),
            }
        }
    }

    /// The provider, as it calls itself.
    #[must_use]
    pub fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Kills the provider with SIGKILL; one that is down stays down.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn kill9(&mut self) -> io::Result<()> {
        self.process.take().map_or(Ok(()), |mut process| process.kill9())
    }

    /// Lets the provider hang with its connections open.
    ///
    /// # Errors
    /// When it is down, or the operating system refuses.
    pub fn suspend(&self) -> anyhow::Result<()> {
        self.process.as_ref().context("the provider is down")?.suspend()
    }

    /// Starts the provider on its port with other keys, after killing it if it runs, and waits until it listens.
    ///
    /// # Errors
    /// When it does not start; the error carries the end of its log.
    pub fn restart(&mut self, settings: &str) -> anyhow::Result<()> {
        self.kill9()?;
        self.starts += 1;
        let log = self.folder.path().join(format!("provider-{}.log", self.starts));
        let mut command = Command::new(&self.node);
        command.arg(&self.script).arg(&self.libraries).args([&self.port.to_string(), settings]);
        let mut process = ServerProcess::start("oidc-provider", &mut command, &log, self.folder.path())?;
        process.wait_until(READY_LIMIT, || {
            let text = fs::read_to_string(&log).ok()?;
            text.lines().any(|line| line == "ready").then_some(())
        })?;
        self.process = Some(process);
        Ok(())
    }
}

fn lost_its_port(error: &anyhow::Error) -> bool {
    format!("{error:#}").contains("EADDRINUSE")
}
