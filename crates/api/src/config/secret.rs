//! A setting that is not shown.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

/// A setting that is not shown.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Secret(pub String);

/// In a file it may look like a number; a secret is a text all the same, and no error quotes it.
impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Text(String),
            Whole(u64),
            Number(f64),
            Flag(bool),
        }
        match Written::deserialize(deserializer) {
            Ok(Written::Text(text)) => Ok(Self(text)),
            Ok(Written::Whole(number)) => Ok(Self(number.to_string())),
            Ok(Written::Number(number)) => Ok(Self(number.to_string())),
            Ok(Written::Flag(flag)) => Ok(Self(flag.to_string())),
            Err(_) => Err(serde::de::Error::custom("a secret must be a text; quote it")),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "unset" } else { "set" })
    }
}
