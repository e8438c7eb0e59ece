//! Properties of a node as JSON, with every type told apart.
//!
//! Text, whole numbers and booleans stand as such, so that SQL can filter on them; the others are arrays that
//! begin with their type. A float is text in its array: the shortest digits that read back as the same float.

use std::collections::BTreeMap;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value as Json;

use crate::changes::{Properties, Value};
use crate::graph::StoreError;
use crate::sqlite::error::corrupt;

const DATE: &str = "date";
const FLOAT: &str = "float";
const INSTANT: &str = "instant";
const POINT: &str = "point";
const TEXTS: &str = "texts";

struct Patch<'a>(&'a Properties);

impl Serialize for Patch<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            map.serialize_entry(name, &value.as_ref().map(Written))?;
        }
        map.end()
    }
}

struct Written<'a>(&'a Value);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Text(text) => serializer.serialize_str(text),
            Value::Texts(texts) => {
                serializer.collect_seq(std::iter::once(TEXTS).chain(texts.iter().map(String::as_str)))
            }
            Value::Integer(number) => serializer.serialize_i64(*number),
            Value::Float(float) => (FLOAT, float.to_string()).serialize(serializer),
            Value::Bool(yes) => serializer.serialize_bool(*yes),
            Value::Date(date) => (DATE, date.to_string()).serialize(serializer),
            Value::Instant(instant) => (INSTANT, instant.to_string()).serialize(serializer),
            Value::Point(latitude, longitude) => {
                (POINT, latitude.to_string(), longitude.to_string()).serialize(serializer)
            }
        }
    }
}

/// The JSON merge patch that sets and removes `properties`.
///
/// # Errors
/// Never for values of these types.
pub(super) fn patch(properties: &Properties) -> Result<String, StoreError> {
    serde_json::to_string(&Patch(properties)).map_err(|error| corrupt(error.to_string()))
}

/// The text that `properties` set `name` to.
pub(super) fn text<'a>(properties: &'a Properties, name: &str) -> Option<&'a str> {
    match properties.get(name) {
        Some(Some(Value::Text(text))) => Some(text),
        _ => None,
    }
}

/// One value, as it stands in the JSON of its node.
///
/// # Errors
/// Never for values of these types.
pub(super) fn value(value: &Value) -> Result<String, StoreError> {
    serde_json::to_string(&Written(value)).map_err(|error| corrupt(error.to_string()))
}

/// Reads the properties of a node; a member that is null is absent.
///
/// # Errors
/// `Corrupt` where the JSON is not what [`patch`] writes.
pub(super) fn read(json: &str) -> Result<BTreeMap<String, Value>, StoreError> {
    let members: BTreeMap<String, Json> =
        serde_json::from_str(json).map_err(|error| corrupt(format!("properties: {error}")))?;
    let mut properties = BTreeMap::new();
    for (name, member) in members.into_iter().filter(|(_, member)| !member.is_null()) {
        let value = read_value(member).ok_or_else(|| corrupt(format!("property `{name}`")))?;
        properties.insert(name, value);
    }
    Ok(properties)
}

fn read_value(json: Json) -> Option<Value> {
    match json {
        Json::String(text) => Some(Value::Text(text)),
        Json::Bool(yes) => Some(Value::Bool(yes)),
        Json::Number(number) => number.as_i64().map(Value::Integer),
        Json::Array(parts) => read_typed(&parts),
        Json::Null | Json::Object(_) => None,
    }
}

fn read_typed(parts: &[Json]) -> Option<Value> {
    let texts: Vec<&str> = parts.iter().map(Json::as_str).collect::<Option<_>>()?;
    match texts.as_slice() {
        [TEXTS, texts @ ..] => Some(Value::Texts(texts.iter().map(|&text| text.to_owned()).collect())),
        [FLOAT, float] => float.parse().ok().map(Value::Float),
        [DATE, date] => date.parse().ok().map(Value::Date),
        [INSTANT, instant] => instant.parse().ok().map(Value::Instant),
        [POINT, latitude, longitude] => Some(Value::Point(latitude.parse().ok()?, longitude.parse().ok()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_comes_back_as_it_was() {
        let values = [
            Value::Text("[\"date\",\"2026-01-01\"]".to_owned()),
            Value::Text("12.5".to_owned()),
            Value::Texts(vec![]),
            Value::Texts(vec!["float".to_owned(), "1".to_owned()]),
            Value::Integer(i64::MIN),
            Value::Integer(i64::MAX),
            Value::Float(3.0),
            Value::Float(0.1 + 0.2),
            Value::Float(5e-324),
            Value::Float(f64::MAX),
            Value::Bool(false),
            Value::Date("2026-03-05".parse().unwrap()),
            Value::Instant("2026-03-05T10:12:00.123456789Z".parse().unwrap()),
            Value::Instant("-000001-03-05T10:12:00Z".parse().unwrap()),
            Value::Point(-90.0, 179.999_999_999_9),
        ];
        for value in values {
            let json = patch(&Properties::from([("p", Some(value.clone()))])).unwrap();
            assert_eq!(read(&json).unwrap(), BTreeMap::from([("p".to_owned(), value)]), "{json}");
        }
    }

    #[test]
    fn what_was_not_written_here_is_refused() {
        for json in
            ["[]", r#"{"p":{}}"#, r#"{"p":1.5}"#, r#"{"p":["date","today"]}"#, r#"{"p":["point","1"]}"#]
        {
            assert!(matches!(read(json), Err(StoreError::Corrupt { .. })), "{json}");
        }
        assert!(read(r#"{"p":null}"#).unwrap().is_empty());
    }
}
