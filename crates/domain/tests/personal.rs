//! Personal data: how it is written and read, and what it never shows.

use foodflow_domain::personal::{PERSON_FIELD, Personal, SEALED_FIELD, VALUE_FIELD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::events::personal_schema;
use crate::support::id;

const PERSON: &str = "01900000-0000-7000-8000-000000000007";

fn known() -> Personal<String> {
    Personal::new(PERSON.parse().unwrap(), "Ada Lovelace".to_owned())
}

fn erased<T>() -> Personal<T> {
    Personal::erased(PERSON.parse().unwrap())
}

fn read<T: for<'de> Deserialize<'de>>(value: &Value) -> Result<Personal<T>, String> {
    let parsed = serde_json::from_value(value.clone()).map_err(|error| error.to_string());
    let of_text = serde_json::from_str(&value.to_string()).map_err(|error| error.to_string());
    assert_eq!(parsed.is_ok(), of_text.is_ok());
    let _: &Result<Personal<T>, String> = &parsed;
    of_text
}

#[test]
fn what_is_known_and_what_is_erased_reads_back_as_written() {
    let written = serde_json::to_string(&known()).unwrap();
    assert_eq!(written, format!(r#"{{"$personal":"{PERSON}","value":"Ada Lovelace"}}"#));
    assert_eq!(serde_json::from_str::<Personal<String>>(&written).unwrap(), known());

    let written = serde_json::to_string(&erased::<String>()).unwrap();
    assert_eq!(written, format!(r#"{{"$personal":"{PERSON}"}}"#));
    assert_eq!(serde_json::from_str::<Personal<String>>(&written).unwrap(), erased());

    assert_eq!(known().value().map(String::as_str), Some("Ada Lovelace"));
    assert_eq!(known().into_value().as_deref(), Some("Ada Lovelace"));
    assert_eq!((erased::<u8>().value(), erased::<u8>().into_value()), (None, None));
    assert_eq!(known().person(), erased::<u8>().person());
}

#[test]
fn nothing_that_is_known_is_not_the_same_as_erased() {
    let nothing: Personal<Option<String>> = Personal::new(id(1), None);
    let written = serde_json::to_value(&nothing).unwrap();
    assert_eq!(written["value"], Value::Null);
    assert_eq!(read(&written).unwrap(), nothing);
    assert_ne!(nothing, Personal::erased(id(1)));
}

#[test]
fn a_sealed_value_is_not_read() {
    for sealed in [json!("1.AAAA"), json!(null)] {
        let error = read::<String>(&json!({PERSON_FIELD: PERSON, SEALED_FIELD: sealed})).unwrap_err();
        assert!(error.contains("was not opened"), "{error}");
    }
}

#[test]
fn another_shape_is_refused() {
    for other in [
        json!({VALUE_FIELD: "x"}),
        json!({}),
        json!("x"),
        json!({PERSON_FIELD: "me", VALUE_FIELD: "x"}),
        json!({PERSON_FIELD: PERSON, VALUE_FIELD: null}),
        json!({PERSON_FIELD: PERSON, VALUE_FIELD: "x", "more": 1}),
    ] {
        assert!(read::<String>(&other).is_err(), "{other}");
    }
    let twice = format!(r#"{{"$personal":"{PERSON}","value":"x","value":"y"}}"#);
    assert!(serde_json::from_str::<Personal<String>>(&twice).is_err());
}

#[test]
fn neither_debug_nor_an_error_shows_the_value() {
    let shown = format!("{:?} {:#?} {:?}", known(), Some(known()), erased::<String>());
    assert!(!shown.contains("Ada") && shown.contains(PERSON), "{shown}");
    assert!(shown.contains("known") && shown.contains("erased"), "{shown}");

    let error = read::<u32>(&serde_json::to_value(known()).unwrap()).unwrap_err();
    assert!(!error.contains("Ada") && error.contains("personal data"), "{error}");
}

#[test]
fn the_shared_schema_holds_all_three_forms_and_no_other() {
    let schema = personal_schema();
    let sealed = format!("1.{}", "A".repeat(54));
    let bare = json!({PERSON_FIELD: PERSON});
    let with = |field: &str, value: Value| {
        let mut with = bare.clone();
        with[field] = value;
        with
    };
    for form in [bare.clone(), with(VALUE_FIELD, json!("Ada")), with(SEALED_FIELD, json!(sealed))] {
        assert!(schema.is_valid(&form), "{form}");
    }
    let mut both = with(SEALED_FIELD, json!(sealed));
    both[VALUE_FIELD] = json!("Ada");
    let others = [json!({}), with(VALUE_FIELD, json!(1)), with(SEALED_FIELD, json!("0.AAAA")), both];
    for form in others {
        assert!(!schema.is_valid(&form), "{form}");
    }
}

#[test]
fn it_may_hold_any_value_and_stand_anywhere() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Profile {
        emails: Vec<Personal<String>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<Personal<(String, String)>>,
    }
    let name = Personal::new(id(2), ("Ada".to_owned(), "Lovelace".to_owned()));
    for name in [Some(name), None, Some(erased())] {
        let profile = Profile { emails: vec![known(), erased()], name };
        let text = serde_json::to_string(&profile).unwrap();
        assert_eq!(serde_json::from_str::<Profile>(&text).unwrap(), profile);
    }
}
