//! The generation beside the live one, under names of its own; the switch exchanges what differs.
//!
//! One record says what it is. Whoever gives a generation up marks the record first and takes its checkpoints away, so
//! that what is half deleted is never continued, and who fills it finds itself fenced.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use foodflow_domain::TenantId;
use foodflow_log::Partition;
use neo4rs::{Graph, Row, query};
use uuid::Uuid;

use super::checkpoint::{self, Hold};
use super::difference::Difference;
use super::error::corrupt;
use super::exchange::exchange;
use super::names::Generation;
use super::node_row::uuid;
use super::side::Side;
use super::{Neo4jGraph, STORE, clear};
use crate::changes::Change;
use crate::graph::{Claim, Sink, StoreError};
use crate::store::generations::{Compared, Generations, OtherGeneration, Overview, RebuildScope, Role};

/// What the record says of the other generation.
struct Record {
    /// `None` while it is being given up.
    role: Option<Role>,
    scope: RebuildScope,
    filled_by: String,
}

/// What cannot be done with the generations that there are.
pub(super) fn refused(reason: impl Into<String>) -> StoreError {
    StoreError::Generations { store: STORE, reason: reason.into() }
}

#[async_trait]
impl Generations<Change> for Neo4jGraph {
    async fn generations(&self) -> Result<Overview, StoreError> {
        let live = checkpoint::read_all(&self.graph, Generation::Live).await?;
        let Some(Record { role: Some(role), scope, filled_by }) = record(&self.graph).await? else {
            return Ok(Overview { live, other: None });
        };
        let checkpoints = checkpoint::read_all(&self.graph, Generation::Other).await?;
        Ok(Overview { live, other: Some(OtherGeneration { role, scope, filled_by, checkpoints }) })
    }

    async fn beside(
        &self,
        scope: RebuildScope,
        filled_by: &str,
    ) -> Result<Arc<dyn Sink<Change>>, StoreError> {
        let continued = match record(&self.graph).await? {
            Some(Record { role: Some(role), scope: of, filled_by: by }) => {
                role.is_continued(STORE, of == scope)? && by == filled_by
            }
            _ => false,
        };
        if !continued {
            let owner = give_up(&self.graph).await?;
            clear::clear_other(&self.graph, owner).await?;
            begin(&self.graph, owner, scope, filled_by).await?;
        }
        Ok(self.other())
    }

    async fn reopen_previous(&self) -> Result<(RebuildScope, Arc<dyn Sink<Change>>), StoreError> {
        let statement = "MATCH (g:FoodflowGeneration {id: 'food_graph'}) WHERE g.role IN ['previous', 'reopened'] \
             SET g.role = 'reopened' RETURN g.tenant_id AS tenant";
        let mut rows = self.graph.execute(query(statement)).await?;
        let Some(row) = rows.next().await? else { return Err(refused("there is no previous generation")) };
        let scope = scope(&row)?;
        while rows.next().await?.is_some() {}
        Ok((scope, self.other()))
    }

    async fn hold(&self, partition: Partition, holder: Uuid, term: Duration) -> Result<Claim, StoreError> {
        checkpoint::claim(&self.graph, Generation::Live, partition, Some(Hold { holder, term })).await
    }

    async fn release(&self, partition: Partition, holder: Uuid) -> Result<(), StoreError> {
        checkpoint::release(&self.graph, partition, holder).await
    }

    async fn switch(&self, compared: &[Compared]) -> Result<(), StoreError> {
        let scope = match record(&self.graph).await? {
            Some(Record { role: Some(Role::Beside | Role::Reopened), scope, .. }) => scope,
            _ => return Err(refused("nothing stands beside the live generation")),
        };
        let difference = Difference::of(&self.graph, scope).await?;
        exchange(&self.graph, scope, compared, difference).await
    }

    async fn discard(&self) -> Result<Option<Role>, StoreError> {
        let Some(record) = record(&self.graph).await? else { return Ok(None) };
        let owner = give_up(&self.graph).await?;
        clear::clear_other(&self.graph, owner).await?;
        let statement =
            "MATCH (g:FoodflowGeneration {id: 'food_graph', role: 'discarded', owner: $owner}) DELETE g";
        self.graph.run(query(statement).param("owner", owner.to_string())).await?;
        Ok(record.role)
    }
}

impl Neo4jGraph {
    fn other(&self) -> Arc<Side> {
        Arc::new(self.side(Generation::Other, Arc::default()))
    }
}

async fn record(graph: &Graph) -> Result<Option<Record>, StoreError> {
    let statement = "MATCH (g:FoodflowGeneration {id: 'food_graph'}) \
         RETURN g.role AS role, g.tenant_id AS tenant, coalesce(g.filled_by, '') AS filled_by";
    let mut rows = graph.execute_read(query(statement)).await?;
    let Some(row) = rows.next().await? else { return Ok(None) };
    let role = match row.get("role")? {
        "discarded" => None,
        role => match Role::parse(role) {
            Some(role) => Some(role),
            None => return Err(corrupt(format_args!("a generation that is `{role}`"))),
        },
    };
    Ok(Some(Record { role, scope: scope(&row)?, filled_by: row.get("filled_by")? }))
}

fn scope(row: &Row) -> Result<RebuildScope, StoreError> {
    let tenant = row.get::<Option<&str>>("tenant")?.map(uuid).transpose()?;
    Ok(tenant.map(TenantId).into())
}

/// Marks the other generation as given up, and takes its checkpoints away; who does so last is its owner.
async fn give_up(graph: &Graph) -> Result<Uuid, StoreError> {
    let owner = Uuid::new_v4();
    let statement = "MERGE (g:FoodflowGeneration {id: 'food_graph'}) \
         SET g.role = 'discarded', g.owner = $owner REMOVE g.tenant_id, g.filled_by \
         WITH g MATCH (c:FoodflowBesideCheckpoint) DELETE c";
    graph.run(query(statement).param("owner", owner.to_string())).await?;
    Ok(owner)
}

/// Begins a generation where `owner` has cleared the one before; not where somebody who was to fill that one claimed a
/// partition meanwhile, and may have filled in what was cleared already.
async fn begin(graph: &Graph, owner: Uuid, scope: RebuildScope, filled_by: &str) -> Result<(), StoreError> {
    let statement = "MATCH (g:FoodflowGeneration {id: 'food_graph', role: 'discarded', owner: $owner}) \
         WHERE NOT EXISTS { MATCH (:FoodflowBesideCheckpoint) } \
         SET g.role = 'beside', g.tenant_id = $tenant, g.filled_by = $filled_by RETURN count(*) AS begun";
    let statement = query(statement)
        .param("owner", owner.to_string())
        .param("tenant", scope.tenant().map(|tenant| tenant.to_string()))
        .param("filled_by", filled_by);
    let mut rows = graph.execute(statement).await?;
    let begun: i64 = match rows.next().await? {
        Some(row) => row.get("begun")?,
        None => 0,
    };
    while rows.next().await?.is_some() {}
    if begun == 1 { Ok(()) } else { Err(refused("another rebuild began meanwhile")) }
}
