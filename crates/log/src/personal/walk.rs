//! Finds personal data in JSON: the objects with a field `$personal`, wherever they stand.
//!
//! What has no such field costs one search for the name. What has is walked once, by its tokens, so that everything around
//! personal data stays byte for byte as it is. What must never happen here: a text that only mentions the name taken for
//! personal data, or personal data that is passed over.

use std::ops::Range;
use std::sync::LazyLock;

use foodflow_domain::personal::{PERSON_FIELD, PersonId};
use memchr::memmem::Finder;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::PersonalError;

/// The field's name as it stands in JSON that this program writes.
static MARKER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"$personal\""));

/// Whether there may be personal data in this JSON; where there is none it is hardly ever true.
#[must_use]
pub fn is_marked(json: &[u8]) -> bool {
    MARKER.find(json).is_some()
}

/// Personal data in a text.
#[derive(Debug)]
pub(super) struct Found<'a> {
    /// Where the whole object stands.
    pub(super) range: Range<usize>,
    pub(super) person: PersonId,
    pub(super) form: Form<'a>,
}

/// Which of its forms it has.
#[derive(Debug)]
pub(super) enum Form<'a> {
    Opened(&'a RawValue),
    Sealed { number: u32, text: String },
    Erased,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields<'a> {
    #[serde(rename = "$personal")]
    person: PersonId,
    #[serde(borrow, default, deserialize_with = "present")]
    value: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    sealed: Option<&'a RawValue>,
}

/// `null` is a value.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// Personal data in `json`, which is valid JSON, in order.
pub(super) fn find(json: &str) -> Result<Vec<Found<'_>>, PersonalError> {
    if !is_marked(json.as_bytes()) {
        return Ok(Vec::new());
    }
    objects(json)?.into_iter().map(|range| read(json, range)).collect()
}

/// Where the objects with the field stand.
fn objects(json: &str) -> Result<Vec<Range<usize>>, PersonalError> {
    let bytes = json.as_bytes();
    // Where each object began that is not ended yet, and whether it has the field.
    let mut open: Vec<(usize, bool)> = Vec::new();
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'{' => open.push((at, false)),
            b'}' => {
                let (start, is_personal) =
                    open.pop().ok_or_else(|| PersonalError::invalid("it is no JSON"))?;
                if is_personal {
                    if found.last().is_some_and(|inner| inner.start > start) {
                        return Err(PersonalError::invalid("it holds personal data within personal data"));
                    }
                    found.push(start..at + 1);
                }
            }
            b'"' => {
                let end = string_end(bytes, at).ok_or_else(|| PersonalError::invalid("it is no JSON"))?;
                let is_name = bytes[end..].iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':');
                if is_name
                    && json[at + 1..end - 1] == *PERSON_FIELD
                    && let Some(object) = open.last_mut()
                {
                    object.1 = true;
                }
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    Ok(found)
}

/// What follows the string that begins at `start`.
fn string_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

fn read(json: &str, range: Range<usize>) -> Result<Found<'_>, PersonalError> {
    // The error might quote what it is about.
    let fields: Fields<'_> = serde_json::from_str(&json[range.clone()]).map_err(|_| {
        PersonalError::invalid("an object with `$personal` has other fields or values than it may")
    })?;
    let form = match (fields.value, fields.sealed) {
        (None, None) => Form::Erased,
        (Some(value), None) => Form::Opened(value),
        (None, Some(sealed)) => of_sealed(sealed)?,
        (Some(_), Some(_)) => return Err(PersonalError::invalid("it is sealed and opened at once")),
    };
    Ok(Found { range, person: fields.person, form })
}

fn of_sealed(sealed: &RawValue) -> Result<Form<'static>, PersonalError> {
    let wrong = || PersonalError::invalid("a sealed value does not begin with the number of its key");
    let sealed: String = serde_json::from_str(sealed.get()).map_err(|_| wrong())?;
    let (digits, text) = sealed.split_once('.').ok_or_else(wrong)?;
    let is_number = !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.parse().ok().filter(|_| is_number).ok_or_else(wrong)?;
    Ok(Form::Sealed { number, text: text.to_owned() })
}

/// `json` with other texts in the place of what was found, in the same order.
pub(super) fn replace(json: &str, found: &[(Range<usize>, String)]) -> String {
    let more: usize = found.iter().map(|(_, text)| text.len()).sum();
    let mut replaced = String::with_capacity(json.len() + more);
    let mut at = 0;
    for (range, text) in found {
        replaced.push_str(&json[at..range.start]);
        replaced.push_str(text);
        at = range.end;
    }
    replaced.push_str(&json[at..]);
    replaced
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const PERSON: &str = "01900000-0000-7000-8000-000000000007";

    fn forms(json: &str) -> Vec<String> {
        let form = |found: &Found<'_>| match &found.form {
            Form::Opened(value) => value.get().to_owned(),
            Form::Sealed { number, text } => format!("{number}:{text}"),
            Form::Erased => "erased".to_owned(),
        };
        let found = find(json).unwrap();
        assert!(found.iter().all(|found| found.person.to_string() == PERSON));
        assert!(found.iter().all(|found| json[found.range.clone()].starts_with(['{'])));
        found.iter().map(form).collect()
    }

    #[test]
    fn it_is_found_wherever_it_stands() {
        let text = format!(
            r#"[{{"a":{{"$personal":"{PERSON}","value":{{"deep":[1,"}}"]}}}}}},
                {{ "value" : null, "$personal" : "{PERSON}" }},
                [[{{"$personal":"{PERSON}","sealed":"12.x-_y"}}]], {{"$personal":"{PERSON}"}}, "\"$personal\":"]"#
        );
        assert_eq!(forms(&text), [r#"{"deep":[1,"}"]}"#, "null", "12:x-_y", "erased"]);
        let whole = format!(r#"{{"$personal":"{PERSON}","value":"\\\"}}{{"}}"#);
        assert_eq!(forms(&whole), [r#""\\\"}{""#]);
    }

    #[test]
    fn a_text_that_mentions_the_name_is_none() {
        for text in [
            r#"{"name":"$personal"}"#,
            r#"{"name":"say \"$personal\":\"x\""}"#,
            r#"["$personal","value"]"#,
            r#"{"a":"\\","$personal ":1,"$Personal":2}"#,
        ] {
            assert!(find(text).unwrap().is_empty(), "{text}");
        }
    }

    #[test]
    fn another_shape_is_refused() {
        for text in [
            format!(r#"{{"$personal":"{PERSON}","value":1,"more":2}}"#),
            format!(r#"{{"$personal":"{PERSON}","value":1,"sealed":"1.x"}}"#),
            format!(r#"{{"$personal":"{PERSON}","value":1,"value":2}}"#),
            format!(r#"{{"$personal":"{PERSON}","$personal":"{PERSON}"}}"#),
            format!(r#"{{"$personal":"{PERSON}","sealed":1}}"#),
            format!(r#"{{"$personal":"{PERSON}","sealed":null}}"#),
            r#"{"$personal":"me","value":1}"#.to_owned(),
            r#"{"$personal":{"value":1}}"#.to_owned(),
            format!(r#"{{"$personal":"{PERSON}","value":[{{"$personal":"{PERSON}","value":1}}]}}"#),
        ] {
            assert!(find(&text).is_err(), "{text}");
        }
        for sealed in ["", "x", ".x", "0.x", "01.x", "+1.x", "-1.x", "4294967296.x"] {
            let text = json!({"$personal": PERSON, "sealed": sealed}).to_string();
            assert!(find(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_error_does_not_quote_what_it_is_about() {
        let text = format!(r#"{{"$personal":"{PERSON}","value":"Ada","secret-field":1}}"#);
        let error = find(&text).unwrap_err().to_string();
        assert!(!error.contains("Ada") && !error.contains("secret-field"), "{error}");
    }

    #[test]
    fn a_deep_text_is_walked_without_recursion() {
        let depth = 100_000;
        let inner = format!(r#"{{"$personal":"{PERSON}","value":1}}"#);
        let text = format!("{}{inner}{}", r#"{"a":["#.repeat(depth), "]}".repeat(depth));
        assert_eq!(objects(&text).unwrap().len(), 1);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let text = prop_oneof![
            any::<String>(),
            Just("$personal".to_owned()),
            Just("\"$personal\":".to_owned()),
            Just("\\\"$personal\":{}".to_owned()),
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            text.clone().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, move |inner| {
            // A name that is not the marker: that makes an object personal data.
            let name = any::<String>().prop_filter("the marker", |name| name != PERSON_FIELD);
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map(name, inner, 0..5)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    /// Personal data put in the place of some leaves.
    fn with_personal(value: Value, count: &mut usize) -> Value {
        match value {
            Value::Object(fields) => Value::Object(
                fields.into_iter().map(|(name, field)| (name, with_personal(field, count))).collect(),
            ),
            Value::Array(items) => {
                Value::Array(items.into_iter().map(|item| with_personal(item, count)).collect())
            }
            leaf => {
                *count += 1;
                json!({"$personal": PERSON, "value": leaf})
            }
        }
    }

    proptest! {
        #[test]
        fn json_without_the_field_has_none(value in any_json()) {
            for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
                prop_assert!(find(&text).unwrap().is_empty());
            }
        }

        #[test]
        fn every_one_is_found_and_nothing_else_is_touched(value in any_json()) {
            let mut count = 0;
            let marked = with_personal(value.clone(), &mut count);
            for text in [marked.to_string(), serde_json::to_string_pretty(&marked).unwrap()] {
                let found = find(&text).unwrap();
                prop_assert_eq!(found.len(), count);
                let opened = |found: &Found<'_>| match &found.form {
                    Form::Opened(value) => (found.range.clone(), value.get().to_owned()),
                    other => panic!("{other:?}"),
                };
                let found: Vec<_> = found.iter().map(opened).collect();
                let without: Value = serde_json::from_str(&replace(&text, &found)).unwrap();
                prop_assert_eq!(&without, &value);
            }
        }
    }
}
