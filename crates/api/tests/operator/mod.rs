//! The commands for operators and auditors, on the history that the demo tells.

mod audit;
mod bundles;
mod doctor;
mod doctor_servers;
mod keys;
mod mirror;
mod nats_sign_in;
mod production;
mod rebuild;
mod replay;
mod signed;
mod signed_servers;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use foodflow_projections::graph::embedded::EmbeddedGraph;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use tempfile::TempDir;

/// How long a serving process may take for what is waited for.
const DONE_WAIT: Duration = Duration::from_secs(120);

/// A folder of its own, in which the program runs with no settings but those given.
struct Place {
    folder: TempDir,
}

/// How the program ended, and what it said.
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Place {
    /// Without anything in it.
    fn empty() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    /// With a data folder as the demo leaves it.
    fn seeded() -> Self {
        static SEEDED: OnceLock<Vec<(String, Vec<u8>)>> = OnceLock::new();
        let place = Self::empty();
        let data = place.data();
        std::fs::create_dir(&data).unwrap();
        for (name, content) in SEEDED.get_or_init(seed) {
            std::fs::write(data.join(name), content).unwrap();
        }
        for secret in ["access-key.pem", "master-key"] {
            set_mode(&data.join(secret), 0o600);
        }
        place
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_foodflow"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("FOODFLOW_") {
                command.env_remove(name);
            }
        }
        command.args(arguments).current_dir(self.path()).stdin(Stdio::null());
        command
    }

    /// The demo, in the data folder itself.
    fn demo(&self, more: &[&str]) -> Command {
        let mut command = self.command(&["demo", "--listen", "127.0.0.1:0", "--data"]);
        command.arg(self.data()).args(more).stdout(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        Ended::of(self.command(arguments).output().unwrap())
    }

    /// Runs it, and reads the JSON that it prints whichever way it ends.
    fn json(&self, arguments: &[&str]) -> (Option<i32>, Value) {
        let ended = self.run(arguments);
        let value = serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended}"));
        (ended.code, value)
    }

    /// The events that `replay` prints with these arguments beside the format.
    fn events(&self, arguments: &[&str]) -> Vec<Value> {
        let ended = self.run(&[&["replay", "--format", "ndjson"], arguments].concat());
        assert_eq!(ended.code, Some(0), "{ended}");
        ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Name of the file of the live generation of the graph.
    fn live_graph(&self) -> String {
        let file = EmbeddedGraph::live_file(&self.data().join("food_graph.sqlite")).unwrap();
        file.file_name().unwrap().to_str().unwrap().to_owned()
    }

    /// Changes a file of the data folder with another tool.
    async fn edit(&self, file: &str, statements: &str) {
        let options = SqliteConnectOptions::new().filename(self.data().join(file));
        let mut connection = options.connect().await.unwrap();
        let statements = sqlx::AssertSqlSafe(statements.to_owned());
        assert!(sqlx::raw_sql(statements).execute(&mut connection).await.unwrap().rows_affected() > 0);
        connection.close().await.unwrap();
    }
}

impl Ended {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "code {:?}\nstdout:\n{}\nstderr:\n{}", self.code, self.stdout, self.stderr)
    }
}

fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// What the demo leaves in its data folder.
fn seed() -> Vec<(String, Vec<u8>)> {
    let place = Place::empty();
    serve_until_ready(&mut place.demo(&[]));
    let entries = std::fs::read_dir(place.data()).unwrap().map(Result::unwrap);
    let file = |entry: std::fs::DirEntry| {
        (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap())
    };
    entries.map(file).collect()
}

/// Starts a serving process, waits until it is ready, and ends it as a service manager does.
fn serve_until_ready(command: &mut Command) {
    serve_until(command, || true);
}

/// Starts a serving process, waits until it is ready and until `done`, and ends it.
fn serve_until(command: &mut Command, done: impl Fn() -> bool) {
    let mut serving = Serving(command.spawn().unwrap());
    let mut lines = BufReader::new(serving.0.stdout.take().unwrap()).lines();
    let ready = lines.next().expect("it says that it is ready").unwrap();
    let address = ready.strip_prefix("ready http://").unwrap_or_else(|| panic!("{ready}"));
    // One that answers has its signals in hand.
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: foodflow\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let deadline = Instant::now() + DONE_WAIT;
    while !done() {
        assert!(Instant::now() < deadline, "what it should do is not done after {DONE_WAIT:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
    kill_process(Pid::from_child(&serving.0), Signal::TERM).unwrap();
    assert!(serving.0.wait().unwrap().success());
}

/// Ends with the test, whichever way that ends.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        // Of no use where it has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
