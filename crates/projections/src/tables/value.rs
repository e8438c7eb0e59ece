//! A value of a column, the same in every store.
//!
//! Instants are cut to microseconds and JSON is brought into one form when a value is made, so that what comes back
//! from a store is what was written, and digests agree.

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Serialize;
use uuid::Uuid;

use super::description::ColumnType;
use crate::digest::Canonical;

/// A value of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    Null,
    /// An id.
    Uuid(Uuid),
    /// A text.
    Text(String),
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// An exact decimal.
    Decimal(Decimal),
    /// An instant, in microseconds; made by [`Value::instant`].
    Instant(Timestamp),
    /// A day.
    Date(Date),
    /// A JSON document.
    Json(Json),
}

impl Value {
    /// An instant, cut to microseconds.
    #[must_use]
    pub fn instant(instant: Timestamp) -> Self {
        Self::Instant(of_microseconds(instant.as_microsecond()).unwrap_or(instant))
    }

    /// Writes the value as canonical bytes. Decimals of equal amount are equal, whatever their trailing zeros.
    pub fn write_canonical(&self, bytes: &mut Canonical) {
        match self {
            Self::Null => bytes.byte(b'0'),
            Self::Uuid(id) => {
                bytes.byte(b'u');
                bytes.uuid(*id);
            }
            Self::Text(text) => {
                bytes.byte(b't');
                bytes.text(text);
            }
            Self::Bool(yes) => {
                bytes.byte(b'b');
                bytes.byte(u8::from(*yes));
            }
            Self::Integer(number) => {
                bytes.byte(b'n');
                bytes.signed(*number);
            }
            Self::Decimal(decimal) => {
                bytes.byte(b'q');
                bytes.text(&decimal.normalize().to_string());
            }
            Self::Instant(instant) => {
                bytes.byte(b'i');
                bytes.instant(*instant);
            }
            Self::Date(date) => {
                bytes.byte(b'd');
                bytes.text(&date.to_string());
            }
            Self::Json(json) => {
                bytes.byte(b'j');
                bytes.text(json.as_str());
            }
        }
    }
}

/// The instant so many microseconds after 1970, where the calendar has it; also in its last second.
#[must_use]
pub fn of_microseconds(microseconds: i64) -> Option<Timestamp> {
    let (second, rest) = (microseconds.div_euclid(1_000_000), microseconds.rem_euclid(1_000_000));
    Timestamp::new(second, i32::try_from(rest * 1_000).ok()?).ok()
}

/// A JSON document in one form: members in order of name, whole numbers without a fraction, no blanks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json(String);

impl Json {
    /// The document.
    #[must_use]
    pub fn of(document: &serde_json::Value) -> Self {
        let mut text = String::new();
        write_json(document, &mut text);
        Self(text)
    }

    /// The document that `text` holds.
    ///
    /// # Errors
    /// Where the text is no JSON.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text).map(|document| Self::of(&document))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The document again.
    #[must_use]
    pub fn document(&self) -> serde_json::Value {
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

impl Serialize for Json {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.document().serialize(serializer)
    }
}

fn write_json(document: &serde_json::Value, text: &mut String) {
    use serde_json::Value as Document;
    match document {
        Document::Number(number) => text.push_str(&digits(number)),
        Document::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_json(item, text);
            }
            text.push(']');
        }
        Document::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort_unstable();
            text.push('{');
            for (index, name) in names.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                text.push_str(&Document::String(name.clone()).to_string());
                text.push(':');
                write_json(&members[name], text);
            }
            text.push('}');
        }
        other => text.push_str(&other.to_string()),
    }
}

/// The digits of a number. PostgreSQL keeps a whole number as its digits, however it was written: `1e16` too.
fn digits(number: &serde_json::Number) -> String {
    // From here on a whole number is read as a float again.
    const WHOLE_MAX: f64 = 18_446_744_073_709_551_616.0;
    match number.as_f64() {
        Some(float) if !number.is_f64() || float.fract() != 0.0 || float.abs() >= WHOLE_MAX => {
            number.to_string()
        }
        Some(0.0) => "0".to_owned(),
        // Unlike that of a JSON number, this text has no exponent.
        Some(float) => float.to_string(),
        None => number.to_string(),
    }
}

/// A Rust type that is the type of a column.
pub trait ColumnValue: Sized {
    /// What the column holds.
    const TYPE: ColumnType;
    /// Whether it may hold nothing.
    const NULLABLE: bool = false;
    /// Whether no question is answered with it.
    const SECRET: bool = false;

    /// The value of the column.
    fn into_value(self) -> Value;

    /// What a value of the column is; `None` for one of another type.
    fn from_value(value: Value) -> Option<Self>;
}

macro_rules! column_values {
    ($($type:ty = $column_type:ident, $value:ident;)*) => {$(
        impl ColumnValue for $type {
            const TYPE: ColumnType = ColumnType::$column_type;

            fn into_value(self) -> Value {
                Value::$value(self)
            }

            fn from_value(value: Value) -> Option<Self> {
                match value {
                    Value::$value(value) => Some(value),
                    _ => None,
                }
            }
        }
    )*};
}

column_values! {
    Uuid = Uuid, Uuid;
    String = Text, Text;
    bool = Bool, Bool;
    i64 = BigInteger, Integer;
    Decimal = Decimal, Decimal;
    Date = Date, Date;
    Json = Json, Json;
}

impl ColumnValue for i32 {
    const TYPE: ColumnType = ColumnType::Integer;

    fn into_value(self) -> Value {
        Value::Integer(self.into())
    }

    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Integer(number) => number.try_into().ok(),
            _ => None,
        }
    }
}

impl ColumnValue for Timestamp {
    const TYPE: ColumnType = ColumnType::Instant;

    fn into_value(self) -> Value {
        Value::instant(self)
    }

    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Instant(instant) => Some(instant),
            _ => None,
        }
    }
}

impl<T: ColumnValue> ColumnValue for Option<T> {
    const TYPE: ColumnType = T::TYPE;
    const NULLABLE: bool = true;
    const SECRET: bool = T::SECRET;

    fn into_value(self) -> Value {
        self.map_or(Value::Null, T::into_value)
    }

    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_one_form() {
        let forms = [
            (r#"{"b": 1.0, "a": [1e3, -0.0, 0.5]}"#, r#"{"a":[1000,0,0.5],"b":1}"#),
            (r#"{"é": "ü\n", "": null}"#, r#"{"":null,"é":"ü\n"}"#),
            ("18446744073709551615", "18446744073709551615"),
            ("1e300", "1e+300"),
            ("1e16", "10000000000000000"),
            ("1.2345678901234567e18", "1234567890123456800"),
            ("1.8446744073709552e19", "1.8446744073709552e+19"),
            ("-9.3e18", "-9300000000000000000"),
            ("1e-7", "1e-7"),
        ];
        for (text, form) in forms {
            let json = Json::parse(text).unwrap();
            assert_eq!(json.as_str(), form);
            assert_eq!(Json::parse(json.as_str()).unwrap(), json);
        }
        assert!(Json::parse("{").is_err());
    }

    #[test]
    fn an_instant_is_cut_to_microseconds() {
        let cut = |text: &str| Value::instant(text.parse().unwrap());
        assert_eq!(cut("2026-03-05T10:12:00.123456789Z"), cut("2026-03-05T10:12:00.123456Z"));
        assert_ne!(cut("2026-03-05T10:12:00.123456Z"), cut("2026-03-05T10:12:00.123457Z"));
    }

    #[test]
    fn what_may_be_absent_is_null() {
        assert_eq!(None::<String>.into_value(), Value::Null);
        assert_eq!(Option::<String>::from_value(Value::Null), Some(None));
        assert_eq!(String::from_value(Value::Null), None);
        assert_eq!(i32::from_value(Value::Integer(1 << 40)), None);
        assert_eq!(Option::<i64>::from_value(Value::Integer(7)), Some(Some(7)));
    }
}
