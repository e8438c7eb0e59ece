//! What each operation must say, and that it is said in the words of OpenAPI 3.1.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use foodflow_testkit::contract::contract;
use serde_json::{Value, json};

use super::{Operation, operations};

/// Collects what is wrong, so that a run tells all of it.
#[derive(Default)]
struct Defects(String);

impl Defects {
    fn add(&mut self, name: &str, defect: impl std::fmt::Display) {
        writeln!(self.0, "{name}: {defect}").unwrap();
    }

    fn none(self) {
        assert!(self.0.is_empty(), "\n{}", self.0);
    }
}

#[test]
fn the_document_is_openapi() -> anyhow::Result<()> {
    let document = contract()?.document();
    let meta: Value = serde_json::from_str(include_str!("oas-3.1.json"))?;
    let validator = jsonschema::validator_for(&meta)?;
    let mut defects = Defects::default();
    for error in validator.iter_errors(document) {
        defects.add(error.instance_path().as_str(), &error);
    }
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let dialect = json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "allOf": [schema]});
        if let Err(error) = jsonschema::meta::validate(&dialect) {
            defects.add(name, error);
        }
    }
    defects.none();
    Ok(())
}

#[test]
fn every_operation_says_what_it_is() -> anyhow::Result<()> {
    let document = contract()?.document();
    let tags = document["tags"].as_array().unwrap().iter();
    let tags: BTreeSet<&str> = tags.map(|tag| tag["name"].as_str().unwrap()).collect();
    let mut ids = BTreeSet::new();
    let mut defects = Defects::default();
    for Operation { name, value } in operations()? {
        if !ids.insert(value["operationId"].as_str().unwrap_or_default().to_owned()) {
            defects.add(&name, format!("another operation is called {}", value["operationId"]));
        }
        let own = value["tags"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let own: Vec<&str> = own.collect();
        if own.is_empty() || !own.iter().all(|tag| tags.contains(tag)) {
            defects.add(&name, format!("its tags {own:?} are not among those of the document"));
        }
        if value["summary"].as_str().is_none_or(str::is_empty) {
            defects.add(&name, "it has no summary");
        }
        if !value["security"].is_array() {
            defects.add(&name, "it does not say whether it asks for a token");
        }
        for status in value["responses"].as_object().unwrap().keys() {
            if status.parse::<u16>().is_err() {
                let what = "refusals follow from what an operation is; see http/document/refusals.json";
                defects.add(&name, format!("it declares {status}: {what}"));
            }
        }
    }
    defects.none();
    Ok(())
}

/// Whether an answer or body says no more than that it is an object.
fn is_untyped(schema: &Value) -> bool {
    schema.is_null() || *schema == json!({"type": "object"})
}

#[test]
fn every_body_and_answer_has_a_schema_and_an_example() -> anyhow::Result<()> {
    let contract = contract()?;
    let mut defects = Defects::default();
    for Operation { name, value } in operations()? {
        let answers = value["responses"].as_object().unwrap().iter();
        let answers = answers.map(|(status, answer)| (status.as_str(), contract.resolved(answer)));
        let body = value.get("requestBody").map(|body| ("body", body));
        let mut successes = 0;
        for (what, part) in answers.chain(body) {
            successes += usize::from(what.starts_with('2'));
            for (media, content) in part["content"].as_object().into_iter().flatten() {
                let schema = &content["schema"];
                let is_document = name == "GET /v1/openapi.json" && what == "200";
                if is_untyped(schema) && !is_document {
                    defects.add(&name, format!("{what} as {media} has no schema"));
                    continue;
                }
                let many = content["examples"].as_object().into_iter().flat_map(|examples| examples.values());
                let many = many.map(|example| contract.resolved(example)["value"].clone());
                let examples: Vec<Value> = content.get("example").cloned().into_iter().chain(many).collect();
                if examples.is_empty() && !(name == "GET /readyz" && what == "503") {
                    defects.add(&name, format!("{what} as {media} has no example"));
                }
                if !media.ends_with("json") {
                    continue;
                }
                let validator = contract.validator(&format!("{name} {what} {media}"), schema);
                let validator = validator.map_err(anyhow::Error::msg)?;
                for example in &examples {
                    for error in validator.iter_errors(example) {
                        defects
                            .add(&name, format!("the example of {what}: {}: {error}", error.instance_path()));
                    }
                }
            }
        }
        if successes == 0 {
            defects.add(&name, "it never succeeds");
        }
    }
    defects.none();
    Ok(())
}

#[test]
fn every_parameter_is_described_with_an_example() -> anyhow::Result<()> {
    let contract = contract()?;
    let mut defects = Defects::default();
    for Operation { name, value } in operations()? {
        for parameter in value["parameters"].as_array().into_iter().flatten() {
            let called = parameter["name"].as_str().unwrap();
            if parameter["description"].as_str().is_none_or(str::is_empty) {
                defects.add(&name, format!("`{called}` is not described"));
            }
            let schema = &parameter["schema"];
            let Some(example) = parameter.get("example") else {
                defects.add(&name, format!("`{called}` has no example"));
                continue;
            };
            let validator = contract.validator(&format!("{name} {called}"), schema);
            let validator = validator.map_err(anyhow::Error::msg)?;
            for error in validator.iter_errors(example) {
                defects.add(&name, format!("the example of `{called}`: {error}"));
            }
        }
    }
    defects.none();
    Ok(())
}
