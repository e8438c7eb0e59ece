//! Loading a stream and reading ranges, all by Direct Get in bounded pages.

use foodflow_domain::TenantId;
use serde::Deserialize;

use super::connect::Connection;
use super::direct_get::{self, Question};
use super::subject;
use crate::event_log::{LOADED_MESSAGES_MAX, READ_MESSAGES_MAX};
use crate::{Direction, LogError, Page, Partition, Position, ReadQuery, StoredMessage, StreamId};

/// Most messages of one page, which is bounded by bytes as well. Large, because the server counts what matches a
/// wildcard once per page, over all subjects of the partition.
const PAGE_MESSAGES: usize = READ_MESSAGES_MAX;
/// Fewest messages that a backward read asks for at once.
const BACKWARD_MESSAGES_MIN: usize = 256;
/// How much wider each window of a backward read may be than the one before it.
const BACKWARD_GROWTH: u64 = 8;

/// The next messages of one stream after `after`: one question.
pub(super) async fn load(
    connection: &Connection,
    partition: Partition,
    tenant: TenantId,
    stream: &StreamId,
    after: Position,
    limit: usize,
) -> Result<Page, LogError> {
    let nothing = Page { messages: Vec::new(), reached_end: true };
    // A stream with a name that no subject can hold was never written.
    let Some(subject) = subject::stream_subject(partition, tenant, stream) else { return Ok(nothing) };
    let Some(seq) = after.0.checked_add(1) else { return Ok(nothing) };
    let batch = limit.clamp(1, LOADED_MESSAGES_MAX);
    let question =
        Question { batch: Some(batch), seq: Some(seq), next_by_subj: Some(&subject), ..Question::default() };
    direct_get::ask(connection, partition, &question).await
}

/// A bounded range of one partition.
pub(super) async fn read(
    connection: &Connection,
    partition: Partition,
    query: &ReadQuery,
) -> Result<Vec<StoredMessage>, LogError> {
    let limit = query.limit.min(READ_MESSAGES_MAX);
    if limit == 0 {
        return Ok(Vec::new());
    }
    let filter = query.tenant.map(|tenant| subject::tenant_filter(partition, tenant));
    match query.direction {
        Direction::Forward => forward(connection, partition, filter.as_deref(), query.from, limit).await,
        Direction::Backward => backward(connection, partition, filter.as_deref(), query.from, limit).await,
    }
}

/// Position of the partition's last message.
///
/// By stream info: a Direct Get of the last message of any subject walks over every subject of the partition.
pub(super) async fn head(connection: &Connection, partition: Partition) -> Result<Position, LogError> {
    #[derive(Deserialize)]
    struct Info {
        state: State,
    }
    #[derive(Deserialize)]
    struct State {
        last_seq: u64,
    }
    let question = format!("STREAM.INFO.{}", subject::stream_name(partition));
    let info: Info = connection.ask_api(&question, &()).await?;
    Ok(Position(info.state.last_seq))
}

async fn forward(
    connection: &Connection,
    partition: Partition,
    filter: Option<&str>,
    after: Position,
    limit: usize,
) -> Result<Vec<StoredMessage>, LogError> {
    let mut found: Vec<StoredMessage> = Vec::new();
    let mut after = after;
    while found.len() < limit {
        let Some(seq) = after.0.checked_add(1) else { break };
        let batch = (limit - found.len()).min(PAGE_MESSAGES);
        let question =
            Question { batch: Some(batch), seq: Some(seq), next_by_subj: filter, ..Question::default() };
        let page = direct_get::ask(connection, partition, &question).await?;
        let Some(last) = page.messages.last() else { break };
        after = last.position;
        found.extend(page.messages);
        if page.reached_end {
            break;
        }
    }
    Ok(found)
}

/// Newest first before `before`: whole windows of positions, each wider than the one after it.
///
/// What stands before a position never changes, so windows that adjoin give an exact answer. A window that
/// holds far more than is needed is halved towards its end instead of being read through.
async fn backward(
    connection: &Connection,
    partition: Partition,
    filter: Option<&str>,
    before: Position,
    limit: usize,
) -> Result<Vec<StoredMessage>, LogError> {
    let head = head(connection, partition).await?;
    let mut end = before.0.min(head.0 + 1);
    let mut width = limit as u64;
    let mut found: Vec<StoredMessage> = Vec::new();
    while found.len() < limit && end > 1 {
        let needed = limit - found.len();
        let start = end.saturating_sub(width).max(1);
        let (start, window) = newest_window(connection, partition, filter, start..end, needed).await?;
        width = (end - start).saturating_mul(BACKWARD_GROWTH);
        end = start;
        found.extend(window.into_iter().rev().take(needed));
    }
    Ok(found)
}

/// All messages of the latter part of `window`, and where that part starts: as much of it as can be read
/// without reading much more than `needed`.
async fn newest_window(
    connection: &Connection,
    partition: Partition,
    filter: Option<&str>,
    window: std::ops::Range<u64>,
    needed: usize,
) -> Result<(u64, Vec<StoredMessage>), LogError> {
    let budget = needed.saturating_mul(2).max(BACKWARD_MESSAGES_MIN);
    let mut start = window.start;
    loop {
        let mut found: Vec<StoredMessage> = Vec::new();
        let mut next = start;
        let complete = loop {
            let left = usize::try_from(window.end - next).unwrap_or(usize::MAX);
            let batch = left.min(PAGE_MESSAGES).min(budget);
            let question =
                Question { batch: Some(batch), seq: Some(next), next_by_subj: filter, ..Question::default() };
            let page = direct_get::ask(connection, partition, &question).await?;
            let reached = page.messages.last().map(|message| message.position.0);
            found.extend(page.messages.into_iter().filter(|message| message.position.0 < window.end));
            match reached {
                Some(position) if !page.reached_end && position + 1 < window.end => next = position + 1,
                _ => break true,
            }
            if found.len() >= budget {
                break false;
            }
        };
        if complete {
            return Ok((start, found));
        }
        start = next + (window.end - next) / 2;
    }
}
