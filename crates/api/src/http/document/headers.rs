//! Headers of answers.

use serde_json::{Value, json};

use super::shape::Shape;

/// Every header that an answer may have.
pub(super) fn components() -> Value {
    let header = |description: &str, schema: Value, required: bool| json!({"description": description, "schema": schema, "required": required});
    let version = json!({"type": "string", "pattern": "^\"[0-9]+\"$"});
    let limit = || json!({"type": "string", "pattern": "^\"[a-z]+\"(;[a-z]=[0-9]+)+$"});
    let position = || json!({"type": "integer", "format": "int64", "minimum": 0});
    json!({
        "ETag": header("Version of the resource, to hand to `If-Match`", version, true),
        "Foodflow-Position": header("Log position that the answer reflects", position(), true),
        "Foodflow-Next": header("Only where there may be more: the position to ask on `after`", position(), false),
        "Foodflow-Next.page": header("Only as CSV, and where there is more: what to hand to `page[after]`", json!({"type": "string", "format": "uuid"}), false),
        "Retry-After": header("Seconds after which to try again", json!({"type": "integer", "minimum": 0}), true),
        "RateLimit": header("Whose limit it is, requests that are left, and seconds until the next", limit(), false),
        "RateLimit-Policy": header("Requests at once (`q`), and seconds until as many are allowed again (`w`)", limit(), false),
        "WWW-Authenticate": header("The scheme that is asked for", json!({"const": "Bearer"}), true),
    })
}

/// References to headers by name; what follows a dot tells headers of one name apart.
pub(super) fn named(names: &[&str]) -> Value {
    let reference = |name: &&str| {
        let header = name.split('.').next().unwrap_or_default();
        (header.to_owned(), json!({"$ref": format!("#/components/headers/{name}")}))
    };
    Value::Object(names.iter().map(reference).collect())
}

/// Headers of a refusal of this status.
pub(super) fn of_refusal(status: u16) -> Value {
    named(match status {
        401 => &["WWW-Authenticate"],
        429 => &["Retry-After", "RateLimit", "RateLimit-Policy"],
        503 | 504 => &["Retry-After"],
        _ => &[],
    })
}

/// Adds the headers of the answer to success.
pub(super) fn complete(operation: &mut Value, shape: &Shape) {
    let mut names = Vec::new();
    if shape.answers_recorded || (shape.reads && shape.shows_version) {
        names.push("ETag");
    }
    if shape.answers_recorded || shape.reads {
        names.push("Foodflow-Position");
    }
    match shape.name.as_str() {
        "GET /v1/events" => names.push("Foodflow-Next"),
        "GET /v1/audit" => names.push("Foodflow-Next.page"),
        _ => {}
    }
    for (status, answer) in operation["responses"].as_object_mut().into_iter().flatten() {
        if status.starts_with('2') && !names.is_empty() {
            answer["headers"] = named(&names);
        }
    }
}
