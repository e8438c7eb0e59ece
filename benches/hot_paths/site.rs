//! A plant with its master data, and the commands that its people give.

use std::sync::Arc;

use anyhow::Context as _;
use foodflow_commands::food_graph::batches::AdjustBatch;
use foodflow_commands::food_graph::master_data::{RegisterIngredient, RegisterLocation, RegisterSupplier};
use foodflow_commands::food_graph::receipts::RecordReceipt;
use foodflow_commands::{Accepted, CommandMeta, Executor, Operation, SystemClock};
use foodflow_domain::food_graph::batch::AdjustmentKind;
use foodflow_domain::food_graph::facts::{DocumentReference, Item, ReceiptFacts};
use foodflow_domain::ids::{BatchId, IngredientId, LocationId, SupplierId};
use foodflow_domain::{Quantity, TenantId, Unit};
use foodflow_log::{Keyring, PayloadHash, Position, SharedLog};
use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::random::Random;

/// A plant of one tenant.
pub(crate) struct Site {
    pub(crate) executor: Executor,
    pub(crate) tenant: TenantId,
    pub(crate) location: LocationId,
    pub(crate) supplier: SupplierId,
    pub(crate) ingredient: IngredientId,
}

/// `value` kilograms.
pub(crate) fn kilograms(value: Decimal) -> Quantity {
    Quantity::new(value, Unit::Kgm)
}

impl Site {
    /// Opens the plant on `log`, as one process does, and registers what its lots refer to.
    ///
    /// # Errors
    /// Where the log refuses.
    pub(crate) async fn open(log: SharedLog, random: &mut Random) -> anyhow::Result<Self> {
        let keyring = Arc::new(Keyring::passing(log.records())?);
        let mut site = Self {
            executor: Executor::new(log, keyring, Arc::new(SystemClock)),
            tenant: TenantId(random.id()),
            location: LocationId::default(),
            supplier: SupplierId::default(),
            ingredient: IngredientId::default(),
        };
        site.location = site.register_location(random, "Mill 1").await?;
        site.supplier = site.register_supplier(random, "Grain Growers").await?;
        site.ingredient = site.register_ingredient(random, "Wheat flour").await?;
        Ok(site)
    }

    /// Carries out a command under a new id.
    ///
    /// # Errors
    /// Where it is refused.
    pub(crate) async fn execute<O: Operation>(
        &self,
        random: &mut Random,
        operation: &O,
    ) -> anyhow::Result<Accepted> {
        let command_id = random.id();
        let meta = CommandMeta {
            tenant: self.tenant,
            actor: "operator@plant".to_owned(),
            command_id: command_id.into(),
            // A key of the client's own costs one more message, which would blur what is compared.
            repeatable: false,
            command_hash: PayloadHash::of(command_id.as_bytes()),
            correlation_id: command_id,
            causation_id: None,
            if_match: None,
        };
        Ok(self.executor.execute(&meta, operation).await?)
    }

    pub(crate) async fn register_location(
        &self,
        random: &mut Random,
        name: &str,
    ) -> anyhow::Result<LocationId> {
        let operation = RegisterLocation {
            id: None,
            name: name.to_owned(),
            location_type: "plant".to_owned(),
            address: None,
            coordinates: None,
            gln: None,
        };
        Ok(self.execute(random, &operation).await?.reply.id.into())
    }

    pub(crate) async fn register_supplier(
        &self,
        random: &mut Random,
        name: &str,
    ) -> anyhow::Result<SupplierId> {
        let operation = RegisterSupplier {
            id: None,
            name: name.to_owned(),
            country: "FR".to_owned(),
            risk_score: None,
            certifications: Vec::new(),
            location_id: None,
        };
        Ok(self.execute(random, &operation).await?.reply.id.into())
    }

    pub(crate) async fn register_ingredient(
        &self,
        random: &mut Random,
        name: &str,
    ) -> anyhow::Result<IngredientId> {
        let operation = RegisterIngredient {
            id: None,
            name: name.to_owned(),
            allergens: Vec::new(),
            origin_country: None,
            supplier_ids: Vec::new(),
            contains: Vec::new(),
        };
        Ok(self.execute(random, &operation).await?.reply.id.into())
    }

    /// Receives a lot: one commit of three messages (receipt, lot, its number).
    ///
    /// # Errors
    /// Where it is refused.
    pub(crate) async fn receive(
        &self,
        random: &mut Random,
        batch_number: String,
        quantity: Quantity,
        received_at: Timestamp,
    ) -> anyhow::Result<BatchId> {
        let facts = ReceiptFacts {
            batch_id: BatchId::default(),
            batch_number,
            item: Item::Ingredient(self.ingredient),
            supplier_id: Some(self.supplier),
            quantity,
            location_id: self.location,
            received_at,
            production_date: None,
            expiry_date: None,
            sscc: None,
            documents: vec![DocumentReference {
                document_type: "purchase-order".to_owned(),
                number: "PO-4711".to_owned(),
            }],
        };
        let accepted = self.execute(random, &RecordReceipt { id: None, batch_id: None, facts }).await?;
        accepted.reply.batch_id.map(BatchId).context("a receipt without a lot")
    }

    /// Adjusts a lot: one commit of one message, whose position is the answer.
    ///
    /// # Errors
    /// Where it is refused.
    pub(crate) async fn adjust(
        &self,
        random: &mut Random,
        batch_id: BatchId,
        kind: AdjustmentKind,
        quantity: Quantity,
    ) -> anyhow::Result<Position> {
        let (occurred_at, reason) = (Timestamp::now(), Some("stock taking".to_owned()));
        let operation = AdjustBatch { batch_id, kind, quantity, occurred_at, reason };
        Ok(self.execute(random, &operation).await?.position)
    }
}
