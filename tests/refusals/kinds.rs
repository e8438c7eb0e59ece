//! What is wrong for each kind of value, whichever field holds it.
//!
//! A kind or number that is not known here fails the test: a new field needs its cases.

use serde_json::Value;
use uuid::Uuid;

/// Words that are no JSON value of the kind, or a wrong one, as JSON text, each with what it is.
pub(super) type Wrong = Vec<(&'static str, String)>;

/// Lists that must hold something.
const AT_LEAST_ONE: &[&str] = &["inputs", "outputs", "lines", "ingredients", "positions"];
/// Most elements of a list.
pub(super) const ELEMENTS_MAX: usize = 300;
/// Most characters of the longest texts.
pub(super) const CHARACTERS_MAX: usize = 2_000;

/// What a documented schema describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    List,
    Text,
    Id,
    Instant,
    Date,
    Word,
    Decimal,
    TextOrNumber,
    Number,
    Whole,
    Flag,
}

/// The kind of a resolved schema.
pub(super) fn kind_of(schema: &Value) -> Kind {
    let types: Vec<&str> = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).filter(|one| *one != "null").collect(),
        one => one.as_str().into_iter().collect(),
    };
    if schema["oneOf"].as_array().is_some_and(|choices| choices.len() == 2) {
        // A text without bounds of its own is a name; a decimal has the form of one.
        return if schema["oneOf"][0]["pattern"].is_string() { Kind::Decimal } else { Kind::TextOrNumber };
    }
    match (types.as_slice(), schema["format"].as_str()) {
        (["object"], _) => Kind::Object,
        (["array"], _) => Kind::List,
        (["string"], Some("uuid")) => Kind::Id,
        (["string"], Some("date-time")) => Kind::Instant,
        (["string"], Some("date")) => Kind::Date,
        (["string"], None) if schema["enum"].is_array() => Kind::Word,
        (["string"], None) => Kind::Text,
        (["number"], _) => Kind::Number,
        (["integer"], _) => Kind::Whole,
        (["boolean"], _) => Kind::Flag,
        _ => panic!("no cases are known for values such as {schema}"),
    }
}

/// Values that a field of the kind refuses.
pub(super) fn wrong(kind: Kind, pointer: &str) -> Wrong {
    let name = pointer.rsplit('/').find(|part| part.parse::<usize>().is_err()).unwrap_or_default();
    match kind {
        Kind::Object => texts(&[("a text", r#""text""#), ("a flag", "true"), ("an array", "[]")]),
        Kind::List => list(name),
        Kind::Text | Kind::TextOrNumber => text(),
        Kind::Id => texts(&[
            ("a number", "7"),
            ("an object", "{}"),
            ("no UUID", r#""nonsense""#),
            ("an empty text", r#""""#),
            ("a UUID that is cut", r#""0199aa11-0000-7000-8000""#),
            ("SQL behind a UUID", r#""0199aa11-0000-7000-8000-000000000001' OR '1'='1""#),
        ]),
        Kind::Instant => texts(&[
            ("a number", "1767225600"),
            ("no time", r#""yesterday""#),
            ("an empty text", r#""""#),
            ("a date alone", r#""2026-05-01""#),
            ("no offset", r#""2026-05-01T06:00:00""#),
            ("month 13", r#""2026-13-01T00:00:00Z""#),
            ("hour 25", r#""2026-05-01T25:00:00Z""#),
            ("year 0", r#""0000-01-01T00:00:00Z""#),
            ("year 10000", r#""10000-01-01T00:00:00Z""#),
            ("SQL behind a time", r#""2026-05-01T06:00:00Z'; DROP TABLE tenants; --""#),
        ]),
        Kind::Date => texts(&[
            ("a number", "20260501"),
            ("no date", r#""soon""#),
            ("an empty text", r#""""#),
            ("30 February", r#""2026-02-30""#),
            ("SQL behind a date", r#""2026-05-01'; DROP TABLE tenants; --""#),
            ("year 0", r#""0000-01-01""#),
        ]),
        Kind::Word => texts(&[
            ("a number", "7"),
            ("an unknown word", r#""STONE""#),
            ("an empty text", r#""""#),
            ("another case", r#""kGm""#),
            ("Cypher behind a word", r#""KGM'}) DETACH DELETE n //""#),
        ]),
        Kind::Decimal => decimal(pointer),
        Kind::Number => number(name),
        Kind::Whole => texts(&[
            ("a text", r#""7""#),
            ("a flag", "true"),
            ("null", "null"),
            ("a negative number", "-1"),
            ("a fraction", "2.5"),
            ("more than 64 bits", "18446744073709551616"),
            ("no message of the entity", "0"),
        ]),
        Kind::Flag => texts(&[("a text", r#""yes""#), ("a number", "1"), ("null", "null")]),
    }
}

fn texts(rows: &[(&'static str, &str)]) -> Wrong {
    rows.iter().map(|(what, text)| (*what, (*text).to_owned())).collect()
}

fn text() -> Wrong {
    let mut rows = texts(&[
        ("a flag", "true"),
        ("an object", "{}"),
        ("a list", "[]"),
        ("an empty text", r#""""#),
        ("blanks", r#""  ""#),
        ("a control character", r#""a\u0007b""#),
        ("a NUL", r#""a\u0000b""#),
        ("half a surrogate pair", r#""\ud800""#),
    ]);
    rows.push(("too many characters", format!("\"{}\"", "x".repeat(CHARACTERS_MAX + 1))));
    rows
}

fn list(name: &str) -> Wrong {
    let mut rows = texts(&[("a text", r#""text""#), ("an object", "{}"), ("null", "null")]);
    if AT_LEAST_ONE.contains(&name) {
        rows.push(("an empty list", "[]".to_owned()));
    }
    rows
}

fn decimal(pointer: &str) -> Wrong {
    let mut rows = texts(&[
        ("a flag", "true"),
        ("a list", "[1]"),
        ("below zero", r#""-1""#),
        ("a number below zero", "-0.5"),
        ("no number", r#""much""#),
        ("an empty text", r#""""#),
        ("NaN", r#""NaN""#),
        ("NaN as a number", "NaN"),
        ("infinite", r#""Infinity""#),
        ("infinite as a number", "1e999"),
        ("too large as a number", "1e300"),
        ("13 digits before the point", r#""1234567890123""#),
        ("10 digits after the point", r#""0.0000000001""#),
        ("too many digits as a number", "12345678901234567890"),
        ("a comma", r#""1,5""#),
        ("grouped digits", r#""1_000""#),
        ("hexadecimal", r#""0x10""#),
        ("a blank before it", r#"" 1""#),
        ("SQL behind a number", r#""1); DELETE FROM usage_metrics; --""#),
        ("an operator of a document", r#"{"$gt": 0}"#),
    ]);
    if pointer.ends_with("/percent") {
        rows.extend(texts(&[("above 100", "100.1"), ("above 100 as a text", r#""100.1""#)]));
    } else {
        rows.push(("null", "null".to_owned()));
    }
    // A loss may be nothing.
    if !pointer.ends_with("/loss/value") {
        rows.extend(texts(&[
            ("zero", r#""0""#),
            ("zero as a number", "0"),
            ("less than zero, barely", "-0.0"),
        ]));
    }
    rows
}

fn number(name: &str) -> Wrong {
    let outside: &[(&'static str, &str)] = match name {
        "latitude" => &[("too far north", "90.1"), ("too far south", "-90.1")],
        "longitude" => &[("too far east", "180.1"), ("too far west", "-180.1")],
        "risk_score" => &[("below zero", "-0.1"), ("above 100", "100.1")],
        _ => panic!("which numbers does `{name}` refuse?"),
    };
    let mut rows = texts(&[
        ("a flag", "true"),
        ("an object", "{}"),
        ("no number", r#""north""#),
        ("NaN", "NaN"),
        ("NaN as a text", r#""NaN""#),
        ("infinite", "1e999"),
    ]);
    rows.extend(texts(outside));
    rows
}

/// A list that is too long, of copies of its first element, or of different ids or words.
pub(super) fn too_long(element: &Value, kind: Kind) -> Value {
    (0..=ELEMENTS_MAX)
        .map(|number| match kind {
            Kind::Id => Value::String(Uuid::new_v4().to_string()),
            Kind::Text => Value::String(format!("word {number}")),
            _ => element.clone(),
        })
        .collect()
}
