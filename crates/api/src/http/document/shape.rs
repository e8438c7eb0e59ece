//! What is known of an operation from what its handler declares.

use serde_json::{Value, json};

/// Commands that take no `Idempotency-Key`: what they take is good once by itself.
const WITHOUT_KEY: &[&str] =
    &["POST /v1/me/second-factor/disable", "POST /v1/invitations/accept", "POST /v1/password-resets/use"];

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
    /// It carries out a command that a key tells a repeat of.
    pub(super) commands: bool,
    /// It answers with what a command recorded.
    pub(super) answers_recorded: bool,
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
        let parameters = || operation["parameters"].as_array().into_iter().flatten();
        let declares = |name: &str| parameters().any(|parameter| parameter["name"] == name);
        let name = format!("{} {path}", method.to_uppercase());
        Self {
            secured: operation["security"]
                .as_array()
                .is_some_and(|schemes| schemes.iter().any(|scheme| *scheme != json!({}))),
            identified: path.contains('{'),
            takes_body: operation.get("requestBody").is_some(),
            commands: declares("Idempotency-Key")
                || (answer == "CommandAnswer" && !WITHOUT_KEY.contains(&name.as_str())),
            answers_recorded: ["CommandAnswer", "OneTimeAnswer"].contains(&answer),
            reads: declares("as_of"),
            shows_version: schemas[answer]["properties"].get("version").is_some(),
            streams: content("text/event-stream"),
            name,
        }
    }
}
