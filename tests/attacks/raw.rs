//! Bytes as they stand, and every answer that comes back.

use std::time::Duration;

use anyhow::Context as _;
use foodflow_testkit::TestApp;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How long the program may take to close a connection that it has no more use for.
const CLOSED_WITHIN: Duration = Duration::from_secs(20);

/// One answer.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    head: String,
    pub(super) body: String,
}

impl Answer {
    /// A header as text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// The code of a refusal.
    pub(super) fn code(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_default();
        body["code"].as_str().unwrap_or_default().to_owned()
    }
}

pub(super) async fn connect(app: &TestApp) -> anyhow::Result<TcpStream> {
    let (_, address) = app.base().split_once("://").context("the base is no URL")?;
    Ok(TcpStream::connect(address).await?)
}

/// Sends bytes over a connection of their own, and reads every answer until the program closes it.
pub(super) async fn exchange(app: &TestApp, bytes: &[u8]) -> anyhow::Result<Vec<Answer>> {
    let mut stream = connect(app).await?;
    // The program may refuse before it has read everything.
    let _ = stream.write_all(bytes).await;
    answers(&mut stream).await
}

/// Every answer until the program closes the connection.
pub(super) async fn answers(stream: &mut (impl AsyncRead + Unpin)) -> anyhow::Result<Vec<Answer>> {
    let mut bytes = Vec::new();
    let reading = async {
        let mut chunk = [0; 8_192];
        // A connection that is reset is closed, too.
        while let Ok(count @ 1..) = stream.read(&mut chunk).await {
            bytes.extend_from_slice(&chunk[..count]);
        }
    };
    tokio::time::timeout(CLOSED_WITHIN, reading).await.context("the connection was not closed")?;
    let mut rest = String::from_utf8_lossy(&bytes).into_owned();
    let mut answers = Vec::new();
    while !rest.is_empty() {
        let (answer, after) = parse(&rest).with_context(|| format!("this is no answer: {rest}"))?;
        answers.push(answer);
        rest = after;
    }
    Ok(answers)
}

/// Reads one answer, whose connection may stay open.
pub(super) async fn one(stream: &mut (impl AsyncRead + Unpin)) -> anyhow::Result<Answer> {
    let mut bytes = Vec::new();
    let reading = async {
        let mut chunk = [0; 8_192];
        loop {
            if let Some((answer, _)) = parse(&String::from_utf8_lossy(&bytes)) {
                return Ok(answer);
            }
            let count = stream.read(&mut chunk).await?;
            anyhow::ensure!(count > 0, "closed without an answer: {}", String::from_utf8_lossy(&bytes));
            bytes.extend_from_slice(&chunk[..count]);
        }
    };
    tokio::time::timeout(CLOSED_WITHIN, reading).await.context("no answer")?
}

/// The first answer of a text, and what follows it. Every answer that is asked for here says how long it is.
fn parse(text: &str) -> Option<(Answer, String)> {
    let (head, rest) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.1 ").or(head.strip_prefix("HTTP/1.0 "))?.get(..3)?.parse().ok()?;
    let mut answer = Answer { status, head: head.to_owned(), body: String::new() };
    let length: usize = answer.header("content-length").unwrap_or("0").parse().ok()?;
    answer.body = rest.get(..length)?.to_owned();
    Some((answer, rest[length..].to_owned()))
}

/// Fails unless the program answers as if nothing had been.
pub(super) async fn still_answers(app: &TestApp) -> anyhow::Result<()> {
    let request = b"GET /healthz HTTP/1.1\r\nHost: plant\r\nConnection: close\r\n\r\n";
    let answers = exchange(app, request).await?;
    anyhow::ensure!(
        matches!(answers.as_slice(), [Answer { status: 200, body, .. }] if body == "ok\n"),
        "{answers:?}"
    );
    Ok(())
}

/// Sends each attack over a connection of its own, all at once; each must get one answer, with a status of those that are
/// named, and then be alone on its connection.
pub(super) async fn all_refused(
    app: &TestApp,
    attacks: Vec<(String, Vec<u8>)>,
    statuses: &[u16],
) -> anyhow::Result<()> {
    let sent = attacks.iter().map(|(_, bytes)| exchange(app, bytes));
    let mut defects = Vec::new();
    for ((name, _), answers) in attacks.iter().zip(futures::future::join_all(sent).await) {
        let answers = answers.with_context(|| name.clone())?;
        match answers.as_slice() {
            [one] if statuses.contains(&one.status) => {}
            // What is no request at all may be cut off.
            [] if statuses.contains(&0) => {}
            _ => defects.push(format!("{name}: {answers:?}")),
        }
    }
    assert!(defects.is_empty(), "not refused as it must be:\n{}", defects.join("\n"));
    still_answers(app).await
}
