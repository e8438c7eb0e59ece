//! A Redis server with its own port and data folder; what it acknowledged is in its append-only file within a second.
//!
//! It keeps its port and its data when it is killed and started again. It must never answer for another server: it is
//! ready only when the server on its port says that it is this process.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tempfile::TempDir;

use super::ports::{ATTEMPTS, free_port};
use super::process::ServerProcess;
use super::tools::{REDIS_URL, find_program, path_folders};

const READY_LIMIT: Duration = Duration::from_secs(30);
const PROBE_LIMIT: Duration = Duration::from_secs(1);
const INFO_BYTES: u64 = 64 * 1024;

/// A Redis server process with its own port and temporary folder.
#[derive(Debug)]
pub struct RedisProcess {
    // The process stands before the folder, so that it is gone when its folder is removed.
    process: Option<ServerProcess>,
    program: PathBuf,
    port: u16,
    folder: TempDir,
}

impl RedisProcess {
    /// Starts a server on a free port, and waits until it answers.
    ///
    /// # Errors
    /// When Redis is not installed, or does not start; the error carries the end of its log.
    pub fn start() -> anyhow::Result<Self> {
        let program = find_program("redis-server", &path_folders()).with_context(|| {
            format!(
                "no redis-server on PATH: run `cargo xtask install`, or set {REDIS_URL} to a running server"
            )
        })?;
        let folder = tempfile::Builder::new().prefix("foodflow-redis-").tempdir()?;
        let mut server = Self { process: None, program, port: 0, folder };
        let mut attempt = 1;
        loop {
            server.port = free_port()?;
            match server.restart() {
                Err(error) if attempt < ATTEMPTS && lost_its_port(&error) => attempt += 1,
                started => return started.map(|()| server),
            }
        }
    }

    /// The URL that clients connect to.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The folder that holds everything that this server writes.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The id of the running process.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(ServerProcess::id)
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

    /// Starts the server on its port and data, after killing it if it runs, and waits until it answers.
    ///
    /// # Errors
    /// When it does not start; the error carries the end of its log.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.kill9()?;
        let mut command = Command::new(&self.program);
        command.args(arguments(self.port, self.folder.path()));
        let log = self.folder.path().join("redis.log");
        let mut process = ServerProcess::start("redis-server", &mut command, &log, self.folder.path())?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let itself = format!("process_id:{}", process.id());
        process.wait_until(READY_LIMIT, || {
            let information = information(address).ok()?;
            (information.lines().any(|line| line == itself) && information.contains("loading:0"))
                .then_some(())
        })?;
        self.process = Some(process);
        Ok(())
    }
}

/// What a Redis server says of itself.
///
/// # Errors
/// When nothing answers there within a second, or what answers is no Redis server.
pub fn information(address: SocketAddr) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PROBE_LIMIT)?;
    stream.set_read_timeout(Some(PROBE_LIMIT))?;
    stream.write_all(b"INFO\r\n")?;
    let mut reader = BufReader::new(stream.take(INFO_BYTES));
    let mut length = String::new();
    reader.read_line(&mut length)?;
    let length = length.trim_end().strip_prefix('$').and_then(|length| length.parse::<usize>().ok());
    let length = length.filter(|length| u64::try_from(*length).is_ok_and(|length| length < INFO_BYTES));
    ensure!(length.is_some(), "{address} does not answer like a Redis server");
    let mut text = vec![0; length.unwrap_or_default()];
    reader.read_exact(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn arguments(port: u16, folder: &Path) -> Vec<String> {
    let folder = folder.display().to_string();
    let settings = [
        ["--port", &port.to_string()],
        ["--bind", "127.0.0.1"],
        ["--dir", &folder],
        ["--appendonly", "yes"],
        ["--save", ""],
        ["--maxmemory-policy", "noeviction"],
    ];
    settings.into_iter().flatten().map(str::to_owned).collect()
}

fn lost_its_port(error: &anyhow::Error) -> bool {
    format!("{error:#}").contains("Address already in use")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_acknowledged_is_kept_and_nothing_is_evicted() {
        let words = arguments(20_001, Path::new("/tmp/data")).join(" ");
        assert!(
            words.contains("--appendonly yes") && words.contains("--maxmemory-policy noeviction"),
            "{words}"
        );
        assert!(words.contains("--port 20001 --bind 127.0.0.1 --dir /tmp/data"), "{words}");
    }
}
