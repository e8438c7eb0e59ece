//! Receipts, transformations, shipments, adjustments, and their corrections.

use foodflow_domain::Quantity;
use foodflow_domain::food_graph::batch::{BatchAdjusted, BatchEvent, BatchOriginCorrected, BatchOriginated};
use foodflow_domain::food_graph::facts::{
    Item, OutputFacts, ReceiptFacts, ShipmentFacts, TransformationFacts,
};
use foodflow_domain::food_graph::receipt::{ReceiptCorrected, ReceiptEvent, ReceiptRecorded};
use foodflow_domain::food_graph::shipment::{ShipmentCorrected, ShipmentEvent, ShipmentRecorded};
use foodflow_domain::food_graph::transformation::{
    TransformationCorrected, TransformationEvent, TransformationInputsAdded, TransformationRecorded,
};
use foodflow_projections::food_graph::queries::Known;
use jiff::Timestamp;

use super::facts::{after, came, lines, made};
use super::{Told, World, amount, id, told};

impl World {
    /// A receipt; its document goes by the lot's number.
    pub(crate) async fn receive(
        &mut self,
        lot: &str,
        item: Item,
        supplier: Option<&str>,
        quantity: &str,
        received_at: Timestamp,
    ) -> Known {
        let facts = ReceiptFacts {
            batch_id: id(lot).into(),
            batch_number: lot.to_owned(),
            item,
            supplier_id: supplier.map(|name| id(name).into()),
            quantity: amount(quantity),
            location_id: id("Plant A").into(),
            received_at,
            production_date: None,
            expiry_date: None,
            sscc: None,
            documents: vec![],
        };
        self.receipts.insert(lot.to_owned(), facts.clone());
        let document = format!("receipt {lot}");
        let origin = came(&document, &facts);
        let recorded = ReceiptRecorded { receipt_id: id(&document).into(), facts };
        let after = after(origin.quantity);
        let received = BatchOriginated { batch_id: id(lot).into(), origin, after };
        let events = vec![
            told(id(&document), &ReceiptEvent::Recorded(recorded)),
            told(id(lot), &BatchEvent::Received(received)),
        ];
        self.commit(events).await
    }

    /// Corrects a lot's receipt to another quantity, or says that it never came.
    pub(crate) async fn correct_receipt(&mut self, lot: &str, quantity: Option<&str>) -> Known {
        let retired = self.receipts[lot].clone();
        let restated =
            quantity.map(|quantity| ReceiptFacts { quantity: amount(quantity), ..retired.clone() });
        let document = format!("receipt {lot}");
        let corrected = BatchOriginCorrected {
            batch_id: id(lot).into(),
            reason: "typing error".to_owned(),
            retired: came(&document, &retired),
            restated: restated.as_ref().map(|facts| came(&document, facts)),
            after: after(
                restated.as_ref().map_or(Quantity::zero(retired.quantity.unit), |facts| facts.quantity),
            ),
        };
        self.receipts.extend(restated.clone().map(|facts| (lot.to_owned(), facts)));
        let receipt = ReceiptCorrected {
            receipt_id: id(&document).into(),
            reason: "typing error".to_owned(),
            retired,
            restated,
        };
        let events = vec![
            told(id(&document), &ReceiptEvent::Corrected(receipt)),
            told(id(lot), &BatchEvent::OriginCorrected(corrected)),
        ];
        self.commit(events).await
    }

    pub(crate) async fn transform(&mut self, document: &str, facts: TransformationFacts) -> Known {
        self.transformations.insert(document.to_owned(), facts.clone());
        let mut events: Vec<Told> =
            facts.outputs.iter().map(|output| produced(document, &facts, output)).collect();
        let transformation_id = id(document).into();
        let recorded = TransformationRecorded { transformation_id, facts, yield_percent: None };
        events.push(told(id(document), &TransformationEvent::Recorded(recorded)));
        self.commit(events).await
    }

    /// More that went into a transformation, recorded later.
    pub(crate) async fn add_inputs(
        &mut self,
        document: &str,
        inputs: &[(&str, &str)],
        occurred_at: Timestamp,
    ) -> Known {
        let facts = self.transformations.get_mut(document).unwrap();
        facts.inputs.extend(lines(inputs));
        let added = TransformationInputsAdded {
            transformation_id: id(document).into(),
            inputs: lines(inputs),
            occurred_at,
            output_batch_ids: facts.outputs.iter().map(|output| output.batch_id).collect(),
            yield_percent: None,
        };
        self.commit(vec![told(id(document), &TransformationEvent::InputsAdded(added))]).await
    }

    /// Corrects a transformation; restated with the same outputs or not at all.
    pub(crate) async fn correct_transformation(
        &mut self,
        document: &str,
        restated: Option<TransformationFacts>,
    ) -> Known {
        let retired = self.transformations[document].clone();
        let mut events: Vec<Told> = retired
            .outputs
            .iter()
            .map(|output| {
                let new = restated.as_ref().and_then(|facts| {
                    let output = facts.outputs.iter().find(|new| new.batch_id == output.batch_id)?;
                    Some(made(document, facts, output))
                });
                let corrected = BatchOriginCorrected {
                    batch_id: output.batch_id,
                    reason: "wrong".to_owned(),
                    retired: made(document, &retired, output),
                    after: after(
                        new.as_ref().map_or(Quantity::zero(output.quantity.unit), |new| new.quantity),
                    ),
                    restated: new,
                };
                told(output.batch_id.0, &BatchEvent::OriginCorrected(corrected))
            })
            .collect();
        let corrected = TransformationCorrected {
            transformation_id: id(document).into(),
            reason: "wrong".to_owned(),
            retired,
            restated: restated.clone(),
            yield_percent: None,
        };
        self.transformations.extend(restated.map(|facts| (document.to_owned(), facts)));
        events.push(told(id(document), &TransformationEvent::Corrected(corrected)));
        self.commit(events).await
    }

    pub(crate) async fn ship(
        &mut self,
        document: &str,
        shipped: &[(&str, &str)],
        to: &str,
        shipped_at: Timestamp,
    ) -> Known {
        let facts = ShipmentFacts {
            lines: lines(shipped),
            from_location_id: id("Plant A").into(),
            to_location_id: id(to).into(),
            shipped_at,
            sscc: None,
            documents: vec![],
        };
        self.shipments.insert(document.to_owned(), facts.clone());
        let recorded = ShipmentRecorded { shipment_id: id(document).into(), facts };
        self.commit(vec![told(id(document), &ShipmentEvent::Recorded(recorded))]).await
    }

    /// Corrects a shipment to other lines, or says that it never went.
    pub(crate) async fn correct_shipment(
        &mut self,
        document: &str,
        shipped: Option<&[(&str, &str)]>,
    ) -> Known {
        let retired = self.shipments[document].clone();
        let restated = shipped.map(|shipped| ShipmentFacts { lines: lines(shipped), ..retired.clone() });
        let corrected = ShipmentCorrected {
            shipment_id: id(document).into(),
            reason: "wrong".to_owned(),
            retired,
            restated,
        };
        self.commit(vec![told(id(document), &ShipmentEvent::Corrected(corrected))]).await
    }

    /// `kind` is `sample`, `waste`, `count` or `dispose`.
    pub(crate) async fn adjust(
        &mut self,
        lot: &str,
        kind: &str,
        quantity: &str,
        occurred_at: Timestamp,
    ) -> Known {
        let data = BatchAdjusted {
            batch_id: id(lot).into(),
            quantity: amount(quantity),
            occurred_at,
            reason: None,
            location_id: id("Plant A").into(),
            after: after(amount(quantity)),
        };
        let event = match kind {
            "sample" => BatchEvent::Sampled(data),
            "waste" => BatchEvent::Wasted(data),
            "count" => BatchEvent::Counted(data),
            "dispose" => BatchEvent::Disposed(data),
            other => panic!("no adjustment is a {other}"),
        };
        self.commit(vec![told(id(lot), &event)]).await
    }
}

fn produced(document: &str, facts: &TransformationFacts, output: &OutputFacts) -> Told {
    let data = BatchOriginated {
        batch_id: output.batch_id,
        origin: made(document, facts, output),
        after: after(output.quantity),
    };
    told(output.batch_id.0, &BatchEvent::Produced(data))
}
