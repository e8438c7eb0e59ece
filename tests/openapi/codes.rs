//! The codes of refusals: the same in the document and in `docs/ERRORS.md`, which other tests hold against the sources.

use std::collections::BTreeMap;
use std::path::Path;

use foodflow_testkit::contract::contract;
use serde_json::Value;

/// Codes that no operation answers: another method is no operation, and the others are told as another code, or not yet
/// asked for.
const OF_NO_OPERATION: &[&str] =
    &["method-not-allowed", "other-batch", "session-ended", "unknown-permission"];

/// Codes with their statuses, as `docs/ERRORS.md` explains them.
fn explained() -> BTreeMap<String, u16> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/ERRORS.md");
    let text = std::fs::read_to_string(path).unwrap();
    let headings = text.lines().filter_map(|line| line.strip_prefix("### `"));
    let one = |heading: &str| {
        let (code, rest) = heading.split_once('`').unwrap();
        (code.to_owned(), rest.trim_matches([' ', '(', ')']).parse().unwrap())
    };
    headings.map(one).collect()
}

#[test]
fn the_document_lists_the_codes_that_are_explained() -> anyhow::Result<()> {
    let contract = contract()?;
    let mut listed: BTreeMap<String, u16> = BTreeMap::new();
    for operation in super::operations()? {
        for (status, answer) in operation.value["responses"].as_object().unwrap() {
            let problem = &contract.resolved(answer)["content"]["application/problem+json"];
            let codes = problem.pointer("/schema/allOf/1/properties/code/enum").and_then(Value::as_array);
            for code in codes.into_iter().flatten().filter_map(Value::as_str) {
                let status: u16 = status.parse()?;
                let before = listed.insert(code.to_owned(), status);
                assert!(before.is_none_or(|before| before == status), "`{code}` has two statuses");
            }
        }
    }
    let examples = contract.document()["components"]["examples"].as_object().unwrap();
    let stale: Vec<&String> = examples.keys().filter(|code| !listed.contains_key(*code)).collect();
    assert!(stale.is_empty(), "no operation answers {stale:?}");
    let mut explained = explained();
    for code in OF_NO_OPERATION {
        assert!(explained.remove(*code).is_some(), "`{code}` is not explained any more");
    }
    assert_eq!(listed, explained, "the left is what http/document/refusals.json lists");
    Ok(())
}

/// Kinds of operations that `http/document/refusals.rs` knows.
const KINDS: &[&str] = &["every", "ended", "secured", "identified", "body", "command", "read"];

#[test]
fn every_code_is_answered_by_what_there_is() -> anyhow::Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/api/src/http/document/refusals.json");
    let catalogue: Value = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    let operations = super::operations()?;
    let groups = catalogue["groups"].as_object().unwrap();
    let named = groups.values().chain(catalogue["refusals"].as_array().unwrap().iter().map(|one| &one["of"]));
    let names = named.flat_map(|names| names.as_array().unwrap()).map(|name| name.as_str().unwrap());
    let is_known = |name: &str| {
        let is_operation = operations.iter().any(|operation| operation.name == name);
        is_operation || KINDS.contains(&name) || groups.contains_key(name)
    };
    let unknown: Vec<&str> = names.filter(|name| !is_known(name)).collect();
    assert!(unknown.is_empty(), "refusals.json names {unknown:?}, which there is not");
    Ok(())
}
