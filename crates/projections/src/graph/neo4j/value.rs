//! Values as Bolt carries them. Every value must read back as it was written, so that digests agree.

use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use jiff::Timestamp;
use jiff::civil::Date;
use neo4rs::{BoltFloat, BoltInteger, BoltList, BoltMap, BoltPoint2D, BoltString, BoltType};

use super::error::corrupt;
use crate::changes::Value;
use crate::graph::StoreError;

/// WGS 84 in two dimensions: x is the longitude, y the latitude.
const WGS_84: i64 = 4326;
const NANOSECONDS: i128 = 1_000_000_000;

/// A row or a map of properties, built by name.
#[derive(Default)]
pub(super) struct MapBuilder(BoltMap);

impl MapBuilder {
    /// A map with room for `entries`.
    pub(super) fn with_capacity(entries: usize) -> Self {
        Self(BoltMap::with_capacity(entries))
    }

    /// Sets `name`.
    pub(super) fn put(&mut self, name: &str, value: impl Into<BoltType>) {
        self.0.put(BoltString::from(name), value.into());
    }

    /// Sets `name` where there is a value.
    pub(super) fn put_some(&mut self, name: &str, value: Option<impl Into<BoltType>>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    /// The map as a value.
    pub(super) fn build(self) -> BoltType {
        BoltType::Map(self.0)
    }
}

/// An instant as a `DateTime` in UTC.
pub(super) fn instant_to_bolt(instant: Timestamp) -> BoltType {
    let nanoseconds = instant.as_nanosecond();
    let seconds = i64::try_from(nanoseconds.div_euclid(NANOSECONDS));
    let rest = u32::try_from(nanoseconds.rem_euclid(NANOSECONDS));
    let time = match (seconds, rest) {
        (Ok(seconds), Ok(rest)) => DateTime::<Utc>::from_timestamp(seconds, rest),
        _ => None,
    };
    time.expect("years -9999 to 9999 fit into the driver's calendar").into()
}

/// An instant from the seconds and nanoseconds that Cypher gives.
pub(super) fn instant_from_parts(seconds: i64, nanoseconds: i32) -> Result<Timestamp, StoreError> {
    Timestamp::new(seconds, nanoseconds).map_err(|error| corrupt(format_args!("an instant: {error}")))
}

/// A position or another count as an integer.
pub(super) fn count_to_bolt(count: u64) -> Result<BoltType, StoreError> {
    let integer = i64::try_from(count).map_err(|_| corrupt("a position beyond 2^63"))?;
    Ok(BoltType::Integer(BoltInteger::new(integer)))
}

fn date_to_bolt(date: Date) -> BoltType {
    let month_and_day = (u32::try_from(date.month()), u32::try_from(date.day()));
    let date = match month_and_day {
        (Ok(month), Ok(day)) => NaiveDate::from_ymd_opt(i32::from(date.year()), month, day),
        _ => None,
    };
    date.expect("years -9999 to 9999 fit into the driver's calendar").into()
}

/// What the driver sends for `value`.
pub(super) fn to_bolt(value: &Value) -> BoltType {
    match value {
        Value::Text(text) => text.as_str().into(),
        Value::Texts(texts) => {
            BoltType::List(texts.iter().map(|text| BoltType::from(text.as_str())).collect::<Vec<_>>().into())
        }
        Value::Integer(integer) => (*integer).into(),
        Value::Float(float) => (*float).into(),
        Value::Bool(yes) => (*yes).into(),
        Value::Date(date) => date_to_bolt(*date),
        Value::Instant(instant) => instant_to_bolt(*instant),
        Value::Point(latitude, longitude) => BoltType::Point2D(BoltPoint2D {
            sr_id: BoltInteger::new(WGS_84),
            x: BoltFloat::new(*longitude),
            y: BoltFloat::new(*latitude),
        }),
    }
}

/// The value of the property `name` as the driver answers it.
pub(super) fn from_bolt(name: &str, bolt: BoltType) -> Result<Value, StoreError> {
    let unexpected = || corrupt(format_args!("property `{name}` has a type or a range that is not written"));
    Ok(match bolt {
        BoltType::String(text) => Value::Text(text.value),
        BoltType::List(list) => Value::Texts(texts(list).ok_or_else(unexpected)?),
        BoltType::Integer(integer) => Value::Integer(integer.value),
        BoltType::Float(float) => Value::Float(float.value),
        BoltType::Boolean(yes) => Value::Bool(yes.value),
        BoltType::Date(date) => {
            let date = NaiveDate::try_from(&date).map_err(|_| unexpected())?;
            Value::Date(date_from_chrono(date).ok_or_else(unexpected)?)
        }
        BoltType::DateTime(time) => {
            let time = DateTime::<Utc>::try_from(&time).map_err(|_| unexpected())?;
            let nanoseconds = i32::try_from(time.timestamp_subsec_nanos()).map_err(|_| unexpected())?;
            Value::Instant(instant_from_parts(time.timestamp(), nanoseconds)?)
        }
        BoltType::Point2D(point) if point.sr_id.value == WGS_84 => Value::Point(point.y.value, point.x.value),
        _ => return Err(unexpected()),
    })
}

fn texts(list: BoltList) -> Option<Vec<String>> {
    list.value
        .into_iter()
        .map(|item| match item {
            BoltType::String(text) => Some(text.value),
            _ => None,
        })
        .collect()
}

fn date_from_chrono(date: NaiveDate) -> Option<Date> {
    let year = i16::try_from(date.year()).ok()?;
    Date::new(year, i8::try_from(date.month()).ok()?, i8::try_from(date.day()).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_back_as_they_were_written() {
        let values = [
            Value::Text("Mustard \"fine\"\n é".to_owned()),
            Value::Texts(vec!["mustard".to_owned(), String::new()]),
            Value::Texts(Vec::new()),
            Value::Integer(i64::MIN),
            Value::Float(0.1),
            Value::Bool(false),
            Value::Date(Date::new(2026, 2, 28).unwrap()),
            Value::Date(Date::new(1969, 12, 31).unwrap()),
            Value::Date(Date::MIN),
            Value::Date(Date::MAX),
            Value::Instant("2026-03-01T10:15:00.123456789Z".parse().unwrap()),
            Value::Instant("1969-12-31T23:59:59.999999999Z".parse().unwrap()),
            Value::Instant(Timestamp::MIN),
            Value::Instant(Timestamp::MAX),
            Value::Point(-33.9, 151.2),
        ];
        for value in values {
            assert_eq!(from_bolt("p", to_bolt(&value)).unwrap(), value);
        }
    }

    #[test]
    fn what_is_not_written_is_corrupt() {
        let lists = BoltType::List(vec![BoltType::from(1)].into());
        for bolt in [lists, BoltType::Null(neo4rs::BoltNull), BoltType::from(vec![1_u8])] {
            assert!(matches!(from_bolt("p", bolt), Err(StoreError::Corrupt { .. })));
        }
    }
}
