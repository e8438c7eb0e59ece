//! The contract that every answer of the program is held against: its own OpenAPI document.
//!
//! Stricter than the document itself, objects of answers are closed: a field that is answered and not documented is a
//! defect here, while clients must take it as an addition.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use anyhow::Context as _;
use jsonschema::Validator;
use serde_json::{Value, json};

use crate::app::{Answer, binary};

/// The dialect of the schemas of OpenAPI 3.1.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// An OpenAPI document, and what follows from it for answers.
pub struct Contract {
    document: Value,
    /// Components with closed objects.
    components: Value,
    /// By operation, status and media type.
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

impl Contract {
    /// The contract of a program.
    ///
    /// # Errors
    /// Where the program does not tell it.
    pub fn of_program(program: &Path) -> anyhow::Result<Self> {
        let output = Command::new(program).arg("openapi").output().context("asking for the document")?;
        let document = serde_json::from_slice(&output.stdout).context("the document is no JSON")?;
        Ok(Self::new(document))
    }

    /// The contract that a document states.
    #[must_use]
    pub fn new(document: Value) -> Self {
        let mut components = document["components"].clone();
        let mut parts = BTreeSet::new();
        referenced_as_parts(&document, &mut parts);
        for (name, schema) in components["schemas"].as_object_mut().into_iter().flatten() {
            close(schema, !parts.contains(name.as_str()));
        }
        Self { document, components, validators: Mutex::default() }
    }

    /// The document.
    #[must_use]
    pub const fn document(&self) -> &Value {
        &self.document
    }

    /// Holds an answer against what is documented.
    ///
    /// # Errors
    /// What of it is not.
    pub fn check(&self, method: &str, path: &str, answer: &Answer) -> Result<(), String> {
        let status = answer.status.as_u16();
        if ["HEAD", "OPTIONS"].contains(&method) {
            // Both follow from the other methods, and have no body.
            return Ok(());
        }
        let path = path.split('?').next().unwrap_or_default();
        let Some((name, operation)) = self.operation(method, path) else {
            return if [400, 404, 405].contains(&status) {
                Ok(())
            } else {
                Err("no such operation".to_owned())
            };
        };
        let documented = self.resolved(&operation["responses"][status.to_string()]);
        if documented.is_null() {
            return Err(format!("{status} is not documented for {name}"));
        }
        for (header, schema) in documented["headers"].as_object().into_iter().flatten() {
            let required = self.resolved(schema)["required"] == true;
            if required && answer.header(header).is_none() {
                return Err(format!("the header {header} is missing"));
            }
        }
        if documented.get("content").is_none() {
            return if answer.body == "" { Ok(()) } else { Err(format!("{status} of {name} has no body")) };
        }
        let media = answer.header("content-type").unwrap_or_default();
        let media = media.split(';').next().unwrap_or_default();
        let Some(content) = documented["content"].get(media) else {
            return Err(format!("{status} of {name} is not documented as `{media}`"));
        };
        if !media.ends_with("json") {
            return Ok(());
        }
        let validator = self.validator(&format!("{name} {status} {media}"), &content["schema"])?;
        let defects: Vec<String> = validator
            .iter_errors(&answer.body)
            .take(5)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        if defects.is_empty() { Ok(()) } else { Err(defects.join("; ")) }
    }

    /// A validator of a schema of the document.
    ///
    /// # Errors
    /// Where it is no schema.
    pub fn validator(&self, key: &str, schema: &Value) -> Result<Arc<Validator>, String> {
        let mut validators = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(validator) = validators.get(key) {
            return Ok(Arc::clone(validator));
        }
        let mut schema = schema.clone();
        close(&mut schema, true);
        let whole = json!({"$schema": DIALECT, "components": self.components, "allOf": [schema]});
        let validator = jsonschema::options().should_validate_formats(true).build(&whole);
        let validator = Arc::new(validator.map_err(|error| format!("{key}: {error}"))?);
        validators.insert(key.to_owned(), Arc::clone(&validator));
        Ok(validator)
    }

    /// What a reference leads to.
    #[must_use]
    pub fn resolved<'a>(&'a self, part: &'a Value) -> &'a Value {
        let pointer = part["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
        pointer.map_or(part, |pointer| self.document.pointer(pointer).unwrap_or(&Value::Null))
    }

    /// The operation that a request asks for: the one of the path with the fewest names in it that fit anything.
    fn operation(&self, method: &str, path: &str) -> Option<(String, &Value)> {
        let paths = self.document["paths"].as_object()?;
        let fitting = paths.iter().filter(|(template, _)| fits(template, path));
        let (template, item) = fitting.min_by_key(|(template, _)| template.matches('{').count())?;
        let operation = item.get(method.to_lowercase())?;
        Some((format!("{method} {template}"), operation))
    }
}

/// The contract of the program under test, asked for once.
///
/// # Errors
/// Where the program does not tell it.
pub fn contract() -> anyhow::Result<&'static Contract> {
    static CONTRACT: OnceLock<Contract> = OnceLock::new();
    if let Some(contract) = CONTRACT.get() {
        return Ok(contract);
    }
    let contract = Contract::of_program(&binary()?)?;
    Ok(CONTRACT.get_or_init(|| contract))
}

impl std::fmt::Debug for Contract {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Contract")
    }
}

fn fits(template: &str, path: &str) -> bool {
    let (wanted, given): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    let one =
        |(wanted, given): (&&str, &&str)| wanted == given || (wanted.starts_with('{') && !given.is_empty());
    wanted.len() == given.len() && wanted.iter().zip(&given).all(one)
}

/// Names of schemas that are parts of others by `allOf`: those others close the whole.
fn referenced_as_parts<'a>(value: &'a Value, parts: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(members) => {
            for part in members.get("allOf").and_then(Value::as_array).into_iter().flatten() {
                parts.extend(part["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()));
            }
            members.values().for_each(|member| referenced_as_parts(member, parts));
        }
        Value::Array(items) => items.iter().for_each(|item| referenced_as_parts(item, parts)),
        _ => {}
    }
}

/// Forbids what no property of an object describes.
fn close(schema: &mut Value, whole: bool) {
    let Some(members) = schema.as_object_mut() else { return };
    let is_object = members.contains_key("properties") && !members.contains_key("additionalProperties");
    if whole && (is_object || members.contains_key("allOf")) {
        members.insert("unevaluatedProperties".to_owned(), json!(false));
    }
    for (name, member) in members {
        match (name.as_str(), member) {
            ("properties", Value::Object(properties)) => {
                properties.values_mut().for_each(|property| close(property, true));
            }
            ("allOf", Value::Array(parts)) => parts.iter_mut().for_each(|part| close(part, false)),
            ("oneOf" | "anyOf" | "prefixItems", Value::Array(choices)) => {
                choices.iter_mut().for_each(|choice| close(choice, true));
            }
            ("items" | "additionalProperties", inner) => close(inner, true),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contract() -> Contract {
        Contract::new(json!({
            "paths": {
                "/v1/things/{id}": {"get": {"responses": {"200": {
                    "headers": {"ETag": {"required": true}},
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Whole"}}},
                }}}},
                "/v1/things/none": {"get": {"responses": {"204": {}}}},
                "/v1/things/all": {"get": {"responses": {"200": {"content": {"text/plain": {}}}}}},
            },
            "components": {"schemas": {
                "Part": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
                "Whole": {"allOf": [{"$ref": "#/components/schemas/Part"}, {"properties": {"b": {"type": "string"}}}]},
            }},
        }))
    }

    fn answer(status: u16, media: &str, body: Value) -> Answer {
        let mut headers = reqwest::header::HeaderMap::new();
        headers.insert("content-type", media.parse().unwrap());
        headers.insert("etag", "\"1\"".parse().unwrap());
        Answer { status: status.try_into().unwrap(), headers, body, bytes: Vec::new() }
    }

    #[test]
    fn what_is_documented_passes_and_nothing_else() {
        let contract = contract();
        let check = |path: &str, answer: &Answer| contract.check("GET", path, answer);
        let good = answer(200, "application/json", json!({"a": 1, "b": "x"}));
        assert_eq!(check("/v1/things/7?x=1", &good), Ok(()));
        assert_eq!(check("/v1/things/all", &answer(200, "text/plain; charset=utf-8", json!("x"))), Ok(()));
        assert_eq!(check("/v1/things/none", &answer(204, "text/plain", json!(""))), Ok(()));
        let mut without_header = good.clone();
        without_header.headers.remove("etag");
        for (path, bad) in [
            ("/v1/things/7", without_header),
            ("/v1/things/7", answer(200, "application/json", json!({"a": 1, "c": 1}))),
            ("/v1/things/7", answer(200, "application/json", json!({"b": "x"}))),
            ("/v1/things/7", answer(200, "text/plain", json!("x"))),
            ("/v1/things/7", answer(201, "application/json", json!({"a": 1}))),
            ("/v1/things/all", good.clone()),
            ("/v1/things/none", answer(204, "text/plain", json!("x"))),
            ("/v1/others", good),
        ] {
            assert!(check(path, &bad).is_err(), "{path} {:?}", bad.body);
        }
    }
}
