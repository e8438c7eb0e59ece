//! NATS, Neo4j, PostgreSQL and Redis for a whole run of tests, or for a developer's afternoon.
//!
//! They must never outlive the task that started them, nor leave their data behind.

use std::thread;
use std::time::Duration;

use anyhow::ensure;

use crate::install::{Installer, Item};
use crate::launch::nats::NatsProcess;
use crate::launch::neo4j::Neo4jProcess;
use crate::launch::postgres::PostgresProcess;
use crate::launch::redis::RedisProcess;
use crate::launch::tools::{NATS_URL, NEO4J_URL, POSTGRES_URL, REDIS_URL};
use crate::report;
use crate::run::check_interrupted;
use crate::workspace::Workspace;

/// The servers that tests share; stopped, and their folders removed, when dropped.
#[derive(Debug)]
pub struct Servers {
    nats: NatsProcess,
    redis: RedisProcess,
    postgres: PostgresProcess,
    neo4j: Neo4jProcess,
}

impl Servers {
    /// Starts the servers and waits until they answer.
    ///
    /// # Errors
    /// When one does not start; the error carries the end of its log.
    pub fn start(workspace: &Workspace) -> anyhow::Result<Self> {
        let nats = NatsProcess::start(workspace.tools())?;
        check_interrupted()?;
        report::line(&format!("NATS answers at {}", nats.url()));
        let redis = RedisProcess::start()?;
        check_interrupted()?;
        report::line(&format!("Redis answers at {}", redis.url()));
        let postgres = PostgresProcess::start();
        check_interrupted()?;
        let postgres = postgres?;
        report::line(&format!("PostgreSQL answers at {}", postgres.url()));
        let neo4j = Neo4jProcess::start(workspace.tools());
        check_interrupted()?;
        let neo4j = neo4j?;
        report::line(&format!("Neo4j answers at {}", neo4j.url()));
        Ok(Self { nats, redis, postgres, neo4j })
    }

    /// The variables that tell tests where the servers are.
    #[must_use]
    pub fn environment(&self) -> [(&'static str, String); 4] {
        [
            (NATS_URL, self.nats.url()),
            (NEO4J_URL, self.neo4j.url()),
            (POSTGRES_URL, self.postgres.url()),
            (REDIS_URL, self.redis.url()),
        ]
    }
}

/// Starts the servers, prints the variables to export, and waits for an interrupt.
///
/// # Errors
/// When a server does not start, or ends by itself.
pub fn serve(workspace: &Workspace, may_install: bool) -> anyhow::Result<()> {
    Installer::new(workspace, may_install).ensure(&Item::SERVERS)?;
    let mut servers = Servers::start(workspace)?;
    report::line("for tests:");
    for (name, url) in servers.environment() {
        report::output(&format!("export {name}={url}"));
    }
    report::line("for foodflow itself:");
    report::output(&format!("export FOODFLOW_LOG_URL={}", servers.nats.url()));
    report::output(&format!("export FOODFLOW_NEO4J_URL={}", servers.neo4j.url()));
    report::output(&format!("export FOODFLOW_POSTGRES_URL={}", servers.postgres.url()));
    report::output(&format!("export FOODFLOW_REDIS_URL={}", servers.redis.url()));
    report::line("Ctrl-C stops them and removes their data.");
    loop {
        thread::sleep(Duration::from_millis(100));
        if check_interrupted().is_err() {
            // The end that was asked for is no failure.
            return Ok(());
        }
        ensure!(servers.nats.is_running(), "NATS ended by itself");
        ensure!(servers.neo4j.is_running(), "Neo4j ended by itself");
        ensure!(servers.postgres.is_running(), "PostgreSQL ended by itself");
        ensure!(servers.redis.is_running(), "Redis ended by itself");
    }
}
