//! The OpenAPI document: what the handlers declare, completed with what follows from it for every operation.
//!
//! A handler declares its path, parameters, body and the answer to success. What it shares with others is added here
//! from what it declares: refusals with their codes, headers of requests and answers, bounds of common parameters, and
//! examples. What must never happen here: a path or a body that no handler has.
//!
//! - [`shape`]: what is known of an operation from its declaration;
//! - [`refusals`]: every code, and who answers it;
//! - [`parameters`], [`headers`]: those that several operations have;
//! - [`examples`]: requests and answers, in the order of one plant's story.

mod examples;
mod headers;
mod parameters;
mod refusals;
mod shape;

use std::sync::OnceLock;

use serde_json::{Map, Value, json};
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

use shape::Shape;

/// What is documented apart from operations.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "FoodFlow OS",
        description = "Traceability for food manufacturing: an event log, and what follows from it.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    tags(
        (name = "master data", description = "Places, suppliers, ingredients, products and SKUs"),
        (name = "events of lots", description = "What happens to lots"),
        (name = "restrictions", description = "What bars lots"),
        (name = "corrections", description = "Documents that were errors"),
        (name = "traceability", description = "Lots, where they came from and where they went"),
        (name = "identity", description = "People, sessions, roles and keys"),
        (name = "tenancy", description = "The tenant, its subscriptions, features and use"),
        (name = "audit", description = "Who did what when"),
        (name = "log", description = "The tenant's events"),
        (name = "operations", description = "What operators ask and decide"),
    ),
    components(schemas(super::problem::Problem)),
    modifiers(&BearerToken)
)]
pub(super) struct Declared;

struct BearerToken;

impl utoipa::Modify for BearerToken {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// The document of this version, as JSON text.
#[must_use]
pub fn text() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| {
        let declared = super::documented().split_for_parts().1;
        let document = completed(serde_json::to_value(&declared).unwrap_or_default());
        serde_json::to_string_pretty(&document).unwrap_or_default()
    })
}

/// The document with what follows from what is declared.
fn completed(mut document: Value) -> Value {
    let schemas = document["components"]["schemas"].clone();
    let mut refused = Map::new();
    let paths = document["paths"].as_object_mut();
    for (path, item) in paths.into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            let shape = Shape::of(method, path, operation, &schemas);
            parameters::complete(operation, &shape);
            headers::complete(operation, &shape);
            refusals::complete(operation, &shape, &mut refused);
            examples::complete(operation, &shape);
            if !shape.secured {
                // Said in so many words that it answers everyone.
                operation["security"] = json!([]);
            }
        }
    }
    let components = &mut document["components"];
    components["responses"] = Value::Object(refused);
    components["headers"] = headers::components();
    components["examples"] = refusals::components();
    document
}
