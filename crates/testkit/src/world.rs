//! A small plant, built over HTTP: what most tests need before they ask their own question.

use anyhow::Context as _;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::TestClient;

/// Ids of a small plant's master data, all of one tenant.
#[derive(Debug, Clone)]
pub struct World {
    /// Who asks.
    pub client: TestClient,
    /// A plant.
    pub plant: Uuid,
    /// A consignee.
    pub depot: Uuid,
    /// A supplier.
    pub supplier: Uuid,
    /// An ingredient.
    pub ingredient: Uuid,
    /// Work in progress: a product without a SKU.
    pub dough: Uuid,
    /// A product that is sold.
    pub product: Uuid,
    /// Its SKU.
    pub sku: Uuid,
}

/// An amount in the words of the contract.
#[must_use]
pub fn amount(value: impl ToString, unit: &str) -> Value {
    json!({"value": value.to_string(), "unit": unit})
}

/// An event time that lies in the past: day 1 to 28 of May 2026, at this hour.
#[must_use]
pub fn at(day: u8, hour: u8) -> String {
    format!("2026-05-{day:02}T{hour:02}:00:00Z")
}

impl World {
    /// Registers the plant's master data.
    ///
    /// # Errors
    /// Where the program does not answer.
    ///
    /// # Panics
    /// Where it refuses.
    pub async fn build(client: TestClient) -> anyhow::Result<Self> {
        let plant = create(&client, "/v1/locations", json!({"name": "Mill Lane", "type": "plant"})).await?;
        let depot =
            create(&client, "/v1/locations", json!({"name": "North depot", "type": "warehouse"})).await?;
        let supplier = json!({"name": "Flour & Sons", "country": "FR", "location_id": plant});
        let supplier = create(&client, "/v1/suppliers", supplier).await?;
        let ingredient = json!({"name": "rye flour", "allergens": ["gluten"], "supplier_ids": [supplier]});
        let ingredient = create(&client, "/v1/ingredients", ingredient).await?;
        let dough = create(&client, "/v1/products", json!({"name": "dough", "category": "wip"})).await?;
        let product = json!({"name": "rye bread", "category": "bread", "location_ids": [plant]});
        let product = create(&client, "/v1/products", product).await?;
        let sku = json!({"product_id": product, "sku_code": "RB-500", "size": "500", "unit": "GRM"});
        let sku = create(&client, "/v1/skus", sku).await?;
        Ok(Self { client, plant, depot, supplier, ingredient, dough, product, sku })
    }

    /// A receipt's body: `kg` of the ingredient, on day 1.
    #[must_use]
    pub fn receipt(&self, number: &str, kg: impl ToString) -> Value {
        json!({
            "batch_number": number, "ingredient_id": self.ingredient, "supplier_id": self.supplier,
            "quantity": amount(kg, "KGM"), "location_id": self.plant, "received_at": at(1, 6),
        })
    }

    /// Receives `kg` of the ingredient; answers with the lot.
    ///
    /// # Errors
    /// Where the program does not answer.
    ///
    /// # Panics
    /// Where it refuses.
    pub async fn receive(&self, number: &str, kg: impl ToString) -> anyhow::Result<Uuid> {
        let answer = self.client.post("/v1/receipts", &self.receipt(number, kg)).await?.ok();
        id_of(&answer["batch_id"])
    }

    /// A transformation's body: these amounts of lots, in kilograms, into `kg` of dough, on day 2.
    #[must_use]
    pub fn mix(&self, number: &str, inputs: &[(Uuid, &str)], kg: &str) -> Value {
        let inputs: Vec<Value> =
            inputs.iter().map(|(lot, kg)| json!({"batch_id": lot, "quantity": amount(kg, "KGM")})).collect();
        json!({
            "inputs": inputs, "location_id": self.plant, "occurred_at": at(2, 6),
            "outputs": [{"batch_number": number, "product_id": self.dough, "quantity": amount(kg, "KGM")}],
        })
    }

    /// A transformation's body: `kg` of a lot into `cases` of the product, on day 3.
    #[must_use]
    pub fn pack(&self, number: &str, lot: Uuid, kg: &str, cases: &str) -> Value {
        json!({
            "inputs": [{"batch_id": lot, "quantity": amount(kg, "KGM")}],
            "location_id": self.plant, "line": "Line 1", "occurred_at": at(3, 6),
            "outputs": [{
                "batch_number": number, "product_id": self.product, "sku_id": self.sku,
                "quantity": amount(cases, "CS"),
            }],
        })
    }

    /// Carries out a transformation of one output; answers with its lot.
    ///
    /// # Errors
    /// Where the program does not answer.
    ///
    /// # Panics
    /// Where it refuses.
    pub async fn transform(&self, body: &Value) -> anyhow::Result<Uuid> {
        let answer = self.client.post("/v1/transformations", body).await?.ok();
        id_of(&answer["batch_ids"][0])
    }

    /// A shipment's body: this much of a lot to the depot, on day 4.
    #[must_use]
    pub fn shipment(&self, lot: Uuid, value: impl ToString, unit: &str) -> Value {
        json!({
            "lines": [{"batch_id": lot, "quantity": amount(value, unit)}],
            "from_location_id": self.plant, "to_location_id": self.depot, "shipped_at": at(4, 6),
        })
    }
}

/// Posts a command that creates something; answers with its id.
///
/// # Errors
/// Where the program does not answer.
///
/// # Panics
/// Where it refuses.
pub async fn create(client: &TestClient, path: &str, body: Value) -> anyhow::Result<Uuid> {
    id_of(&client.post(path, &body).await?.ok()["id"])
}

fn id_of(value: &Value) -> anyhow::Result<Uuid> {
    let text = value.as_str().with_context(|| format!("no id: {value}"))?;
    Ok(text.parse()?)
}
