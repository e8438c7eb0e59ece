//! Bodies of receipts, transformations and shipments, and of their corrections.

use foodflow_commands::food_graph::receipts::{CorrectReceipt, RecordReceipt};
use foodflow_commands::food_graph::shipments::{CorrectShipment, RecordShipment};
use foodflow_commands::food_graph::transformations::{
    AddInputs, CorrectTransformation, RecordTransformation,
};
use foodflow_domain::Quantity;
use foodflow_domain::food_graph::facts::{
    DocumentReference, Item, LotQuantity, OutputFacts, ReceiptFacts, ShipmentFacts, TransformationFacts,
};
use foodflow_domain::ids::{BatchId, IngredientId};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::checks::LIST_LENGTH_MAX;
use super::{Body, Checks, FieldError};
use crate::http::schema;

/// `POST /v1/receipts`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceiptBody {
    /// Chosen by the client, or derived from the command.
    id: Option<Uuid>,
    /// Id of the lot; chosen by the client, or derived from the command.
    batch_id: Option<Uuid>,
    /// Traceability lot code; unique among the lots of one item and supplier.
    #[schema(value_type = schema::Name)]
    batch_number: String,
    /// What it is a lot of: this or `product_id`.
    ingredient_id: Option<Uuid>,
    /// What it is a lot of: this or `ingredient_id`.
    product_id: Option<Uuid>,
    /// Immediate previous source.
    supplier_id: Option<Uuid>,
    /// How much came in; above 0.
    #[schema(value_type = schema::QuantityIn)]
    quantity: Quantity,
    /// Where.
    location_id: Uuid,
    /// Event time (RFC 3339, UTC).
    #[schema(value_type = schema::Instant)]
    received_at: Timestamp,
    /// Date of production.
    #[schema(value_type = Option<schema::Day>)]
    production_date: Option<Date>,
    /// Expiry date.
    #[schema(value_type = Option<schema::Day>)]
    expiry_date: Option<Date>,
    /// Serial shipping container code.
    #[schema(value_type = Option<schema::Name>)]
    sscc: Option<String>,
    /// Reference documents.
    #[serde(default)]
    #[schema(value_type = Vec<schema::DocumentReference>, max_items = 300)]
    documents: Vec<DocumentReference>,
}

impl ReceiptBody {
    fn facts(&self, checks: &mut Checks, at: &str) -> ReceiptFacts {
        checks.name(&format!("{at}/batch_number"), &self.batch_number);
        checks.positive(&format!("{at}/quantity"), self.quantity);
        checks.instant(&format!("{at}/received_at"), self.received_at);
        checks.dates(at, self.production_date, self.expiry_date);
        checks.optional_name(&format!("{at}/sscc"), self.sscc.as_deref());
        checks.documents(&format!("{at}/documents"), &self.documents);
        let item = checks.item(at, self.ingredient_id, self.product_id);
        ReceiptFacts {
            batch_id: self.batch_id.unwrap_or_default().into(),
            batch_number: self.batch_number.clone(),
            item: item.unwrap_or(Item::Ingredient(IngredientId::default())),
            supplier_id: self.supplier_id.map(Into::into),
            quantity: self.quantity,
            location_id: self.location_id.into(),
            received_at: self.received_at,
            production_date: self.production_date,
            expiry_date: self.expiry_date,
            sscc: self.sscc.clone(),
            documents: self.documents.clone(),
        }
    }
}

impl Body for ReceiptBody {
    type Operation = RecordReceipt;

    fn check(self, _: Uuid) -> Result<RecordReceipt, Vec<FieldError>> {
        let mut checks = Checks::default();
        let facts = self.facts(&mut checks, "");
        let id = self.id.map(Into::into);
        checks.finish(RecordReceipt { id, batch_id: self.batch_id.map(Into::into), facts })
    }
}

/// A lot that a transformation makes.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OutputBody {
    /// Id of the lot; chosen by the client, or derived from the command.
    batch_id: Option<Uuid>,
    /// Traceability lot code that is assigned here.
    #[schema(value_type = schema::Name)]
    batch_number: String,
    /// What it is a lot of: this or `ingredient_id`.
    product_id: Option<Uuid>,
    /// What it is a lot of: this or `product_id`.
    ingredient_id: Option<Uuid>,
    /// The SKU that it is packed as.
    sku_id: Option<Uuid>,
    /// How much was made; above 0.
    #[schema(value_type = schema::QuantityIn)]
    quantity: Quantity,
    /// Date of production.
    #[schema(value_type = Option<schema::Day>)]
    production_date: Option<Date>,
    /// Expiry date.
    #[schema(value_type = Option<schema::Day>)]
    expiry_date: Option<Date>,
}

impl OutputBody {
    fn facts(&self, checks: &mut Checks, at: &str) -> OutputFacts {
        checks.name(&format!("{at}/batch_number"), &self.batch_number);
        checks.positive(&format!("{at}/quantity"), self.quantity);
        checks.dates(at, self.production_date, self.expiry_date);
        let item = checks.item(at, self.ingredient_id, self.product_id);
        OutputFacts {
            batch_id: self.batch_id.unwrap_or_default().into(),
            batch_number: self.batch_number.clone(),
            item: item.unwrap_or(Item::Ingredient(IngredientId::default())),
            sku_id: self.sku_id.map(Into::into),
            quantity: self.quantity,
            production_date: self.production_date,
            expiry_date: self.expiry_date,
        }
    }
}

/// `POST /v1/transformations`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransformationBody {
    /// Chosen by the client, or derived from the command.
    id: Option<Uuid>,
    /// What went in; at least one.
    #[schema(value_type = Vec<schema::LotQuantity>, min_items = 1, max_items = 300)]
    inputs: Vec<LotQuantity>,
    /// What came out; at least one.
    #[schema(min_items = 1, max_items = 300)]
    outputs: Vec<OutputBody>,
    /// Where.
    location_id: Uuid,
    /// On which line.
    #[schema(value_type = Option<schema::Name>)]
    line: Option<String>,
    /// Event time (RFC 3339, UTC).
    #[schema(value_type = schema::Instant)]
    occurred_at: Timestamp,
    /// What was lost on the way.
    #[schema(value_type = Option<schema::QuantityIn>)]
    loss: Option<Quantity>,
    /// Reference documents.
    #[serde(default)]
    #[schema(value_type = Vec<schema::DocumentReference>, max_items = 300)]
    documents: Vec<DocumentReference>,
}

impl TransformationBody {
    fn operation(&self, checks: &mut Checks, at: &str) -> RecordTransformation {
        checks.lots(&format!("{at}/inputs"), &self.inputs);
        checks.length(&format!("{at}/outputs"), self.outputs.len(), 1);
        checks.optional_name(&format!("{at}/line"), self.line.as_deref());
        checks.instant(&format!("{at}/occurred_at"), self.occurred_at);
        if let Some(loss) = self.loss {
            checks.not_negative(&format!("{at}/loss"), loss);
        }
        checks.documents(&format!("{at}/documents"), &self.documents);
        let output =
            |(index, output): (usize, &OutputBody)| output.facts(checks, &format!("{at}/outputs/{index}"));
        let outputs: Vec<OutputFacts> = self.outputs.iter().enumerate().map(output).collect();
        let output_ids: Vec<Option<BatchId>> =
            self.outputs.iter().map(|out| out.batch_id.map(Into::into)).collect();
        for (index, id) in output_ids.iter().take(LIST_LENGTH_MAX).enumerate() {
            if id.is_some() && output_ids[..index].contains(id) {
                checks.add(&format!("{at}/outputs/{index}/batch_id"), "stands twice among the outputs");
            }
        }
        let facts = TransformationFacts {
            inputs: self.inputs.clone(),
            outputs,
            location_id: self.location_id.into(),
            line: self.line.clone(),
            occurred_at: self.occurred_at,
            loss: self.loss,
            documents: self.documents.clone(),
        };
        RecordTransformation { id: self.id.map(Into::into), output_ids, facts }
    }
}

impl Body for TransformationBody {
    type Operation = RecordTransformation;

    fn check(self, _: Uuid) -> Result<RecordTransformation, Vec<FieldError>> {
        let mut checks = Checks::default();
        let operation = self.operation(&mut checks, "");
        checks.finish(operation)
    }
}

/// `POST /v1/transformations/{id}/inputs`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InputsBody {
    /// What went in besides; at least one.
    #[schema(value_type = Vec<schema::LotQuantity>, min_items = 1, max_items = 300)]
    inputs: Vec<LotQuantity>,
    /// Event time (RFC 3339, UTC).
    #[schema(value_type = schema::Instant)]
    occurred_at: Timestamp,
}

impl Body for InputsBody {
    type Operation = AddInputs;

    fn check(self, path_id: Uuid) -> Result<AddInputs, Vec<FieldError>> {
        let mut checks = Checks::default();
        checks.lots("/inputs", &self.inputs);
        checks.instant("/occurred_at", self.occurred_at);
        let Self { inputs, occurred_at } = self;
        checks.finish(AddInputs { transformation_id: path_id.into(), inputs, occurred_at })
    }
}

/// `POST /v1/shipments`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShipmentBody {
    /// Chosen by the client, or derived from the command.
    id: Option<Uuid>,
    /// What was shipped; at least one.
    #[schema(value_type = Vec<schema::LotQuantity>, min_items = 1, max_items = 300)]
    lines: Vec<LotQuantity>,
    /// From where.
    from_location_id: Uuid,
    /// To where: the consignee.
    to_location_id: Uuid,
    /// Event time (RFC 3339, UTC).
    #[schema(value_type = schema::Instant)]
    shipped_at: Timestamp,
    /// Serial shipping container code.
    #[schema(value_type = Option<schema::Name>)]
    sscc: Option<String>,
    /// Reference documents.
    #[serde(default)]
    #[schema(value_type = Vec<schema::DocumentReference>, max_items = 300)]
    documents: Vec<DocumentReference>,
}

impl ShipmentBody {
    fn facts(&self, checks: &mut Checks, at: &str) -> ShipmentFacts {
        checks.lots(&format!("{at}/lines"), &self.lines);
        checks.instant(&format!("{at}/shipped_at"), self.shipped_at);
        checks.optional_name(&format!("{at}/sscc"), self.sscc.as_deref());
        checks.documents(&format!("{at}/documents"), &self.documents);
        if self.from_location_id == self.to_location_id {
            checks.add(&format!("{at}/to_location_id"), "is the place that it is shipped from");
        }
        ShipmentFacts {
            lines: self.lines.clone(),
            from_location_id: self.from_location_id.into(),
            to_location_id: self.to_location_id.into(),
            shipped_at: self.shipped_at,
            sscc: self.sscc.clone(),
            documents: self.documents.clone(),
        }
    }
}

impl Body for ShipmentBody {
    type Operation = RecordShipment;

    fn check(self, _: Uuid) -> Result<RecordShipment, Vec<FieldError>> {
        let mut checks = Checks::default();
        let facts = self.facts(&mut checks, "");
        checks.finish(RecordShipment { id: self.id.map(Into::into), facts })
    }
}

/// `POST /v1/{receipts,transformations,shipments}/{id}/correction`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CorrectionBody<T> {
    /// Why the document was an error.
    #[schema(value_type = schema::Sentence)]
    reason: String,
    /// The body as it should have been; without it the document should not have been.
    restated: Option<T>,
}

impl<T> CorrectionBody<T> {
    fn start(&self, checks: &mut Checks, restated_id: Option<Uuid>, path_id: Uuid) {
        checks.sentence("/reason", &self.reason);
        if restated_id.is_some_and(|id| id != path_id) {
            checks.add("/restated/id", format!("a correction keeps the document: {path_id}"));
        }
    }
}

impl Body for CorrectionBody<ReceiptBody> {
    type Operation = CorrectReceipt;

    fn check(self, path_id: Uuid) -> Result<CorrectReceipt, Vec<FieldError>> {
        let mut checks = Checks::default();
        self.start(&mut checks, self.restated.as_ref().and_then(|body| body.id), path_id);
        let restated = self.restated.as_ref().map(|body| {
            let facts = body.facts(&mut checks, "/restated");
            (body.batch_id.map(Into::into), facts)
        });
        checks.finish(CorrectReceipt { receipt_id: path_id.into(), reason: self.reason, restated })
    }
}

impl Body for CorrectionBody<TransformationBody> {
    type Operation = CorrectTransformation;

    fn check(self, path_id: Uuid) -> Result<CorrectTransformation, Vec<FieldError>> {
        let mut checks = Checks::default();
        self.start(&mut checks, self.restated.as_ref().and_then(|body| body.id), path_id);
        let restated = self.restated.as_ref().map(|body| body.operation(&mut checks, "/restated"));
        checks.finish(CorrectTransformation {
            transformation_id: path_id.into(),
            reason: self.reason,
            restated,
        })
    }
}

impl Body for CorrectionBody<ShipmentBody> {
    type Operation = CorrectShipment;

    fn check(self, path_id: Uuid) -> Result<CorrectShipment, Vec<FieldError>> {
        let mut checks = Checks::default();
        self.start(&mut checks, self.restated.as_ref().and_then(|body| body.id), path_id);
        let restated = self.restated.as_ref().map(|body| body.facts(&mut checks, "/restated"));
        checks.finish(CorrectShipment { shipment_id: path_id.into(), reason: self.reason, restated })
    }
}
