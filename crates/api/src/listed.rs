//! A setting that is a list: in a file a list of texts, elsewhere a text with commas.

use serde::{Deserialize, Deserializer};

/// The list as a text with commas.
#[derive(Debug)]
pub(crate) struct Listed(String);

impl Listed {
    /// Reads it as what it lists.
    pub(crate) fn parse<T: std::str::FromStr>(&self) -> Result<T, T::Err> {
        self.0.parse()
    }
}

impl<'de> Deserialize<'de> for Listed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Text(String),
            List(Vec<String>),
        }
        match Written::deserialize(deserializer) {
            Ok(Written::Text(text)) => Ok(Self(text)),
            Ok(Written::List(list)) => Ok(Self(list.join(","))),
            Err(_) => Err(serde::de::Error::custom("must be a list of texts, or a text with commas")),
        }
    }
}
