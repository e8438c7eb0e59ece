//! Instants as JWT has them: seconds since 1970 as a JSON number, here with three digits of their fraction.

use jiff::Timestamp;
use serde::{Deserialize as _, Deserializer, Serializer};

/// The instant in whole milliseconds.
pub(super) fn rounded(instant: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(instant.as_millisecond()).unwrap_or(instant)
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde wants")]
pub(super) fn serialize<S: Serializer>(instant: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    // Exact: milliseconds of thousands of years are below 2^53.
    serializer.serialize_f64(instant.as_millisecond() as f64 / 1_000.0)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let milliseconds = (f64::deserialize(deserializer)? * 1_000.0).round();
    // What is beyond the numbers of milliseconds becomes the last of them, which is no instant.
    Timestamp::from_millisecond(milliseconds as i64).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
    struct Holder(#[serde(with = "super")] Timestamp);

    #[test]
    fn an_instant_comes_back_to_the_millisecond() {
        for milliseconds in [0, 1, 1_764_534_000_123, 1_764_534_000_999, 253_402_207_200_000] {
            let holder = Holder(Timestamp::from_millisecond(milliseconds).unwrap());
            let text = serde_json::to_string(&holder).unwrap();
            assert_eq!(serde_json::from_str::<Holder>(&text).unwrap(), holder, "{text}");
        }
        assert_eq!(serde_json::from_str::<Holder>("1764534000").unwrap().0.as_second(), 1_764_534_000);
        for text in ["\"now\"", "null", "1e300"] {
            assert!(serde_json::from_str::<Holder>(text).is_err(), "{text}");
        }
    }
}
