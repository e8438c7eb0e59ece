//! A tenant's log as the lines that import reads: one command after the other, as they were recorded.

use std::io::Write;

use anyhow::Context as _;
use foodflow_domain::TenantId;
use foodflow_log::{Envelope, PayloadHash, Position, SharedLog, StoredMessage};
use serde::Serialize;
use serde_json::Value;

use super::rebuild::{Asked, asked};
use crate::cli::walk::Walk;

/// The context whose events are exported.
const CONTEXT: &str = "food_graph";

/// A line, as import reads it.
#[derive(Debug, Serialize)]
struct Line<'a> {
    command: &'a str,
    key: &'a str,
    /// So that a client's repeat is known as one where the line was imported.
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<PayloadHash>,
    body: &'a Value,
}

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Commands, a line each.
    pub commands: u64,
    /// Commands of other contexts, which import does not take.
    pub left_out: u64,
}

/// Writes every command of `tenant` that was recorded up to `until`, in the order of the log; `at` hears of
/// positions.
///
/// # Errors
/// Where the log does not answer or holds something unexpected, or a line cannot be written.
pub async fn export(
    log: &SharedLog,
    tenant: TenantId,
    until: Position,
    out: &mut impl Write,
    mut at: impl FnMut(Position),
) -> anyhow::Result<Written> {
    let mut written = Written::default();
    let mut commit: Vec<Envelope> = Vec::new();
    let mut walk = Walk::new(log.as_ref(), log.partition_of(tenant), Some(tenant), Position(0));
    loop {
        let page = walk.page().await?;
        if page.is_empty() {
            break;
        }
        for message in &page {
            if message.position > until {
                return Ok(written);
            }
            let is_last = take(message, &mut commit)
                .with_context(|| format!("position {} cannot be exported", message.position))?;
            if is_last {
                write(&commit, out, &mut written).with_context(|| {
                    format!("the commit at position {} cannot be exported", message.position)
                })?;
                commit.clear();
            }
            at(message.position);
        }
    }
    Ok(written)
}

/// Adds a message to its commit; true where it is the last one.
fn take(message: &StoredMessage, commit: &mut Vec<Envelope>) -> anyhow::Result<bool> {
    let envelopes = Envelope::decode_batch(&message.payload)?;
    let first = envelopes.first().context("a message without events")?;
    if let Some(before) = commit.first() {
        anyhow::ensure!(before.commandid == first.commandid, "the commit before it lacks its end");
    }
    let is_last = first.commitindex + 1 >= first.commitsize;
    commit.extend(envelopes);
    Ok(is_last)
}

fn write(commit: &[Envelope], out: &mut impl Write, written: &mut Written) -> anyhow::Result<()> {
    let Some(first) = commit.first() else { return Ok(()) };
    let is_other = |envelope: &Envelope| envelope.event_type.split('.').nth(1) != Some(CONTEXT);
    if commit.iter().all(is_other) {
        written.left_out += 1;
        return Ok(());
    }
    let mut commands: Vec<Asked> = Vec::new();
    for envelope in commit.iter().filter(|envelope| !is_other(envelope)) {
        commands.extend(asked(envelope)?);
    }
    anyhow::ensure!(!commands.is_empty(), "none of its events says what was asked for");
    let is_one = commands.len() == 1;
    for (index, command) in commands.iter().enumerate() {
        let key = if is_one { first.commandid.to_string() } else { format!("{}/{index}", first.commandid) };
        let hash = is_one.then_some(first.commandhash);
        let line = Line { command: &command.command, key: &key, hash, body: &command.body };
        serde_json::to_writer(&mut *out, &line)?;
        out.write_all(b"\n")?;
        written.commands += 1;
    }
    Ok(())
}
