//! Clients that adjust a lot each, by the commands of the domain's own aggregate.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use foodflow_domain::food_graph::batch::{AdjustmentKind, Batch, BatchCommand, Origin};
use foodflow_domain::food_graph::facts::{DocumentReference, Item};
use foodflow_domain::ids::{BatchId, IngredientId, LocationId, SupplierId};
use foodflow_domain::{Context, Quantity, TenantId, Unit};
use jiff::Timestamp;
use postgres_es::{PostgresCqrs, postgres_snapshot_cqrs};
use rust_decimal::Decimal;
use sqlx::PgPool;
use tokio::task::JoinSet;
use uuid::Uuid;

/// Events of a lot between two snapshots: so many are read by a command, at most.
const SNAPSHOT_EVENTS: usize = 10;

/// The lots, one for each client.
pub(crate) struct Lots {
    cqrs: Arc<PostgresCqrs<Batch>>,
    now: Timestamp,
    lots: Vec<Lot>,
}

/// A lot that one client at a time adjusts.
struct Lot {
    id: BatchId,
    counted: i64,
}

impl Lots {
    /// No lots yet, in the tables behind `pool`.
    pub(crate) fn new(pool: PgPool) -> Self {
        let now = Timestamp::now();
        let context = Context { now, actor: "operator@plant".to_owned(), tenant: TenantId(Uuid::new_v4()) };
        let cqrs = Arc::new(postgres_snapshot_cqrs(pool, Vec::new(), SNAPSHOT_EVENTS, context));
        Self { cqrs, now, lots: Vec::new() }
    }

    /// So many clients at once, each one command after another, for as long as `window`: each command's latency, and
    /// how long it took.
    ///
    /// # Errors
    /// Where a command fails.
    pub(crate) async fn adjust(
        &mut self,
        clients: usize,
        window: Duration,
    ) -> anyhow::Result<(Vec<Duration>, Duration)> {
        while self.lots.len() < clients {
            let id = BatchId(Uuid::new_v4());
            let command = BatchCommand::Receive(id, origin(self.now, self.lots.len()));
            self.cqrs.execute_with_metadata(&id.to_string(), command, metadata()).await?;
            self.lots.push(Lot { id, counted: 0 });
        }
        let began = Instant::now();
        let mut tasks = JoinSet::new();
        for lot in self.lots.drain(..clients) {
            tasks.spawn(run(Arc::clone(&self.cqrs), self.now, lot, began, window));
        }
        let done = tasks.join_all().await;
        let elapsed = began.elapsed();
        let mut all = Vec::new();
        for outcome in done {
            let (lot, latencies) = outcome?;
            self.lots.push(lot);
            all.extend(latencies);
        }
        Ok((all, elapsed))
    }
}

async fn run(
    cqrs: Arc<PostgresCqrs<Batch>>,
    now: Timestamp,
    mut lot: Lot,
    began: Instant,
    window: Duration,
) -> anyhow::Result<(Lot, Vec<Duration>)> {
    let id = lot.id.to_string();
    let mut latencies = Vec::new();
    while began.elapsed() < window {
        let asked = Instant::now();
        lot.counted += 1;
        let found = Decimal::new(1_000_000 - lot.counted % 1_000, 3);
        let command = BatchCommand::Adjust {
            batch_id: lot.id,
            kind: AdjustmentKind::Count,
            quantity: Quantity::new(found, Unit::Kgm),
            occurred_at: now,
            reason: Some("stock taking".to_owned()),
        };
        cqrs.execute_with_metadata(&id, command, metadata()).await?;
        latencies.push(asked.elapsed());
    }
    Ok((lot, latencies))
}

fn origin(now: Timestamp, number: usize) -> Origin {
    Origin {
        document_id: Uuid::new_v4(),
        batch_number: format!("FL-{number}"),
        item: Item::Ingredient(IngredientId(Uuid::new_v4())),
        supplier_id: Some(SupplierId(Uuid::new_v4())),
        sku_id: None,
        quantity: Quantity::new(Decimal::ONE_THOUSAND, Unit::Kgm),
        location_id: LocationId(Uuid::new_v4()),
        line: None,
        occurred_at: now,
        production_date: None,
        expiry_date: None,
        sscc: None,
        documents: vec![DocumentReference {
            document_type: "purchase-order".to_owned(),
            number: "PO-4711".to_owned(),
        }],
    }
}

/// What the log's envelope says of a command, in as many bytes.
fn metadata() -> HashMap<String, String> {
    let command = Uuid::new_v4().to_string();
    let hash = "0".repeat(64);
    let pairs = [
        ("specversion", "1.0".to_owned()),
        ("id", Uuid::new_v4().to_string()),
        ("source", format!("foodflow/{}", Uuid::nil())),
        ("subject", format!("batch/{}", Uuid::nil())),
        ("time", Timestamp::now().to_string()),
        ("datacontenttype", "application/json".to_owned()),
        ("tenantid", Uuid::nil().to_string()),
        ("actor", "operator@plant".to_owned()),
        ("correlationid", command.clone()),
        ("commandid", command),
        ("commandhash", hash.clone()),
        ("prevhash", hash),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
