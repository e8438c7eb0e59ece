//! Opens the log and the stores that the settings name.

use std::sync::Arc;

use foodflow_commands::{Clock, Executor};
use foodflow_log::{OpenedLog, SharedLog};
use foodflow_projections::runner::RunnerConfig;

use crate::config::Config;
use crate::log_address::{LogAddress, NewLog};
use crate::master_key::open_keyring;
use crate::plans::catalogue;
use crate::process::ProcessName;
use crate::read_models::{Logs, ReadModels, Runners};

/// The log and the read models of one process.
pub struct Runtime {
    /// The event log.
    pub log: SharedLog,
    /// The same with personal data opened, for projections of it.
    pub opened_log: SharedLog,
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
        let keyring = open_keyring(config, &log).await?;
        let models = ReadModels::open(config).await?;
        let opened_log: SharedLog = Arc::new(OpenedLog::new(Arc::clone(&log), Arc::clone(&keyring)));
        let plans = catalogue(&config.plans)?;
        let executor = Arc::new(Executor::with_plans(Arc::clone(&log), keyring, clock, plans));
        Ok(Self { log, opened_log, models, executor, name: ProcessName::of(&config.data) })
    }

    /// Starts a projector for every read model and partition; each works while this process has the partition's lease.
    ///
    /// # Errors
    /// Where a projection cannot be run.
    pub fn project(&self) -> anyhow::Result<Runners> {
        let config = RunnerConfig { owner: Some(self.name.owner.clone()), ..RunnerConfig::default() };
        self.models.project(&self.logs(), &config)
    }

    /// The log as projections read it.
    #[must_use]
    pub fn logs(&self) -> Logs {
        Logs { sealed: Arc::clone(&self.log), opened: Arc::clone(&self.opened_log) }
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
