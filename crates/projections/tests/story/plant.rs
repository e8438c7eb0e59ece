//! A plant that receives mustard, makes dressing and salad, ships it, and corrects what was wrong.
//!
//! - [`master_data`]: where, by whom and of what.

mod master_data;

use foodflow_domain::food_graph::batch::{
    Balance, BatchAdjusted, BatchBarred, BatchEvent, BatchMoved, BatchMovementCorrected,
    BatchOriginCorrected, BatchOriginated, Origin, Status,
};
use foodflow_domain::food_graph::facts::{
    Item, LotQuantity, OutputFacts, ReceiptFacts, ShipmentFacts, TransformationFacts,
};
use foodflow_domain::food_graph::guards::{NameHeld, ReservationEvent};
use foodflow_domain::food_graph::receipt::{ReceiptCorrected, ReceiptEvent, ReceiptRecorded};
use foodflow_domain::food_graph::shipment::{ShipmentCorrected, ShipmentEvent, ShipmentRecorded};
use foodflow_domain::food_graph::transformation::{
    TransformationCorrected, TransformationEvent, TransformationInputsAdded, TransformationRecorded,
};
use foodflow_domain::{Quantity, Unit};

pub(crate) use self::master_data::master_data;
use super::{Story, time};

/// So much, e.g. `("12.5", Unit::Kgm)`.
pub(crate) fn amount(value: &str, unit: Unit) -> Quantity {
    Quantity::new(value.parse().unwrap(), unit)
}

/// A balance in kilograms.
pub(crate) fn balance(remaining: &str, status: Status) -> Balance {
    Balance { remaining: amount(remaining, Unit::Kgm), status }
}

/// The receipt of the mustard lot: as it was typed, or as it was.
pub(crate) fn mustard_receipt(story: &Story, kilograms: &str) -> ReceiptFacts {
    ReceiptFacts {
        batch_id: story.id("MP-0417").into(),
        batch_number: "MP-0417".to_owned(),
        item: Item::Ingredient(story.id("mustard").into()),
        supplier_id: Some(story.id("SpiceHub").into()),
        quantity: amount(kilograms, Unit::Kgm),
        location_id: story.id("Plant A").into(),
        received_at: time("2026-03-02T07:30:00Z"),
        production_date: None,
        expiry_date: Some("2027-03-01".parse().unwrap()),
        sscc: Some("SSCC-1".to_owned()),
        documents: vec![],
    }
}

/// The same as the lot's origin.
pub(crate) fn mustard_origin(story: &Story, kilograms: &str) -> Origin {
    let facts = mustard_receipt(story, kilograms);
    Origin {
        document_id: story.id("receipt"),
        batch_number: facts.batch_number,
        item: facts.item,
        supplier_id: facts.supplier_id,
        sku_id: None,
        quantity: facts.quantity,
        location_id: facts.location_id,
        line: None,
        occurred_at: facts.received_at,
        production_date: facts.production_date,
        expiry_date: facts.expiry_date,
        sscc: facts.sscc,
        documents: facts.documents,
    }
}

/// Packing salad from dressing: one input line per amount, two outputs.
pub(crate) fn packing(story: &Story, dressing: &[&str]) -> TransformationFacts {
    let output = |name: &str, cases: &str| OutputFacts {
        batch_id: story.id(name).into(),
        batch_number: name.to_owned(),
        item: Item::Product(story.id("salad").into()),
        sku_id: Some(story.id("salad 400 g").into()),
        quantity: amount(cases, Unit::Cs),
        production_date: Some("2026-03-07".parse().unwrap()),
        expiry_date: None,
    };
    TransformationFacts {
        inputs: dressing.iter().map(|kilograms| line(story, "MP-0417", kilograms, Unit::Kgm)).collect(),
        outputs: vec![output("DS-1001", "200"), output("DS-1002", "160")],
        location_id: story.id("Plant A").into(),
        line: Some("Line-1".to_owned()),
        occurred_at: time("2026-03-07T06:00:00Z"),
        loss: None,
        documents: vec![],
    }
}

/// A packed lot's origin.
pub(crate) fn packed_origin(story: &Story, output: usize) -> Origin {
    let facts = packing(story, &["49"]);
    let output = facts.outputs[output].clone();
    Origin {
        document_id: story.id("packing"),
        batch_number: output.batch_number,
        item: output.item,
        supplier_id: None,
        sku_id: output.sku_id,
        quantity: output.quantity,
        location_id: facts.location_id,
        line: facts.line,
        occurred_at: facts.occurred_at,
        production_date: output.production_date,
        expiry_date: output.expiry_date,
        sscc: None,
        documents: vec![],
    }
}

/// An amount of a lot.
pub(crate) fn line(story: &Story, lot: &str, value: &str, unit: Unit) -> LotQuantity {
    LotQuantity { batch_id: story.id(lot).into(), quantity: amount(value, unit) }
}

/// A shipment of salad to the distribution centre.
pub(crate) fn shipment(story: &Story, cases: &[&str]) -> ShipmentFacts {
    ShipmentFacts {
        lines: cases.iter().map(|cases| line(story, "DS-1001", cases, Unit::Cs)).collect(),
        from_location_id: story.id("Plant A").into(),
        to_location_id: story.id("DC-East").into(),
        shipped_at: time("2026-03-08T05:00:00Z"),
        sscc: None,
        documents: vec![],
    }
}

/// Everything that this projection knows, each at least once.
pub(crate) fn told() -> Story {
    let mut story = Story::new();
    master_data(&mut story);
    lots(&mut story);
    bars_and_adjustments(&mut story);
    corrections(&mut story);
    story
}

/// The mustard comes in as 30 kg, salad is packed and shipped.
pub(crate) fn lots(story: &mut Story) {
    let holder = story.id("MP-0417");
    let taken = NameHeld { kind: "lot number".to_owned(), name: "MP-0417".to_owned(), holder };
    story.record(story.id("reservation"), &ReservationEvent::Taken(taken));
    let facts = mustard_receipt(story, "30");
    let receipt_id = story.id("receipt").into();
    story.record(story.id("receipt"), &ReceiptEvent::Recorded(ReceiptRecorded { receipt_id, facts }));
    let origin = mustard_origin(story, "30");
    let after = balance("30", Status::Available);
    let batch_id = story.id("MP-0417").into();
    story.record(holder, &BatchEvent::Received(BatchOriginated { batch_id, origin, after }));

    let facts = packing(story, &["12", "6.5"]);
    let transformation_id = story.id("packing").into();
    let recorded = TransformationRecorded { transformation_id, facts, yield_percent: None };
    story.record(story.id("packing"), &TransformationEvent::Recorded(recorded));
    for (output, name) in ["DS-1001", "DS-1002"].into_iter().enumerate() {
        let origin = packed_origin(story, output);
        let after = Balance { remaining: origin.quantity, status: Status::Available };
        let batch_id = story.id(name).into();
        story.record(story.id(name), &BatchEvent::Produced(BatchOriginated { batch_id, origin, after }));
    }
    let consumed = moved(story, "MP-0417", "packing", "18.5", "11.5", Unit::Kgm);
    story.record(holder, &BatchEvent::Consumed(consumed));

    let facts = shipment(story, &["120", "60"]);
    let shipment_id = story.id("shipment").into();
    story.record(story.id("shipment"), &ShipmentEvent::Recorded(ShipmentRecorded { shipment_id, facts }));
    let shipped = moved(story, "DS-1001", "shipment", "180", "20", Unit::Cs);
    story.record(story.id("DS-1001"), &BatchEvent::Shipped(shipped));
}

fn moved(
    story: &Story,
    lot: &str,
    document: &str,
    quantity: &str,
    remaining: &str,
    unit: Unit,
) -> BatchMoved {
    BatchMoved {
        batch_id: story.id(lot).into(),
        document_id: story.id(document),
        quantity: amount(quantity, unit),
        occurred_at: time("2026-03-07T06:00:00Z"),
        after: Balance { remaining: amount(remaining, unit), status: Status::Available },
    }
}

/// An adjustment of the mustard lot.
pub(crate) fn adjusted(story: &Story, quantity: &str, remaining: &str) -> BatchAdjusted {
    BatchAdjusted {
        batch_id: story.id("MP-0417").into(),
        quantity: amount(quantity, Unit::Kgm),
        occurred_at: time("2026-03-10T12:00:00Z"),
        reason: None,
        location_id: story.id("Plant A").into(),
        after: balance(remaining, Status::Available),
    }
}

/// A bar on the mustard lot.
pub(crate) fn barred(story: &Story, status: Status) -> BatchBarred {
    BatchBarred {
        batch_id: story.id("MP-0417").into(),
        reason: "peanut".to_owned(),
        occurred_at: time("2026-03-10T08:17:00Z"),
        quantity: None,
        after: balance("11.5", status),
    }
}

fn bars_and_adjustments(story: &mut Story) {
    let lot = story.id("MP-0417");
    let events = [
        BatchEvent::Held(barred(story, Status::Held)),
        BatchEvent::Released(barred(story, Status::Available)),
        BatchEvent::Sampled(adjusted(story, "0.5", "11")),
        BatchEvent::Wasted(adjusted(story, "1", "10")),
        BatchEvent::Counted(adjusted(story, "9.5", "9.5")),
        BatchEvent::Disposed(adjusted(story, "2", "7.5")),
        BatchEvent::Recalled(barred(story, Status::Recalled)),
    ];
    for event in events {
        story.record(lot, &event);
    }
}

/// The receipt was 300 kg, an input was forgotten, one shipment and then the packing itself were wrong.
pub(crate) fn corrections(story: &mut Story) {
    let reason = || "typing error".to_owned();
    let lot = story.id("MP-0417");
    let (retired, restated) = (mustard_receipt(story, "30"), Some(mustard_receipt(story, "300")));
    let receipt_id = story.id("receipt").into();
    let corrected = ReceiptCorrected { receipt_id, reason: reason(), retired, restated };
    story.record(story.id("receipt"), &ReceiptEvent::Corrected(corrected));
    let (retired, restated) = (mustard_origin(story, "30"), Some(mustard_origin(story, "300")));
    let after = balance("277.5", Status::Recalled);
    let corrected = BatchOriginCorrected { batch_id: lot.into(), reason: reason(), retired, restated, after };
    story.record(lot, &BatchEvent::OriginCorrected(corrected));

    let added = inputs_added(story);
    story.record(story.id("packing"), &TransformationEvent::InputsAdded(added));

    let shipment_id = story.id("shipment").into();
    let (retired, restated) = (shipment(story, &["120", "60"]), Some(shipment(story, &["120"])));
    let corrected = ShipmentCorrected { shipment_id, reason: reason(), retired, restated };
    story.record(story.id("shipment"), &ShipmentEvent::Corrected(corrected));
    let corrected = movement_corrected(story, "DS-1001", "shipment", amount("80", Unit::Cs));
    story.record(story.id("DS-1001"), &BatchEvent::ShipmentCorrected(corrected));

    let transformation_id = story.id("packing").into();
    let corrected = TransformationCorrected {
        transformation_id,
        reason: reason(),
        retired: packing(story, &["12", "6.5", "3"]),
        restated: None,
        yield_percent: None,
    };
    story.record(story.id("packing"), &TransformationEvent::Corrected(corrected));
    let retired = packed_origin(story, 1);
    let batch_id = story.id("DS-1002").into();
    let after = Balance { remaining: amount("0", Unit::Cs), status: Status::Consumed };
    let corrected = BatchOriginCorrected { batch_id, reason: reason(), retired, restated: None, after };
    story.record(story.id("DS-1002"), &BatchEvent::OriginCorrected(corrected));
    let corrected = movement_corrected(story, "MP-0417", "packing", amount("296.5", Unit::Kgm));
    story.record(lot, &BatchEvent::ConsumptionCorrected(corrected));
}

/// Three more kilograms that went into both packed lots, told late.
pub(crate) fn inputs_added(story: &Story) -> TransformationInputsAdded {
    TransformationInputsAdded {
        transformation_id: story.id("packing").into(),
        inputs: vec![line(story, "MP-0417", "3", Unit::Kgm)],
        occurred_at: time("2026-03-09T16:20:00Z"),
        output_batch_ids: vec![story.id("DS-1001").into(), story.id("DS-1002").into()],
        yield_percent: None,
    }
}

fn movement_corrected(
    story: &Story,
    lot: &str,
    document: &str,
    remaining: Quantity,
) -> BatchMovementCorrected {
    BatchMovementCorrected {
        batch_id: story.id(lot).into(),
        document_id: story.id(document),
        reason: "typing error".to_owned(),
        restated: vec![],
        after: Balance { remaining, status: Status::Available },
    }
}
