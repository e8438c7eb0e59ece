//! What is known of an operation from what its handler declares.

use serde_json::Value;

/// An operation.
#[derive(Debug)]
pub(super) struct Shape {
    /// Method and path, e.g. `POST /v1/receipts`.
    pub(super) name: String,
    /// It asks for a token.
    pub(super) secured: bool,
    /// Its path names something.
    pub(super) identified: bool,
    /// It takes a body.
    pub(super) takes_body: bool,
    /// It carries out a command, and answers with what that recorded.
    pub(super) commands: bool,
    /// It answers as of a point in time, and waits for what the client has written.
    pub(super) reads: bool,
    /// Its answer is one resource with its version.
    pub(super) shows_version: bool,
    /// Its answer never ends.
    pub(super) streams: bool,
}

impl Shape {
    /// An operation of a document with these schemas.
    pub(super) fn of(method: &str, path: &str, operation: &Value, schemas: &Value) -> Self {
        let answers = || operation["responses"].as_object().into_iter().flatten();
        let content = |media: &str| answers().any(|(_, answer)| answer["content"].get(media).is_some());
        let mut named = answers().filter_map(|(_, answer)| {
            let reference = answer["content"]["application/json"]["schema"]["$ref"].as_str()?;
            reference.strip_prefix("#/components/schemas/")
        });
        let answer = named.next().unwrap_or_default();
        let mut parameters = operation["parameters"].as_array().into_iter().flatten();
        Self {
            name: format!("{} {path}", method.to_uppercase()),
            secured: operation["security"].as_array().is_some_and(|schemes| !schemes.is_empty()),
            identified: path.contains('{'),
            takes_body: operation.get("requestBody").is_some(),
            commands: answer == "CommandAnswer",
            reads: parameters.any(|parameter| parameter["name"] == "as_of"),
            shows_version: schemas[answer]["properties"].get("version").is_some(),
            streams: content("text/event-stream"),
        }
    }
}
