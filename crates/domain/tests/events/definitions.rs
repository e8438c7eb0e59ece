//! The words in which schemas are written here, and the parts that several of them share.

use serde_json::{Map, Value, json};

/// A named part of a data object.
pub(super) struct Field(&'static str, Value, bool);

/// Always written.
pub(super) const fn must(name: &'static str, schema: Value) -> Field {
    Field(name, schema, true)
}

/// Written where it is known.
pub(super) const fn may(name: &'static str, schema: Value) -> Field {
    Field(name, schema, false)
}

pub(super) fn object(fields: Vec<Field>) -> Value {
    let required: Vec<_> = fields.iter().filter(|field| field.2).map(|field| field.0).collect();
    let properties: Map<_, _> = fields.into_iter().map(|field| (field.0.to_owned(), field.1)).collect();
    json!({"type": "object", "additionalProperties": false, "required": required, "properties": properties})
}

pub(super) fn text() -> Value {
    json!({"type": "string"})
}

pub(super) fn list(items: Value) -> Value {
    json!({"type": "array", "items": items})
}

/// A list that is left out where it is empty.
pub(super) fn some(items: Value) -> Value {
    json!({"type": "array", "items": items, "minItems": 1})
}

pub(super) fn one_of(words: &[&str]) -> Value {
    json!({"enum": words})
}

pub(super) fn the(definition: &str) -> Value {
    json!({"$ref": format!("#/$defs/{definition}")})
}

pub(super) fn id() -> Value {
    the("id")
}

/// A value that belongs to a person: as the domain writes it, as the log seals it, and as it reads once the person is
/// forgotten.
pub(super) fn personal(value: Value) -> Value {
    let person = || must("$personal", id());
    json!({"oneOf": [
        object(vec![person(), must("value", value)]),
        object(vec![person(), must("sealed", the("sealed"))]),
        object(vec![person()]),
    ]})
}

pub(super) fn definition(name: &str) -> Value {
    let decimal = "^(0|-?(0\\.[0-9]{0,8}[1-9]|[1-9][0-9]{0,11}(\\.[0-9]{0,8}[1-9])?))$";
    let percent = "^((0|[1-9][0-9]*)(\\.[0-9]+)?|-([1-9][0-9]*(\\.[0-9]+)?|0\\.[0-9]*[1-9][0-9]*))$";
    match name {
        "id" => json!({
            "description": "UUID",
            "type": "string",
            "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
        }),
        "time" => json!({
            "description": "instant in UTC (RFC 3339), up to nanoseconds, without trailing zeros",
            "type": "string",
            "format": "date-time",
            "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9](\\.[0-9]{0,8}[1-9])?Z$",
        }),
        "sealed" => json!({
            "description": "number of the person's key, and base64url of nonce and ciphertext (XChaCha20-Poly1305)",
            "type": "string",
            "pattern": "^[1-9][0-9]{0,9}\\.[A-Za-z0-9_-]{54,}$",
        }),
        "date" => json!({
            "description": "calendar date (RFC 3339)",
            "type": "string",
            "format": "date",
            "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
        }),
        "percent" => json!({
            "description": "decimal number",
            "type": "string",
            "pattern": percent,
        }),
        "quantity" => {
            let value = json!({
                "description": "decimal number, at most 12 digits before and 9 after the point",
                "type": "string",
                "pattern": decimal,
            });
            // Units may join later, so this is the form of a code, not the list of those that are understood.
            let unit = json!({
                "description": "unit of measure (UN/ECE Recommendation 20 common code)",
                "type": "string",
                "pattern": "^[A-Z0-9]{2,3}$",
            });
            object(vec![must("value", value), must("unit", unit)])
        }
        "item" => json!({"oneOf": [
            object(vec![must("ingredient_id", id())]),
            object(vec![must("product_id", id())]),
        ]}),
        "login_method" => {
            one_of(&["password", "password_and_totp", "password_and_recovery_code", "oidc", "one_time_token"])
        }
        "permission" => {
            object(vec![must("resource", text()), must("action", text()), must("description", text())])
        }
        "document" => object(vec![must("type", text()), must("number", text())]),
        "lot_quantity" => object(vec![must("batch_id", id()), must("quantity", the("quantity"))]),
        "balance" => {
            let status = one_of(&["available", "held", "recalled", "consumed", "disposed"]);
            object(vec![must("remaining", the("quantity")), must("status", status)])
        }
        "outflow" => object(vec![
            may("document_id", id()),
            must("kind", one_of(&["used", "shipped", "sampled", "wasted", "disposed"])),
            must("quantity", the("quantity")),
            must("occurred_at", the("time")),
        ]),
        _ => object(facts(name)),
    }
}

/// What a document or a lot's origin declares.
fn facts(name: &str) -> Vec<Field> {
    match name {
        "origin" => vec![
            must("document_id", id()),
            must("batch_number", text()),
            must("item", the("item")),
            may("supplier_id", id()),
            may("sku_id", id()),
            must("quantity", the("quantity")),
            must("location_id", id()),
            may("line", text()),
            must("occurred_at", the("time")),
            may("production_date", the("date")),
            may("expiry_date", the("date")),
            may("sscc", text()),
            may("documents", some(the("document"))),
        ],
        "receipt" => vec![
            must("batch_id", id()),
            must("batch_number", text()),
            must("item", the("item")),
            may("supplier_id", id()),
            must("quantity", the("quantity")),
            must("location_id", id()),
            must("received_at", the("time")),
            may("production_date", the("date")),
            may("expiry_date", the("date")),
            may("sscc", text()),
            may("documents", some(the("document"))),
        ],
        "shipment" => vec![
            must("lines", list(the("lot_quantity"))),
            must("from_location_id", id()),
            must("to_location_id", id()),
            must("shipped_at", the("time")),
            may("sscc", text()),
            may("documents", some(the("document"))),
        ],
        "output" => vec![
            must("batch_id", id()),
            must("batch_number", text()),
            must("item", the("item")),
            may("sku_id", id()),
            must("quantity", the("quantity")),
            may("production_date", the("date")),
            may("expiry_date", the("date")),
        ],
        "transformation" => vec![
            must("inputs", list(the("lot_quantity"))),
            must("outputs", list(the("output"))),
            must("location_id", id()),
            may("line", text()),
            must("occurred_at", the("time")),
            may("loss", the("quantity")),
            may("documents", some(the("document"))),
        ],
        _ => panic!("no definition is called {name}"),
    }
}
