//! Texts that are written and never shown.

use std::fmt;

use serde::{Serialize, Serializer};

use super::description::ColumnType;
use super::value::{ColumnValue, Value};

/// A text of a secret column, such as the hash of a password: it is written, it is in digests, and no question of any
/// store is answered with it. In PostgreSQL the role that reads may not select it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Option<String>);

impl Secret {
    /// The secret, to be written.
    #[must_use]
    pub fn of(text: impl Into<String>) -> Self {
        Self(Some(text.into()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_none()
    }
}

impl ColumnValue for Secret {
    const TYPE: ColumnType = ColumnType::Text;
    const SECRET: bool = true;

    fn into_value(self) -> Value {
        self.0.map_or(Value::Null, Value::Text)
    }

    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Null => Some(Self(None)),
            Value::Text(text) => Some(Self(Some(text))),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_shown_by_nothing() {
        let secret = Secret::of("$argon2id$");
        assert_eq!(format!("{secret:?}"), "Secret");
        assert_eq!(serde_json::to_string(&secret).unwrap(), "null");
        assert_eq!(secret.into_value(), Value::Text("$argon2id$".to_owned()));
    }
}
