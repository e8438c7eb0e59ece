//! Examples of requests and answers, in `examples.json`: one plant's story, in the order in which it can be told.
//!
//! A test tells it to the program, so that what is shown is what works.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::shape::Shape;

/// A request and its answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exchange {
    /// Method and path of the operation.
    operation: String,
    /// Values of its parameters, by name.
    #[serde(default)]
    parameters: Map<String, Value>,
    body: Option<Value>,
    status: u16,
    answer: Option<Value>,
    /// Why the story cannot be told with it, where it cannot.
    #[serde(default, rename = "shown_only")]
    _shown_only: Option<String>,
}

fn exchanges() -> &'static HashMap<String, Exchange> {
    static EXCHANGES: OnceLock<HashMap<String, Exchange>> = OnceLock::new();
    EXCHANGES.get_or_init(|| {
        let read: Vec<Exchange> = serde_json::from_str(include_str!("examples.json")).unwrap_or_default();
        let mut first = HashMap::new();
        for exchange in read {
            first.entry(exchange.operation.clone()).or_insert(exchange);
        }
        first
    })
}

/// Adds the first exchange of the operation.
pub(super) fn complete(operation: &mut Value, shape: &Shape) {
    let Some(exchange) = exchanges().get(&shape.name) else { return };
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        let value = parameter["name"].as_str().and_then(|name| exchange.parameters.get(name)).cloned();
        if let Some(value) = value {
            parameter["example"] = value;
        }
    }
    let show = |content: Option<&mut Value>, example: Option<&Value>| {
        let media = content.and_then(|content| content.as_object_mut()?.values_mut().next());
        if let (Some(media), Some(example)) = (media, example) {
            media["example"] = example.clone();
        }
    };
    show(operation.pointer_mut("/requestBody/content"), exchange.body.as_ref());
    let status = exchange.status.to_string();
    show(operation.pointer_mut(&format!("/responses/{status}/content")), exchange.answer.as_ref());
}
