//! The checkpoint of a partition: where the projection stands, and who may write.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use foodflow_log::{Partition, Position};
use neo4rs::{BoltType, Graph, Row, Txn, query};

use super::STORE;
use super::apply::Failure;
use super::error::corrupt;
use super::value::{count_to_bolt, from_bolt, instant_to_bolt};
use crate::changes::Value;
use crate::graph::{Batch, Checkpoint, Claim, StoreError};
use crate::store::{Admission, Epoch};

/// What the functions here read of `c`.
const COLUMNS: &str = "c.epoch AS epoch, c.position AS position, c.recorded_at AS recorded_at";

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
    visible: &Visible,
    partition: Partition,
) -> Result<Checkpoint, StoreError> {
    let statement = query(&format!("MATCH (c:FoodflowCheckpoint {{id: $id}}) RETURN {COLUMNS}"));
    let mut rows = graph.execute_read(statement.param("id", id(partition))).await?;
    let Some(row) = rows.next().await? else { return Ok(Checkpoint::default()) };
    let found = decode(&row)?;
    drop(rows);
    if visible.has(partition, &found) {
        return Ok(found.checkpoint);
    }
    let Some(found) = read_locked(graph, partition).await? else { return Ok(Checkpoint::default()) };
    visible.learn(partition, &found);
    Ok(found.checkpoint)
}

/// The stored checkpoint, read while nobody is about to change it. Nothing is written: what is set is removed again.
async fn read_locked(graph: &Graph, partition: Partition) -> Result<Option<Claim>, StoreError> {
    let statement = format!(
        "MATCH (c:FoodflowCheckpoint {{id: $id}}) SET c.locked = true REMOVE c.locked WITH c RETURN {COLUMNS}"
    );
    let mut rows = graph.execute(query(&statement).param("id", id(partition))).await?;
    let found = rows.next().await?.map(|row| decode(&row)).transpose()?;
    // The transaction, and its lock, end with the result.
    while rows.next().await?.is_some() {}
    Ok(found)
}

/// Takes the right to write `partition`.
pub(super) async fn claim(graph: &Graph, partition: Partition) -> Result<Claim, StoreError> {
    let statement = format!(
        "MERGE (c:FoodflowCheckpoint {{id: $id}}) \
         ON CREATE SET c.position = 0, c.partition = $partition, c.epoch = 1 \
         ON MATCH SET c.epoch = c.epoch + 1 RETURN {COLUMNS}"
    );
    let statement = query(&statement).param("id", id(partition)).param("partition", i64::from(partition.0));
    let mut rows = graph.execute(statement).await?;
    let row = rows.next().await?.ok_or_else(|| corrupt("no answer to the claim of a partition"))?;
    let claim = decode(&row)?;
    // The transaction ends with its result.
    while rows.next().await?.is_some() {}
    Ok(claim)
}

/// Sets the checkpoint back to 0; the epoch stays.
pub(super) async fn reset(graph: &Graph, partition: Partition) -> Result<(), StoreError> {
    let statement = query("MATCH (c:FoodflowCheckpoint {id: $id}) SET c.position = 0 REMOVE c.recorded_at");
    Ok(graph.run(statement.param("id", id(partition))).await?)
}

/// Locks the checkpoint until the end of `txn` and decides about `batch`; advances the checkpoint where it is to be
/// applied.
pub(super) async fn admit(txn: &mut Txn, batch: &Batch) -> Result<Admission, Failure> {
    // Setting a property takes the lock; only then are epoch and position read that decide.
    let statement = "MATCH (c:FoodflowCheckpoint {id: $id}) SET c.offered_position = $position \
         WITH c, c.epoch AS epoch, c.position AS position, c.recorded_at AS recorded_at \
         FOREACH (_ IN CASE WHEN epoch = $epoch AND position = $after THEN [1] ELSE [] END | \
           SET c.position = $position, c.recorded_at = $recorded_at) \
         RETURN epoch, position, recorded_at";
    let statement = query(statement)
        .param("id", id(batch.partition))
        .param("epoch", count_to_bolt(batch.epoch.0)?)
        .param("after", count_to_bolt(batch.after.0)?)
        .param("position", count_to_bolt(batch.checkpoint.position.0)?)
        .param("recorded_at", batch.checkpoint.recorded_at.map(instant_to_bolt));
    let mut rows = txn.execute(statement).await?;
    let found = rows.next(txn.handle()).await?.map(|row| decode(&row)).transpose()?;
    let stored = found.unwrap_or(Claim { epoch: Epoch(0), checkpoint: Checkpoint::default() });
    Ok(batch.admission(STORE, stored.epoch, stored.checkpoint.position)?)
}

fn decode(row: &Row) -> Result<Claim, StoreError> {
    let recorded_at = match row.get::<BoltType>("recorded_at")? {
        BoltType::Null(_) => None,
        bolt => match from_bolt("recorded_at", bolt)? {
            Value::Instant(instant) => Some(instant),
            _ => return Err(corrupt("a checkpoint whose recorded time is no instant")),
        },
    };
    let checkpoint = Checkpoint { position: Position(row.get("position")?), recorded_at };
    Ok(Claim { epoch: Epoch(row.get("epoch")?), checkpoint })
}
