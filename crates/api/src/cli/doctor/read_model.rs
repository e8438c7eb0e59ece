//! The read model: whether it is there and answers, has its schema, and how far behind the log it is.

use std::time::Duration;

use foodflow_log::{Partition, Position, SharedLog};
use foodflow_projections::graph::embedded::EmbeddedGraph;
use foodflow_projections::graph::neo4j::{Neo4jConfig, Neo4jGraph};
use foodflow_projections::graph::{GraphStore, StoreError};

use super::checks::Checks;
use super::settings::neo4j_address;
use crate::cli::place::is_written;
use crate::config::Config;

const SECTION: &str = "read model";
/// How long the store may take for everything that is asked of it here.
const ANSWER_WAIT: Duration = Duration::from_secs(30);
/// Names of missing schema objects that are listed.
const NAMES_MAX: usize = 5;

/// A store that answered.
struct Found {
    place: String,
    store: Box<dyn GraphStore>,
    missing: Vec<String>,
}

/// How far a partition is.
struct Standing {
    partition: Partition,
    position: Position,
    /// The log's head.
    head: Position,
}

/// Looks at the read model, and compares it with `log` where that is in order.
pub(super) async fn check(checks: &mut Checks, config: &Config, log: Option<&SharedLog>) {
    let asked = async {
        match find(config).await? {
            Some(found) => {
                let standings = standings(&found, log).await?;
                Ok(Some((found, standings)))
            }
            None => Ok::<_, StoreError>(None),
        }
    };
    match tokio::time::timeout(ANSWER_WAIT, asked).await {
        Ok(Ok(Some((found, standings)))) => {
            describe(checks, &found);
            standings.iter().for_each(|standing| describe_standing(checks, standing));
        }
        Ok(Ok(None)) => {
            let place = config.embedded_graph();
            let advice = "nothing to do: the first `foodflow serve` makes it and fills it from the log";
            checks.warn(SECTION, format!("embedded: none yet at {}", place.display()), advice);
        }
        Ok(Err(error)) => checks.fail(SECTION, error.to_string(), advice(&error)),
        Err(_) => {
            let text = format!("{}: no answer within {} s", place(config), ANSWER_WAIT.as_secs());
            checks.fail(SECTION, text, "see whether the server runs and can be reached from here");
        }
    }
}

fn place(config: &Config) -> String {
    match &config.neo4j_url {
        Some(uri) => neo4j_address(config, uri),
        None => {
            let graph = config.embedded_graph();
            EmbeddedGraph::live_file(&graph).unwrap_or(graph).display().to_string()
        }
    }
}

fn advice(error: &StoreError) -> &'static str {
    match error {
        StoreError::Corrupt { .. } => "run `foodflow rebuild`",
        _ => "see whether the server or file can be reached from here, and user and password are right",
    }
}

/// The store that `config` names; `None` where an embedded one does not exist yet.
async fn find(config: &Config) -> Result<Option<Found>, StoreError> {
    let place = place(config);
    let Some(uri) = &config.neo4j_url else {
        let path = config.embedded_graph();
        if !is_written(&EmbeddedGraph::live_file(&path)?) {
            return Ok(None);
        }
        let graph = EmbeddedGraph::open(&path).await?;
        let missing = graph.missing_schema().await?;
        return Ok(Some(Found { place, store: Box::new(graph), missing }));
    };
    let neo4j = Neo4jConfig {
        uri: uri.clone(),
        user: config.neo4j_user.clone(),
        password: config.neo4j_password.0.clone(),
        database: config.neo4j_database.clone(),
    };
    let graph = Neo4jGraph::connect(neo4j).await?;
    let missing = graph.missing_schema().await?;
    Ok(Some(Found { place, store: Box::new(graph), missing }))
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

fn describe(checks: &mut Checks, found: &Found) {
    let Found { place, store, missing } = found;
    checks.ok(SECTION, format!("{}: {place} answers", store.name()));
    if missing.is_empty() {
        checks.ok(SECTION, "its schema is complete");
        return;
    }
    let names: Vec<&str> = missing.iter().take(NAMES_MAX).map(String::as_str).collect();
    let more = if missing.len() > NAMES_MAX { ", …" } else { "" };
    let text = format!("its schema lacks {}: {}{more}", missing.len(), names.join(", "));
    checks.warn(SECTION, text, "run `foodflow migrate`; `foodflow serve` does so too");
}

fn describe_standing(checks: &mut Checks, standing: &Standing) {
    let Standing { partition, position, head } = *standing;
    let text = format!("partition {}: at position {position}", partition.0);
    if position == head {
        checks.ok(SECTION, format!("{text}, the log's head"));
    } else if position < head {
        let behind = head.0 - position.0;
        let advice = "a running projector catches up; if it does not, see `/v1/projections` and its log";
        checks.warn(SECTION, format!("{text}, {behind} messages behind the log's head"), advice);
    } else {
        let text = format!("{text}, but the log ends at {head}: it was filled from another log");
        checks.fail(SECTION, text, "run `foodflow rebuild`");
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
            describe_standing(&mut checks, &standing);
            checks.all()[0].level
        };
        assert_eq!((level(7, 7), level(6, 7), level(8, 7)), (Level::Ok, Level::Warn, Level::Fail));
    }
}
