//! A Neo4j server in a Java process, with its Bolt port and without a password.
//!
//! It takes several seconds and about 400 MB to start, so callers share one. The Java program ends itself when its
//! standard input closes, so it cannot outlive this process; its data lie in a temporary folder and must never be
//! worth keeping. It keeps its port and its data when it is killed and started again.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tempfile::TempDir;

use super::ports::{ATTEMPTS, free_port};
use super::process::ServerProcess;
use super::tools::{NEO4J_URL, Tools};

const READY_LIMIT: Duration = Duration::from_secs(180);
const PROBE_LIMIT: Duration = Duration::from_secs(5);
/// The Bolt magic number, and the versions that are offered: 5.4 down to 5.0, 4.4, and two empty places.
const HANDSHAKE: [u8; 20] = [0x60, 0x60, 0xB0, 0x17, 0, 4, 4, 5, 0, 0, 4, 4, 0, 0, 0, 0, 0, 0, 0, 0];
/// Neo4j reaches into these packages; the heap is bounded so that it fits beside a build on a small machine.
const JAVA_OPTIONS: [&str; 5] = [
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    "-Xmx1g",
    "-XX:+UseSerialGC",
    "-XX:-UsePerfData",
];

/// A Neo4j process with its own port and temporary folder.
#[derive(Debug)]
pub struct Neo4jProcess {
    // The process stands before the folder, so that it is gone when its folder is removed.
    process: Option<ServerProcess>,
    tools: Tools,
    port: u16,
    folder: TempDir,
}

impl Neo4jProcess {
    /// Starts a server on a free port, and waits until it answers queries.
    ///
    /// # Errors
    /// When Neo4j or Java is not installed, or it does not start; the error carries the end of its log.
    pub fn start(tools: &Tools) -> anyhow::Result<Self> {
        ensure!(
            tools.has_neo4j(),
            "no Neo4j in {}: run `cargo xtask install`, or set {NEO4J_URL} to a running server",
            tools.folder().display()
        );
        let mut attempt = 1;
        loop {
            let (tools, port) = (tools.clone(), free_port()?);
            let folder = tempfile::Builder::new().prefix("foodflow-neo4j-").tempdir()?;
            let mut server = Self { process: None, tools, port, folder };
            match server.restart() {
                Err(error) if attempt < ATTEMPTS && lost_its_port(&error) => attempt += 1,
                started => return started.map(|()| server),
            }
        }
    }

    /// Kills the server with SIGKILL; a server that is down stays down.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn kill9(&mut self) -> io::Result<()> {
        self.process.take().map_or(Ok(()), |mut process| process.kill9())
    }

    /// Starts the server on its port and data, after killing it if it runs, and waits until it answers queries.
    ///
    /// # Errors
    /// When it does not start; the error carries the end of its log.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.kill9()?;
        let (tools, log) = (&self.tools, self.log());
        let class_path =
            format!("{}:{}/*", tools.neo4j_launcher().display(), tools.neo4j_libraries().display());
        let mut command = Command::new("java");
        command.args(JAVA_OPTIONS).args(["-cp", &class_path, "Neo4jServer"]);
        command.arg(self.folder.path().join("data")).arg(self.port.to_string());
        let announced_before = announcements(&log);
        let mut process = ServerProcess::start("neo4j", &mut command, &log, self.folder.path()).context(
            "Neo4j needs a Java runtime, version 17 or newer; `cargo xtask doctor` tells what is missing",
        )?;
        process.wait_until(READY_LIMIT, || (announcements(&log) > announced_before).then_some(()))?;
        check_bolt(&self.url())?;
        self.process = Some(process);
        Ok(())
    }

    /// The Bolt URL that clients connect to, without user or password.
    #[must_use]
    pub fn url(&self) -> String {
        format!("bolt://127.0.0.1:{}", self.port)
    }

    /// The folder that holds everything that this server writes.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The id of the Java process, unless it is down.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(ServerProcess::id)
    }

    /// The file that holds the output of every start of the server.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.folder.path().join("neo4j.log")
    }

    /// Whether the process runs.
    pub fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(ServerProcess::is_running)
    }
}

/// Agrees with the server at a `bolt://host:port` URL on a protocol version.
///
/// # Errors
/// When the URL is of another form, or nothing there speaks Bolt 4.4 or 5.
pub fn check_bolt(url: &str) -> anyhow::Result<()> {
    let authority = url.strip_prefix("bolt://").with_context(|| format!("{url} is no bolt:// URL"))?;
    let address = authority
        .to_socket_addrs()
        .ok()
        .and_then(|mut addresses| addresses.next())
        .with_context(|| format!("{url} names no host and port"))?;
    let version = agreed_version(address).with_context(|| format!("no Bolt server answers at {url}"))?;
    ensure!(version != [0; 4], "the server at {url} speaks neither Bolt 4.4 nor Bolt 5");
    Ok(())
}

fn agreed_version(address: SocketAddr) -> io::Result<[u8; 4]> {
    let mut stream = TcpStream::connect_timeout(&address, PROBE_LIMIT)?;
    stream.set_read_timeout(Some(PROBE_LIMIT))?;
    stream.write_all(&HANDSHAKE)?;
    let mut version = [0; 4];
    stream.read_exact(&mut version)?;
    Ok(version)
}

/// How often the Java program has said that it answers queries.
fn announcements(log: &Path) -> usize {
    let count = |text: String| text.lines().filter(|line| line.starts_with("ready bolt://")).count();
    fs::read_to_string(log).map_or(0, count)
}

fn lost_its_port(error: &anyhow::Error) -> bool {
    let text = format!("{error:#}").to_lowercase();
    text.contains("address already in use") || text.contains("bindexception")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bolt_urls_with_a_port_are_accepted() {
        for url in ["neo4j://127.0.0.1:7687", "bolt://127.0.0.1", "bolt://"] {
            assert!(check_bolt(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_port_on_which_nothing_listens_is_no_server() {
        let port = free_port().unwrap();
        let error = check_bolt(&format!("bolt://127.0.0.1:{port}")).unwrap_err();
        assert!(format!("{error:#}").contains("no Bolt server answers"));
    }
}
