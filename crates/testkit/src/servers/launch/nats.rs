//! A NATS server with JetStream that is durable in the way production is: acknowledged means on disk.
//!
//! It keeps its port and its store when it is killed and started again. It must never answer for another server:
//! it is ready only when the server on its port gives the name that this one was configured with.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tempfile::TempDir;

use super::ports::{ATTEMPTS, free_port};
use super::process::ServerProcess;
use super::tools::{NATS_PROGRAM, TOOLS_FOLDER, Tools};

const READY_LIMIT: Duration = Duration::from_secs(30);
const TERMINATE_LIMIT: Duration = Duration::from_secs(20);
const PROBE_LIMIT: Duration = Duration::from_secs(1);
const INFO_BYTES: u64 = 64 * 1024;

/// A NATS server process with its own port and temporary folder.
#[derive(Debug)]
pub struct NatsProcess {
    // The process stands before the folder, so that it is gone when its folder is removed.
    process: Option<ServerProcess>,
    program: PathBuf,
    port: u16,
    /// What the server's configuration says about who may sign in; anybody where it is empty.
    authorization: String,
    folder: TempDir,
}

impl NatsProcess {
    /// Starts a server on a free port, and waits until it answers.
    ///
    /// # Errors
    /// When there is no `nats-server`, or it does not start; the error carries the end of its log.
    pub fn start(tools: &Tools) -> anyhow::Result<Self> {
        Self::start_with(tools, "")
    }

    /// The same for those alone whom `authorization` names, in the words of the server's configuration.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_with(tools: &Tools, authorization: &str) -> anyhow::Result<Self> {
        let program = tools.find_nats_server().with_context(|| missing(tools))?;
        let mut attempt = 1;
        loop {
            let port = free_port()?;
            let folder = tempfile::Builder::new().prefix("foodflow-nats-").tempdir()?;
            let authorization = authorization.to_owned();
            let mut server = Self { process: None, program: program.clone(), port, authorization, folder };
            match server.restart() {
                Err(error) if attempt < ATTEMPTS && lost_its_port(&error) => attempt += 1,
                started => return started.map(|()| server),
            }
        }
    }

    /// The URL that clients connect to.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The id of the running process.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(ServerProcess::id)
    }

    /// The file that holds the output of every start of this server.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.folder.path().join("nats.log")
    }

    /// The folder that holds everything that this server writes.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Whether the process runs.
    pub fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(ServerProcess::is_running)
    }

    /// Kills the server with SIGKILL; a server that is down stays down.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn kill9(&mut self) -> io::Result<()> {
        self.process.take().map_or(Ok(()), |mut process| process.kill9())
    }

    /// Lets the server hang with its connections open.
    ///
    /// # Errors
    /// When the server is down, or the operating system refuses.
    pub fn suspend(&self) -> anyhow::Result<()> {
        self.process.as_ref().context("the server is down")?.suspend()
    }

    /// Lets a suspended server go on.
    ///
    /// # Errors
    /// When the server is down, or the operating system refuses.
    pub fn resume(&self) -> anyhow::Result<()> {
        self.process.as_ref().context("the server is down")?.resume()
    }

    /// Ends the server with SIGTERM and waits until it is gone; a server that is down stays down.
    ///
    /// # Errors
    /// When the server does not end in time; it is then killed.
    pub fn terminate(&mut self) -> anyhow::Result<()> {
        match self.process.take() {
            Some(mut process) => process.terminate(TERMINATE_LIMIT).map(drop),
            None => Ok(()),
        }
    }

    /// Starts the server on its port and store, after killing it if it runs, and waits until it answers.
    ///
    /// # Errors
    /// When it does not start; the error carries the end of its log.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.kill9()?;
        let name = format!("foodflow-test-{}-{}", std::process::id(), self.port);
        let configuration_file = self.folder.path().join("nats.conf");
        let store = self.folder.path().join("store");
        fs::write(&configuration_file, configuration(&name, self.port, &store, &self.authorization))?;
        let mut command = Command::new(&self.program);
        command.arg("--config").arg(&configuration_file);
        let mut process = ServerProcess::start("nats-server", &mut command, &self.log(), self.folder.path())?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let named = format!("\"server_name\":\"{name}\"");
        process.wait_until(READY_LIMIT, || greeting(address).ok().filter(|info| info.contains(&named)))?;
        self.process = Some(process);
        Ok(())
    }
}

/// The line that a NATS server sends to every client that connects, `INFO {…}`.
///
/// # Errors
/// When nothing answers there within a second, or what answers is no NATS server.
pub fn greeting(address: SocketAddr) -> anyhow::Result<String> {
    let stream = TcpStream::connect_timeout(&address, PROBE_LIMIT)?;
    stream.set_read_timeout(Some(PROBE_LIMIT))?;
    let mut line = String::new();
    BufReader::new(stream.take(INFO_BYTES)).read_line(&mut line)?;
    ensure!(line.starts_with("INFO "), "{address} does not answer like a NATS server");
    Ok(line)
}

fn configuration(name: &str, port: u16, store: &Path, authorization: &str) -> String {
    let authorization = match authorization {
        "" => String::new(),
        some => format!("authorization {{ {some} }}\n"),
    };
    format!(
        "server_name: \"{name}\"\n\
         listen: \"127.0.0.1:{port}\"\n\
         jetstream {{\n  store_dir: \"{}\"\n  sync_interval: always\n}}\n{authorization}",
        store.display()
    )
}

fn lost_its_port(error: &anyhow::Error) -> bool {
    format!("{error:#}").contains("address already in use")
}

fn missing(tools: &Tools) -> String {
    format!(
        "no nats-server in {}, among Go's programs or on PATH: run `cargo xtask install`, \
         or point {NATS_PROGRAM} to one (or {TOOLS_FOLDER} to the folder of installed tools)",
        tools.programs().display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_acknowledges_only_what_is_on_disk() {
        let text = configuration("plant", 20_001, Path::new("/tmp/store"), "");
        assert!(text.contains("sync_interval: always"));
        assert!(text.contains("listen: \"127.0.0.1:20001\"") && text.contains("store_dir: \"/tmp/store\""));
    }

    #[test]
    fn a_missing_server_says_what_to_run() {
        let text = missing(&Tools::chosen(Path::new("/plant"), None));
        assert!(text.contains("/plant/target/tools/bin") && text.contains("cargo xtask install"));
    }
}
