//! Opens the log and the stores that the settings name.

use std::sync::Arc;

use anyhow::Context as _;
use foodflow_commands::{Clock, Executor};
use foodflow_log::SharedLog;
use foodflow_projections::graph::GraphStore;
use foodflow_projections::graph::embedded::EmbeddedGraph;
use foodflow_projections::graph::neo4j::{Neo4jConfig, Neo4jGraph};
use foodflow_projections::runner::{Runner, RunnerConfig, RunnerHandle, food_graph};

use crate::config::Config;
use crate::log_address::{LogAddress, NewLog};
use crate::process::ProcessName;

/// The log and the read model of one process.
pub struct Runtime {
    /// The event log.
    pub log: SharedLog,
    /// The traceability graph.
    pub graph: Arc<dyn GraphStore>,
    /// The write path.
    pub executor: Arc<Executor>,
    /// Who this process is to the others that project.
    pub name: ProcessName,
}

impl Runtime {
    /// Opens what `config` names and brings its schemas up to date.
    ///
    /// # Errors
    /// Where a store cannot be reached or refuses; the error says what to do.
    pub async fn open(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let log = open_log(config).await?;
        let graph = open_graph(config).await?;
        graph.migrate().await.context("cannot bring the read model's schema up to date")?;
        let executor = Arc::new(Executor::new(Arc::clone(&log), clock));
        Ok(Self { log, graph, executor, name: ProcessName::of(&config.data) })
    }

    /// Starts a projector for every partition; each works while this process has the partition's lease.
    ///
    /// # Errors
    /// Where the projection cannot be run.
    pub fn project(&self) -> anyhow::Result<RunnerHandle> {
        let config = RunnerConfig { owner: Some(self.name.owner.clone()), ..RunnerConfig::default() };
        Runner::start(Arc::clone(&self.log), self.graph.clone(), food_graph(), config)
            .context("cannot start the projectors")
    }

    /// Watches the projectors of other processes.
    ///
    /// # Errors
    /// Where the projection cannot be run.
    pub fn watch(&self) -> anyhow::Result<RunnerHandle> {
        let projection = food_graph().name();
        Runner::watch(Arc::clone(&self.log), self.graph.clone(), projection, RunnerConfig::default())
            .context("cannot watch the projectors")
    }
}

/// Opens the log.
///
/// # Errors
/// Where it cannot be reached, is too old, or does not fit the settings.
pub async fn open_log(config: &Config) -> anyhow::Result<SharedLog> {
    let new = NewLog { partitions: config.log_partitions, replicas: config.log_replicas, copy_of: None };
    LogAddress::of(config).open(new).await
}

/// Opens the traceability graph.
///
/// # Errors
/// Where it cannot be reached.
pub async fn open_graph(config: &Config) -> anyhow::Result<Arc<dyn GraphStore>> {
    let Some(uri) = &config.neo4j_url else {
        std::fs::create_dir_all(&config.data)
            .with_context(|| format!("cannot make the data folder {}", config.data.display()))?;
        return Ok(Arc::new(EmbeddedGraph::open(&config.embedded_graph()).await?));
    };
    let neo4j = Neo4jConfig {
        uri: uri.clone(),
        user: config.neo4j_user.clone(),
        password: config.neo4j_password.0.clone(),
        database: config.neo4j_database.clone(),
    };
    Ok(Arc::new(Neo4jGraph::connect(neo4j).await?))
}
