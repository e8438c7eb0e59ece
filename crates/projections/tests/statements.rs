//! Where statements are made: every file of the stores that carries one out is known here, with what it is for.
//!
//! What a query asks for is of one tenant by construction: lookups in the graphs are made of `TenantStatement`, which
//! cannot be made without a tenant, questions to tables of `Select`, which cannot either. Everything else writes, or looks
//! after the store. A file that is not known fails, so that nobody reads around them unseen.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What carries a statement out, or makes one.
const CALLS: &[&str] = &[
    "sqlx::query",
    "raw_sql(",
    "copy_in_raw(",
    "copy_out_raw(",
    "query(&",
    "query(\"",
    "execute_read(",
    "run_on(",
];

/// What answers queries from the graphs: it has no statements but those of a tenant.
const LOOKUPS: [&str; 4] =
    ["graph/embedded/list.rs", "graph/embedded/read.rs", "graph/neo4j/genealogy.rs", "graph/neo4j/read.rs"];

/// What makes the statements that are of a tenant.
const OF_A_TENANT: [&str; 2] = ["graph/embedded/tenant_statement.rs", "graph/neo4j/tenant_statement.rs"];

/// What carries out a `Select`; besides, digests and counts, of a tenant or of all tenants in a partition.
const QUESTIONS: [&str; 2] = ["tables/embedded/read.rs", "tables/postgres/read.rs"];

/// What answers no query: batches, digests, generations, claims, schemas.
const OTHERS: &[&str] = &[
    "graph/embedded/apply.rs",
    "graph/embedded/digest.rs",
    "graph/embedded/maintain.rs",
    "graph/embedded/tenant.rs",
    "graph/neo4j/apply.rs",
    "graph/neo4j/checkpoint.rs",
    "graph/neo4j/clear.rs",
    "graph/neo4j/config.rs",
    "graph/neo4j/difference.rs",
    "graph/neo4j/digest.rs",
    "graph/neo4j/generations.rs",
    "graph/neo4j/schema.rs",
    "keys/embedded/file.rs",
    "sqlite/claim.rs",
    "sqlite/connections.rs",
    "sqlite/identity.rs",
    "sqlite/mod.rs",
    "sqlite/tenant.rs",
    "tables/embedded/apply.rs",
    "tables/embedded/schema.rs",
    "tables/postgres/apply.rs",
    "tables/postgres/checkpoint.rs",
    "tables/postgres/connect.rs",
    "tables/postgres/generations.rs",
    "tables/postgres/isolation.rs",
    "tables/postgres/place.rs",
    "tables/postgres/schema.rs",
    "tables/postgres/scrubbing.rs",
    "tables/postgres/slot.rs",
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => sources(&path, found),
            false => found.push(path),
        }
    }
}

/// The files of the crate that carry out statements, with the first of them.
fn with_statements() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 100, "{}", files.len());
    let call = |text: &str| {
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let line = code.lines().find(|line| {
            let line = line.trim_start();
            !line.starts_with("//")
                && !line.starts_with("use ")
                && CALLS.iter().any(|call| line.contains(call))
        });
        line.map(|line| line.trim().to_owned())
    };
    let of = |path: &PathBuf| {
        let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        Some((name, call(&fs::read_to_string(path).unwrap())?))
    };
    files.iter().filter_map(of).collect()
}

#[test]
fn a_lookup_has_no_statement_but_those_of_a_tenant() {
    let found = with_statements();
    let by_hand: Vec<_> = LOOKUPS.iter().filter_map(|file| found.get_key_value(*file)).collect();
    assert!(by_hand.is_empty(), "{by_hand:#?}");
    let unknown: Vec<_> = found
        .iter()
        .filter(|(file, _)| {
            let known = OF_A_TENANT.iter().chain(&QUESTIONS).chain(OTHERS);
            !known.into_iter().any(|known| known == file)
        })
        .collect();
    assert!(unknown.is_empty(), "what are these statements for? {unknown:#?}");
    let gone: Vec<_> = OF_A_TENANT
        .iter()
        .chain(&QUESTIONS)
        .chain(OTHERS)
        .filter(|file| !found.contains_key(**file))
        .collect();
    assert!(gone.is_empty(), "{gone:?}");
}
