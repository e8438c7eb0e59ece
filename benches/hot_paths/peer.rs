//! The peer: `postgres-es` with the same aggregate, in a process of its own.
//!
//! It is a package of its own, `foodflow-bench-peer`, so that what it depends on is built for the benches alone. It reads
//! requests, one JSON object a line, and answers each with a line.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::programs::{Program, built};

/// How much longer than asked for an answer may take.
const ANSWER_GRACE: Duration = Duration::from_secs(300);

/// The running peer; killed when dropped.
pub(crate) struct Peer {
    _child: Child,
    requests: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Peer {
    /// Builds the peer, and starts it on the database at `url`, where it makes its tables.
    ///
    /// # Errors
    /// Where it cannot be built or started.
    pub(crate) async fn start(url: &str, connections: u32) -> anyhow::Result<Self> {
        let mut child = Command::new(built(Program::Peer).await?)
            .args([url, &connections.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("starting the peer")?;
        let requests = child.stdin.take().context("the peer's input")?;
        let answers = BufReader::new(child.stdout.take().context("the peer's output")?).lines();
        Ok(Self { _child: child, requests, answers })
    }

    /// Lets so many clients command for as long as `window`; answers with each command's latency, and how long it took.
    ///
    /// # Errors
    /// Where the peer fails.
    pub(crate) async fn append(
        &mut self,
        clients: usize,
        window: Duration,
    ) -> anyhow::Result<(Vec<Duration>, Duration)> {
        let request = json!({ "append": { "clients": clients, "window_ns": nanoseconds(window) } });
        let answer = self.ask(&request, window + ANSWER_GRACE).await?;
        let latencies = answer["latencies_ns"].as_array().context("the peer tells no latencies")?;
        let latencies = latencies.iter().filter_map(Value::as_u64).map(Duration::from_nanos).collect();
        Ok((latencies, elapsed(&answer)?))
    }

    /// Replays the events of its table into a view; answers with how many views there are then, and how long it took.
    ///
    /// # Errors
    /// Where the peer fails.
    pub(crate) async fn replay(&mut self) -> anyhow::Result<(usize, Duration)> {
        let answer = self.ask(&json!({ "replay": {} }), ANSWER_GRACE).await?;
        let views = answer["views"].as_u64().context("the peer tells no views")?;
        Ok((usize::try_from(views)?, elapsed(&answer)?))
    }

    async fn ask(&mut self, request: &Value, limit: Duration) -> anyhow::Result<Value> {
        self.requests.write_all(format!("{request}\n").as_bytes()).await?;
        let answer = tokio::time::timeout(limit, self.answers.next_line()).await;
        let answer = answer.context("the peer does not answer")??.context("the peer has ended")?;
        let answer: Value = serde_json::from_str(&answer)?;
        ensure!(answer["error"].is_null(), "the peer: {}", answer["error"]);
        Ok(answer)
    }
}

fn elapsed(answer: &Value) -> anyhow::Result<Duration> {
    answer["elapsed_ns"].as_u64().map(Duration::from_nanos).context("the peer tells no time")
}

fn nanoseconds(duration: Duration) -> u64 {
    duration.as_nanos().try_into().unwrap_or(u64::MAX)
}
