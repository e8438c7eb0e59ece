//! One event a line, in columns of fixed width, so that a log of any length can be printed as it is read.
//!
//! Text of events is shown to a terminal: control characters never reach it.

use std::fmt::Write as _;

use foodflow_log::Partition;
use jiff::Timestamp;
use serde_json::Value;

use crate::http::events::PositionedEvent;

/// Characters of data that are shown.
const DATA_WIDTH: usize = 100;
/// Characters of an actor that are shown.
const ACTOR_WIDTH: usize = 20;

pub(super) fn header(with_partition: bool) -> String {
    let partition = if with_partition { "PART " } else { "" };
    let (time, position, kind, subject, actor) = ("RECORDED", "POSITION", "TYPE", "SUBJECT", "ACTOR");
    format!("{time:<24} {partition}{position:>9}  {kind:<40} {subject:<51} {actor:<ACTOR_WIDTH$} DATA")
}

pub(super) fn row(partition: Option<Partition>, event: &PositionedEvent) -> String {
    let partition = partition.map(|number| format!("{:>4} ", number.0)).unwrap_or_default();
    let envelope = &event.envelope;
    let kind = envelope.event_type.strip_prefix("foodflow.").unwrap_or(&envelope.event_type);
    let (kind, subject) = (printable(kind, usize::MAX), printable(&envelope.subject, usize::MAX));
    let (time, position, actor) =
        (time(envelope.time), event.position, printable(&envelope.actor, ACTOR_WIDTH));
    let data = printable(&short(envelope.data.get()), DATA_WIDTH);
    format!("{time:<24} {partition}{position:>9}  {kind:<40} {subject:<51} {actor:<ACTOR_WIDTH$} {data}")
}

/// To the millisecond, so that a column is of one width.
fn time(time: Timestamp) -> String {
    format!("{time:.3}")
}

/// `name=value` for each member, without what JSON needs beside that.
fn short(data: &str) -> String {
    let Ok(Value::Object(members)) = serde_json::from_str(data) else { return data.to_owned() };
    let mut text = String::new();
    for (name, value) in members {
        let gap = if text.is_empty() { "" } else { " " };
        // Writing to a String cannot fail.
        let _ = match value {
            Value::Null => Ok(()),
            Value::String(value) => write!(text, "{gap}{name}={value}"),
            other => write!(text, "{gap}{name}={other}"),
        };
    }
    text
}

/// At most `width` characters, none of them one that controls a terminal.
fn printable(text: &str, width: usize) -> String {
    let clean = |c: char| if c.is_control() || is_formatting(c) { '·' } else { c };
    let mut shown: String = text.chars().take(width).map(clean).collect();
    if text.chars().nth(width).is_some() {
        shown.pop();
        shown.push('…');
    }
    shown
}

/// Characters that change the direction or the place of others.
fn is_formatting(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_short_and_harmless() {
        let data = r#"{"held":true,"lot":"L-1","note":null,"quantity":{"unit":"KGM","value":"5"}}"#;
        assert_eq!(short(data), r#"held=true lot=L-1 quantity={"unit":"KGM","value":"5"}"#);
        assert_eq!(printable("red\u{1b}[31m\u{202e}x\n", 99), "red·[31m·x·");
        assert_eq!((printable("abcd", 4), printable("abcde", 4)), ("abcd".to_owned(), "abc…".to_owned()));
        let at: Timestamp = "2026-03-05T14:05:00.1234567Z".parse().unwrap();
        assert_eq!(time(at), "2026-03-05T14:05:00.123Z");
    }
}
