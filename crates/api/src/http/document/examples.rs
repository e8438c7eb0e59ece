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
    /// The media type of the answer, where the operation has several.
    media: Option<String>,
    answer: Option<Value>,
    /// Why the story cannot be told with it, where it cannot.
    #[serde(default, rename = "shown_only")]
    _shown_only: Option<String>,
}

fn exchanges() -> &'static HashMap<String, Vec<Exchange>> {
    static EXCHANGES: OnceLock<HashMap<String, Vec<Exchange>>> = OnceLock::new();
    EXCHANGES.get_or_init(|| {
        let read: Vec<Exchange> = serde_json::from_str(include_str!("examples.json")).unwrap_or_default();
        let mut by_operation: HashMap<String, Vec<Exchange>> = HashMap::new();
        for exchange in read {
            by_operation.entry(exchange.operation.clone()).or_default().push(exchange);
        }
        by_operation
    })
}

/// Shows `example` in the content of this media type, or of the first, unless it shows one already.
fn show(content: Option<&mut Value>, media: Option<&str>, example: Option<&Value>) {
    let content = content.and_then(Value::as_object_mut);
    let shown = content.and_then(|content| match media {
        Some(media) => content.get_mut(media),
        None => content.values_mut().next(),
    });
    if let (Some(shown), Some(example)) = (shown, example)
        && shown.get("example").is_none()
    {
        shown["example"] = example.clone();
    }
}

/// Adds the first exchange of the operation, and of each media type that it answers.
pub(super) fn complete(operation: &mut Value, shape: &Shape) {
    let exchanges = exchanges().get(&shape.name).map(Vec::as_slice).unwrap_or_default();
    let Some(first) = exchanges.first() else { return };
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        let value = parameter["name"].as_str().and_then(|name| first.parameters.get(name)).cloned();
        if let Some(value) = value {
            parameter["example"] = value;
        }
    }
    show(operation.pointer_mut("/requestBody/content"), None, first.body.as_ref());
    for Exchange { status, media, answer, .. } in exchanges {
        let content = operation.pointer_mut(&format!("/responses/{status}/content"));
        show(content, media.as_deref(), answer.as_ref());
    }
}
