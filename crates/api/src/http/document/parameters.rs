//! Parameters that mean the same wherever they stand: their bounds, and an example of each.

use serde_json::{Value, json};

use super::shape::Shape;
use crate::http::command::KEY_CHARS_MAX;
use crate::http::events::LIMIT_MAX;
use foodflow_projections::page::PAGE_ITEMS_MAX;

/// Examples of filters that the story does not ask by.
const FILTERS: &[(&str, &str)] = &[
    ("actor", "user:0199aa11-0000-7000-8000-000000000111"),
    ("brand", "Crust"),
    ("email", "maria@crust.example"),
    ("feature_name", "line-cameras"),
    ("format", "csv"),
    ("gln", "5412345000013"),
    ("gtin", "05412345000020"),
    ("ingredient_id", "0199aa11-0000-7000-8000-000000000021"),
    ("location_id", "0199aa11-0000-7000-8000-000000000001"),
    ("month", "2026-05"),
    ("name", "Pain de campagne"),
    ("outcome", "refused"),
    ("plan", "professional"),
    ("product_id", "0199aa11-0000-7000-8000-000000000031"),
    ("resource_id", "0199aa11-0000-7000-8000-000000000061"),
    ("sku_code", "PDC-800"),
    ("status", "held"),
    ("supplier_id", "0199aa11-0000-7000-8000-000000000011"),
];

/// What is documented of a common parameter.
struct Common {
    description: Option<&'static str>,
    schema: Value,
    example: Value,
}

fn common(name: &str) -> Option<Common> {
    let position = || json!({"type": "integer", "minimum": 0, "maximum": u64::MAX});
    let time = || json!({"type": "string", "format": "date-time"});
    let point = |example: &str| Common {
        description: None,
        schema: json!({"oneOf": [position(), time()]}),
        example: json!(example),
    };
    let whole = |minimum: u64, maximum: u64, example: u64| Common {
        description: None,
        schema: json!({"type": "integer", "minimum": minimum, "maximum": maximum}),
        example: json!(example),
    };
    let described = |description, schema, example| Common { description: Some(description), schema, example };
    Some(match name {
        "as_of" | "known_at" | "from" => point("2026-05-04T12:00:00Z"),
        "to" => point("2026-05-05T12:00:00Z"),
        "at" | "since" | "until" => {
            Common { description: None, schema: time(), example: json!("2026-05-04T12:00:00Z") }
        }
        "page[size]" => whole(1, PAGE_ITEMS_MAX as u64, 50),
        "limit" => whole(1, LIMIT_MAX as u64, 100),
        "after" => whole(0, u64::MAX, 1),
        "page[after]" => {
            let schema = json!({"type": "string", "format": "uuid"});
            Common { description: None, schema, example: json!("00000000-0000-4000-8000-000000000000") }
        }
        "After" => described(
            "Position that the answer must reflect: `position` of what the client wrote last",
            position(),
            json!(1),
        ),
        "Prefer" => described(
            "`wait=<seconds>`: how long to wait for `After`; 5 s where absent, 30 s at most",
            json!({"type": "string"}),
            json!("wait=10"),
        ),
        "Idempotency-Key" => described(
            "Command id: a UUID or any visible characters; a repeat answers with the first result",
            json!({"type": "string", "minLength": 1, "maxLength": KEY_CHARS_MAX, "pattern": "^[!-~]+$"}),
            json!("0199aa11-0000-7000-8000-00000000c0de"),
        ),
        "If-Match" => described(
            "Versions that are expected, as `ETag` gave them, or `*`",
            json!({"type": "string", "pattern": r#"^(\*|"[0-9]{1,18}"( *, *"[0-9]{1,18}")*)$"#}),
            json!("*"),
        ),
        "Last-Event-ID" => described(
            "`id` of the last event that was seen: go on behind it",
            json!({"type": "string", "pattern": r"^([1-9][0-9]{0,17}\.[0-9]{1,9}|[0-9]{1,18})$"}),
            json!("1.0"),
        ),
        _ => return None,
    })
}

fn header(name: &str) -> Value {
    json!({"name": name, "in": "header", "required": false})
}

/// Adds the headers that the operation takes, and what is known of its common parameters.
pub(super) fn complete(operation: &mut Value, shape: &Shape) {
    let mut parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    if shape.reads {
        parameters.extend(["After", "Prefer"].map(header));
    }
    if shape.commands {
        parameters.retain(|parameter| parameter["name"] != "Idempotency-Key");
        parameters.extend(["Idempotency-Key", "If-Match"].map(header));
    }
    for parameter in &mut parameters {
        let name = parameter["name"].as_str().unwrap_or_default();
        let Some(Common { description, schema, example }) = common(name) else {
            let filter = FILTERS.iter().find(|(filter, _)| *filter == name);
            if parameter["in"] == "query" && parameter.get("example").is_none() {
                let flag = Some(json!(true)).filter(|_| parameter["schema"]["type"] == "boolean");
                let example = filter.map(|(_, example)| json!(example)).or(flag);
                parameter["example"] = example.unwrap_or_default();
            }
            continue;
        };
        if let Some(description) = description {
            parameter["description"] = json!(description);
        }
        parameter["schema"] = schema;
        parameter["example"] = example;
    }
    if !parameters.is_empty() {
        operation["parameters"] = json!(parameters);
    }
}
