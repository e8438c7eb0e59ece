//! Constraints and indexes: the statements of `schemas/neo4j/food_graph.cypher`, and that they are ready for use.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use neo4rs::{Graph, query};

use super::error::{is_transient, unavailable};
use crate::graph::StoreError;

/// The executable definition; people run the same file by hand.
const FOOD_GRAPH: &str = include_str!("../../../../../schemas/neo4j/food_graph.cypher");
/// How long indexes may take to fill where data is there already.
const ONLINE_WAIT: Duration = Duration::from_secs(600);
const ONLINE_POLL: Duration = Duration::from_millis(100);
/// How often a statement is run again because another process makes the same at the same time.
const RACES_MAX: usize = 10;

/// Runs every statement of the definition, then waits until all indexes answer.
pub(super) async fn migrate(graph: &Graph) -> Result<(), StoreError> {
    for statement in statements(FOOD_GRAPH) {
        ensure(graph, &statement).await?;
    }
    wait_until_online(graph).await
}

/// Names of the definition's constraints and indexes that the server does not have.
pub(super) async fn missing(graph: &Graph) -> Result<Vec<String>, StoreError> {
    let mut present = HashSet::new();
    for statement in ["SHOW CONSTRAINTS YIELD name RETURN name", "SHOW INDEXES YIELD name RETURN name"] {
        let mut rows = graph.execute_read(query(statement)).await?;
        while let Some(row) = rows.next().await? {
            present.insert(row.get::<String>("name")?);
        }
    }
    let statements = statements(FOOD_GRAPH);
    let defined = statements.iter().filter_map(|statement| name(statement));
    Ok(defined.filter(|name| !present.contains(*name)).map(str::to_owned).collect())
}

/// What a statement of the definition creates.
fn name(statement: &str) -> Option<&str> {
    statement.split_once(" IF NOT EXISTS").and_then(|(head, _)| head.split_whitespace().last())
}

/// Runs one statement. `IF NOT EXISTS` does not see what another process is just making: the server then refuses,
/// or breaks a deadlock, and finds it when it is asked again.
async fn ensure(graph: &Graph, statement: &str) -> Result<(), StoreError> {
    for _ in 0..RACES_MAX {
        match graph.run(query(statement)).await {
            Err(error) if is_transient(&error) || is_made_by_another(&error) => {
                tokio::time::sleep(ONLINE_POLL).await;
            }
            outcome => return Ok(outcome?),
        }
    }
    Ok(graph.run(query(statement)).await?)
}

fn is_made_by_another(error: &neo4rs::Error) -> bool {
    const EXISTS: &str = "Neo.ClientError.Schema.EquivalentSchemaRuleAlreadyExists";
    matches!(error, neo4rs::Error::Neo4j(error) if error.code() == EXISTS)
}

async fn wait_until_online(graph: &Graph) -> Result<(), StoreError> {
    let started = Instant::now();
    loop {
        let Some((name, state)) = index_not_online(graph).await? else {
            return Ok(());
        };
        if state == "FAILED" {
            return Err(unavailable(format_args!(
                "index `{name}` could not be filled; drop it and migrate again"
            )));
        }
        if started.elapsed() > ONLINE_WAIT {
            let seconds = ONLINE_WAIT.as_secs();
            return Err(unavailable(format_args!("index `{name}` is not online after {seconds} s")));
        }
        tokio::time::sleep(ONLINE_POLL).await;
    }
}

async fn index_not_online(graph: &Graph) -> Result<Option<(String, String)>, StoreError> {
    let statement =
        "SHOW INDEXES YIELD name, state WHERE state <> 'ONLINE' RETURN name, state ORDER BY state";
    let mut rows = graph.execute_read(query(statement)).await?;
    match rows.next().await? {
        Some(row) => Ok(Some((row.get("name")?, row.get("state")?))),
        None => Ok(None),
    }
}

/// The statements of a definition, without its comment lines.
fn statements(definition: &str) -> Vec<String> {
    let code: Vec<&str> = definition.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    code.join("\n")
        .split(';')
        .map(|statement| statement.trim().to_owned())
        .filter(|s| !s.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_holds_every_documented_statement() {
        let statements = statements(FOOD_GRAPH);
        let documented = [
            // Documented as unique by id alone; here within the tenant (ADR 6).
            "CREATE CONSTRAINT product_id IF NOT EXISTS FOR (p:Product) REQUIRE (p.tenant_id, p.id) IS UNIQUE",
            "CREATE CONSTRAINT ingredient_id IF NOT EXISTS FOR (i:Ingredient) REQUIRE (i.tenant_id, i.id) IS UNIQUE",
            "CREATE CONSTRAINT sku_id IF NOT EXISTS FOR (s:SKU) REQUIRE (s.tenant_id, s.id) IS UNIQUE",
            "CREATE CONSTRAINT supplier_id IF NOT EXISTS FOR (s:Supplier) REQUIRE (s.tenant_id, s.id) IS UNIQUE",
            "CREATE CONSTRAINT batch_id IF NOT EXISTS FOR (b:Batch) REQUIRE (b.tenant_id, b.id) IS UNIQUE",
            "CREATE CONSTRAINT location_id IF NOT EXISTS FOR (l:Location) REQUIRE (l.tenant_id, l.id) IS UNIQUE",
            // The rest word for word.
            "CREATE INDEX product_tenant_id IF NOT EXISTS FOR (p:Product) ON (p.tenant_id)",
            "CREATE INDEX ingredient_tenant_id IF NOT EXISTS FOR (i:Ingredient) ON (i.tenant_id)",
            "CREATE INDEX supplier_tenant_id IF NOT EXISTS FOR (s:Supplier) ON (s.tenant_id)",
            "CREATE INDEX batch_tenant_id IF NOT EXISTS FOR (b:Batch) ON (b.tenant_id)",
        ];
        for statement in documented {
            assert!(statements.iter().any(|found| found == statement), "{statement}");
        }
        assert!(statements.iter().all(|statement| statement.contains("IF NOT EXISTS")), "{statements:#?}");
        assert!(statements.iter().all(|statement| name(statement).is_some()), "{statements:#?}");
        assert_eq!(name(documented[0]), Some("product_id"));
    }
}
