//! A PostgreSQL server with its own data folder, durable as production is: `fsync` is on.
//!
//! Its programs refuse to run as root; where this process is root they run as the user `postgres`, who then owns the
//! folder. It must never answer for another server: it is ready only when the server on its port gives the name that
//! this one was started with.

use std::fs;
use std::io;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tempfile::TempDir;

use super::ports::{ATTEMPTS, free_port};
use super::process::ServerProcess;
use super::tools::{POSTGRES_URL, find_program, postgres_folders};

const READY_LIMIT: Duration = Duration::from_secs(60);
const QUIT_LIMIT: Duration = Duration::from_secs(10);
/// Who owns the databases; there is no password.
const OWNER: &str = "foodflow";
/// Tests run side by side, each with some connections.
const CONNECTIONS_MAX: u32 = 300;

/// A PostgreSQL server process with its own port and temporary folder.
#[derive(Debug)]
pub struct PostgresProcess {
    // The process stands before the folder, so that it is gone when its folder is removed.
    process: Option<ServerProcess>,
    programs: PathBuf,
    user: Option<User>,
    port: u16,
    folder: TempDir,
}

/// Whom the server runs as, where this process is root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct User {
    id: u32,
    group: u32,
}

impl PostgresProcess {
    /// Makes a database cluster, starts a server on a free port, and waits until it answers.
    ///
    /// # Errors
    /// When PostgreSQL is not installed, or does not start; the error carries the end of its log.
    pub fn start() -> anyhow::Result<Self> {
        let programs = find_program("initdb", &postgres_folders())
            .and_then(|initdb| initdb.parent().map(Path::to_owned))
            .with_context(|| {
                format!(
                    "no PostgreSQL in /usr/lib/postgresql or on PATH: run `cargo xtask install`, or set \
                     {POSTGRES_URL} to a running server"
                )
            })?;
        let user = if rustix::process::geteuid().is_root() { Some(user_named("postgres")?) } else { None };
        let folder = tempfile::Builder::new().prefix("foodflow-postgres-").tempdir()?;
        if let Some(User { id, group }) = user {
            chown(folder.path(), Some(id), Some(group)).context("giving the folder to the user postgres")?;
        }
        let mut server = Self { process: None, programs, user, port: 0, folder };
        server.make_cluster()?;
        let mut attempt = 1;
        loop {
            server.port = free_port()?;
            match server.restart() {
                Err(error) if attempt < ATTEMPTS && lost_its_port(&error) => attempt += 1,
                started => return started.map(|()| server),
            }
        }
    }

    /// The URL of its database `postgres`, whose user may create others.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://{OWNER}@127.0.0.1:{}/postgres", self.port)
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

    /// Starts the server on its port and data, after killing it if it runs, and waits until it answers.
    ///
    /// # Errors
    /// When it does not start; the error carries the end of its log.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.kill9()?;
        // The children of a server that was killed end by themselves, but not before it.
        let mut attempt = 1;
        loop {
            let started = self.start_once();
            match started {
                Err(error) if attempt < ATTEMPTS && format!("{error:#}").contains("still in use") => {
                    attempt += 1;
                    std::thread::sleep(Duration::from_millis(200));
                }
                started => return started,
            }
        }
    }

    fn start_once(&mut self) -> anyhow::Result<()> {
        let name = format!("foodflow-test-{}-{}", std::process::id(), self.port);
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.data()).arg("-p").arg(self.port.to_string());
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "fsync=on",
            &format!("max_connections={CONNECTIONS_MAX}"),
            &format!("cluster_name={name}"),
        ] {
            command.arg("-c").arg(setting);
        }
        let log = self.folder.path().join("postgres.log");
        // Of one start at a time, so that a refusal of the start before is not taken for one of this.
        let _ = fs::remove_file(&log);
        let mut process = ServerProcess::start("postgres", &mut command, &log, self.folder.path())?;
        let (programs, url) = (self.programs.clone(), self.url());
        process.wait_until(READY_LIMIT, || {
            let answer = ask(&programs, &url, "SHOW cluster_name").ok()?;
            (answer == name).then_some(())
        })?;
        self.process = Some(process);
        Ok(())
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn make_cluster(&self) -> anyhow::Result<()> {
        let mut command = self.command("initdb");
        command.args(["--username", OWNER, "--auth", "trust", "--encoding", "UTF8", "--locale", "C"]);
        // A folder that a crash of the machine leaves half made is never used again.
        command.arg("--no-sync").arg("-D").arg(self.data());
        let output = command.output().context("starting initdb")?;
        ensure!(output.status.success(), "initdb failed:\n{}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    /// One of PostgreSQL's programs, run as the user who may.
    fn command(&self, program: &str) -> Command {
        let path = self.programs.join(program);
        let mut command = match self.user {
            Some(User { id, group }) => {
                // It replaces itself by the program, so that the process id is the server's.
                let mut command = Command::new("setpriv");
                command.arg(format!("--reuid={id}")).arg(format!("--regid={group}"));
                command.args(["--clear-groups", "--"]).arg(path);
                command
            }
            None => Command::new(path),
        };
        command.current_dir(self.folder.path());
        command
    }
}

impl Drop for PostgresProcess {
    /// Stops it at once rather than killing it, so that it gives its shared memory back.
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.quit(QUIT_LIMIT);
        }
    }
}

/// Makes an empty database beside the one at `url`; answers with its URL.
///
/// # Errors
/// When the server does not answer, or its user may not create databases.
pub fn create_database(url: &str, name: &str) -> anyhow::Result<String> {
    let programs = find_program("psql", &postgres_folders())
        .and_then(|psql| psql.parent().map(Path::to_owned))
        .context("no psql in /usr/lib/postgresql or on PATH: run `cargo xtask install`")?;
    // The first template is in use by whoever makes a database at the same time.
    ask(&programs, url, &format!("CREATE DATABASE {name} TEMPLATE template0"))?;
    beside(url, name).context("the URL names no database")
}

/// The URL of another database of the same server.
fn beside(url: &str, name: &str) -> Option<String> {
    let (address, parameters) = url.split_once('?').map_or((url, None), |(head, tail)| (head, Some(tail)));
    let (server, _) = address.rsplit_once('/').filter(|(server, _)| !server.ends_with('/'))?;
    Some(match parameters {
        Some(parameters) => format!("{server}/{name}?{parameters}"),
        None => format!("{server}/{name}"),
    })
}

/// Runs one statement and answers with what it prints.
fn ask(programs: &Path, url: &str, statement: &str) -> anyhow::Result<String> {
    let mut command = Command::new(programs.join("psql"));
    command.args(["--no-psqlrc", "--no-align", "--tuples-only", "--quiet", "--set", "ON_ERROR_STOP=1"]);
    let output = command.args(["--command", statement, url]).output().context("starting psql")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn user_named(name: &str) -> anyhow::Result<User> {
    let accounts = fs::read_to_string("/etc/passwd").context("reading the accounts of this machine")?;
    find_user(&accounts, name).with_context(|| {
        format!(
            "PostgreSQL does not run as root, and there is no user `{name}`; its Debian package makes one"
        )
    })
}

fn find_user(accounts: &str, name: &str) -> Option<User> {
    accounts.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        match fields.as_slice() {
            [account, _, id, group, ..] if *account == name => {
                Some(User { id: id.parse().ok()?, group: group.parse().ok()? })
            }
            _ => None,
        }
    })
}

fn lost_its_port(error: &anyhow::Error) -> bool {
    format!("{error:#}").contains("could not bind")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_the_whole_name() {
        let accounts =
            "root:x:0:0::/root:/bin/sh\npostgres2:x:7:8::/:/bin/sh\npostgres:x:101:104::/var:/bin/sh\n";
        assert_eq!(find_user(accounts, "postgres"), Some(User { id: 101, group: 104 }));
        assert_eq!(find_user(accounts, "nobody"), None);
    }

    #[test]
    fn another_database_keeps_the_server_and_its_parameters() {
        let cases = [
            ("postgres://me@host:5432/postgres", Some("postgres://me@host:5432/mine")),
            ("postgres://me@host/a?sslmode=disable", Some("postgres://me@host/mine?sslmode=disable")),
            ("postgres://me@host", None),
        ];
        for (url, expected) in cases {
            assert_eq!(beside(url, "mine").as_deref(), expected, "{url}");
        }
    }
}
