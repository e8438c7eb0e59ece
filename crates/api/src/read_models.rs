//! The read models of a process: the stores that the settings name, and the projections that fill them. Each store is
//! chosen on its own.

use std::sync::Arc;

use anyhow::Context as _;
use foodflow_log::SharedLog;
use foodflow_projections::audit::AUDIT;
use foodflow_projections::graph::GraphStore;
use foodflow_projections::graph::embedded::EmbeddedGraph;
use foodflow_projections::graph::neo4j::{Neo4jConfig, Neo4jGraph};
use foodflow_projections::identity::IDENTITY;
use foodflow_projections::runner::{
    Projection, ProjectionStatus, Runner, RunnerConfig, RunnerHandle, food_graph,
};
use foodflow_projections::store::{ReadModel, Sink};
use foodflow_projections::tables::embedded::EmbeddedTables;
use foodflow_projections::tables::postgres::{PostgresConfig, PostgresTables};
use foodflow_projections::tables::{TableProjection, TableStore, projection};
use foodflow_projections::tenancy::TENANCY;

use crate::config::Config;

/// The log as projections read it.
#[derive(Clone)]
pub struct Logs {
    /// As it is: for projections of what belongs to no person.
    pub sealed: SharedLog,
    /// With personal data opened.
    pub opened: SharedLog,
}

/// The stores of every read model.
#[derive(Clone)]
pub struct ReadModels {
    /// The traceability graph.
    pub graph: Arc<dyn GraphStore>,
    /// Tenants, their subscriptions, features and use.
    pub tenancy: Arc<dyn TableStore>,
    /// Users, roles, sessions and keys.
    pub identity: Arc<dyn TableStore>,
    /// Who did what when.
    pub audit: Arc<dyn TableStore>,
}

impl ReadModels {
    /// Opens what `config` names and brings its schemas up to date.
    ///
    /// # Errors
    /// Where a store cannot be reached or refuses; the error says what to do.
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        Ok(Self {
            graph: open_graph(config).await?,
            tenancy: open_tables(config, &TENANCY).await?,
            identity: open_tables(config, &IDENTITY).await?,
            audit: open_tables(config, &AUDIT).await?,
        })
    }

    /// Each projection with the store that it fills.
    #[must_use]
    pub fn all(&self) -> [(&'static str, Arc<dyn ReadModel>); 4] {
        [
            (food_graph().name(), self.graph.clone()),
            (TENANCY.name, self.tenancy.clone()),
            (IDENTITY.name, self.identity.clone()),
            (AUDIT.name, self.audit.clone()),
        ]
    }

    /// Starts the projectors of every read model.
    ///
    /// # Errors
    /// Where a projection cannot be run.
    pub fn project(&self, logs: &Logs, config: &RunnerConfig) -> anyhow::Result<Runners> {
        let log = &logs.sealed;
        Ok(Runners {
            food_graph: start(log, self.graph.clone(), food_graph(), config)?,
            tenancy: start(log, self.tenancy.clone(), projection(&TENANCY), config)?,
            identity: start(&logs.opened, self.identity.clone(), projection(&IDENTITY), config)?,
            // It keeps what is sealed as it is.
            audit: start(log, self.audit.clone(), projection(&AUDIT), config)?,
        })
    }

    /// Watches the projectors of other processes.
    ///
    /// # Errors
    /// Where a projection cannot be run.
    pub fn watch(&self, log: &SharedLog) -> anyhow::Result<Runners> {
        let watch = |store, name| {
            Runner::watch(Arc::clone(log), store, name, RunnerConfig::default())
                .context("cannot watch the projectors")
        };
        Ok(Runners {
            food_graph: watch(self.graph.clone(), food_graph().name())?,
            tenancy: watch(self.tenancy.clone(), TENANCY.name)?,
            identity: watch(self.identity.clone(), IDENTITY.name)?,
            audit: watch(self.audit.clone(), AUDIT.name)?,
        })
    }
}

fn start<C: Clone + Send + Sync + 'static>(
    log: &SharedLog,
    store: Arc<dyn Sink<C>>,
    projection: Arc<dyn Projection<C>>,
    config: &RunnerConfig,
) -> anyhow::Result<RunnerHandle> {
    Runner::start(Arc::clone(log), store, projection, config.clone()).context("cannot start the projectors")
}

/// The runners of a process, one for each read model. Cheap to clone.
#[derive(Clone)]
pub struct Runners {
    /// Of the traceability graph.
    pub food_graph: RunnerHandle,
    /// Of tenancy's tables.
    pub tenancy: RunnerHandle,
    /// Of identity's tables.
    pub identity: RunnerHandle,
    /// Of the audit trail.
    pub audit: RunnerHandle,
}

impl Runners {
    /// All of them.
    #[must_use]
    pub const fn all(&self) -> [&RunnerHandle; 4] {
        [&self.food_graph, &self.tenancy, &self.identity, &self.audit]
    }

    /// Whether each of them is ready.
    #[must_use]
    pub fn are_ready(&self) -> bool {
        self.all().into_iter().all(RunnerHandle::is_ready)
    }

    /// How every partition of each is doing.
    pub async fn status(&self) -> Vec<ProjectionStatus> {
        let mut statuses = Vec::new();
        for runner in self.all() {
            statuses.extend(runner.status().await);
        }
        statuses
    }

    /// Ends them, all at once.
    pub async fn stop(&self) {
        futures::future::join_all(self.all().map(RunnerHandle::stop)).await;
    }
}

/// Opens the traceability graph and brings its schema up to date.
///
/// # Errors
/// Where it cannot be reached.
pub async fn open_graph(config: &Config) -> anyhow::Result<Arc<dyn GraphStore>> {
    let graph: Arc<dyn GraphStore> = match config.neo4j() {
        None => {
            make_data_folder(config)?;
            Arc::new(EmbeddedGraph::open(&config.embedded_graph()).await?)
        }
        Some(neo4j) => Arc::new(Neo4jGraph::connect(neo4j).await?),
    };
    graph.migrate().await.context("cannot bring the graph's schema up to date")?;
    Ok(graph)
}

/// Opens the tables of a projection and brings their schema up to date.
///
/// # Errors
/// Where they cannot be reached.
pub async fn open_tables(
    config: &Config,
    tables: &'static TableProjection,
) -> anyhow::Result<Arc<dyn TableStore>> {
    let store: Arc<dyn TableStore> = match config.postgres() {
        None => {
            make_data_folder(config)?;
            Arc::new(EmbeddedTables::open(&config.embedded_tables(tables.name), tables).await?)
        }
        Some(postgres) => Arc::new(PostgresTables::new(postgres.connect().await?, tables)),
    };
    let name = tables.name;
    store.migrate().await.with_context(|| format!("cannot bring the schema of {name} up to date"))?;
    Ok(store)
}

fn make_data_folder(config: &Config) -> anyhow::Result<()> {
    std::fs::create_dir_all(&config.data)
        .with_context(|| format!("cannot make the data folder {}", config.data.display()))
}

impl Config {
    /// The Neo4j server that the settings name.
    #[must_use]
    pub fn neo4j(&self) -> Option<Neo4jConfig> {
        self.neo4j_url.as_ref().map(|uri| Neo4jConfig {
            uri: uri.0.clone(),
            user: self.neo4j_user.clone(),
            password: self.neo4j_password.0.clone(),
            database: self.neo4j_database.clone(),
        })
    }

    /// The PostgreSQL server that the settings name.
    #[must_use]
    pub fn postgres(&self) -> Option<PostgresConfig> {
        self.postgres_url.as_ref().map(|url| PostgresConfig { url: url.0.clone() })
    }
}
