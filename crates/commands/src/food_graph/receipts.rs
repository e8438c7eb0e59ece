//! Receiving, and its correction.

use foodflow_domain::food_graph::FoodGraphError;
use foodflow_domain::food_graph::batch::{Batch, BatchCommand, Origin};
use foodflow_domain::food_graph::facts::{Item, ReceiptFacts};
use foodflow_domain::food_graph::receipt::{Receipt, ReceiptCommand, ReceiptRecorded};
use foodflow_domain::ids::{BatchId, ReceiptId, SupplierId};
use foodflow_log::StreamId;
use uuid::Uuid;

use super::{chosen_or_derived, give_up_name, in_time, references, reply_of, take_name};
use crate::error::CommandError;
use crate::execute::{CommandMeta, Operation, Reply};
use crate::unit::{Stop, Unit, stream_of};

/// Kind of the name that a lot number reserves.
pub(super) const LOT_NUMBER: &str = "lot number";

/// The unique name of a lot: its number among the lots of one item and supplier.
pub(super) fn lot_name(item: Item, supplier_id: Option<SupplierId>, batch_number: &str) -> String {
    let supplier = supplier_id.map_or_else(|| "own".to_owned(), |id| id.to_string());
    format!("{batch_number} of item {} from {supplier}", item.id())
}

/// `POST /v1/receipts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordReceipt {
    /// The id that the client chose.
    pub id: Option<ReceiptId>,
    /// The lot id that the client chose.
    pub batch_id: Option<BatchId>,
    /// What is declared; its `batch_id` counts for nothing here.
    pub facts: ReceiptFacts,
}

impl RecordReceipt {
    fn id(&self, meta: &CommandMeta) -> ReceiptId {
        chosen_or_derived(meta, self.id.map(|id| id.0), "receipt").into()
    }

    fn batch_id(&self, meta: &CommandMeta) -> BatchId {
        chosen_or_derived(meta, self.batch_id.map(|id| id.0), "batch").into()
    }
}

impl Operation for RecordReceipt {
    type Primary = Receipt;

    fn reply(&self, meta: &CommandMeta) -> Reply {
        let reply = reply_of::<Self::Primary>("receipts", self.id(meta).0, true);
        Reply { batch_id: Some(self.batch_id(meta).0), ..reply }
    }

    fn locks(&self, meta: &CommandMeta) -> Vec<StreamId> {
        vec![stream_of::<Receipt>(self.id(meta).0), stream_of::<Batch>(self.batch_id(meta).0)]
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        let receipt_id = self.id(unit.meta);
        let batch_id = self.batch_id(unit.meta);
        let facts = ReceiptFacts { batch_id, ..self.facts.clone() };
        in_time(unit, facts.received_at, "/received_at")?;
        refer(unit, &facts, "").await?;
        let recorded = ReceiptRecorded { receipt_id, facts: facts.clone() };
        unit.create::<Receipt>(receipt_id.0, ReceiptCommand::Record(recorded), "/id").await?;
        let receive = BatchCommand::Receive(batch_id, origin(receipt_id.0, &facts));
        unit.create::<Batch>(batch_id.0, receive, "/batch_id").await?;
        let name = lot_name(facts.item, facts.supplier_id, &facts.batch_number);
        take_name(unit, LOT_NUMBER, &name, batch_id.0, "/batch_number").await
    }
}

/// `POST /v1/receipts/{id}/correction`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorrectReceipt {
    /// The receipt.
    pub receipt_id: ReceiptId,
    /// Why.
    pub reason: String,
    /// What it should have declared, with the lot id where the client gave one.
    pub restated: Option<(Option<BatchId>, ReceiptFacts)>,
}

impl Operation for CorrectReceipt {
    type Primary = Receipt;

    fn reply(&self, _: &CommandMeta) -> Reply {
        reply_of::<Self::Primary>("receipts/correction", self.receipt_id.0, false)
    }

    fn locks(&self, _: &CommandMeta) -> Vec<StreamId> {
        vec![stream_of::<Receipt>(self.receipt_id.0)]
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        let receipt_id = self.receipt_id;
        let receipt = unit.load::<Receipt>(receipt_id.0).await?.clone();
        let restated = match (&self.restated, &receipt.facts) {
            (Some((given, facts)), Some(retired)) => {
                let expected = retired.batch_id;
                if let Some(given) = given.filter(|given| *given != expected) {
                    let other = FoodGraphError::OtherBatch { expected, given };
                    return Err(CommandError::refused(&other, "/restated/batch_id").into());
                }
                Some(ReceiptFacts { batch_id: expected, ..facts.clone() })
            }
            _ => None,
        };
        if let Some(facts) = &restated {
            in_time(unit, facts.received_at, "/restated/received_at")?;
            refer(unit, facts, "/restated").await?;
        }
        let correct =
            ReceiptCommand::Correct { receipt_id, reason: self.reason.clone(), restated: restated.clone() };
        unit.decide::<Receipt>(receipt_id.0, correct, "").await?;
        let Some(retired) = receipt.facts else {
            let reason = "a receipt without facts was corrected".to_owned();
            return Err(CommandError::Internal { reason }.into());
        };
        let batch_id = retired.batch_id;
        let correct = BatchCommand::CorrectOrigin {
            batch_id,
            reason: self.reason.clone(),
            restated: restated.as_ref().map(|facts| origin(receipt_id.0, facts)),
        };
        let pointer = if restated.is_some() { "/restated" } else { "" };
        unit.decide::<Batch>(batch_id.0, correct, pointer).await?;
        let name = |facts: &ReceiptFacts| lot_name(facts.item, facts.supplier_id, &facts.batch_number);
        rename(
            unit,
            batch_id,
            &name(&retired),
            restated.as_ref().map(name).as_deref(),
            "/restated/batch_number",
        )
        .await
    }
}

/// Gives up the old unique name of a lot and takes the new one, where they differ.
async fn rename(
    unit: &mut Unit<'_>,
    batch_id: BatchId,
    old: &str,
    new: Option<&str>,
    pointer: &str,
) -> Result<(), Stop> {
    if new == Some(old) {
        return Ok(());
    }
    give_up_name(unit, LOT_NUMBER, old, batch_id.0).await?;
    match new {
        Some(new) => take_name(unit, LOT_NUMBER, new, batch_id.0, pointer).await,
        None => Ok(()),
    }
}

async fn refer(unit: &mut Unit<'_>, facts: &ReceiptFacts, pointer: &str) -> Result<(), Stop> {
    references::item(unit, facts.item, pointer).await?;
    if let Some(id) = facts.supplier_id {
        references::supplier(unit, id, &format!("{pointer}/supplier_id")).await?;
    }
    references::location(unit, facts.location_id, &format!("{pointer}/location_id")).await
}

fn origin(document_id: Uuid, facts: &ReceiptFacts) -> Origin {
    Origin {
        document_id,
        batch_number: facts.batch_number.clone(),
        item: facts.item,
        supplier_id: facts.supplier_id,
        sku_id: None,
        quantity: facts.quantity,
        location_id: facts.location_id,
        line: None,
        occurred_at: facts.received_at,
        production_date: facts.production_date,
        expiry_date: facts.expiry_date,
        sscc: facts.sscc.clone(),
        documents: facts.documents.clone(),
    }
}
