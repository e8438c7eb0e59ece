//! The tables that PostgreSQL has after all migrations, held against the database document, table by table.
//!
//! The document's own statements are carried out in a schema beside the migrated one; both are then read from the
//! catalogue alike. Every difference needs its [`deviations`] with a reason, and none may be declared that is not there.
//! A further chapter is its statements as a file, its projection, and its deviations.

mod deviations;
mod facts;

use std::collections::BTreeMap;

use foodflow_projections::audit::AUDIT;
use foodflow_projections::identity::IDENTITY;
use foodflow_projections::store::ReadModel as _;
use foodflow_projections::tables::TableProjection;
use foodflow_projections::tables::postgres::PostgresTables;
use foodflow_projections::tenancy::TENANCY;
use sqlx::AssertSqlSafe;

use self::deviations::{DEVIATIONS, Deviation};
use self::facts::{ABSENT, Facts, facts};
use crate::table_contract::postgres::database;

/// What the document says, chapter by chapter.
const CHAPTERS: [&str; 2] = [include_str!("identity.sql"), include_str!("tenancy.sql")];
/// What fills its tables.
static PROJECTIONS: [&TableProjection; 3] = [&AUDIT, &IDENTITY, &TENANCY];

/// Facts of the document, and of the migrated database.
async fn both() -> (Facts, Facts) {
    let pool = database().await;
    for projection in PROJECTIONS {
        PostgresTables::new(pool.clone(), projection).migrate().await.unwrap();
    }
    let mut transaction = pool.begin().await.unwrap();
    let statements = CHAPTERS.join("\n");
    let make = format!("CREATE SCHEMA documented; SET LOCAL search_path = documented; {statements}");
    sqlx::raw_sql(AssertSqlSafe(make)).execute(&mut *transaction).await.unwrap();
    let documented = facts(&mut transaction, "documented").await;
    (documented, facts(&mut transaction, "public").await)
}

/// What differs: the fact, what the document says, what the database has. Of a table that only one of them has, that
/// alone.
fn differences(documented: &Facts, migrated: &Facts) -> Vec<(String, String, String)> {
    let value = |facts: &Facts, fact: &str| facts.get(fact).cloned().unwrap_or_else(|| ABSENT.to_owned());
    let all: BTreeMap<&String, ()> =
        documented.keys().chain(migrated.keys()).map(|fact| (fact, ())).collect();
    let has_both = |fact: &str| {
        let table = format!("{}: table", fact.split(['.', ':']).next().unwrap());
        fact == table || (documented.contains_key(&table) && migrated.contains_key(&table))
    };
    all.into_keys()
        .filter(|fact| has_both(fact))
        .map(|fact| (fact.clone(), value(documented, fact), value(migrated, fact)))
        .filter(|(_, one, other)| one != other)
        .collect()
}

/// What is wrong with these differences and what is declared of them.
fn complaints(differences: &[(String, String, String)], declared: &[Deviation]) -> Vec<String> {
    let undeclared = differences
        .iter()
        .filter(|difference| !declared.iter().any(|deviation| deviation.is(difference)))
        .map(|(fact, one, other)| {
            format!("not declared: {fact} is {one} in the document, {other} in the database")
        });
    let vain = declared
        .iter()
        .filter(|deviation| !differences.iter().any(|difference| deviation.is(difference)))
        .map(|deviation| format!("declared and not there: {deviation:?}"));
    let silent = declared
        .iter()
        .filter(|deviation| deviation.reason.is_empty())
        .map(|deviation| format!("without a reason: {deviation:?}"));
    undeclared.chain(vain).chain(silent).collect()
}

#[tokio::test]
async fn the_database_is_as_documented_but_for_what_is_declared() {
    let (documented, migrated) = both().await;
    let tables = documented.keys().filter(|fact| fact.ends_with(": table")).count();
    assert_eq!(tables, 10, "the document has ten tables in these chapters");
    let complaints = complaints(&differences(&documented, &migrated), DEVIATIONS);
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn a_difference_is_found_and_a_deviation_that_is_none_is_too() {
    let of = |facts: &[(&str, &str)]| -> Facts {
        facts.iter().map(|(fact, value)| ((*fact).to_owned(), (*value).to_owned())).collect()
    };
    let documented =
        of(&[("a: table", "present"), ("a.id: type", "uuid"), ("b: table", "present"), ("b.id: type", "x")]);
    let migrated = of(&[("a: table", "present"), ("a.id: type", "text"), ("a.new: type", "text")]);
    let found = differences(&documented, &migrated);
    let facts: Vec<&str> = found.iter().map(|(fact, ..)| fact.as_str()).collect();
    assert_eq!(facts, ["a.id: type", "a.new: type", "b: table"]);
    let deviation = |fact, documented, migrated| Deviation { fact, documented, migrated, reason: "it is so" };
    let declared = [
        deviation("*.id: type", "uuid", "text"),
        deviation("a.new: *", "-", "*"),
        deviation("b: table", "present", "-"),
    ];
    assert!(complaints(&found, &declared).is_empty());
    assert_eq!(complaints(&found, &declared[1..]).len(), 1);
    assert_eq!(complaints(&found[1..], &declared).len(), 1);
    assert_eq!(complaints(&found, &[deviation("*", "uuid", "uuid")]).len(), 4);
}
