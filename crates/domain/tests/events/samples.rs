//! One event of every type, with every optional part present; those of a lot are in [`super::lot_samples`].

use foodflow_domain::food_graph::facts::{
    DocumentReference, Item, LotQuantity, OutputFacts, ReceiptFacts, ShipmentFacts, TransformationFacts,
};
use foodflow_domain::food_graph::guards::{
    CommandAccepted, CommandRecordEvent, GenealogyAmended, GenealogyEvent, NameHeld, ReservationEvent,
};
use foodflow_domain::food_graph::ingredient::{Component, IngredientRegistered};
use foodflow_domain::food_graph::location::{Coordinates, LocationRegistered};
use foodflow_domain::food_graph::product::{ProductEvent, ProductRecipeSet, ProductRegistered, RecipeLine};
use foodflow_domain::food_graph::receipt::{ReceiptCorrected, ReceiptEvent, ReceiptRecorded};
use foodflow_domain::food_graph::shipment::{ShipmentCorrected, ShipmentEvent, ShipmentRecorded};
use foodflow_domain::food_graph::sku::SkuRegistered;
use foodflow_domain::food_graph::supplier::{SupplierCustomerAdded, SupplierEvent, SupplierRegistered};
use foodflow_domain::food_graph::transformation::{
    TransformationCorrected, TransformationEvent, TransformationInputsAdded, TransformationRecorded,
};
use foodflow_domain::projections::{QuarantineEvent, QuarantineRetried, QuarantineSkipped};
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::support::{id, quantity};

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) fn date(text: &str) -> Option<Date> {
    Some(text.parse().unwrap())
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

pub(crate) fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

pub(super) fn documents() -> Vec<DocumentReference> {
    vec![DocumentReference { document_type: "bill-of-lading".to_owned(), number: "BOL-5512".to_owned() }]
}

pub(crate) fn location() -> LocationRegistered {
    LocationRegistered {
        location_id: id(30),
        name: "Plant A".to_owned(),
        location_type: "plant".to_owned(),
        address: some("1 Harbor Road, Portland"),
        coordinates: Some(Coordinates { latitude: 43.6591, longitude: -70.2568 }),
        gln: some("0614141000012"),
    }
}

pub(crate) fn supplier() -> SupplierRegistered {
    SupplierRegistered {
        supplier_id: id(20),
        name: "SpiceHub".to_owned(),
        country: "NL".to_owned(),
        risk_score: Some(3.5),
        certifications: vec!["BRCGS".to_owned()],
        location_id: Some(id(31)),
    }
}

pub(super) fn supplier_events() -> Vec<SupplierEvent> {
    let customer = SupplierCustomerAdded { supplier_id: id(20), customer_id: id(21) };
    vec![SupplierEvent::Registered(supplier()), SupplierEvent::CustomerAdded(customer)]
}

pub(crate) fn ingredient() -> IngredientRegistered {
    IngredientRegistered {
        ingredient_id: id(10),
        name: "Mustard powder".to_owned(),
        allergens: vec!["mustard".to_owned()],
        origin_country: some("IN"),
        supplier_ids: vec![id(20)],
        contains: vec![Component { ingredient_id: id(13), percent: Some(decimal("99.5")) }],
    }
}

pub(crate) fn product() -> ProductRegistered {
    ProductRegistered {
        product_id: id(11),
        name: "Potato deli salad 400 g".to_owned(),
        category: "deli salad".to_owned(),
        brand: some("Harbor & Vale"),
        gtin: some("00614141000418"),
        food_traceability_list: true,
        location_ids: vec![id(30)],
    }
}

pub(crate) fn recipe() -> ProductRecipeSet {
    ProductRecipeSet {
        product_id: id(11),
        version: "2026-1".to_owned(),
        ingredients: vec![RecipeLine { ingredient_id: id(10), percent: decimal("12.25") }],
    }
}

pub(super) fn product_events() -> Vec<ProductEvent> {
    vec![ProductEvent::Registered(product()), ProductEvent::RecipeSet(recipe())]
}

pub(crate) fn sku() -> SkuRegistered {
    SkuRegistered {
        sku_id: id(12),
        product_id: id(11),
        sku_code: "PDS-400".to_owned(),
        size: "400".to_owned(),
        unit: "GRM".to_owned(),
    }
}

fn receipt(amount: &str) -> ReceiptFacts {
    ReceiptFacts {
        batch_id: id(1),
        batch_number: "MP-0417".to_owned(),
        item: Item::Ingredient(id(10)),
        supplier_id: Some(id(20)),
        quantity: quantity(amount),
        location_id: id(30),
        received_at: time("2026-03-02T08:00:00Z"),
        production_date: date("2026-01-15"),
        expiry_date: date("2027-01-14"),
        sscc: some("106141411234567897"),
        documents: documents(),
    }
}

pub(super) fn receipt_events() -> Vec<ReceiptEvent> {
    vec![
        ReceiptEvent::Recorded(ReceiptRecorded { receipt_id: id(100), facts: receipt("30 KGM") }),
        ReceiptEvent::Corrected(ReceiptCorrected {
            receipt_id: id(100),
            reason: "typing error".to_owned(),
            retired: receipt("30 KGM"),
            restated: Some(receipt("300 KGM")),
        }),
    ]
}

fn shipment(amount: &str) -> ShipmentFacts {
    ShipmentFacts {
        lines: vec![LotQuantity { batch_id: id(51), quantity: quantity(amount) }],
        from_location_id: id(30),
        to_location_id: id(32),
        shipped_at: time("2026-03-08T06:30:00.25Z"),
        sscc: some("106141411234567903"),
        documents: documents(),
    }
}

pub(super) fn shipment_events() -> Vec<ShipmentEvent> {
    vec![
        ShipmentEvent::Recorded(ShipmentRecorded { shipment_id: id(300), facts: shipment("120 CS") }),
        ShipmentEvent::Corrected(ShipmentCorrected {
            shipment_id: id(300),
            reason: "wrong pallet".to_owned(),
            retired: shipment("120 CS"),
            restated: Some(shipment("102 CS")),
        }),
    ]
}

fn line(lot: u128, amount: &str) -> LotQuantity {
    LotQuantity { batch_id: id(lot), quantity: quantity(amount) }
}

fn transformation(mustard: &str) -> TransformationFacts {
    TransformationFacts {
        inputs: vec![line(1, mustard), line(2, "88 KGM")],
        outputs: vec![OutputFacts {
            batch_id: id(50),
            batch_number: "DB-301".to_owned(),
            item: Item::Product(id(14)),
            sku_id: Some(id(15)),
            quantity: quantity("98 KGM"),
            production_date: date("2026-03-05"),
            expiry_date: date("2026-04-04"),
        }],
        location_id: id(30),
        line: some("Line-1"),
        occurred_at: time("2026-03-05T09:15:00Z"),
        loss: Some(quantity("2 KGM")),
        documents: documents(),
    }
}

pub(super) fn transformation_events() -> Vec<TransformationEvent> {
    let transformation_id = id(200);
    let facts = transformation("12 KGM");
    vec![
        TransformationEvent::Recorded(TransformationRecorded {
            transformation_id,
            yield_percent: facts.yield_percent(),
            facts,
        }),
        TransformationEvent::InputsAdded(TransformationInputsAdded {
            transformation_id,
            inputs: vec![line(3, "10 KGM")],
            occurred_at: time("2026-03-09T16:20:00Z"),
            output_batch_ids: vec![id(50)],
            yield_percent: Some(decimal("89.09")),
        }),
        TransformationEvent::Corrected(TransformationCorrected {
            transformation_id,
            reason: "wrong vat".to_owned(),
            retired: transformation("12 KGM"),
            restated: Some(transformation("6000 GRM")),
            yield_percent: transformation("6000 GRM").yield_percent(),
        }),
    ]
}

fn name() -> NameHeld {
    NameHeld { kind: "lot number".to_owned(), name: "MP-0417".to_owned(), holder: id(1) }
}

pub(super) fn reservation_events() -> Vec<ReservationEvent> {
    vec![ReservationEvent::Taken(name()), ReservationEvent::GivenUp(name())]
}

pub(super) fn genealogy_events() -> Vec<GenealogyEvent> {
    vec![GenealogyEvent::Amended(GenealogyAmended { transformation_id: id(200) })]
}

pub(super) fn command_events() -> Vec<CommandRecordEvent> {
    vec![CommandRecordEvent::Accepted(CommandAccepted { operation: "receipts".to_owned() })]
}

pub(super) fn quarantine_events() -> Vec<QuarantineEvent> {
    let (projection, stream) = ("food_graph".to_owned(), format!("food_graph.batch.{}", id::<Uuid>(1)));
    vec![
        QuarantineEvent::Retried(QuarantineRetried {
            projection: projection.clone(),
            stream: stream.clone(),
            position: 4_711,
        }),
        QuarantineEvent::Skipped(QuarantineSkipped {
            projection,
            stream,
            positions: vec![4_711, 4_720],
            reason: "Recorded twice by a scanner of a newer version; counted by hand".to_owned(),
        }),
    ]
}
