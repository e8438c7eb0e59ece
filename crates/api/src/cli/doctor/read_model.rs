//! The read models: whether they are there and answer, have their schemas, and how far behind the log they are.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use foodflow_log::{Partition, Position, SharedLog};
use foodflow_projections::audit::AUDIT;
use foodflow_projections::graph::embedded::EmbeddedGraph;
use foodflow_projections::graph::neo4j::Neo4jGraph;
use foodflow_projections::identity::IDENTITY;
use foodflow_projections::store::{ReadModel, StoreError};
use foodflow_projections::tables::TableProjection;
use foodflow_projections::tables::embedded::EmbeddedTables;
use foodflow_projections::tables::postgres::PostgresTables;
use foodflow_projections::tenancy::TENANCY;

use super::checks::Checks;
use crate::config::Config;
use crate::log_address::is_written;

/// How long a store may take for everything that is asked of it here.
const ANSWER_WAIT: Duration = Duration::from_secs(30);
/// Names of missing schema objects that are listed.
const NAMES_MAX: usize = 5;

/// A store that answered.
struct Found {
    store: Box<dyn ReadModel>,
    missing: Vec<String>,
    /// What of a person is left in its files whenever one is forgotten.
    left: Vec<String>,
}

/// A read model: under which heading it is told, where it is, and what rebuilds it.
struct Model {
    section: &'static str,
    place: String,
    rebuild: &'static str,
}

/// How far a partition is.
struct Standing {
    partition: Partition,
    position: Position,
    /// The log's head.
    head: Position,
}

/// Looks at every read model, and compares each with `log` where that is in order.
pub(super) async fn check(checks: &mut Checks, config: &Config, log: Option<&SharedLog>) {
    let model = |section, rebuild, place| Model { section, place, rebuild };
    let graph = model("read model", "run `foodflow rebuild`", graph_place(config));
    let tenancy = model(
        "read model tenancy",
        "run `foodflow rebuild --projection tenancy`",
        tables_place(config, &TENANCY),
    );
    let identity = model(
        "read model identity",
        "run `foodflow rebuild --projection identity`",
        tables_place(config, &IDENTITY),
    );
    let audit =
        model("read model audit", "run `foodflow rebuild --projection audit`", tables_place(config, &AUDIT));
    Box::pin(check_one(checks, &graph, find_graph(config), log)).await;
    Box::pin(check_one(checks, &tenancy, find_tables(config, &TENANCY), log)).await;
    Box::pin(check_one(checks, &identity, find_tables(config, &IDENTITY), log)).await;
    Box::pin(check_one(checks, &audit, find_tables(config, &AUDIT), log)).await;
}

async fn check_one(
    checks: &mut Checks,
    model: &Model,
    find: impl Future<Output = Result<Option<Found>, StoreError>>,
    log: Option<&SharedLog>,
) {
    let Model { section, place, .. } = model;
    let asked = async {
        match find.await? {
            Some(found) => {
                let standings = standings(&found, log).await?;
                Ok(Some((found, standings)))
            }
            None => Ok::<_, StoreError>(None),
        }
    };
    match tokio::time::timeout(ANSWER_WAIT, asked).await {
        Ok(Ok(Some((found, standings)))) => {
            describe(checks, model, &found);
            standings.iter().for_each(|standing| describe_standing(checks, model, standing));
        }
        Ok(Ok(None)) => {
            let advice = "nothing to do: the first `foodflow serve` makes it and fills it from the log";
            checks.warn(section, format!("embedded: none yet at {place}"), advice);
        }
        Ok(Err(error)) => {
            let advice = match &error {
                StoreError::Corrupt { .. } => model.rebuild,
                _ => {
                    "see whether the server or file can be reached from here, and user and password are right"
                }
            };
            checks.fail(section, error.to_string(), advice);
        }
        Err(_) => {
            let text = format!("{place}: no answer within {} s", ANSWER_WAIT.as_secs());
            checks.fail(section, text, "see whether the server runs and can be reached from here");
        }
    }
}

fn graph_place(config: &Config) -> String {
    match config.neo4j() {
        Some(neo4j) => neo4j.address(),
        None => shown(config.embedded_graph(), EmbeddedGraph::live_file),
    }
}

fn tables_place(config: &Config, tables: &TableProjection) -> String {
    match config.postgres() {
        Some(postgres) => postgres.address(),
        None => shown(config.embedded_tables(tables.name), EmbeddedTables::live_file),
    }
}

/// The file of the live generation, as far as it can be told.
fn shown(path: PathBuf, live: fn(&Path) -> Result<PathBuf, StoreError>) -> String {
    live(&path).unwrap_or(path).display().to_string()
}

/// The graph that `config` names; `None` where an embedded one does not exist yet.
async fn find_graph(config: &Config) -> Result<Option<Found>, StoreError> {
    let Some(neo4j) = config.neo4j() else {
        let path = config.embedded_graph();
        if !is_written(&EmbeddedGraph::live_file(&path)?) {
            return Ok(None);
        }
        let graph = EmbeddedGraph::open(&path).await?;
        let missing = graph.missing_schema().await?;
        return Ok(Some(Found { store: Box::new(graph), missing, left: Vec::new() }));
    };
    let graph = Neo4jGraph::connect(neo4j).await?;
    let missing = graph.missing_schema().await?;
    Ok(Some(Found { store: Box::new(graph), missing, left: Vec::new() }))
}

/// The tables that `config` names; `None` where embedded ones do not exist yet.
async fn find_tables(config: &Config, tables: &'static TableProjection) -> Result<Option<Found>, StoreError> {
    let Some(postgres) = config.postgres() else {
        let path = config.embedded_tables(tables.name);
        if !is_written(&EmbeddedTables::live_file(&path)?) {
            return Ok(None);
        }
        let store = EmbeddedTables::open(&path, tables).await?;
        let missing = store.missing_schema().await?;
        return Ok(Some(Found { store: Box::new(store), missing, left: Vec::new() }));
    };
    let store = PostgresTables::new(postgres.connect().await?, tables);
    let missing = store.missing_schema().await?;
    let left = if tables.name == IDENTITY.name { store.left_by_scrub().await? } else { Vec::new() };
    Ok(Some(Found { store: Box::new(store), missing, left }))
}

/// Where each partition stands; nothing where the tables to ask are missing, or the log cannot say how many.
async fn standings(found: &Found, log: Option<&SharedLog>) -> Result<Vec<Standing>, StoreError> {
    let mut standings = Vec::new();
    let Some(log) = log.filter(|_| found.missing.is_empty()) else { return Ok(standings) };
    for partition in (0..log.partition_count()).map(Partition) {
        let position = found.store.checkpoint(partition).await?.position;
        // Asked afterwards, so that what is applied meanwhile does not seem to be beyond the log. Where it does not
        // answer any more, its own lines have told how it is.
        let Ok(head) = log.head(partition).await else { break };
        standings.push(Standing { partition, position, head });
    }
    Ok(standings)
}

fn describe(checks: &mut Checks, model: &Model, found: &Found) {
    let (Model { section, place, .. }, Found { store, missing, left }) = (model, found);
    checks.ok(section, format!("{}: {place} answers", store.name()));
    for left in left {
        let advice = "see Personal data in docs/OPERATIONS.md";
        checks.warn(section, format!("what is left of a forgotten person, in {left}"), advice);
    }
    if missing.is_empty() {
        checks.ok(section, "its schema is complete");
        return;
    }
    let names: Vec<&str> = missing.iter().take(NAMES_MAX).map(String::as_str).collect();
    let more = if missing.len() > NAMES_MAX { ", …" } else { "" };
    let text = format!("its schema lacks {}: {}{more}", missing.len(), names.join(", "));
    checks.warn(section, text, "run `foodflow migrate`; `foodflow serve` does so too");
}

fn describe_standing(checks: &mut Checks, model: &Model, standing: &Standing) {
    let section = model.section;
    let Standing { partition, position, head } = *standing;
    let text = format!("partition {}: at position {position}", partition.0);
    if position == head {
        checks.ok(section, format!("{text}, the log's head"));
    } else if position < head {
        let behind = head.0 - position.0;
        let advice = "a running projector catches up; if it does not, see `/v1/projections` and its log";
        checks.warn(section, format!("{text}, {behind} messages behind the log's head"), advice);
    } else {
        let text = format!("{text}, but the log ends at {head}: it was filled from another log");
        checks.fail(section, text, model.rebuild);
    }
}

#[cfg(test)]
mod tests {
    use super::super::checks::Level;
    use super::*;

    #[test]
    fn a_read_model_may_be_behind_and_never_ahead() {
        let level = |position, head| {
            let mut checks = Checks::default();
            let standing =
                Standing { partition: Partition(0), position: Position(position), head: Position(head) };
            let model = Model { section: "read model", place: String::new(), rebuild: "rebuild it" };
            describe_standing(&mut checks, &model, &standing);
            checks.all()[0].level
        };
        assert_eq!((level(7, 7), level(6, 7), level(8, 7)), (Level::Ok, Level::Warn, Level::Fail));
    }
}
