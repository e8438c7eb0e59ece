//! What stands in a cell: amounts, dates, times.

use foodflow_domain::quantity::{Unit, parse_decimal};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// Length of `YYYY-MM-DD`.
const DATE_CHARS: usize = 10;

/// An amount as a decimal; `12,5` where commas do not delimit cells.
///
/// # Errors
/// What is wrong, and what would be right.
pub fn decimal(text: &str, takes_comma: bool) -> Result<String, String> {
    let is_comma = takes_comma && text.matches(',').count() == 1 && !text.contains('.');
    let plain = if is_comma { text.replace(',', ".") } else { text.to_owned() };
    parse_decimal(&plain).map(|value| value.to_string()).map_err(|error| {
        let hint = match (text.contains(','), takes_comma) {
            (true, false) => "; write a decimal point, or delimit cells with semicolons",
            (true, true) => "; write no thousands separators",
            _ => "",
        };
        format!("{}{hint}", error.replace(&format!("`{plain}`"), &format!("`{text}`")))
    })
}

/// A unit of measure by its UN/ECE Rec 20 code.
///
/// # Errors
/// What is wrong, and what would be right.
pub fn unit(text: &str) -> Result<Unit, String> {
    text.parse().map_err(|error: foodflow_domain::quantity::UnknownUnit| error.to_string())
}

/// A date.
///
/// # Errors
/// What is wrong, and what would be right.
pub fn date(text: &str) -> Result<Date, String> {
    let date = if text.len() == DATE_CHARS { text.parse().ok() } else { None };
    date.ok_or_else(|| format!("`{text}` is not a date; write YYYY-MM-DD, such as 2026-03-05"))
}

/// True where an event time is written without an offset from UTC, so that it depends on the time zone.
#[must_use]
pub fn is_local(text: &str) -> bool {
    text.parse::<Timestamp>().is_err()
}

/// An event time: RFC 3339, or local time of `zone`.
///
/// # Errors
/// What is wrong, and what would be right.
pub fn instant(text: &str, zone: &TimeZone) -> Result<Timestamp, String> {
    if let Ok(instant) = text.parse() {
        return Ok(instant);
    }
    if date(text).is_ok() {
        return Err(format!(
            "`{text}` is a date without a time of day; a trace and a recall compare times, so write one, \
             such as {text} 08:30"
        ));
    }
    let wrong = || {
        format!(
            "`{text}` is not a time; write 2026-03-05T08:30:00Z, or 2026-03-05 08:30 in the zone of --time-zone"
        )
    };
    // A local time is digits and separators; anything else that parses would be half understood.
    let is_plain = text.chars().all(|c| c.is_ascii_digit() || " T:-.".contains(c)) && text.len() > DATE_CHARS;
    let local: DateTime = if is_plain { text.parse().map_err(|_| wrong())? } else { return Err(wrong()) };
    let name = zone.iana_name().unwrap_or("that zone");
    zone.to_ambiguous_zoned_datetime(local).unambiguous().map(|zoned| zoned.timestamp()).map_err(|_| {
        format!(
            "{text} does not exist or exists twice in {name}, where the clocks change; write it with its offset, \
             such as 2026-03-29T01:30:00+01:00"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_comma_counts_where_cells_are_delimited_otherwise() {
        assert_eq!(decimal("12,5", true).unwrap(), "12.5");
        assert_eq!(decimal("12.50", true).unwrap(), "12.5");
        assert!(
            decimal("12,5", false)
                .unwrap_err()
                .contains("`12,5` is not a decimal number; write a decimal point")
        );
        assert!(decimal("1.234,5", true).unwrap_err().contains("no thousands separators"));
        assert!(decimal("1,234,5", true).is_err());
        assert!(decimal("ten", true).is_err());
    }

    #[test]
    fn times_are_instants_or_local_times_of_day() {
        let london = TimeZone::get("Europe/London").unwrap();
        let utc = |text: &str| instant(text, &london).map(|at| at.to_string());
        assert_eq!(utc("2026-07-01T08:30:00Z").unwrap(), "2026-07-01T08:30:00Z");
        assert_eq!(utc("2026-07-01T08:30:00+02:00").unwrap(), "2026-07-01T06:30:00Z");
        assert_eq!(utc("2026-07-01 08:30").unwrap(), "2026-07-01T07:30:00Z");
        assert_eq!(utc("2026-01-31 08:30:15").unwrap(), "2026-01-31T08:30:15Z");
        assert!(utc("2026-07-01").unwrap_err().contains("without a time of day"));
        for wrong in
            ["01/07/2026 08:30", "2026-07-01 25:00", "2026-07-01 08:30 PM", "now", "2026-07-01T08:30[UTC]"]
        {
            assert!(utc(wrong).unwrap_err().contains("is not a time"), "{wrong}");
        }
        for skipped in ["2026-03-29 01:30", "2026-10-25 01:30"] {
            assert!(utc(skipped).unwrap_err().contains("where the clocks change"), "{skipped}");
        }
        assert!(is_local("2026-07-01 08:30") && !is_local("2026-07-01T08:30:00Z"));
    }

    #[test]
    fn dates_are_written_one_way() {
        assert_eq!(date("2026-02-28").unwrap().to_string(), "2026-02-28");
        for wrong in ["2026-02-30", "28.02.2026", "2026-02-28T00:00:00", "20260228"] {
            assert!(date(wrong).is_err(), "{wrong}");
        }
    }
}
