//! The generation beside the live one: tables of the same names in a schema of its own.
//!
//! A switch moves tables between the schemas, with their indexes and constraints, in the transaction that exchanges the
//! checkpoints: nobody sees anything between before and after. One tenant's rows are exchanged as rows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use foodflow_domain::TenantId;
use foodflow_log::Partition;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use super::error::{STORE, corrupt, unavailable, wrong_generations};
use super::place::{Place, run};
use super::slot::Slot;
use super::{PostgresTables, schema};
use crate::store::generations::{
    Compared, Generations, OtherGeneration, Overview, RebuildScope, Role, expect_covered,
};
use crate::store::{Claim, Sink, StoreError};
use crate::tables::TableChange;

/// How long a switch waits for readers of the tables.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '30s'";

/// What the database says of the other generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Other {
    role: Role,
    scope: RebuildScope,
    filled_by: String,
}

#[async_trait]
impl Generations<TableChange> for PostgresTables {
    async fn generations(&self) -> Result<Overview, StoreError> {
        let mut snapshot = self.live.snapshot().await?;
        let live = self.live.checkpoints.all_stored(&mut snapshot).await?;
        let other = match self.other(&mut snapshot).await? {
            None => None,
            Some(Other { role, scope, filled_by }) => {
                let checkpoints = self.beside.checkpoints.all_stored(&mut snapshot).await?;
                Some(OtherGeneration { role, scope, filled_by, checkpoints })
            }
        };
        snapshot.rollback().await.map_err(unavailable)?;
        Ok(Overview { live, other })
    }

    async fn beside(
        &self,
        scope: RebuildScope,
        filled_by: &str,
    ) -> Result<Arc<dyn Sink<TableChange>>, StoreError> {
        let mut transaction = self.live.begin().await?;
        schema::lock(&mut transaction).await?;
        let other = self.other(&mut transaction).await?;
        let continued = match &other {
            Some(other) => {
                other.role.is_continued(STORE, other.scope == scope)? && other.filled_by == filled_by
            }
            None => false,
        };
        if !continued {
            if other.is_some() {
                self.beside.place.remove(&mut transaction).await?;
            }
            self.beside.place.make(&mut transaction).await?;
            schema::define(&mut transaction, &self.beside).await?;
            let other = Other { role: Role::Beside, scope, filled_by: filled_by.to_owned() };
            self.set_other(&mut transaction, Some(&other)).await?;
        }
        transaction.commit().await.map_err(unavailable)?;
        Ok(Arc::new(self.beside.clone()))
    }

    async fn reopen_previous(&self) -> Result<(RebuildScope, Arc<dyn Sink<TableChange>>), StoreError> {
        let mut transaction = self.live.begin().await?;
        schema::lock(&mut transaction).await?;
        let other = self.other(&mut transaction).await?.filter(|other| other.role != Role::Beside);
        let other = other.ok_or_else(|| wrong_generations("there is no previous generation"))?;
        // It was held when it was switched away from.
        self.beside.checkpoints.release(&mut transaction, None, None).await?;
        let scope = other.scope;
        self.set_other(&mut transaction, Some(&Other { role: Role::Reopened, ..other })).await?;
        transaction.commit().await.map_err(unavailable)?;
        Ok((scope, Arc::new(self.beside.clone())))
    }

    async fn hold(&self, partition: Partition, holder: Uuid, term: Duration) -> Result<Claim, StoreError> {
        let mut transaction = self.live.begin().await?;
        let claim = self.live.checkpoints.hold(&mut transaction, partition, holder, term).await?;
        transaction.commit().await.map_err(unavailable)?;
        Ok(claim)
    }

    async fn release(&self, partition: Partition, holder: Uuid) -> Result<(), StoreError> {
        let mut connection = self.live.pool.acquire().await.map_err(unavailable)?;
        self.live.checkpoints.release(&mut connection, Some(partition), Some(holder)).await
    }

    async fn switch(&self, compared: &[Compared]) -> Result<(), StoreError> {
        let mut transaction = self.live.begin().await?;
        sqlx::query(LOCK_TIMEOUT).execute(&mut *transaction).await.map_err(unavailable)?;
        schema::lock(&mut transaction).await?;
        let other = self.other(&mut transaction).await?.filter(|other| other.role != Role::Previous);
        let other = other.ok_or_else(|| wrong_generations("nothing stands beside the live generation"))?;
        let live = self.live.checkpoints.all_locked(&mut transaction).await?;
        let beside = self.beside.checkpoints.all_locked(&mut transaction).await?;
        match other.scope {
            RebuildScope::All => {
                expect_covered(STORE, compared, &live)?;
                expect_covered(STORE, compared, &beside)?;
                self.exchange_checkpoints(&mut transaction, other.scope, compared).await?;
                self.exchange_tables(&mut transaction).await?;
            }
            RebuildScope::Tenant(tenant) => {
                if compared.len() != 1 {
                    let reason = "a tenant lies in one partition, and that alone is compared";
                    return Err(wrong_generations(reason));
                }
                self.exchange_checkpoints(&mut transaction, other.scope, compared).await?;
                self.exchange_tenant(&mut transaction, tenant).await?;
            }
        }
        self.set_other(&mut transaction, Some(&Other { role: Role::Previous, ..other })).await?;
        transaction.commit().await.map_err(unavailable)
    }

    async fn discard(&self) -> Result<Option<Role>, StoreError> {
        let mut transaction = self.live.begin().await?;
        schema::lock(&mut transaction).await?;
        let other = self.other(&mut transaction).await?;
        if other.is_some() {
            self.beside.place.remove(&mut transaction).await?;
            self.set_other(&mut transaction, None).await?;
        }
        transaction.commit().await.map_err(unavailable)?;
        Ok(other.map(|other| other.role))
    }
}

/// What the database says of the other generation of `projection`: only where it does is there one, and of this
/// foodflow.
pub(super) async fn other(
    connection: &mut PgConnection,
    projection: &'static str,
) -> Result<Option<Other>, StoreError> {
    let row: Option<(String, Option<Uuid>, String)> =
        sqlx::query_as("SELECT role, tenant_id, filled_by FROM projection_generations WHERE projection = $1")
            .bind(projection)
            .fetch_optional(connection)
            .await
            .map_err(unavailable)?;
    let Some((role, tenant, filled_by)) = row else { return Ok(None) };
    let role = Role::parse(&role).ok_or_else(|| corrupt(format!("a generation is `{role}`")))?;
    Ok(Some(Other { role, scope: tenant.map(TenantId).into(), filled_by }))
}

impl PostgresTables {
    async fn other(&self, connection: &mut PgConnection) -> Result<Option<Other>, StoreError> {
        other(connection, self.live.projection.name).await
    }

    async fn set_other(
        &self,
        connection: &mut PgConnection,
        other: Option<&Other>,
    ) -> Result<(), StoreError> {
        let projection = self.live.projection.name;
        sqlx::query("DELETE FROM projection_generations WHERE projection = $1")
            .bind(projection)
            .execute(&mut *connection)
            .await
            .map_err(unavailable)?;
        let Some(Other { role, scope, filled_by }) = other else { return Ok(()) };
        sqlx::query(
            "INSERT INTO projection_generations (projection, role, tenant_id, filled_by) VALUES ($1, $2, $3, $4)",
        )
        .bind(projection)
        .bind(role.as_str())
        .bind(scope.tenant().map(|tenant| tenant.0))
        .bind(filled_by)
        .execute(connection)
        .await
        .map_err(unavailable)?;
        Ok(())
    }

    /// Checks every partition, fences everybody who has claimed one, and exchanges the checkpoints; nobody holds the
    /// live ones then.
    async fn exchange_checkpoints(
        &self,
        connection: &mut PgConnection,
        scope: RebuildScope,
        compared: &[Compared],
    ) -> Result<(), StoreError> {
        for one in compared {
            let partition = one.partition;
            let live = self.live.checkpoints.locked(connection, partition).await?;
            let beside = self.beside.checkpoints.locked(connection, partition).await?;
            one.check(STORE, scope, &live, &beside)?;
            let epoch = one.epoch_after(&live, &beside);
            let mut now = Claim { epoch, checkpoint: beside.checkpoint };
            if let RebuildScope::Tenant(tenant) = scope {
                let (waited, waits) = (&live.checkpoint.quarantine, &now.checkpoint.quarantine);
                now.checkpoint.quarantine = waited.with_tenant_of(tenant, waits);
            }
            self.live.checkpoints.replace(connection, partition, &now).await?;
            self.beside.checkpoints.replace(connection, partition, &live).await?;
            self.live.checkpoints.release(connection, Some(partition), None).await?;
        }
        Ok(())
    }

    /// Moves the tables of each generation to the place of the other.
    async fn exchange_tables(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let (projection, between) = (self.live.projection, Place::between(self.live.projection.name));
        between.make(connection).await?;
        for (from, to) in [
            (&self.live.place, &between),
            (&self.beside.place, &self.live.place),
            (&between, &self.beside.place),
        ] {
            let schema = to.schema(connection).await?;
            for table in projection.tables() {
                run(connection, format!("ALTER TABLE {} SET SCHEMA {schema}", from.name(table.name))).await?;
            }
        }
        between.remove(connection).await?;
        self.exchange_known_tenants(connection).await
    }

    /// Exchanges the rows of a tenant.
    async fn exchange_tenant(
        &self,
        connection: &mut PgConnection,
        tenant: TenantId,
    ) -> Result<(), StoreError> {
        // Nothing refers to what is not there yet when the transaction ends; on the way it may.
        let tables = self.live.projection.tables();
        let mut kept = BTreeMap::new();
        for table in &tables {
            let (name, column) = (table.name, table.tenant);
            for (of, slot) in [("live", &self.live), ("beside", &self.beside)] {
                let copy = format!("exchanged_{of}_{name}");
                let sql = format!(
                    "CREATE TEMPORARY TABLE {copy} ON COMMIT DROP AS SELECT * FROM {} WHERE \"{column}\" = '{}'",
                    slot.place.name(name),
                    tenant.0
                );
                run(connection, sql).await?;
                kept.insert((of, name), copy);
            }
        }
        for table in tables.iter().rev() {
            for slot in [&self.live, &self.beside] {
                let from = slot.place.name(table.name);
                run(connection, format!("DELETE FROM {from} WHERE \"{}\" = '{}'", table.tenant, tenant.0))
                    .await?;
            }
        }
        for table in &tables {
            for (of, slot) in [("beside", &self.live), ("live", &self.beside)] {
                let copy = &kept[&(of, table.name)];
                let sql = format!("INSERT INTO {} SELECT * FROM {copy}", slot.place.name(table.name));
                run(connection, sql).await?;
            }
        }
        let tenants = |slot: &Slot| slot.place.name("projection_tenants");
        for (from, to) in [(&self.live, &self.beside), (&self.beside, &self.live)] {
            let sql = format!(
                "INSERT INTO {} SELECT * FROM {} WHERE projection = $1 AND tenant_id = $2 ON CONFLICT DO NOTHING",
                tenants(to),
                tenants(from)
            );
            sqlx::query(AssertSqlSafe(sql))
                .bind(self.live.projection.name)
                .bind(tenant.0)
                .execute(&mut *connection)
                .await
                .map_err(unavailable)?;
        }
        Ok(())
    }

    /// Exchanges what is known of tenants.
    async fn exchange_known_tenants(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let [one, other] = [&self.live, &self.beside].map(|slot| slot.place.name("projection_tenants"));
        let empty = format!(
            "CREATE TEMPORARY TABLE exchanged_tenants ON COMMIT DROP AS SELECT * FROM {one} WHERE false"
        );
        run(connection, empty).await?;
        for sql in [
            format!("INSERT INTO exchanged_tenants SELECT * FROM {one} WHERE projection = $1"),
            format!("DELETE FROM {one} WHERE projection = $1"),
            format!("INSERT INTO {one} SELECT * FROM {other} WHERE projection = $1"),
            format!("DELETE FROM {other} WHERE projection = $1"),
            format!("INSERT INTO {other} SELECT * FROM exchanged_tenants WHERE projection = $1"),
        ] {
            let statement = sqlx::query(AssertSqlSafe(sql)).bind(self.live.projection.name);
            statement.execute(&mut *connection).await.map_err(unavailable)?;
        }
        Ok(())
    }
}
