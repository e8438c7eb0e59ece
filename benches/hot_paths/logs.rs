//! New logs of every kind, whose servers and files end with them.

use std::sync::Arc;

use foodflow_log::SharedLog;
use foodflow_log::embedded::EmbeddedLog;
use foodflow_log::memory::MemoryLog;
use foodflow_log::nats::{NatsConfig, NatsLog};
use foodflow_testkit::servers::NatsServer;
use tempfile::TempDir;

/// A kind of log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Adapter {
    Memory,
    Embedded,
    Nats,
}

impl Adapter {
    pub(crate) const ALL: [Self; 3] = [Self::Memory, Self::Embedded, Self::Nats];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Embedded => "embedded",
            Self::Nats => "nats",
        }
    }
}

/// An empty log with what it stands on.
pub(crate) struct OpenLog {
    pub(crate) log: SharedLog,
    /// The server, where the log is on one.
    pub(crate) server: Option<NatsServer>,
    /// A folder on the disk on which the log's own files are.
    pub(crate) folder: TempDir,
}

impl OpenLog {
    /// Opens a new log of the kind.
    ///
    /// # Errors
    /// Where the server or the file cannot be had.
    pub(crate) async fn open(adapter: Adapter) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("foodflow-bench-").tempdir()?;
        let (log, server): (SharedLog, _) = match adapter {
            Adapter::Memory => (Arc::new(MemoryLog::new(1)), None),
            Adapter::Embedded => {
                (Arc::new(EmbeddedLog::open(&folder.path().join("log.sqlite")).await?), None)
            }
            Adapter::Nats => {
                let server = NatsServer::start().await?;
                let log = NatsLog::connect(NatsConfig::new(server.url())).await?;
                (Arc::new(log), Some(server))
            }
        };
        Ok(Self { log, server, folder })
    }
}
