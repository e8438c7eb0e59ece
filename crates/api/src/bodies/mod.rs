//! Request bodies: the words of the HTTP contract, checked and turned into operations.
//!
//! The same bodies come over HTTP and from files of a plant's history. A body that is not understood in full
//! is refused: an unknown field would be lost.

pub mod batches;
pub mod checks;
pub mod documents;
pub mod identity;
pub mod master_data;
pub mod named;
mod objects;
pub mod oidc;
pub mod projections;
pub mod tenancy;

use foodflow_commands::Operation;
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;
use uuid::Uuid;

pub use checks::Checks;

/// What is wrong with one part of a body or query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) to the part; empty for the whole.
    pub pointer: String,
    /// What is wrong, and what would be right.
    pub detail: String,
}

/// A body of the contract.
pub trait Body: DeserializeOwned + Send {
    /// What it asks for.
    type Operation: Operation;

    /// The operation, for the resource `path_id` where the path names one.
    ///
    /// # Errors
    /// Every part that is wrong.
    fn check(self, path_id: Uuid) -> Result<Self::Operation, Vec<FieldError>>;
}

/// Reads and checks a body.
///
/// # Errors
/// What is wrong with it, by JSON pointer.
pub fn read<B: Body>(json: &[u8], path_id: Uuid) -> Result<B::Operation, Vec<FieldError>> {
    parse::<B>(json)?.check(path_id)
}

/// Reads a body, still unchecked.
///
/// # Errors
/// What is wrong with it, by JSON pointer.
pub fn parse<B: DeserializeOwned>(json: &[u8]) -> Result<B, Vec<FieldError>> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let objects = objects::Objects(&mut deserializer);
    let body = serde_path_to_error::deserialize::<_, B>(objects).map_err(|error| vec![field(&error)])?;
    deserializer
        .end()
        .map_err(|error| vec![FieldError { pointer: String::new(), detail: error.to_string() }])?;
    Ok(body)
}

/// The JSON pointer and the sentence of a deserialization error.
fn field(error: &serde_path_to_error::Error<serde_json::Error>) -> FieldError {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in error.path() {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => pointer.push_str(&format!("/{}", escape(key))),
            Segment::Enum { variant } => pointer.push_str(&format!("/{}", escape(variant))),
            Segment::Unknown => {}
        }
    }
    let text = error.inner().to_string();
    let detail = text.split(" at line ").next().unwrap_or(&text).to_owned();
    for prefix in ["missing field `", "unknown field `", "duplicate field `"] {
        if let Some(name) = detail.strip_prefix(prefix).and_then(|rest| rest.split('`').next()) {
            let own = format!("/{}", escape(name));
            if !pointer.ends_with(&own) {
                pointer.push_str(&own);
            }
        }
    }
    FieldError { pointer, detail }
}

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
