//! What the sample events lead to, held against `schemas/states`: a snapshot of a state is read back for years.
//!
//! A file holds the state of one aggregate after each of its sample events. Where the code leads to another state, a
//! snapshot that was stored before would be wrong: raise the aggregate's `STATE_SHAPE`, so that it is not read, and
//! let `BLESS=1` write the file anew. A file whose shape is that of the code is never overwritten.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use foodflow_domain::{EventSet as _, StreamAggregate};
use serde_json::{Value, json};

use super::aggregates;

/// An aggregate with the states that its sample events lead to.
pub(super) struct States {
    /// `<context>.<aggregate>`
    name: String,
    shape: u32,
    file: Value,
}

pub(super) fn states_of<A>(events: Vec<A::Event>) -> States
where
    A: StreamAggregate + PartialEq + std::fmt::Debug,
{
    let mut state = A::default();
    let mut states = Vec::new();
    for event in events {
        let after = event.type_name();
        state.apply(event);
        let written = serde_json::to_value(&state).unwrap();
        let text = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<A>(&text).unwrap(), state, "after {after}: {text}");
        states.push(json!({"after": after, "state": written}));
    }
    let shape = A::STATE_SHAPE;
    States {
        name: format!("{}.{}", A::CONTEXT, A::TYPE),
        shape,
        file: json!({"shape": shape, "states": states}),
    }
}

/// Every aggregate of the domain.
fn all() -> Vec<States> {
    aggregates().into_iter().map(|aggregate| aggregate.states).collect()
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../schemas/states/{name}.json"))
}

fn read(name: &str) -> Option<Value> {
    let text = fs::read_to_string(path(name)).ok()?;
    Some(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}")))
}

#[test]
fn the_events_lead_to_the_states_of_the_files() {
    #[expect(
        clippy::disallowed_methods,
        reason = "whoever runs the tests says so; the domain does not read it"
    )]
    let bless = std::env::var("BLESS").is_ok_and(|bless| bless == "1");
    for States { name, shape, file } in all() {
        let mut found = read(&name);
        let is_other = found.as_ref().is_none_or(|found| found["shape"] != shape);
        if bless && is_other {
            fs::create_dir_all(path(&name).parent().unwrap()).unwrap();
            fs::write(path(&name), serde_json::to_string_pretty(&file).unwrap() + "\n").unwrap();
            found = read(&name);
        }
        let help = "raise the aggregate's `state_shape`, then BLESS=1 writes the file: stored snapshots of the old \
                    shape are no longer read";
        assert_eq!(found.as_ref(), Some(&file), "{name}: {help}");
    }
}

/// Paths of `value`, numbers of lists left out: those with a content, and those without.
fn note(value: &Value, at: &str, filled: &mut BTreeSet<String>, empty: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| note(value, &format!("{at}/{name}"), filled, empty));
        }
        Value::Array(items) if !items.is_empty() => {
            filled.insert(at.to_owned());
            items.iter().for_each(|item| note(item, at, filled, empty));
        }
        Value::Array(_) | Value::Null => drop(empty.insert(at.to_owned())),
        _ => drop(filled.insert(at.to_owned())),
    }
}

#[test]
fn the_samples_fill_every_part_of_a_state() {
    for States { name, file, .. } in all() {
        let (mut filled, mut empty) = (BTreeSet::new(), BTreeSet::new());
        note(&file["states"], "", &mut filled, &mut empty);
        let is_object = |path: &&String| filled.iter().any(|one| one.starts_with(&format!("{path}/")));
        let never: Vec<_> =
            empty.iter().filter(|path| !filled.contains(*path)).filter(|path| !is_object(path)).collect();
        assert!(never.is_empty(), "{name}: a change there would go unnoticed: {never:?}");
    }
}

#[test]
fn every_aggregate_of_the_source_is_listed() {
    let mut declared = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with("aggregate.rs") {
                let source = fs::read_to_string(&path).unwrap();
                for declaration in source.split("aggregate!(").skip(1) {
                    let mut literals = declaration.split('"').skip(1).step_by(2);
                    let (context, aggregate) = (literals.next().unwrap(), literals.next().unwrap());
                    declared.insert(format!("{context}.{aggregate}"));
                }
            }
        }
    }
    let listed: BTreeSet<String> = all().into_iter().map(|states| states.name).collect();
    assert_eq!(listed, declared, "list the aggregate in `events/mod.rs` with its sample events");
}
