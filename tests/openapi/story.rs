//! The examples of the document, told to the program in their order: what is shown is what works.

use std::collections::BTreeSet;
use std::path::Path;

use foodflow_testkit::{Stores, TestApp};
use reqwest::Method;
use serde_json::Value;

fn exchanges() -> anyhow::Result<Vec<Value>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/api/src/http/document/examples.json");
    Ok(serde_json::from_str(&std::fs::read_to_string(path)?)?)
}

/// The path of an exchange with its parameters.
fn path_of(template: &str, parameters: &Value) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut path = template.to_owned();
    let mut query = Vec::new();
    for (name, value) in parameters.as_object().into_iter().flatten() {
        let named = format!("{{{name}}}");
        if path.contains(&named) {
            path = path.replace(&named, &text(value));
        } else {
            query.push(format!("{name}={}", text(value)));
        }
    }
    if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) }
}

#[tokio::test]
async fn the_examples_can_be_told_to_the_program() -> anyhow::Result<()> {
    let client = TestApp::shared(Stores::Embedded).await?.new_tenant()?;
    let mut position = None;
    for exchange in exchanges()?.iter().filter(|exchange| exchange["shown_only"].is_null()) {
        let operation = exchange["operation"].as_str().unwrap();
        let (method, template) = operation.split_once(' ').unwrap();
        let path = path_of(template, &exchange["parameters"]);
        let after = position.unwrap_or(0).to_string();
        let waiting = [("After", after.as_str()), ("Prefer", "wait=20")];
        let headers = if method == "GET" { &waiting[..] } else { &[] };
        let body = exchange.get("body").map(|body| body.to_string().into_bytes());
        let answer = client.send(method.parse::<Method>()?, &path, headers, body).await?;
        assert_eq!(exchange["status"], answer.status.as_u16(), "{operation}: {:#}", answer.body);
        if method != "GET" {
            position = answer.body["position"].as_u64().or(position);
        }
    }
    Ok(())
}

#[test]
fn every_operation_has_its_part_in_the_story() -> anyhow::Result<()> {
    let exchanges = exchanges()?;
    let told: BTreeSet<&str> =
        exchanges.iter().map(|exchange| exchange["operation"].as_str().unwrap()).collect();
    let operations = super::operations()?;
    let documented: BTreeSet<&str> = operations.iter().map(|operation| operation.name.as_str()).collect();
    assert_eq!(told, documented, "the left is what http/document/examples.json tells");
    Ok(())
}
