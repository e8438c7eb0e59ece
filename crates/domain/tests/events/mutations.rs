//! The schemas are exact: a changed sample fits its schema just where it reads and is written the same again.

use serde_json::{Value, json};

use super::files::validator;
use super::{all, schemas};

/// Values to put in the place of every value of a sample.
fn replacements() -> Vec<Value> {
    let texts = [
        "",
        "x",
        "0",
        "-0",
        "1.50",
        "-1.5",
        "1e3",
        "+1",
        "0012",
        "0.0000000001",
        "1000000000000",
        "2026-13-01",
        "2026-02-30",
        "2026-03-01",
        "2026-03-01T00:00:00Z",
        "2026-03-01T00:00:00.5Z",
        "2026-03-01T00:00:00.500Z",
        "2026-03-01T00:00:00+01:00",
        "2026-03-01T00:00:00",
        "2026-03-01 00:00:00Z",
        "2026-03-01T25:00:00Z",
        "01900000-0000-7000-8000-0000000000ff",
        "01900000-0000-7000-8000-0000000000FF",
        "0190000000007000800000000000000f",
        "KGM",
        "kgm",
        "held",
        "used",
        "Held",
    ];
    let others = [json!(null), json!(true), json!(1.5), json!([]), json!({}), json!([null]), json!({"x": 1})];
    texts.iter().map(|text| json!(text)).chain(others).collect()
}

/// Every value with one place changed: replaced, left out, or joined by something unknown.
fn mutations(value: &Value) -> Vec<Value> {
    let mut found = replacements();
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let mut without = fields.clone();
                without.remove(name);
                found.push(Value::Object(without));
                found.extend(mutations(field).into_iter().map(|changed| {
                    let mut with = fields.clone();
                    with.insert(name.clone(), changed);
                    Value::Object(with)
                }));
            }
            let mut joined = fields.clone();
            joined.insert("unknown".to_owned(), json!("x"));
            found.push(Value::Object(joined));
        }
        Value::Array(items) => {
            found.push(Value::Array([items.as_slice(), items.as_slice()].concat()));
            for (index, item) in items.iter().enumerate() {
                found.extend(mutations(item).into_iter().map(|changed| {
                    let mut with = items.clone();
                    with[index] = changed;
                    Value::Array(with)
                }));
            }
        }
        _ => {}
    }
    found
}

#[test]
fn a_schema_accepts_what_the_code_reads_and_writes_unchanged_and_nothing_else() {
    for event_type in all() {
        let validator = validator(&schemas::of(event_type.name));
        let sample: Value = serde_json::from_str(&event_type.sample).unwrap();
        for data in mutations(&sample["data"]) {
            let again = event_type.rewrite(&data).map(|text| serde_json::from_str::<Value>(&text).unwrap());
            let is_written_so = again.as_ref().is_ok_and(|again| again["data"] == data);
            let fits = validator.validate(&data).map_err(|error| error.to_string());
            let name = event_type.name;
            assert_eq!(fits.is_ok(), is_written_so, "{name}: {data}\nschema: {fits:?}\nread as: {again:?}");
        }
    }
}
