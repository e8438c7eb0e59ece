//! Every code that a refusal may carry, and which operations answer it: `refusals.json`.
//!
//! A code is answered by kinds of operations ([`is_a`]), by groups of them, or by operations by name. Black-box tests hold
//! every answer that they see against this list, so that an operation that answers a code which is not listed for it
//! fails them.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::headers;
use super::shape::Shape;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Catalogue {
    /// Operations that have something in common.
    groups: BTreeMap<String, Vec<String>>,
    /// Every code but those that no operation answers.
    refusals: Vec<Refusal>,
}

/// A code.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Refusal {
    status: u16,
    code: String,
    title: String,
    /// An example of its detail.
    detail: String,
    /// Who answers it.
    of: Vec<String>,
}

fn catalogue() -> &'static Catalogue {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    CATALOGUE.get_or_init(|| serde_json::from_str(include_str!("refusals.json")).unwrap_or_default())
}

/// Whether an operation is of a kind.
fn is_a(kind: &str, shape: &Shape) -> bool {
    match kind {
        "every" => true,
        "ended" => !shape.streams,
        "secured" => shape.secured,
        "identified" => shape.identified,
        "body" => shape.takes_body,
        "command" => shape.commands,
        "read" => shape.reads,
        name => name == shape.name,
    }
}

impl Refusal {
    fn is_answered_by(&self, shape: &Shape) -> bool {
        let in_group = |name: &String| {
            let members = catalogue().groups.get(name);
            members.is_some_and(|members| members.contains(&shape.name))
        };
        self.of.iter().any(|of| is_a(of, shape) || in_group(of))
    }
}

/// A refusal with each code, by code.
pub(super) fn components() -> Value {
    let example = |refusal: &Refusal| {
        let Refusal { code, status, title, detail, .. } = refusal;
        let kind = format!("https://foodflow.example/errors/{code}");
        let mut value =
            json!({"type": kind, "title": title, "status": status, "code": code, "detail": detail});
        if code == "invalid-body" {
            value["errors"] = json!([{"pointer": "/quantity/value", "detail": "must be greater than 0"}]);
        }
        if code == "projection-behind" {
            value["position"] = json!(7);
        }
        (code.clone(), json!({"summary": title, "value": value}))
    };
    Value::Object(catalogue().refusals.iter().map(example).collect())
}

/// Adds the refusals of the operation: one answer for each status, with its codes. Answers stand among the components,
/// as many operations have the same.
pub(super) fn complete(operation: &mut Value, shape: &Shape, components: &mut Map<String, Value>) {
    let mut by_status: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for refusal in catalogue().refusals.iter().filter(|refusal| refusal.is_answered_by(shape)) {
        by_status.entry(refusal.status).or_default().push(&refusal.code);
    }
    for (status, codes) in by_status {
        let name = format!("{status}.{}", codes.join("."));
        components.entry(name.clone()).or_insert_with(|| answer(status, &codes));
        operation["responses"][status.to_string()] =
            json!({"$ref": format!("#/components/responses/{name}")});
    }
}

fn answer(status: u16, codes: &[&str]) -> Value {
    let named: Vec<String> = codes.iter().map(|code| format!("`{code}`")).collect();
    let problem = json!({"$ref": "#/components/schemas/Problem"});
    let own = json!({"properties": {"status": {"const": status}, "code": {"enum": codes}}});
    let reference =
        |code: &&str| ((*code).to_owned(), json!({"$ref": format!("#/components/examples/{code}")}));
    let examples: Map<String, Value> = codes.iter().map(reference).collect();
    let content = json!({"schema": {"allOf": [problem, own]}, "examples": examples});
    let mut answer = json!({
        "description": format!("Refused: {}", named.join(", ")),
        "content": {"application/problem+json": content},
    });
    let headers = headers::of_refusal(status);
    if headers.as_object().is_some_and(|headers| !headers.is_empty()) {
        answer["headers"] = headers;
    }
    answer
}
