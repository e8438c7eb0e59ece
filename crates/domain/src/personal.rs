//! Personal data in events and states: a value that belongs to a person, who may be forgotten.
//!
//! The log keeps it sealed under a key of that person, and opens it for whoever decides on it or projects it. When the
//! person is forgotten the key is gone, and what was written about the person is read as erased, wherever it stands. So
//! whatever reads personal data says what it does where there is none any more.
//!
//! What must never happen: a value in an error, a log line or the output of `Debug`.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use crate::ids::PersonId;

/// The name by which a JSON object is known as personal data; its value is the person.
pub const PERSON_FIELD: &str = "$personal";
/// Where the value stands, as long as it is neither sealed nor erased.
pub const VALUE_FIELD: &str = "value";
/// Where the sealed value stands: `<number of the key>.<base64url of nonce and ciphertext>`.
pub const SEALED_FIELD: &str = "sealed";

/// A value that is known only as long as its person is not forgotten.
///
/// Written as `{"$personal":"<id>","value":…}`, and without `value` once it is erased. The log writes `sealed` in the place
/// of `value`; that form is never read here.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Personal<T> {
    person: PersonId,
    value: Option<T>,
}

impl<T> Personal<T> {
    /// A value of `person`.
    #[must_use]
    pub const fn new(person: PersonId, value: T) -> Self {
        Self { person, value: Some(value) }
    }

    /// What is left of a value once its person is forgotten.
    #[must_use]
    pub const fn erased(person: PersonId) -> Self {
        Self { person, value: None }
    }

    /// Whose it is.
    #[must_use]
    pub const fn person(&self) -> PersonId {
        self.person
    }

    /// The value, unless it is erased.
    #[must_use]
    pub const fn value(&self) -> Option<&T> {
        self.value.as_ref()
    }

    /// The value, unless it is erased.
    #[must_use]
    pub fn into_value(self) -> Option<T> {
        self.value
    }
}

impl<T> fmt::Debug for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.value.is_some() { "known" } else { "erased" };
        write!(f, "Personal({}, {what})", self.person)
    }
}

#[derive(Serialize)]
struct Written<'a, T> {
    #[serde(rename = "$personal")]
    person: PersonId,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a T>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, bound = "T: Deserialize<'de>")]
struct Read<T> {
    #[serde(rename = "$personal")]
    person: PersonId,
    #[serde(default = "Option::default", deserialize_with = "present")]
    value: Option<T>,
    #[serde(default, rename = "sealed", deserialize_with = "refuse_sealed")]
    _sealed: (),
}

impl<T: Serialize> Serialize for Personal<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Written { person: self.person, value: self.value() }.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Personal<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Read { person, value, .. } = Read::deserialize(deserializer)?;
        Ok(Self { person, value })
    }
}

/// A value that is there, be it `null`. The error of its own type might quote it.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    let other = |_| D::Error::custom("the value of personal data is of another form");
    T::deserialize(deserializer).map(Some).map_err(other)
}

fn refuse_sealed<'de, D: Deserializer<'de>>(_: D) -> Result<(), D::Error> {
    Err(D::Error::custom("personal data was not opened: read it through the keys of persons"))
}
