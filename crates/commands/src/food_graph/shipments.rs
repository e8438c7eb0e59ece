//! Shipping, and its correction.

use foodflow_domain::Quantity;
use foodflow_domain::food_graph::batch::ledger::OutflowKind;
use foodflow_domain::food_graph::batch::{Batch, BatchCommand, Movement};
use foodflow_domain::food_graph::facts::{LotQuantity, ShipmentFacts};
use foodflow_domain::food_graph::shipment::{Shipment, ShipmentCommand, ShipmentRecorded};
use foodflow_domain::ids::{BatchId, ShipmentId};
use foodflow_log::StreamId;
use jiff::Timestamp;
use uuid::Uuid;

use super::{chosen_or_derived, in_time, references, reply_of};
use crate::execute::{CommandMeta, Operation, Reply};
use crate::unit::{Stop, Unit, stream_of};

/// `POST /v1/shipments`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordShipment {
    /// The id that the client chose.
    pub id: Option<ShipmentId>,
    /// What is declared.
    pub facts: ShipmentFacts,
}

impl RecordShipment {
    fn id(&self, meta: &CommandMeta) -> ShipmentId {
        chosen_or_derived(meta, self.id.map(|id| id.0), "shipment").into()
    }
}

impl Operation for RecordShipment {
    type Primary = Shipment;

    fn reply(&self, meta: &CommandMeta) -> Reply {
        reply_of::<Self::Primary>("shipments", self.id(meta).0, true)
    }

    fn locks(&self, meta: &CommandMeta) -> Vec<StreamId> {
        let lots = self.facts.lines.iter().map(|line| stream_of::<Batch>(line.batch_id.0));
        lots.chain([stream_of::<Shipment>(self.id(meta).0)]).collect()
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        let shipment_id = self.id(unit.meta);
        in_time(unit, self.facts.shipped_at, "/shipped_at")?;
        refer(unit, &self.facts, "").await?;
        let recorded = ShipmentRecorded { shipment_id, facts: self.facts.clone() };
        unit.create::<Shipment>(shipment_id.0, ShipmentCommand::Record(recorded), "/id").await?;
        for (index, line) in self.facts.lines.iter().enumerate() {
            let ship = BatchCommand::Ship(Movement {
                batch_id: line.batch_id,
                document_id: shipment_id.0,
                quantity: line.quantity,
                occurred_at: self.facts.shipped_at,
            });
            unit.decide::<Batch>(line.batch_id.0, ship, &format!("/lines/{index}")).await?;
        }
        Ok(())
    }
}

/// `POST /v1/shipments/{id}/correction`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorrectShipment {
    /// The shipment.
    pub shipment_id: ShipmentId,
    /// Why.
    pub reason: String,
    /// What it should have declared.
    pub restated: Option<ShipmentFacts>,
}

impl Operation for CorrectShipment {
    type Primary = Shipment;

    fn reply(&self, _: &CommandMeta) -> Reply {
        reply_of::<Self::Primary>("shipments/correction", self.shipment_id.0, false)
    }

    fn locks(&self, _: &CommandMeta) -> Vec<StreamId> {
        vec![stream_of::<Shipment>(self.shipment_id.0)]
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        let shipment_id = self.shipment_id;
        let retired = unit.load::<Shipment>(shipment_id.0).await?.facts.clone();
        if let Some(facts) = &self.restated {
            in_time(unit, facts.shipped_at, "/restated/shipped_at")?;
            refer(unit, facts, "/restated").await?;
        }
        let correct = ShipmentCommand::Correct {
            shipment_id,
            reason: self.reason.clone(),
            restated: self.restated.clone(),
        };
        unit.decide::<Shipment>(shipment_id.0, correct, "").await?;
        let before = retired.map(|facts| facts.lines).unwrap_or_default();
        let (after, at) = match &self.restated {
            Some(facts) => (facts.lines.as_slice(), facts.shipped_at),
            None => (&[][..], unit.context.now),
        };
        let restatement = Restatement {
            document_id: shipment_id.0,
            kind: OutflowKind::Shipped,
            reason: &self.reason,
            before: &before,
            after,
            occurred_at: at,
            pointer: "/restated/lines",
        };
        restatement.decide(unit).await
    }
}

/// What a corrected document takes from lots, in the place of what it took.
pub(super) struct Restatement<'a> {
    pub(super) document_id: Uuid,
    pub(super) kind: OutflowKind,
    pub(super) reason: &'a str,
    pub(super) before: &'a [LotQuantity],
    pub(super) after: &'a [LotQuantity],
    pub(super) occurred_at: Timestamp,
    pub(super) pointer: &'static str,
}

impl Restatement<'_> {
    /// Corrects every lot that the document took from or takes from.
    pub(super) async fn decide(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        let mut lots: Vec<(BatchId, String)> = Vec::new();
        let restated =
            self.after.iter().enumerate().map(|(i, line)| (line.batch_id, format!("{}/{i}", self.pointer)));
        let retired = self.before.iter().map(|line| (line.batch_id, String::new()));
        for (batch_id, pointer) in restated.chain(retired) {
            if !lots.iter().any(|(known, _)| *known == batch_id) {
                lots.push((batch_id, pointer));
            }
        }
        for (batch_id, pointer) in lots {
            let restated: Vec<(Quantity, Timestamp)> = self
                .after
                .iter()
                .filter(|line| line.batch_id == batch_id)
                .map(|line| (line.quantity, self.occurred_at))
                .collect();
            let correct = BatchCommand::CorrectMovement {
                batch_id,
                document_id: self.document_id,
                kind: self.kind,
                reason: self.reason.to_owned(),
                restated,
            };
            unit.decide::<Batch>(batch_id.0, correct, &pointer).await?;
        }
        Ok(())
    }
}

async fn refer(unit: &mut Unit<'_>, facts: &ShipmentFacts, pointer: &str) -> Result<(), Stop> {
    references::location(unit, facts.from_location_id, &format!("{pointer}/from_location_id")).await?;
    references::location(unit, facts.to_location_id, &format!("{pointer}/to_location_id")).await
}
