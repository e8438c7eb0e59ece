//! Every code that a refusal may carry has a section in `docs/ERRORS.md`, and every section a code.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Crates whose sources name codes.
const SOURCES: &[&str] = &["crates/api/src", "crates/commands/src", "crates/domain/src"];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The texts of all Rust files below a folder.
fn sources(folder: &Path) -> Vec<String> {
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            texts.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            texts.push(std::fs::read_to_string(&path).unwrap());
        }
    }
    texts
}

/// The text literal that `rest` starts with.
fn literal(rest: &str) -> Option<&str> {
    rest.trim_start().strip_prefix('"')?.split('"').next()
}

/// Codes of problems that are built with a status: `StatusCode::NOT_FOUND, "not-found"`.
fn codes_with_status(source: &str) -> impl Iterator<Item = String> {
    let parts = source.split("StatusCode::").skip(1);
    parts.filter_map(|part| literal(part.split_once(',')?.1)).map(str::to_owned)
}

/// Codes of errors: the arms of their function `code`.
fn codes_of_errors(source: &str) -> impl Iterator<Item = String> {
    let functions = source.split("fn code(&self)").skip(1);
    let bodies = functions.map(|rest| rest.split("\n    }\n").next().unwrap());
    bodies.flat_map(|body| body.split("=>").skip(1)).filter_map(literal).map(str::to_owned)
}

#[test]
fn every_code_is_explained() {
    let mut codes = BTreeSet::new();
    for folder in SOURCES {
        for source in sources(&repository().join(folder)) {
            codes.extend(codes_with_status(&source));
            codes.extend(codes_of_errors(&source));
        }
    }
    let is_code = |code: &String| code.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    let strange: Vec<&String> = codes.iter().filter(|code| !is_code(code)).collect();
    assert!(strange.is_empty(), "these are no codes: {strange:?}");
    assert!(codes.contains("batch-held") && codes.contains("forbidden") && codes.contains("overloaded"));
    let text = std::fs::read_to_string(repository().join("docs/ERRORS.md")).unwrap();
    let sections: Vec<&str> = text.split("\n### ").skip(1).collect();
    let named = |section: &&str| section.strip_prefix('`').unwrap().split('`').next().unwrap().to_owned();
    let explained: BTreeSet<String> = sections.iter().map(named).collect();
    assert_eq!(sections.len(), explained.len(), "a code has one section");
    let missing: Vec<&String> = codes.difference(&explained).collect();
    assert!(missing.is_empty(), "docs/ERRORS.md does not explain {missing:?}");
    let stale: Vec<&String> = explained.difference(&codes).collect();
    assert!(stale.is_empty(), "docs/ERRORS.md explains {stale:?}, which nothing answers");
    for section in sections {
        let (heading, body) = section.split_once('\n').unwrap();
        let status = heading.split(['(', ')']).nth(1).and_then(|status| status.parse::<u16>().ok());
        assert!(status.is_some_and(|status| (400..600).contains(&status)), "`{heading}` names no status");
        for part in ["**Means**", "**Do**"] {
            assert!(body.contains(part), "`{heading}` does not say what it {part}");
        }
    }
}
