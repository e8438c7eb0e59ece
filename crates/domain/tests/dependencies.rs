//! What the domain may lean on: values and pure functions, no clock, chance, server, disk or runtime.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Everything that the domain may name. None of them reaches outside of the process when used as it is here.
const PURE: [&str; 8] =
    ["cqrs-es", "jiff", "rust_decimal", "serde", "serde_json", "sha2", "thiserror", "uuid"];

fn manifest_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn declared_dependencies() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1", "--manifest-path"])
        .arg(manifest_folder().join("Cargo.toml"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let domain = packages.iter().find(|package| package["name"] == "foodflow-domain").unwrap();
    domain["dependencies"].as_array().unwrap().clone()
}

#[test]
fn the_domain_depends_on_pure_crates_only() {
    let dependencies = declared_dependencies();
    let built_with: BTreeSet<&str> = dependencies
        .iter()
        .filter(|dependency| dependency["kind"] != "dev")
        .map(|dependency| dependency["name"].as_str().unwrap())
        .collect();
    let impure: Vec<_> = built_with.difference(&BTreeSet::from(PURE)).copied().collect();
    assert!(impure.is_empty(), "the domain stays pure; these are not on the list: {impure:?}");
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

#[test]
fn the_source_reaches_for_nothing_outside() {
    let outside =
        ["std::fs", "std::net", "std::process", "std::env", "std::thread", "::now()", "new_v4", "now_v7"];
    for path in sources(&manifest_folder().join("src")) {
        let source = std::fs::read_to_string(&path).unwrap();
        for name in outside {
            assert!(!source.contains(name), "{} names {name}", path.display());
        }
    }
}

#[test]
fn clock_chance_and_environment_are_banned_by_lint_as_well() {
    let lints = std::fs::read_to_string(manifest_folder().join("clippy.toml")).unwrap();
    for banned in [
        "jiff::Timestamp::now",
        "std::time::SystemTime::now",
        "std::time::Instant::now",
        "uuid::Uuid::now_v7",
        "uuid::Uuid::new_v4",
        "std::env::var",
    ] {
        assert!(lints.contains(&format!("path = \"{banned}\"")), "{banned}");
    }
}

#[test]
fn contexts_never_import_each_other() {
    let folder = manifest_folder().join("src");
    let entries = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let contexts: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    assert!(contexts.iter().any(|context| name(context) == "food_graph"));
    for context in &contexts {
        for other in contexts.iter().filter(|other| *other != context) {
            for path in sources(context) {
                let source = std::fs::read_to_string(&path).unwrap();
                let import = format!("crate::{}", name(other));
                assert!(!source.contains(&import), "{} imports {}", path.display(), name(other));
            }
        }
    }
}
