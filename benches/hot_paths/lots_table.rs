//! A table of lots: what the benches project into PostgreSQL and SQLite.
//!
//! A row per lot, appended by its first event and patched by each later one, as the tables of a context are.

use std::path::Path;
use std::sync::Arc;

use foodflow_domain::EventSet as _;
use foodflow_domain::food_graph::batch::{Balance, BatchEvent};
use foodflow_projections::recorded::Recorded;
use foodflow_projections::store::ReadModel as _;
use foodflow_projections::table;
use foodflow_projections::tables::embedded::EmbeddedTables;
use foodflow_projections::tables::postgres::{PostgresConfig, PostgresTables};
use foodflow_projections::tables::{TableChange, TableEvent, TableProjection, TableSource, Value};
use jiff::Timestamp;
use rust_decimal::Decimal;
use sqlx::PgPool;
use uuid::Uuid;

table! {
    /// A lot as it stands.
    pub(crate) struct LotRow in "lots" {
        tenant_id: Uuid,
        id: Uuid,
        batch_number: String [100],
        status: String [20],
        remaining: Decimal,
        unit: String [10],
        location_id: Uuid,
        occurred_at: Timestamp,
        updated_at: Timestamp,
        version: i64,
        position: i64,
    }
    key: ["tenant_id", "id"], tenant: "tenant_id",
    indexes: ["idx_lots_status": ["tenant_id", "status"]],
}

/// The projection of the food graph's lots into it.
pub(crate) static LOTS: TableProjection = TableProjection {
    name: "lots",
    layout: 1,
    postgres: "
        CREATE TABLE IF NOT EXISTS lots (
            tenant_id UUID NOT NULL, id UUID NOT NULL, batch_number VARCHAR(100) NOT NULL,
            status VARCHAR(20) NOT NULL, remaining NUMERIC NOT NULL, unit VARCHAR(10) NOT NULL,
            location_id UUID NOT NULL, occurred_at TIMESTAMPTZ NOT NULL, updated_at TIMESTAMPTZ NOT NULL,
            version BIGINT NOT NULL, position BIGINT NOT NULL, PRIMARY KEY (tenant_id, id)
        );
        CREATE INDEX IF NOT EXISTS idx_lots_status ON lots (tenant_id, status);
    ",
    // Of messages, since the projection is of the food graph's lots alone and passes everything else over.
    sources: &[TableSource::of_messages::<LotRow>(lots)],
    passed_over: &[],
};

fn lots(message: &Recorded, changes: &mut Vec<TableChange>) {
    for envelope in &message.events {
        if let Ok(Some(data)) = BatchEvent::decode(&envelope.event_type, envelope.data.get()) {
            LotRow::project(&TableEvent { message, envelope }, data, changes);
        }
    }
}

impl LotRow {
    fn project(event: &TableEvent<'_>, data: BatchEvent, changes: &mut Vec<TableChange>) {
        let (lot, after) = match data {
            BatchEvent::Received(data) | BatchEvent::Produced(data) => {
                let Balance { remaining, status } = data.after;
                changes.push(event.append(Self {
                    tenant_id: event.tenant().0,
                    id: data.batch_id.0,
                    batch_number: data.origin.batch_number,
                    status: status.as_str().to_owned(),
                    remaining: remaining.value,
                    unit: remaining.unit.code().to_owned(),
                    location_id: data.origin.location_id.0,
                    occurred_at: data.origin.occurred_at,
                    updated_at: event.recorded_at(),
                    version: event.version(),
                    position: event.position(),
                }));
                return;
            }
            BatchEvent::Consumed(data) | BatchEvent::Shipped(data) => (data.batch_id, data.after),
            BatchEvent::Sampled(data)
            | BatchEvent::Wasted(data)
            | BatchEvent::Counted(data)
            | BatchEvent::Disposed(data) => (data.batch_id, data.after),
            BatchEvent::Held(data) | BatchEvent::Released(data) | BatchEvent::Recalled(data) => {
                (data.batch_id, data.after)
            }
            BatchEvent::OriginCorrected(data) => (data.batch_id, data.after),
            BatchEvent::ConsumptionCorrected(data) | BatchEvent::ShipmentCorrected(data) => {
                (data.batch_id, data.after)
            }
        };
        let patch = event.patch::<Self>([Value::Uuid(event.tenant().0), Value::Uuid(lot.0)]);
        let patch = patch.set("remaining", after.remaining.value);
        changes.push(patch.set("status", after.status.as_str().to_owned()).change());
    }
}

/// The table in a new SQLite file in `folder`.
///
/// # Errors
/// Where the file cannot be made.
pub(crate) async fn in_sqlite(folder: &Path) -> anyhow::Result<Arc<EmbeddedTables>> {
    let store = EmbeddedTables::open(&folder.join("lots.sqlite"), &LOTS).await?;
    store.migrate().await?;
    Ok(Arc::new(store))
}

/// The table in a new database at `url`, and its connections.
///
/// # Errors
/// Where the server refuses.
pub(crate) async fn in_postgres(url: &str) -> anyhow::Result<(Arc<PostgresTables>, PgPool)> {
    let pool = PostgresConfig { url: url.to_owned() }.connect().await?;
    let store = PostgresTables::new(pool.clone(), &LOTS);
    store.migrate().await?;
    Ok((Arc::new(store), pool))
}
