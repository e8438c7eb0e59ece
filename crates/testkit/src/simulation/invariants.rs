//! What must hold at the end of every simulation, told from what the log holds.

use std::collections::BTreeMap;

use foodflow_domain::EventSet as _;
use foodflow_domain::food_graph::batch::BatchEvent;
use foodflow_log::event_log::READ_MESSAGES_MAX;
use foodflow_log::{
    ChainVerifier, Direction, Envelope, LogError, Partition, Position, ReadQuery, SharedLog, StoredMessage,
};
use foodflow_projections::runner::food_graph;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::client::Notebook;
use super::model_store::ModelGraph;

/// Where a reader looked: the position that it was told, and the digest of what it saw.
pub(super) type Observation = (Partition, Position, String);

/// All messages of a partition.
///
/// # Errors
/// Where the log does not answer.
pub(super) async fn messages(log: &SharedLog, partition: Partition) -> Result<Vec<StoredMessage>, LogError> {
    let mut all: Vec<StoredMessage> = Vec::new();
    loop {
        let from = all.last().map_or(Position(0), |message| message.position);
        let (direction, limit) = (Direction::Forward, READ_MESSAGES_MAX);
        let page = log.read(partition, ReadQuery { tenant: None, from, direction, limit }).await?;
        let is_last = page.len() < READ_MESSAGES_MAX;
        all.extend(page);
        if is_last {
            return Ok(all);
        }
    }
}

/// Hash chains, order of streams, whole commits.
///
/// # Errors
/// What is broken.
pub(super) fn chains(messages: &[StoredMessage]) -> Result<(), String> {
    let mut verifier = ChainVerifier::new();
    messages.iter().try_for_each(|message| verifier.check(message)).map_err(|broken| broken.to_string())?;
    verifier.finish().map(drop).map_err(|broken| broken.to_string())
}

/// Every answered command stands once, as it was answered; no command stands twice.
///
/// # Errors
/// Which command does not.
pub(super) fn commands(all: &[Vec<StoredMessage>], notebook: &Notebook) -> Result<(), String> {
    let mut commits = BTreeMap::<Uuid, Vec<(u64, Vec<Uuid>)>>::new();
    for message in all.iter().flatten() {
        let events = Envelope::decode_batch(&message.payload).map_err(|error| error.to_string())?;
        let Some(first) = events.first() else { return Err("a message without events".to_owned()) };
        let of_command = commits.entry(first.commandid).or_default();
        if first.commitindex == 0 {
            of_command.push((0, Vec::new()));
        }
        let Some(commit) = of_command.last_mut() else {
            return Err(format!("position {} does not begin its commit", message.position));
        };
        commit.0 = message.position.0;
        commit.1.extend(events.iter().map(|event| event.id));
    }
    if let Some(contradiction) = notebook.contradictions.first() {
        return Err(contradiction.clone());
    }
    for (command, found) in &commits {
        if found.len() > 1 {
            return Err(format!("command {command} was carried out {} times", found.len()));
        }
    }
    for (command, answer) in &notebook.answers {
        if commits.get(command).and_then(|found| found.first()) != Some(answer) {
            let found = commits.get(command);
            return Err(format!("command {command} was answered {answer:?}, the log holds {found:?}"));
        }
    }
    Ok(())
}

/// No lot gives more than it has, and what it says remains is what its movements leave.
///
/// # Errors
/// Which lot does.
pub(super) fn stock(all: &[Vec<StoredMessage>]) -> Result<(), String> {
    let mut books = BTreeMap::<Uuid, Decimal>::new();
    for message in all.iter().flatten().filter(|message| message.stream.aggregate == "batch") {
        let events = Envelope::decode_batch(&message.payload).map_err(|error| error.to_string())?;
        for event in events {
            let decoded = BatchEvent::decode(&event.event_type, event.data.get());
            let Ok(Some(decoded)) = decoded else {
                return Err(format!("{} cannot be read", event.event_type));
            };
            let data: serde_json::Value =
                serde_json::from_str(event.data.get()).map_err(|error| error.to_string())?;
            let amount = |pointer: &str| -> Option<Decimal> { data.pointer(pointer)?.as_str()?.parse().ok() };
            let book = books.entry(message.stream.id).or_default();
            match decoded {
                BatchEvent::Received(_) | BatchEvent::Produced(_) => {
                    *book += amount("/origin/quantity/value").unwrap_or_default();
                }
                BatchEvent::Consumed(_) | BatchEvent::Shipped(_) | BatchEvent::Sampled(_) => {
                    *book -= amount("/quantity/value").unwrap_or_default();
                }
                _ => {}
            }
            let remaining = amount("/after/remaining/value").unwrap_or_default();
            if *book < Decimal::ZERO || *book != remaining {
                return Err(format!(
                    "lot {}: {book} by its movements, {remaining} as it says",
                    message.stream.id
                ));
            }
        }
    }
    Ok(())
}

/// What a rebuild of the partition gives: its digest at every position at which a commit ends.
///
/// # Errors
/// Where a message cannot be projected.
pub(super) fn digests(
    messages: &[StoredMessage],
    wanted: &[Observation],
    partition: Partition,
) -> Result<BTreeMap<Position, String>, String> {
    let projection = food_graph();
    let mut graph = ModelGraph::default();
    let is_wanted = |position: Position| wanted.iter().any(|seen| (seen.0, seen.1) == (partition, position));
    let mut digests = BTreeMap::from([(Position(0), graph.digest(None))]);
    for message in messages {
        let projected = projection.project(message).map_err(|error| error.to_string())?;
        for change in projected.changes {
            graph.apply(message.tenant, change);
        }
        let is_last = messages.last().is_some_and(|last| last.position == message.position);
        if projected.commit_index + 1 == projected.commit_size && (is_last || is_wanted(message.position)) {
            digests.insert(message.position, graph.digest(None));
        }
    }
    Ok(digests)
}

/// Every reader saw exactly what the log says up to the position that it was told, and never went back.
///
/// # Errors
/// Which look was at something half-built.
pub(super) fn observations(
    digests: &BTreeMap<Position, String>,
    seen: &[Observation],
    of: Partition,
) -> Result<(), String> {
    let mut before = Position(0);
    for (_, position, digest) in seen.iter().filter(|(partition, ..)| *partition == of) {
        if *position < before {
            return Err(format!("a reader of partition {} went back from {before} to {position}", of.0));
        }
        before = *position;
        if digests.get(position) != Some(digest) {
            return Err(format!(
                "a reader of partition {} saw something half-built at position {position}",
                of.0
            ));
        }
    }
    Ok(())
}
