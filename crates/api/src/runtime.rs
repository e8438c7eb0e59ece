//! Opens the log and the stores that the settings name.

use std::sync::Arc;

use foodflow_commands::{Clock, Executor};
use foodflow_log::SharedLog;
use foodflow_projections::runner::RunnerConfig;

use crate::config::Config;
use crate::log_address::{LogAddress, NewLog};
use crate::process::ProcessName;
use crate::read_models::{ReadModels, Runners};

/// The log and the read models of one process.
pub struct Runtime {
    /// The event log.
    pub log: SharedLog,
    /// The stores of the read models.
    pub models: ReadModels,
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
        let models = ReadModels::open(config).await?;
        let executor = Arc::new(Executor::new(Arc::clone(&log), clock));
        Ok(Self { log, models, executor, name: ProcessName::of(&config.data) })
    }

    /// Starts a projector for every read model and partition; each works while this process has the partition's lease.
    ///
    /// # Errors
    /// Where a projection cannot be run.
    pub fn project(&self) -> anyhow::Result<Runners> {
        let config = RunnerConfig { owner: Some(self.name.owner.clone()), ..RunnerConfig::default() };
        self.models.project(&self.log, &config)
    }

    /// Watches the projectors of other processes.
    ///
    /// # Errors
    /// Where a projection cannot be run.
    pub fn watch(&self) -> anyhow::Result<Runners> {
        self.models.watch(&self.log)
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
