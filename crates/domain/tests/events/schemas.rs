//! The JSON Schema of every event's data, from the words and shared parts of [`super::definitions`].

use serde_json::{Map, Value, json};

use super::definitions::{Field, definition, id, list, may, must, object, some, text, the};
use super::{identity, tenancy};

fn recorded(document: &'static str, facts: &str) -> Vec<Field> {
    vec![must(document, id()), must("facts", the(facts))]
}

fn corrected(document: &'static str, facts: &str) -> Vec<Field> {
    vec![
        must(document, id()),
        must("reason", text()),
        must("retired", the(facts)),
        may("restated", the(facts)),
    ]
}

fn with(mut fields: Vec<Field>, more: Field) -> Vec<Field> {
    fields.push(more);
    fields
}

fn batch(verb: &str) -> Vec<Field> {
    let lot = || must("batch_id", id());
    let after = || must("after", the("balance"));
    let at = || must("occurred_at", the("time"));
    let amount = || must("quantity", the("quantity"));
    let reason = || must("reason", text());
    match verb {
        "received" | "produced" => vec![lot(), must("origin", the("origin")), after()],
        "consumed" | "shipped" => vec![lot(), must("document_id", id()), amount(), at(), after()],
        "sampled" | "wasted" | "counted" | "disposed" => {
            vec![lot(), amount(), at(), may("reason", text()), must("location_id", id()), after()]
        }
        "held" | "released" | "recalled" => {
            vec![lot(), reason(), at(), may("quantity", the("quantity")), after()]
        }
        "origin_corrected" => {
            let (retired, restated) = (must("retired", the("origin")), may("restated", the("origin")));
            vec![lot(), reason(), retired, restated, after()]
        }
        "consumption_corrected" | "shipment_corrected" => {
            let restated = must("restated", list(the("outflow")));
            vec![lot(), must("document_id", id()), reason(), restated, after()]
        }
        _ => panic!("no event of a lot is called {verb}"),
    }
}

fn transformation(verb: &str) -> Vec<Field> {
    let fields = match verb {
        "recorded" => recorded("transformation_id", "transformation"),
        "inputs_added" => vec![
            must("transformation_id", id()),
            must("inputs", list(the("lot_quantity"))),
            must("occurred_at", the("time")),
            must("output_batch_ids", list(id())),
        ],
        "corrected" => corrected("transformation_id", "transformation"),
        _ => panic!("no event of a transformation is called {verb}"),
    };
    with(fields, may("yield_percent", the("percent")))
}

fn location() -> Vec<Field> {
    let number = || json!({"type": "number"});
    vec![
        must("location_id", id()),
        must("name", text()),
        must("type", text()),
        may("address", text()),
        may("coordinates", object(vec![must("latitude", number()), must("longitude", number())])),
        may("gln", text()),
    ]
}

fn supplier() -> Vec<Field> {
    vec![
        must("supplier_id", id()),
        must("name", text()),
        must("country", text()),
        may("risk_score", json!({"type": "number"})),
        may("certifications", some(text())),
        may("location_id", id()),
    ]
}

fn ingredient() -> Vec<Field> {
    let component = object(vec![must("ingredient_id", id()), may("percent", the("percent"))]);
    vec![
        must("ingredient_id", id()),
        must("name", text()),
        must("allergens", list(text())),
        may("origin_country", text()),
        may("supplier_ids", some(id())),
        may("contains", some(component)),
    ]
}

fn product(verb: &str) -> Vec<Field> {
    if verb == "recipe_set" {
        let line = object(vec![must("ingredient_id", id()), must("percent", the("percent"))]);
        return vec![must("product_id", id()), must("version", text()), must("ingredients", list(line))];
    }
    vec![
        must("product_id", id()),
        must("name", text()),
        must("category", text()),
        may("brand", text()),
        may("gtin", text()),
        must("food_traceability_list", json!({"type": "boolean"})),
        may("location_ids", some(id())),
    ]
}

fn fields(aggregate: &str, verb: &str) -> Vec<Field> {
    match (aggregate, verb) {
        ("batch", verb) => batch(verb),
        ("transformation", verb) => transformation(verb),
        ("receipt", "recorded") => recorded("receipt_id", "receipt"),
        ("receipt", "corrected") => corrected("receipt_id", "receipt"),
        ("shipment", "recorded") => recorded("shipment_id", "shipment"),
        ("shipment", "corrected") => corrected("shipment_id", "shipment"),
        ("location", "registered") => location(),
        ("supplier", "registered") => supplier(),
        ("supplier", "customer_added") => vec![must("supplier_id", id()), must("customer_id", id())],
        ("ingredient", "registered") => ingredient(),
        ("product", "registered" | "recipe_set") => product(verb),
        ("sku", "registered") => vec![
            must("sku_id", id()),
            must("product_id", id()),
            must("sku_code", text()),
            must("size", text()),
            must("unit", text()),
        ],
        ("reservation", "taken" | "given_up") => {
            vec![must("kind", text()), must("name", text()), must("holder", id())]
        }
        ("genealogy", "amended") => vec![must("transformation_id", id())],
        ("command", "accepted") => vec![must("operation", text())],
        _ => panic!("no schema is written for {aggregate} {verb}"),
    }
}

fn quarantine(verb: &str) -> Vec<Field> {
    let position = || json!({"type": "integer", "minimum": 0});
    let mut fields = vec![must("projection", text()), must("stream", text())];
    match verb {
        "retried" => fields.push(must("position", position())),
        "skipped" => fields.extend([must("positions", list(position())), must("reason", text())]),
        _ => panic!("no event of a quarantine is called {verb}"),
    }
    fields
}

/// The schema of the data of events of this type; it needs no other file.
pub(super) fn of(type_name: &str) -> Value {
    let parts: Vec<&str> = type_name.split('.').collect();
    let fields = match parts.as_slice() {
        ["foodflow", "food_graph", aggregate, verb, "v1"] => fields(aggregate, verb),
        ["foodflow", "projections", "quarantine", verb, "v1"] => quarantine(verb),
        ["foodflow", "identity", aggregate, verb, "v1"] => identity::fields(aggregate, verb),
        ["foodflow", "tenancy", aggregate, verb, "v1"] => tenancy::fields(aggregate, verb),
        _ => panic!("no schema is written for {type_name}"),
    };
    let mut schema = object(fields);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!(type_name);
    with_definitions(schema)
}

/// A schema with every definition that it leads to.
pub(super) fn with_definitions(mut schema: Value) -> Value {
    let mut definitions = Map::new();
    define(&schema.clone(), &mut definitions);
    if !definitions.is_empty() {
        schema["$defs"] = Value::Object(definitions);
    }
    schema
}

/// Adds every definition that `schema` leads to.
fn define(schema: &Value, definitions: &mut Map<String, Value>) {
    match schema {
        Value::Object(fields) => {
            let name =
                fields.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix("#/$defs/"));
            if let Some(name) = name.filter(|name| !definitions.contains_key(*name)) {
                let definition = definition(name);
                definitions.insert(name.to_owned(), definition.clone());
                define(&definition, definitions);
            }
            fields.values().for_each(|field| define(field, definitions));
        }
        Value::Array(items) => items.iter().for_each(|item| define(item, definitions)),
        _ => {}
    }
}
