//! Bodies that are accepted, together with every documented field: what the tables of refusals start from.

use foodflow_testkit::newer::NewerProgram;
use foodflow_testkit::servers::shared_nats_url;
use foodflow_testkit::{Stores, TestApp, World, amount, at, create};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::attempt::Request;
use super::contract::path_of;
use super::tenancy_examples::tenancy;

/// A write operation with bodies that it accepts one after the other.
#[derive(Debug, Clone)]
pub(super) struct Example {
    /// Method and path as documented.
    pub(super) operation: &'static str,
    /// The id of the path; nil where it takes none.
    pub(super) id: Uuid,
    pub(super) bodies: Vec<Value>,
}

impl Example {
    pub(super) fn new(operation: &'static str, id: Uuid, bodies: Vec<Value>) -> Self {
        Self { operation, id, bodies }
    }

    fn parts(&self) -> (Method, &'static str) {
        let (method, path) = self.operation.split_once(' ').unwrap();
        (method.parse().unwrap(), path)
    }

    /// The request, still without a body.
    pub(super) fn request(&self) -> Request {
        self.request_on(self.id)
    }

    /// The request on another resource, still without a body.
    pub(super) fn request_on(&self, id: Uuid) -> Request {
        let (method, path) = self.parts();
        Request::new(method, path_of(path, id))
    }

    /// Whether it is on a resource that the path names by its id.
    pub(super) fn has_id(&self) -> bool {
        self.operation.contains("{id}")
    }

    /// Whether it makes a resource; else what it is on exists.
    pub(super) fn creates(&self) -> bool {
        let (method, path) = self.parts();
        method == Method::POST
            && !self.has_id()
            && !path.starts_with("/v1/tenant/")
            && !path.starts_with("/v1/projections/")
    }
}

/// Sets the value at a pointer whose parent exists.
pub(super) fn set(body: &Value, pointer: &str, value: Value) -> Value {
    let mut body = body.clone();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match body.pointer_mut(parent).expect(pointer) {
        Value::Array(elements) if name == "-" => elements.push(value),
        Value::Array(elements) => elements[name.parse::<usize>().unwrap()] = value,
        parent => parent[name] = value,
    }
    body
}

/// Removes the field at a pointer.
pub(super) fn without(body: &Value, pointer: &str) -> Value {
    let mut body = body.clone();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name).expect(pointer);
    body
}

pub(super) fn documents() -> Value {
    json!([{"type": "bill-of-lading", "number": "B-1"}, {"type": "certificate", "number": "C-1"}])
}

/// A receipt's body with every field but `product_id`.
pub(super) fn receipt(world: &World, number: &str) -> Value {
    json!({
        "id": Uuid::new_v4(), "batch_id": Uuid::new_v4(), "batch_number": number,
        "ingredient_id": world.ingredient, "supplier_id": world.supplier, "quantity": amount(100, "KGM"),
        "location_id": world.plant, "received_at": at(1, 6), "production_date": "2026-04-01",
        "expiry_date": "2026-10-01", "sscc": "340123450000000017", "documents": documents(),
    })
}

/// A transformation's body with every field; its first output is a product.
pub(super) fn transformation(world: &World, lot: Uuid, number: &str) -> Value {
    json!({
        "id": Uuid::new_v4(), "inputs": [{"batch_id": lot, "quantity": amount(2, "KGM")}],
        "outputs": [{
            "batch_id": Uuid::new_v4(), "batch_number": number, "product_id": world.product,
            "sku_id": world.sku, "quantity": amount(4, "CS"), "production_date": "2026-05-02",
            "expiry_date": "2026-06-02",
        }],
        "location_id": world.plant, "line": "Line 1", "occurred_at": at(2, 6), "loss": amount("0.1", "KGM"),
        "documents": documents(),
    })
}

/// A shipment's body with every field.
pub(super) fn shipment(world: &World, lot: Uuid) -> Value {
    json!({
        "id": Uuid::new_v4(), "lines": [{"batch_id": lot, "quantity": amount(1, "KGM")}],
        "from_location_id": world.plant, "to_location_id": world.depot, "shipped_at": at(4, 6),
        "sscc": "340123450000000024", "documents": documents(),
    })
}

/// The same lot, of a product instead of an ingredient.
fn of_product(world: &World, body: &Value, item: &str) -> Value {
    let body = without(body, &format!("{item}/ingredient_id"));
    set(&body, &format!("{item}/product_id"), json!(world.dough))
}

/// The same output, an ingredient instead of a product with a SKU.
fn of_ingredient(world: &World, body: &Value) -> Value {
    let body = without(&without(body, "/outputs/0/product_id"), "/outputs/0/sku_id");
    set(&body, "/outputs/0/ingredient_id", json!(world.ingredient))
}

/// The body with new ids at these pointers.
pub(super) fn fresh(body: &Value, pointers: &[&str]) -> Value {
    pointers.iter().fold(body.clone(), |body, pointer| set(&body, pointer, json!(Uuid::new_v4())))
}

/// An example of every write operation, each on lots of its own; on the embedded program that the tests share.
pub(super) async fn examples(world: &World) -> anyhow::Result<Vec<Example>> {
    examples_on(Stores::Embedded, world).await
}

/// The same, on the program that the tests share on these stores.
pub(super) async fn examples_on(stores: Stores, world: &World) -> anyhow::Result<Vec<Example>> {
    let mut examples = master_data(world).await?;
    examples.extend(documents_of_lots(world).await?);
    examples.extend(corrections(world).await?);
    examples.extend(restrictions(world).await?);
    examples.extend(decisions(stores, world).await?);
    examples.extend(tenancy(world).await?);
    Ok(examples)
}

async fn master_data(world: &World) -> anyhow::Result<Vec<Example>> {
    let mill = json!({"name": "Mill", "country": "NL"});
    let mill = create(&world.client, "/v1/suppliers", mill).await?;
    let supplier = world.supplier;
    let none = Uuid::nil();
    let location = json!({
        "id": Uuid::new_v4(), "name": "Dock 4", "type": "warehouse", "address": "4 Quay", "gln": "5412345000013",
        "coordinates": {"latitude": 52.4, "longitude": 4.9},
    });
    let known = json!({
        "id": Uuid::new_v4(), "name": "Grain Co", "country": "FR", "risk_score": 12.5,
        "certifications": ["BRCGS", "IFS"], "location_id": world.plant,
    });
    let ingredient = json!({
        "id": Uuid::new_v4(), "name": "sourdough", "allergens": ["gluten", "sesame"], "origin_country": "FR",
        "supplier_ids": [supplier], "contains": [{"ingredient_id": world.ingredient, "percent": "40"}],
    });
    let product = json!({
        "id": Uuid::new_v4(), "name": "loaf", "category": "bread", "brand": "Crust", "gtin": "05412345000020",
        "food_traceability_list": true, "location_ids": [world.plant],
    });
    let recipe =
        json!({"version": "2", "ingredients": [{"ingredient_id": world.ingredient, "percent": "60.5"}]});
    let sku = json!({
        "id": Uuid::new_v4(), "product_id": world.product, "sku_code": "RB-800", "size": "800", "unit": "GRM",
    });
    Ok(vec![
        Example::new("POST /v1/locations", none, vec![location]),
        Example::new("POST /v1/suppliers", none, vec![known]),
        Example::new("POST /v1/suppliers/{id}/customers", supplier, vec![json!({"supplier_id": mill})]),
        Example::new("POST /v1/ingredients", none, vec![ingredient]),
        Example::new("POST /v1/products", none, vec![product]),
        Example::new("PUT /v1/products/{id}/recipe", world.product, vec![recipe]),
        Example::new("POST /v1/skus", none, vec![sku]),
    ])
}

async fn documents_of_lots(world: &World) -> anyhow::Result<Vec<Example>> {
    let lot = world.receive("X-1", 100).await?;
    let none = Uuid::nil();
    let first = receipt(world, "X-2");
    let second = fresh(&of_product(world, &first, ""), &["/id", "/batch_id"]);
    let made = transformation(world, lot, "X-3");
    let other = fresh(&of_ingredient(world, &made), &["/id", "/outputs/0/batch_id"]);
    let late = world.mix("X-4", &[(lot, "1")], "1");
    let late = create(&world.client, "/v1/transformations", late).await?;
    let inputs =
        json!({"inputs": [{"batch_id": lot, "quantity": amount(1, "KGM")}], "occurred_at": at(2, 8)});
    Ok(vec![
        Example::new("POST /v1/receipts", none, vec![first, second]),
        Example::new("POST /v1/transformations", none, vec![made, other]),
        Example::new("POST /v1/transformations/{id}/inputs", late, vec![inputs]),
        Example::new("POST /v1/shipments", none, vec![shipment(world, lot)]),
    ])
}

async fn corrections(world: &World) -> anyhow::Result<Vec<Example>> {
    let restated = |body: &Value| json!({"reason": "typing error", "restated": body});
    let first = receipt(world, "Y-1");
    let received = create(&world.client, "/v1/receipts", first.clone()).await?;
    let lot = world.receive("Y-2", 100).await?;
    let made = transformation(world, lot, "Y-3");
    let transformed = create(&world.client, "/v1/transformations", made.clone()).await?;
    let other = fresh(&of_ingredient(world, &made), &["/outputs/0/batch_id"]);
    let sent = shipment(world, lot);
    let shipped = create(&world.client, "/v1/shipments", sent.clone()).await?;
    let receipts = vec![restated(&first), restated(&of_product(world, &first, ""))];
    Ok(vec![
        Example::new("POST /v1/receipts/{id}/correction", received, receipts),
        Example::new(
            "POST /v1/transformations/{id}/correction",
            transformed,
            vec![restated(&made), restated(&other)],
        ),
        Example::new("POST /v1/shipments/{id}/correction", shipped, vec![restated(&sent)]),
    ])
}

async fn decisions(stores: Stores, world: &World) -> anyhow::Result<Vec<Example>> {
    let newer = match stores {
        Stores::Embedded => NewerProgram::embedded(TestApp::shared(stores).await?, &world.client).await?,
        Stores::Servers => NewerProgram::on_nats(shared_nats_url().await?, &world.client).await?,
    };
    let (mut body, mut position) = (Value::Null, 0);
    let mut waiting = Vec::new();
    for _ in 0..2 {
        let supplier = Uuid::new_v4();
        let unknown = "foodflow.food_graph.supplier.audited.v1";
        position = newer.append("supplier", supplier, unknown, &json!({})).await?;
        body = json!({"projection": "food_graph", "entity": format!("food_graph.supplier.{supplier}")});
        waiting.push(body.clone());
    }
    world.client.get_after(position, "/v1/suppliers").await?.ok();
    body["positions"] = json!([position]);
    body["reason"] = json!("a trial");
    let none = Uuid::nil();
    Ok(vec![
        Example::new("POST /v1/projections/quarantine/retry", none, vec![waiting.swap_remove(0)]),
        Example::new("POST /v1/projections/quarantine/skip", none, vec![body]),
    ])
}

async fn restrictions(world: &World) -> anyhow::Result<Vec<Example>> {
    let bar = |kg: u8| json!({"reason": "check", "occurred_at": at(5, 6), "quantity": amount(kg, "KGM")});
    let held = world.receive("Z-1", 100).await?;
    world.client.post(&format!("/v1/batches/{held}/hold"), &bar(50)).await?.ok();
    let lots = [world.receive("Z-2", 100).await?, world.receive("Z-3", 100).await?];
    let recalled = world.receive("Z-4", 100).await?;
    let adjustment = json!({
        "kind": "sample", "quantity": amount(1, "KGM"), "occurred_at": at(5, 7), "reason": "laboratory",
    });
    Ok(vec![
        Example::new("POST /v1/batches/{id}/hold", lots[0], vec![bar(10)]),
        Example::new("POST /v1/batches/{id}/release", held, vec![bar(20)]),
        Example::new("POST /v1/batches/{id}/dispose", lots[1], vec![bar(5)]),
        Example::new("POST /v1/batches/{id}/recall", recalled, vec![bar(100)]),
        Example::new("POST /v1/batches/{id}/adjustments", lots[1], vec![adjustment]),
    ])
}
