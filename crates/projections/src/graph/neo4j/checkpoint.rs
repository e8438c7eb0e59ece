//! The checkpoint of a partition: where the projection stands, who may write, and who keeps others from claiming it.
//!
//! Terms are kept by the server's clock alone, so that those of its clients need not agree.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use foodflow_log::{Partition, Position};
use neo4rs::{BoltType, Graph, Row, Txn, query};
use uuid::Uuid;

use super::STORE;
use super::apply::Failure;
use super::error::corrupt;
use super::names::Generation;
use super::value::{count_to_bolt, from_bolt, instant_to_bolt};
use crate::changes::Value;
use crate::graph::{Batch, Checkpoint, Claim, StoreError};
use crate::store::generations::RebuildScope;
use crate::store::quarantine::Quarantine;
use crate::store::{Admission, Epoch};

/// What the functions here read of `c`.
const COLUMNS: &str =
    "c.epoch AS epoch, c.position AS position, c.recorded_at AS recorded_at, c.quarantine AS quarantine";

fn id(partition: Partition) -> String {
    format!("food_graph/{}", partition.0)
}

/// The last position, and the claim under which it was applied, that is known to be visible with all that it stands for.
///
/// Neo4j lets others see a transaction while it is being committed, and a checkpoint before what it stands for. So a
/// position that is new is read once more under the checkpoint's lock, which the committing transaction holds until all
/// of it can be seen.
#[derive(Debug, Default)]
pub(super) struct Visible(Mutex<BTreeMap<Partition, (Epoch, Position)>>);

impl Visible {
    fn has(&self, partition: Partition, found: &Claim) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = (found.epoch, found.checkpoint.position);
        found.1 == Position(0) || known.get(&partition) == Some(&found)
    }

    fn learn(&self, partition: Partition, found: &Claim) {
        let found = (found.epoch, found.checkpoint.position);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(partition, found);
    }
}

/// The stored checkpoint, with all that it stands for visible; position 0 where there is none.
pub(super) async fn read(
    graph: &Graph,
    generation: Generation,
    visible: &Visible,
    partition: Partition,
) -> Result<Checkpoint, StoreError> {
    let statement = query(&format!("MATCH (c:{} {{id: $id}}) RETURN {COLUMNS}", generation.checkpoint()));
    let mut rows = graph.execute_read(statement.param("id", id(partition))).await?;
    let Some(row) = rows.next().await? else { return Ok(Checkpoint::default()) };
    let found = decode(&row)?;
    drop(rows);
    if visible.has(partition, &found) {
        return Ok(found.checkpoint);
    }
    let Some(found) = read_locked(graph, generation, partition).await? else {
        return Ok(Checkpoint::default());
    };
    visible.learn(partition, &found);
    Ok(found.checkpoint)
}

/// The stored checkpoint, read while nobody is about to change it. Nothing is written: what is set is removed again.
async fn read_locked(
    graph: &Graph,
    generation: Generation,
    partition: Partition,
) -> Result<Option<Claim>, StoreError> {
    let statement = format!(
        "MATCH (c:{} {{id: $id}}) SET c.locked = true REMOVE c.locked WITH c RETURN {COLUMNS}",
        generation.checkpoint()
    );
    let mut rows = graph.execute(query(&statement).param("id", id(partition))).await?;
    let found = rows.next().await?.map(|row| decode(&row)).transpose()?;
    // The transaction, and its lock, end with the result.
    while rows.next().await?.is_some() {}
    Ok(found)
}

/// Every checkpoint of a generation.
pub(super) async fn read_all(
    graph: &Graph,
    generation: Generation,
) -> Result<BTreeMap<Partition, Checkpoint>, StoreError> {
    let label = generation.checkpoint();
    let statement = query(&format!("MATCH (c:{label}) RETURN c.partition AS partition, {COLUMNS}"));
    let mut rows = graph.execute_read(statement).await?;
    let mut found = BTreeMap::new();
    while let Some(row) = rows.next().await? {
        found.insert(Partition(row.get("partition")?), decode(&row)?.checkpoint);
    }
    Ok(found)
}

/// Who holds a partition, and for how long from now.
pub(super) struct Hold {
    pub(super) holder: Uuid,
    pub(super) term: Duration,
}

/// Takes the right to write `partition`, and holds it where `hold` says so.
pub(super) async fn claim(
    graph: &Graph,
    generation: Generation,
    partition: Partition,
    hold: Option<Hold>,
) -> Result<Claim, StoreError> {
    // Setting a property takes the lock; only then is it read who holds the partition.
    let statement = format!(
        "MERGE (c:{} {{id: $id}}) \
         ON CREATE SET c.position = 0, c.partition = $partition, c.epoch = 0 \
         SET c.claimed_at = datetime.realtime() \
         WITH c, coalesce(c.held_until > datetime.realtime(), false) AS in_force \
         WITH c, in_force AND coalesce(c.held_by <> $holder, true) AS refused, \
           in_force AND coalesce(c.held_by = $holder, false) AS mine \
         FOREACH (_ IN CASE WHEN refused OR mine THEN [] ELSE [1] END | SET c.epoch = c.epoch + 1) \
         FOREACH (_ IN CASE WHEN refused OR $holder IS NULL THEN [] ELSE [1] END | \
           SET c.held_by = $holder, \
             c.held_until = datetime.realtime() + duration({{milliseconds: $term_ms}})) \
         RETURN {COLUMNS}, refused, c.held_until AS held_until",
        generation.checkpoint()
    );
    let (holder, term_ms) = match &hold {
        Some(Hold { holder, term }) => (Some(holder.to_string()), term.as_millis() as i64),
        None => (None, 0),
    };
    let statement = query(&statement)
        .param("id", id(partition))
        .param("partition", i64::from(partition.0))
        .param("holder", holder)
        .param("term_ms", term_ms);
    let mut rows = graph.execute(statement).await?;
    let row = rows.next().await?.ok_or_else(|| corrupt("no answer to the claim of a partition"))?;
    // The transaction ends with its result.
    while rows.next().await?.is_some() {}
    if row.get("refused")? {
        let until = instant(row.get("held_until")?, "held_until")?.unwrap_or_default();
        return Err(StoreError::Held { store: STORE, partition, until });
    }
    decode(&row)
}

/// Ends the hold of `holder`.
pub(super) async fn release(graph: &Graph, partition: Partition, holder: Uuid) -> Result<(), StoreError> {
    let statement = "MATCH (c:FoodflowCheckpoint {id: $id}) SET c.claimed_at = datetime.realtime() \
         WITH c WHERE c.held_by = $holder REMOVE c.held_by, c.held_until";
    let statement = query(statement).param("id", id(partition)).param("holder", holder.to_string());
    Ok(graph.run(statement).await?)
}

/// Sets the checkpoint back to 0, the epoch stays; nothing is admitted until the partition is [`cleared`].
pub(super) async fn reset(
    graph: &Graph,
    generation: Generation,
    partition: Partition,
) -> Result<(), StoreError> {
    let text = format!(
        "MATCH (c:{} {{id: $id}}) SET c.position = 0, c.clearing = true REMOVE c.recorded_at, c.quarantine",
        generation.checkpoint()
    );
    Ok(graph.run(query(&text).param("id", id(partition))).await?)
}

/// Nothing of the partition is left: what follows is admitted.
pub(super) async fn cleared(
    graph: &Graph,
    generation: Generation,
    partition: Partition,
) -> Result<(), StoreError> {
    let text = format!("MATCH (c:{} {{id: $id}}) REMOVE c.clearing", generation.checkpoint());
    Ok(graph.run(query(&text).param("id", id(partition))).await?)
}

/// Locks the checkpoint until the end of `txn` and decides about `batch`; advances the checkpoint where it is to be
/// applied.
pub(super) async fn admit(
    txn: &mut Txn,
    generation: Generation,
    batch: &Batch,
) -> Result<Admission, Failure> {
    // Setting a property takes the lock; only then are epoch and position read that decide.
    let statement = format!(
        "MATCH (c:{} {{id: $id}}) SET c.offered_position = $position \
         WITH c, {COLUMNS}, coalesce(c.clearing, false) AS clearing \
         FOREACH (_ IN CASE WHEN epoch = $epoch AND position = $after THEN [1] ELSE [] END | \
           SET c.position = $position, c.recorded_at = $recorded_at, c.quarantine = $quarantine) \
         RETURN epoch, position, recorded_at, quarantine, clearing",
        generation.checkpoint()
    );
    let statement = query(&statement)
        .param("id", id(batch.partition))
        .param("epoch", count_to_bolt(batch.epoch.0)?)
        .param("after", count_to_bolt(batch.after.0)?)
        .param("position", count_to_bolt(batch.checkpoint.position.0)?)
        .param("recorded_at", batch.checkpoint.recorded_at.map(instant_to_bolt))
        .param("quarantine", batch.checkpoint.quarantine.to_text());
    let mut rows = txn.execute(statement).await?;
    let row = rows.next(txn.handle()).await?;
    if let Some(row) = &row
        && row.get("clearing")?
    {
        let Partition(number) = batch.partition;
        let reason = format!("clearing partition {number} is under way or was cut short; clear it again");
        return Err(StoreError::Generations { store: STORE, reason }.into());
    }
    let found = row.map(|row| decode(&row)).transpose()?;
    let stored = found.unwrap_or(Claim { epoch: Epoch(0), checkpoint: Checkpoint::default() });
    Ok(batch.admission(STORE, stored.epoch, stored.checkpoint.position)?)
}

/// The stored checkpoint, locked until the end of `txn`.
pub(super) async fn locked(
    txn: &mut Txn,
    generation: Generation,
    partition: Partition,
) -> Result<Claim, Failure> {
    let statement = format!(
        "MATCH (c:{} {{id: $id}}) SET c.claimed_at = datetime.realtime() WITH c RETURN {COLUMNS}",
        generation.checkpoint()
    );
    let mut rows = txn.execute(query(&statement).param("id", id(partition))).await?;
    let found = rows.next(txn.handle()).await?.map(|row| decode(&row)).transpose()?;
    Ok(found.unwrap_or(Claim { epoch: Epoch(0), checkpoint: Checkpoint::default() }))
}

/// Sets the checkpoint to `claim`; nobody holds it any more. Where all of the generation came with it, what was left of a
/// clearing went.
pub(super) async fn set(
    txn: &mut Txn,
    generation: Generation,
    partition: Partition,
    claim: &Claim,
    scope: RebuildScope,
) -> Result<(), Failure> {
    let mark = if scope == RebuildScope::All { ", c.clearing" } else { "" };
    let statement = format!(
        "MERGE (c:{} {{id: $id}}) \
         SET c.partition = $partition, c.epoch = $epoch, c.position = $position, c.recorded_at = $recorded_at, \
           c.quarantine = $quarantine \
         REMOVE c.held_by, c.held_until{mark}",
        generation.checkpoint()
    );
    let statement = query(&statement)
        .param("id", id(partition))
        .param("partition", i64::from(partition.0))
        .param("epoch", count_to_bolt(claim.epoch.0)?)
        .param("position", count_to_bolt(claim.checkpoint.position.0)?)
        .param("recorded_at", claim.checkpoint.recorded_at.map(instant_to_bolt))
        .param("quarantine", claim.checkpoint.quarantine.to_text());
    Ok(txn.run(statement).await?)
}

fn decode(row: &Row) -> Result<Claim, StoreError> {
    let recorded_at = instant(row.get("recorded_at")?, "recorded_at")?;
    let quarantine = row.get::<Option<String>>("quarantine")?.map(|text| {
        Quarantine::parse(&text).ok_or_else(|| corrupt("a checkpoint whose `quarantine` cannot be read"))
    });
    let quarantine = quarantine.transpose()?.unwrap_or_default();
    let checkpoint = Checkpoint { position: Position(row.get("position")?), recorded_at, quarantine };
    Ok(Claim { epoch: Epoch(row.get("epoch")?), checkpoint })
}

fn instant(bolt: BoltType, name: &str) -> Result<Option<jiff::Timestamp>, StoreError> {
    match bolt {
        BoltType::Null(_) => Ok(None),
        bolt => match from_bolt(name, bolt)? {
            Value::Instant(instant) => Ok(Some(instant)),
            _ => Err(corrupt(format_args!("a checkpoint whose `{name}` is no instant"))),
        },
    }
}
