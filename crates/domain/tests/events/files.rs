//! What stands in `schemas/events` against what the code writes and reads.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{EventType, all, older, schemas};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/events")
}

fn sample_path(type_name: &str) -> PathBuf {
    folder().join(format!("{type_name}.json"))
}

fn schema_path(type_name: &str) -> PathBuf {
    folder().join(format!("{type_name}.schema.json"))
}

fn read(path: &Path) -> String {
    let help = "BLESS=1 writes the files of a new type";
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}; {help}", path.display()))
}

fn write_new(path: &Path, text: &str) {
    use std::io::Write as _;
    let file = fs::File::options().write(true).create_new(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .unwrap_or_else(|error| panic!("{}: {error}; a file that exists is frozen", path.display()));
}

/// Writes the files of the types that have none, where `BLESS=1` asks for it. Never overwrites.
fn frozen() -> Vec<EventType> {
    static BLESSED: std::sync::Once = std::sync::Once::new();
    let types = all();
    BLESSED.call_once(|| {
        let is_new =
            |found: &&EventType| !sample_path(found.name).exists() && !schema_path(found.name).exists();
        #[expect(
            clippy::disallowed_methods,
            reason = "whoever runs the tests says so; the domain does not read it"
        )]
        let bless = std::env::var("BLESS");
        if bless.is_ok_and(|bless| bless == "1") {
            for found in types.iter().filter(is_new) {
                write_new(&sample_path(found.name), &found.sample);
                let schema = serde_json::to_string_pretty(&schemas::of(found.name)).unwrap() + "\n";
                write_new(&schema_path(found.name), &schema);
            }
        }
    });
    types
}

fn parse(path: &Path) -> Value {
    serde_json::from_str(&read(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(super) fn validator(schema: &Value) -> jsonschema::Validator {
    jsonschema::options().should_validate_formats(true).build(schema).unwrap()
}

#[test]
fn every_type_has_the_sample_that_the_code_writes() {
    for event_type in frozen() {
        let name = event_type.name;
        let file = read(&sample_path(name));
        assert_eq!(file, event_type.sample, "{name}: a written version may not change; declare the next one");
    }
}

#[test]
fn every_sample_decodes_and_is_written_again_byte_for_byte() {
    for event_type in frozen() {
        let name = event_type.name;
        let sample = parse(&sample_path(name));
        assert_eq!(sample["type"], name);
        assert_eq!(event_type.rewrite(&sample["data"]), Ok(read(&sample_path(name))), "{name}");
    }
}

#[test]
fn every_type_has_its_schema_and_the_sample_fits_it() {
    for event_type in frozen() {
        let name = event_type.name;
        let schema = parse(&schema_path(name));
        assert_eq!(
            schema,
            schemas::of(name),
            "{name}: a written version may not change; declare the next one"
        );
        jsonschema::meta::validate(&schema).unwrap_or_else(|error| panic!("{name}: {error}"));
        let data = &parse(&sample_path(name))["data"];
        validator(&schema).validate(data).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn every_older_sample_is_read_as_what_is_written_today() {
    for found in older() {
        let name = found.name;
        let (sample, schema) = (parse(&sample_path(name)), parse(&schema_path(name)));
        validator(&schema).validate(&sample["data"]).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (reached, data) = (found.read)(name, &sample["data"]).unwrap_or_else(|e| panic!("{name}: {e}"));
        let today = parse(&schema_path(reached));
        validator(&today).validate(&data).unwrap_or_else(|error| panic!("{name} as {reached}: {error}"));
    }
}

#[test]
fn no_file_is_stray() {
    let types = frozen();
    let older = older();
    let names = types.iter().map(|found| found.name).chain(older.iter().map(|found| found.name));
    let files = names.flat_map(|name| [format!("{name}.json"), format!("{name}.schema.json")]);
    let expected: BTreeSet<String> = files.collect();
    let entries = fs::read_dir(folder()).unwrap();
    let found: BTreeSet<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(found, expected, "what was ever written stays, and keeps a type that reads it");
}

#[test]
fn a_frozen_file_cannot_be_overwritten() {
    let path = sample_path(frozen()[0].name);
    let before = read(&path);
    let overwritten = std::panic::catch_unwind(|| write_new(&path, "{}"));
    assert!(overwritten.is_err());
    assert_eq!(read(&path), before);
}

#[test]
fn every_type_that_the_source_names_is_listed() {
    let mut named = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                let source = fs::read_to_string(&path).unwrap();
                named.extend(source.split('"').filter(|text| is_type_name(text)).map(str::to_owned));
            }
        }
    }
    let mut listed: Vec<&str> = all().iter().map(|event_type| event_type.name).collect();
    listed.extend(older().iter().map(|older| older.name));
    assert_eq!(listed.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>(), named);
    assert_eq!(listed.len(), named.len(), "no two events share a type");
}

/// `foodflow.<context>.<aggregate>.<past tense>.v<version>`
fn is_type_name(text: &str) -> bool {
    let word =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let parts: Vec<&str> = text.split('.').collect();
    let [first, context, aggregate, verb, version] = parts.as_slice() else { return false };
    let number = version.strip_prefix('v').and_then(|number| number.parse::<u32>().ok());
    *first == "foodflow" && [context, aggregate, verb].into_iter().all(|part| word(part)) && number >= Some(1)
}

#[test]
fn every_type_is_named_by_the_convention() {
    for event_type in all() {
        assert!(is_type_name(event_type.name), "{}", event_type.name);
    }
}
