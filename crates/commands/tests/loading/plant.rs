//! A plant whose lots are sampled and counted, and a look at what a process takes a lot for.

use std::sync::Mutex;

use anyhow::Context as _;
use foodflow_commands::food_graph::batches::AdjustBatch;
use foodflow_commands::food_graph::master_data::{RegisterIngredient, RegisterLocation};
use foodflow_commands::food_graph::receipts::RecordReceipt;
use foodflow_commands::loaded::Loaded;
use foodflow_commands::unit::{Stop, stream_of};
use foodflow_commands::{Accepted, CommandError, CommandMeta, Executor, IfMatch, Operation, Reply, Unit};
use foodflow_domain::food_graph::batch::{AdjustmentKind, Batch};
use foodflow_domain::food_graph::facts::{Item, ReceiptFacts};
use foodflow_domain::ids::{BatchId, IngredientId, LocationId};
use foodflow_domain::{Quantity, TenantId, Unit as UnitOfMeasure};
use foodflow_log::{PayloadHash, StreamId};
use jiff::Timestamp;
use rust_decimal::Decimal;
use uuid::Uuid;

/// A tenant with a place and an ingredient.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plant {
    pub(crate) tenant: TenantId,
    location: LocationId,
    ingredient: IngredientId,
}

pub(super) fn grams(value: i64) -> Quantity {
    Quantity::new(Decimal::new(value, 0), UnitOfMeasure::Grm)
}

/// A command of its own that the client may not repeat.
pub(crate) fn meta(tenant: TenantId) -> CommandMeta {
    let command_id = Uuid::now_v7();
    CommandMeta {
        tenant,
        actor: "operator@plant".to_owned(),
        command_id: command_id.into(),
        repeatable: false,
        command_hash: PayloadHash::of(command_id.as_bytes()),
        correlation_id: command_id,
        causation_id: None,
        if_match: None,
    }
}

/// A sample of one gram, or a count that finds a ton.
pub(crate) fn adjustment(lot: BatchId, kind: AdjustmentKind) -> AdjustBatch {
    let quantity = if kind == AdjustmentKind::Count { grams(1_000_000) } else { grams(1) };
    AdjustBatch { batch_id: lot, kind, quantity, occurred_at: Timestamp::now(), reason: None }
}

impl Plant {
    pub(super) async fn open(process: &Executor) -> anyhow::Result<Self> {
        Self::of(TenantId(Uuid::new_v4()), process).await
    }

    /// That of a tenant which may be registered.
    pub(crate) async fn of(tenant: TenantId, process: &Executor) -> anyhow::Result<Self> {
        let location = RegisterLocation {
            id: None,
            name: "Mill 1".to_owned(),
            location_type: "plant".to_owned(),
            address: None,
            coordinates: None,
            gln: None,
        };
        let ingredient = RegisterIngredient {
            id: None,
            name: "Wheat flour".to_owned(),
            allergens: Vec::new(),
            origin_country: None,
            supplier_ids: Vec::new(),
            contains: Vec::new(),
        };
        let location = process.execute(&meta(tenant), &location).await?.reply.id.into();
        let ingredient = process.execute(&meta(tenant), &ingredient).await?.reply.id.into();
        Ok(Self { tenant, location, ingredient })
    }

    /// A lot of a ton with so many events.
    pub(super) async fn lot(&self, process: &Executor, events: usize) -> anyhow::Result<BatchId> {
        let accepted = process.execute(&meta(self.tenant), &self.receipt()).await?;
        let lot = accepted.reply.batch_id.map(BatchId).context("a receipt without a lot")?;
        self.adjust(process, lot, events - 1).await?;
        Ok(lot)
    }

    /// A receipt of a ton.
    pub(crate) fn receipt(&self) -> RecordReceipt {
        let facts = ReceiptFacts {
            batch_id: BatchId::default(),
            batch_number: Uuid::new_v4().to_string(),
            item: Item::Ingredient(self.ingredient),
            supplier_id: None,
            quantity: grams(1_000_000),
            location_id: self.location,
            received_at: Timestamp::now(),
            production_date: None,
            expiry_date: None,
            sscc: None,
            documents: Vec::new(),
        };
        RecordReceipt { id: None, batch_id: None, facts }
    }

    /// Samples and counts the lot in turn, so often in all.
    pub(super) async fn adjust(&self, process: &Executor, lot: BatchId, times: usize) -> anyhow::Result<()> {
        for time in 0..times {
            let kind = if time % 2 == 0 { AdjustmentKind::Sample } else { AdjustmentKind::Count };
            process.execute(&meta(self.tenant), &adjustment(lot, kind)).await?;
        }
        Ok(())
    }

    /// What the process takes the lot for.
    pub(super) async fn look(&self, process: &Executor, lot: BatchId) -> Result<Loaded<Batch>, CommandError> {
        let look = Look { lot, seen: Mutex::default() };
        match process.execute(&meta(self.tenant), &look).await {
            Err(CommandError::NotFound { .. }) => {}
            Err(other) => return Err(other),
            Ok(accepted) => panic!("a look was recorded: {accepted:?}"),
        }
        Ok(look.seen.into_inner().unwrap().expect("it was seen"))
    }

    /// Samples the lot where it is at this version.
    pub(super) async fn sample_at(
        &self,
        process: &Executor,
        lot: BatchId,
        if_match: IfMatch,
    ) -> Result<Accepted, CommandError> {
        let meta = CommandMeta { if_match: Some(if_match), ..meta(self.tenant) };
        process.execute(&meta, &adjustment(lot, AdjustmentKind::Sample)).await
    }
}

/// Fails unless the two are the same in everything that a decision or an append can depend on.
pub(super) fn assert_same(found: &Loaded<Batch>, expected: &Loaded<Batch>, case: &str) {
    assert_eq!(found.state, expected.state, "{case}");
    assert_eq!(
        (found.version, found.position, found.hash),
        (expected.version, expected.position, expected.hash),
        "{case}"
    );
    assert_eq!(found.commands, expected.commands, "{case}");
}

/// Looks at a lot, and stops before anything is decided.
struct Look {
    lot: BatchId,
    seen: Mutex<Option<Loaded<Batch>>>,
}

impl Operation for Look {
    type Primary = Batch;

    fn reply(&self, _: &CommandMeta) -> Reply {
        Reply {
            operation: "test/look",
            id: self.lot.0,
            primary: stream_of::<Batch>(self.lot.0),
            creates: false,
            batch_id: None,
            batch_ids: None,
        }
    }

    fn locks(&self, _: &CommandMeta) -> Vec<StreamId> {
        vec![stream_of::<Batch>(self.lot.0)]
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        let loaded = unit.peek::<Batch>(self.lot.0).await?;
        *self.seen.lock().unwrap() = Some(Loaded::clone(&loaded));
        Err(CommandError::NotFound { what: "reason to go on", id: self.lot.0, pointer: String::new() }.into())
    }
}
