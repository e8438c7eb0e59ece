//! Keys of records: what every store can hold as it is, as a name and as part of a NATS subject.
//!
//! A key never contains a wildcard or an empty token, so that no key can mean several records.

use std::fmt;

/// Most characters of a key.
pub const RECORD_KEY_CHARS_MAX: usize = 200;
/// Keys that begin so belong to NATS itself.
const RESERVED: &str = "_kv";
/// Sorts before every character that a key may have, and after the end of a key.
const BEFORE_ALL: char = '!';
/// Sorts after every character that a key may have.
const AFTER_ALL: char = '~';

/// The key of a record: 1 to [`RECORD_KEY_CHARS_MAX`] characters of `A-Za-z0-9_=./-`.
///
/// Dots part it into tokens, none of them empty: it neither begins nor ends with one, and no two adjoin.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKey(String);

/// A text that is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` cannot be the key of a record: 1 to {RECORD_KEY_CHARS_MAX} characters of A-Z, a-z, 0-9 and _=/-, with dots \
     between them, not beginning with `{RESERVED}`"
)]
pub struct InvalidRecordKey(pub String);

impl RecordKey {
    /// Checks `text`.
    ///
    /// # Errors
    /// [`InvalidRecordKey`] where it is no key.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidRecordKey> {
        let text = text.into();
        let is_key = text.len() <= RECORD_KEY_CHARS_MAX
            && !text.starts_with(RESERVED)
            && text.split('.').all(|token| !token.is_empty() && token.bytes().all(is_token_byte));
        if is_key { Ok(Self(text)) } else { Err(InvalidRecordKey(text)) }
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether some key could begin with `prefix`.
pub(crate) fn is_key_start(prefix: &str) -> bool {
    let has_empty_token = prefix.starts_with('.') || prefix.contains("..");
    prefix.len() <= RECORD_KEY_CHARS_MAX
        && !has_empty_token
        && prefix.bytes().all(|byte| byte == b'.' || is_token_byte(byte))
}

/// The keys that begin with `prefix` and come after `after`: from the first text on, and before the second.
pub(crate) fn key_range(prefix: &str, after: Option<&RecordKey>) -> (String, String) {
    let past = after.map(|after| format!("{after}{BEFORE_ALL}"));
    let start = past.filter(|past| past.as_str() > prefix).unwrap_or_else(|| prefix.to_owned());
    (start, format!("{prefix}{AFTER_ALL}"))
}

const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'=' | b'/' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> RecordKey {
        RecordKey::new(text).unwrap()
    }

    #[test]
    fn what_a_store_could_take_for_something_else_is_refused() {
        let long = "k".repeat(RECORD_KEY_CHARS_MAX + 1);
        let bad =
            ["", ".", "a.", ".a", "a..b", "a b", "*", "a.*", ">", "a.>", "ü", "a\0", "_kv", "_kv.x", &long];
        for text in bad {
            assert_eq!(RecordKey::new(text), Err(InvalidRecordKey(text.to_owned())));
        }
        for text in ["a", "A.b/c=d_e-f", "-", "=", "/", "kv", &long[1..]] {
            assert_eq!(key(text).as_str(), text);
        }
    }

    #[test]
    fn what_no_key_begins_with_is_told_apart() {
        for prefix in ["", "a", "a.", "a.b-"] {
            assert!(is_key_start(prefix), "{prefix}");
        }
        for prefix in ["*", "a.>", ".", ".a", "a..", "a..b", " "] {
            assert!(!is_key_start(prefix), "{prefix}");
        }
    }

    #[test]
    fn a_range_holds_what_begins_with_the_prefix_and_comes_after() {
        let keys = ["a", "a-b", "a.b", "a.b.c", "a.bc", "a/", "a0", "aZ", "a_", "az", "b"].map(key);
        for (prefix, after, expected) in [
            ("", None, &keys[..]),
            ("a.b", None, &keys[2..5]),
            ("a.b", Some("a.b"), &keys[3..5]),
            ("a.b", Some("a"), &keys[2..5]),
            ("a.b", Some("a/"), &[]),
            ("a", Some("az"), &[]),
            ("b", None, &keys[10..]),
            ("c", None, &[]),
        ] {
            let (start, end) = key_range(prefix, after.map(key).as_ref());
            let found: Vec<_> =
                keys.iter().filter(|key| *key.0 >= *start && *key.0 < *end).cloned().collect();
            assert_eq!(found, expected, "{prefix} after {after:?}");
        }
    }
}
