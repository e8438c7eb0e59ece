//! The OpenAPI document: that it is one, that it is complete, and that its examples are real.
//!
//! - [`complete`]: what each operation must say;
//! - [`codes`]: the codes of refusals, in the document and in `docs/ERRORS.md`;
//! - [`story`]: the examples, told to the program.
//!
//! That answers are as documented is held against every answer that any black-box test sees
//! (`foodflow_testkit::contract`).

mod codes;
mod complete;
mod story;

use foodflow_testkit::contract::contract;
use serde_json::Value;

/// An operation of the document.
struct Operation {
    /// Method and path.
    name: String,
    value: Value,
}

/// Every operation of the document.
fn operations() -> anyhow::Result<Vec<Operation>> {
    let mut operations = Vec::new();
    for (path, item) in contract()?.document()["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = format!("{} {path}", method.to_uppercase());
            operations.push(Operation { name, value: operation.clone() });
        }
    }
    assert!(operations.len() > 50, "the document lost its operations");
    Ok(operations)
}
