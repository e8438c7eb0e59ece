//! From the events of a commit back to the command that caused it, in the words of the contract.
//!
//! Of the events of a commit one says what was asked for; the others follow from it (a receipt brings a lot into
//! being and takes its number). Every id is written out, so that the command means the same in another log.

use foodflow_domain::EventSet;
use foodflow_domain::food_graph::batch::{AdjustmentKind, BatchAdjusted, BatchBarred, BatchEvent};
use foodflow_domain::food_graph::facts::{ReceiptFacts, ShipmentFacts, TransformationFacts};
use foodflow_domain::food_graph::guards::{CommandRecordEvent, GenealogyEvent, ReservationEvent};
use foodflow_domain::food_graph::ingredient::IngredientEvent;
use foodflow_domain::food_graph::location::LocationEvent;
use foodflow_domain::food_graph::product::ProductEvent;
use foodflow_domain::food_graph::receipt::ReceiptEvent;
use foodflow_domain::food_graph::shipment::ShipmentEvent;
use foodflow_domain::food_graph::sku::SkuEvent;
use foodflow_domain::food_graph::supplier::SupplierEvent;
use foodflow_domain::food_graph::transformation::TransformationEvent;
use foodflow_log::Envelope;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// A command in the words of the contract.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// Path of the contract without `/v1/`.
    pub command: String,
    /// Its body.
    pub body: Value,
}

/// Why an event has no command.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// This program does not know the event.
    #[error("the event type `{0}` is unknown; it needs a newer program")]
    UnknownType(String),
    /// Its data are not those of its type.
    #[error("the data of the `{event_type}` do not fit its type: {source}")]
    Data {
        /// The type.
        event_type: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// What the event asks for; `None` where it follows from another one of its commit.
///
/// # Errors
/// [`RebuildError`] where the event is not understood.
pub fn asked(envelope: &Envelope) -> Result<Option<Asked>, RebuildError> {
    let aggregate = envelope.event_type.split('.').nth(2).unwrap_or_default();
    let asked = match aggregate {
        "location" => decode(envelope, location)?,
        "supplier" => decode(envelope, supplier)?,
        "ingredient" => decode(envelope, ingredient)?,
        "product" => decode(envelope, product)?,
        "sku" => decode(envelope, sku)?,
        "receipt" => decode(envelope, receipt)?,
        "transformation" => decode(envelope, transformation)?,
        "shipment" => decode(envelope, shipment)?,
        "batch" => decode(envelope, batch)?,
        "reservation" => decode(envelope, |_: ReservationEvent| Ok(None))?,
        "genealogy" => decode(envelope, |_: GenealogyEvent| Ok(None))?,
        "command" => decode(envelope, |_: CommandRecordEvent| Ok(None))?,
        _ => return Err(RebuildError::UnknownType(envelope.event_type.clone())),
    };
    Ok(asked)
}

type Rebuilt = Result<Option<Asked>, serde_json::Error>;

fn decode<E: EventSet>(
    envelope: &Envelope,
    rebuild: impl FnOnce(E) -> Rebuilt,
) -> Result<Option<Asked>, RebuildError> {
    let wrong = |source| RebuildError::Data { event_type: envelope.event_type.clone(), source };
    let event = E::decode(&envelope.event_type, envelope.data.get()).map_err(wrong)?;
    let event = event.ok_or_else(|| RebuildError::UnknownType(envelope.event_type.clone()))?;
    rebuild(event).map_err(wrong)
}

fn command(command: impl Into<String>, body: Value) -> Rebuilt {
    Ok(Some(Asked { command: command.into(), body }))
}

/// The data of a registration: the words of its body, but for the id.
fn registered(path: &str, id: &str, data: &impl Serialize) -> Rebuilt {
    let mut body = serde_json::to_value(data)?;
    if let Some(fields) = body.as_object_mut()
        && let Some(value) = fields.remove(id)
    {
        fields.insert("id".to_owned(), value);
    }
    command(path, body)
}

fn location(event: LocationEvent) -> Rebuilt {
    let LocationEvent::Registered(data) = event;
    registered("locations", "location_id", &data)
}

fn supplier(event: SupplierEvent) -> Rebuilt {
    match event {
        SupplierEvent::Registered(data) => registered("suppliers", "supplier_id", &data),
        SupplierEvent::CustomerAdded(data) => {
            let path = format!("suppliers/{}/customers", data.supplier_id);
            command(path, json!({"supplier_id": data.customer_id}))
        }
    }
}

fn ingredient(event: IngredientEvent) -> Rebuilt {
    let IngredientEvent::Registered(data) = event;
    registered("ingredients", "ingredient_id", &data)
}

fn product(event: ProductEvent) -> Rebuilt {
    match event {
        ProductEvent::Registered(data) => registered("products", "product_id", &data),
        ProductEvent::RecipeSet(data) => {
            let path = format!("products/{}/recipe", data.product_id);
            command(path, json!({"version": data.version, "ingredients": data.ingredients}))
        }
    }
}

fn sku(event: SkuEvent) -> Rebuilt {
    let SkuEvent::Registered(data) = event;
    registered("skus", "sku_id", &data)
}

fn receipt(event: ReceiptEvent) -> Rebuilt {
    match event {
        ReceiptEvent::Recorded(data) => {
            command("receipts", with_id(data.receipt_id, receipt_body(&data.facts)?))
        }
        ReceiptEvent::Corrected(data) => {
            let restated = data.restated.as_ref().map(receipt_body).transpose()?;
            correction("receipts", data.receipt_id, &data.reason, restated)
        }
    }
}

fn transformation(event: TransformationEvent) -> Rebuilt {
    match event {
        TransformationEvent::Recorded(data) => {
            command("transformations", with_id(data.transformation_id, transformation_body(&data.facts)?))
        }
        TransformationEvent::InputsAdded(data) => {
            let path = format!("transformations/{}/inputs", data.transformation_id);
            command(path, json!({"inputs": data.inputs, "occurred_at": data.occurred_at}))
        }
        TransformationEvent::Corrected(data) => {
            let restated = data.restated.as_ref().map(transformation_body).transpose()?;
            correction("transformations", data.transformation_id, &data.reason, restated)
        }
    }
}

fn shipment(event: ShipmentEvent) -> Rebuilt {
    match event {
        ShipmentEvent::Recorded(data) => {
            command("shipments", with_id(data.shipment_id, shipment_body(&data.facts)?))
        }
        ShipmentEvent::Corrected(data) => {
            let restated = data.restated.as_ref().map(shipment_body).transpose()?;
            correction("shipments", data.shipment_id, &data.reason, restated)
        }
    }
}

fn batch(event: BatchEvent) -> Rebuilt {
    match event {
        BatchEvent::Sampled(data) => adjustment(AdjustmentKind::Sample, &data),
        BatchEvent::Wasted(data) => adjustment(AdjustmentKind::Waste, &data),
        BatchEvent::Counted(data) => adjustment(AdjustmentKind::Count, &data),
        BatchEvent::Disposed(data) => {
            let mut body = json!({"occurred_at": data.occurred_at, "quantity": data.quantity});
            body["reason"] = json!(data.reason);
            command(format!("batches/{}/dispose", data.batch_id), body)
        }
        BatchEvent::Held(data) => bar("hold", &data),
        BatchEvent::Released(data) => bar("release", &data),
        BatchEvent::Recalled(data) => bar("recall", &data),
        BatchEvent::Received(_)
        | BatchEvent::Produced(_)
        | BatchEvent::Consumed(_)
        | BatchEvent::Shipped(_)
        | BatchEvent::OriginCorrected(_)
        | BatchEvent::ConsumptionCorrected(_)
        | BatchEvent::ShipmentCorrected(_) => Ok(None),
    }
}

fn adjustment(kind: AdjustmentKind, data: &BatchAdjusted) -> Rebuilt {
    let mut body = json!({"kind": kind, "quantity": data.quantity, "occurred_at": data.occurred_at});
    if let Some(reason) = &data.reason {
        body["reason"] = json!(reason);
    }
    command(format!("batches/{}/adjustments", data.batch_id), body)
}

fn bar(word: &str, data: &BatchBarred) -> Rebuilt {
    let mut body = json!({"reason": data.reason, "occurred_at": data.occurred_at});
    if let Some(quantity) = &data.quantity {
        body["quantity"] = json!(quantity);
    }
    command(format!("batches/{}/{word}", data.batch_id), body)
}

fn correction(path: &str, id: impl std::fmt::Display, reason: &str, restated: Option<Value>) -> Rebuilt {
    let mut body = json!({"reason": reason});
    if let Some(restated) = restated {
        body["restated"] = restated;
    }
    command(format!("{path}/{id}/correction"), body)
}

fn with_id(id: impl Serialize, mut body: Value) -> Value {
    body["id"] = json!(id);
    body
}

fn receipt_body(facts: &ReceiptFacts) -> Result<Value, serde_json::Error> {
    serde_json::to_value(facts).map(with_item)
}

fn transformation_body(facts: &TransformationFacts) -> Result<Value, serde_json::Error> {
    let mut body = serde_json::to_value(facts)?;
    if let Some(outputs) = body["outputs"].as_array_mut() {
        outputs.iter_mut().for_each(|output| *output = with_item(output.take()));
    }
    Ok(body)
}

fn shipment_body(facts: &ShipmentFacts) -> Result<Value, serde_json::Error> {
    serde_json::to_value(facts)
}

/// Facts name the item as an object of its own; a body names it as a field.
fn with_item(facts: Value) -> Value {
    let Value::Object(mut fields) = facts else { return facts };
    if let Some(Value::Object(item)) = fields.remove("item") {
        fields.extend(item);
    }
    Value::Object(fields.into_iter().collect::<Map<_, _>>())
}
