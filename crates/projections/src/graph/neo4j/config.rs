//! How to reach the server. The password must never leave this module other than to the driver.

use std::fmt;
use std::time::Duration;

use neo4rs::{ConfigBuilder, Graph, query};

use super::error::unavailable;
use crate::graph::StoreError;

/// Oldest major version that has the syntax and the pruning traversal this store relies on.
const SERVER_MAJOR_MIN: u32 = 5;
/// Most connections that are open at once.
const CONNECTIONS_MAX: usize = 16;
/// Rows that the driver asks for at a time.
const FETCH_ROWS: usize = 1_000;
/// How long [`Neo4jConfig::open`] waits for the server's first answer.
const FIRST_ANSWER_WAIT: Duration = Duration::from_secs(10);
/// How long a statement waits for a free connection.
const POOL_WAIT: Duration = Duration::from_secs(30);
/// How long the driver waits for the next message of an answer before it gives the connection up.
const MESSAGE_WAIT: Duration = Duration::from_secs(60);

/// Where a Neo4j server is and who connects.
#[derive(Clone)]
pub struct Neo4jConfig {
    /// E.g. `bolt://localhost:7687`; `bolt+s` and `neo4j+s` for TLS.
    pub uri: String,
    /// The user; any where the server asks for none.
    pub user: String,
    /// The password; any where the server asks for none.
    pub password: String,
    /// The database; the server's default where none is named.
    pub database: Option<String>,
}

impl fmt::Debug for Neo4jConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Neo4jConfig").field("address", &self.address()).finish_non_exhaustive()
    }
}

impl Neo4jConfig {
    /// The URI without user and password, and the database.
    #[must_use]
    pub fn address(&self) -> String {
        let (scheme, rest) = self.uri.split_once("://").unwrap_or(("bolt", &self.uri));
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let server = authority.rsplit_once('@').map_or(authority, |(_, server)| server);
        match &self.database {
            Some(database) => format!("{scheme}://{server}/{database}"),
            None => format!("{scheme}://{server}"),
        }
    }

    /// Opens a pool of connections and asks for the server's version.
    pub(super) async fn open(self) -> Result<Graph, StoreError> {
        let address = self.address();
        let failed = |reason: String| unavailable(format_args!("{address}: {reason}"));
        let mut builder = ConfigBuilder::default()
            .uri(self.uri)
            .user(self.user)
            .password(self.password)
            .fetch_size(FETCH_ROWS)
            .max_connections(CONNECTIONS_MAX)
            .connection_timeout(MESSAGE_WAIT)
            // The driver takes this as the longest wait for a free connection.
            .max_lifetime(POOL_WAIT);
        if let Some(database) = self.database {
            builder = builder.db(database);
        }
        let connected = async {
            let graph = Graph::connect(builder.build()?)?;
            let version = server_version(&graph).await?;
            Ok::<_, neo4rs::Error>((graph, version))
        };
        let (graph, version) = tokio::time::timeout(FIRST_ANSWER_WAIT, connected)
            .await
            .map_err(|_| failed(format!("no answer within {} s", FIRST_ANSWER_WAIT.as_secs())))?
            .map_err(|error| failed(error.to_string()))?;
        match major(&version) {
            Some(major) if major >= SERVER_MAJOR_MIN => Ok(graph),
            _ => Err(failed(format!("Neo4j {SERVER_MAJOR_MIN} or later is needed, this is `{version}`"))),
        }
    }
}

async fn server_version(graph: &Graph) -> Result<String, neo4rs::Error> {
    let statement = query("CALL dbms.components() YIELD versions RETURN versions[0] AS version LIMIT 1");
    let mut rows = graph.execute_read(statement).await?;
    let row = rows.next().await?.ok_or(neo4rs::Error::NoMoreRows)?;
    Ok(row.get("version")?)
}

fn major(version: &str) -> Option<u32> {
    version.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(uri: &str, database: Option<&str>) -> Neo4jConfig {
        Neo4jConfig {
            uri: uri.to_owned(),
            user: "plant".to_owned(),
            password: "s3cret".to_owned(),
            database: database.map(str::to_owned),
        }
    }

    #[test]
    fn the_address_names_no_user_and_no_password() {
        assert_eq!(config("bolt://db:7687", None).address(), "bolt://db:7687");
        assert_eq!(config("neo4j+s://a:b@db:7687/x?k=v", Some("food")).address(), "neo4j+s://db:7687/food");
        assert_eq!(config("bolt://a:p@ss@db", None).address(), "bolt://db");
        let debug = format!("{:?}", config("bolt://plant:s3cret@db", None));
        assert!(!debug.contains("s3cret") && !debug.contains("plant"), "{debug}");
    }

    #[test]
    fn versions_of_both_numbering_schemes_are_read() {
        assert_eq!(major("5.26.0"), Some(5));
        assert_eq!(major("2025.06.1"), Some(2025));
        assert_eq!(major("aura"), None);
    }
}
