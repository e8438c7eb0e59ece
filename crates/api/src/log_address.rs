//! Where a log is, in the words of the settings and of commands that name a second log.
//!
//! Nothing here shows the credentials that an address may hold.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use foodflow_log::embedded::EmbeddedLog;
use foodflow_log::event_log::PARTITIONS_DEFAULT;
use foodflow_log::nats::{NatsConfig, NatsCredentials, NatsLog};
use foodflow_log::partitioned::PartitionedEmbedded;
use foodflow_log::{EventLog as _, LogError, SharedLog};

use crate::config::{Config, Secret};

/// How a folder or file is told from an address of NATS without a scheme.
const FILE_SCHEME: &str = "file:";
/// How an address of EventStoreDB is told from one of NATS.
const EVENT_STORE_SCHEMES: [&str; 2] = ["esdb://", "esdb+discover://"];

/// Where a log is or is to be.
#[derive(Debug, Clone)]
pub enum LogAddress {
    /// An SQLite file: one partition.
    File(PathBuf),
    /// A folder with an SQLite file for each partition.
    Folder(PathBuf),
    /// JetStream, and how to sign in where the address does not say.
    Nats(Secret, Option<NatsCredentials>),
    /// EventStoreDB; reached only by a program that is built with the feature `eventstore`.
    EventStore(Secret),
}

/// What a log is made with where there is none.
#[derive(Debug, Clone, Copy)]
pub struct NewLog<'a> {
    /// Partitions, where the adapter leaves a choice; the adapter's default for `None`. One that exists must agree.
    pub partitions: Option<u16>,
    /// Replicas on JetStream.
    pub replicas: u8,
    /// What it is made a copy of, for people.
    pub copy_of: Option<&'a str>,
}

impl LogAddress {
    /// The log of the settings.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        match &config.log_url {
            None => Self::File(config.embedded_log()),
            Some(url) => match url.0.trim().strip_prefix(FILE_SCHEME) {
                Some(path) => Self::of_path(without_slashes(path)),
                None => Self::of_url(url.clone(), config.nats_credentials()),
            },
        }
    }

    /// A log that a command names: an address with `://`, else an SQLite file, else a folder.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let text = text.trim();
        if let Some(path) = text.strip_prefix(FILE_SCHEME) {
            return Self::of_path(without_slashes(path));
        }
        if text.contains("://") {
            return Self::of_url(Secret(text.to_owned()), None);
        }
        Self::of_path(PathBuf::from(text))
    }

    fn of_url(url: Secret, sign_in: Option<NatsCredentials>) -> Self {
        let is_event_store = EVENT_STORE_SCHEMES.iter().any(|scheme| url.0.trim().starts_with(scheme));
        if is_event_store { Self::EventStore(url) } else { Self::Nats(url, sign_in) }
    }

    fn of_path(path: PathBuf) -> Self {
        let is_named_so = path.extension().is_some_and(|end| end == "sqlite" || end == "db");
        if path.is_file() || (is_named_so && !path.is_dir()) { Self::File(path) } else { Self::Folder(path) }
    }

    /// What kind of log it is.
    #[must_use]
    pub const fn adapter(&self) -> &'static str {
        match self {
            Self::File(_) => "embedded",
            Self::Folder(_) => "embedded folder",
            Self::Nats(..) => "JetStream",
            Self::EventStore(_) => "EventStoreDB",
        }
    }

    /// Where it is or would be, without credentials.
    #[must_use]
    pub fn place(&self) -> String {
        match self {
            Self::File(path) | Self::Folder(path) => path.display().to_string(),
            // The part before the last `@` of an address may hold a password.
            Self::Nats(url, _) => {
                let addresses = url.0.split(',').map(|one| {
                    let (scheme, rest) = one.trim().split_once("://").unwrap_or(("nats", one.trim()));
                    format!("{scheme}://{}", rest.rsplit_once('@').map_or(rest, |(_, host)| host))
                });
                addresses.collect::<Vec<_>>().join(",")
            }
            // One address with several hosts, and settings behind them.
            Self::EventStore(url) => {
                let (scheme, rest) = url.0.trim().split_once("://").unwrap_or(("esdb", url.0.trim()));
                let hosts = rest.rsplit_once('@').map_or(rest, |(_, hosts)| hosts);
                let hosts = hosts.split_once('?').map_or(hosts, |(hosts, _)| hosts);
                format!("{scheme}://{}", hosts.trim_end_matches('/'))
            }
        }
    }

    /// Whether both are the same file, folder or server.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        let path = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        match (self, other) {
            (Self::File(one), Self::File(two)) | (Self::Folder(one), Self::Folder(two)) => {
                path(one) == path(two)
            }
            (Self::Nats(..), Self::Nats(..)) | (Self::EventStore(_), Self::EventStore(_)) => {
                self.place() == other.place()
            }
            _ => false,
        }
    }

    /// Opens it; `None` where there is none yet. Never makes one.
    ///
    /// # Errors
    /// Where it cannot be reached, is too old, or does not have `partitions` of them.
    pub async fn find(&self, partitions: Option<u16>) -> anyhow::Result<Option<SharedLog>> {
        Ok(match self {
            Self::File(path) if !is_written(path) => None,
            Self::File(path) => Some(Arc::new(EmbeddedLog::open(path).await?)),
            Self::Folder(path) => match PartitionedEmbedded::open(path).await? {
                Some(log) => Some(self.agreed(log, partitions)?),
                None => None,
            },
            Self::Nats(url, sign_in) => {
                let credentials = sign_in.clone();
                let config = NatsConfig { partitions, credentials, ..NatsConfig::new(url.0.clone()) };
                NatsLog::connect_existing(config).await?.map(|log| Arc::new(log) as SharedLog)
            }
            Self::EventStore(url) => event_store::find(url, partitions).await?,
        })
    }

    /// Opens it, and makes it where there is none.
    ///
    /// # Errors
    /// Where it cannot be reached or made, is too old, or does not fit.
    pub async fn open(&self, new: NewLog<'_>) -> anyhow::Result<SharedLog> {
        let NewLog { partitions, replicas, copy_of } = new;
        Ok(match self {
            Self::File(path) => Arc::new(EmbeddedLog::open(path).await?),
            Self::Folder(path) => {
                let count = partitions.unwrap_or(PARTITIONS_DEFAULT);
                let log = PartitionedEmbedded::open_or_create(path, count, copy_of).await?;
                self.agreed(log, partitions)?
            }
            Self::Nats(url, sign_in) => {
                let credentials = sign_in.clone();
                let config =
                    NatsConfig { partitions, replicas, credentials, ..NatsConfig::new(url.0.clone()) };
                Arc::new(NatsLog::connect(config).await?)
            }
            Self::EventStore(url) => event_store::open(url, partitions).await?,
        })
    }

    fn agreed(&self, log: PartitionedEmbedded, partitions: Option<u16>) -> anyhow::Result<SharedLog> {
        let (place, count) = (self.place(), log.partition_count());
        anyhow::ensure!(
            partitions.is_none_or(|wanted| wanted == count),
            "the log in {place} has {count} partitions; leave the setting out or set it to {count}"
        );
        Ok(Arc::new(log))
    }

    /// Opens it, and makes it with `partitions` of them where there is none; one that exists may have another number.
    ///
    /// # Errors
    /// As [`Self::open`]; also where a log of this kind cannot have so many.
    pub async fn open_as_copy(
        &self,
        partitions: u16,
        replicas: u8,
        copy_of: &str,
    ) -> anyhow::Result<SharedLog> {
        match self.find(None).await {
            Ok(Some(found)) => return Ok(found),
            Ok(None) => {}
            // Where its creation was cut short it is finished below; what is wrong otherwise is found again there.
            Err(error) if matches!(error.downcast_ref(), Some(LogError::Configuration { .. })) => {}
            Err(error) => return Err(error),
        }
        let is_one_file = matches!(self, Self::File(_));
        anyhow::ensure!(
            !is_one_file || partitions == 1,
            "{} would have one partition, and {copy_of} has {partitions}: name a folder (`file:<folder>` in the \
             settings) or a server instead",
            self.place()
        );
        let new = NewLog { partitions: Some(partitions), replicas, copy_of: Some(copy_of) };
        self.open(new).await.context("cannot make the log")
    }
}

/// What is behind the feature `eventstore`.
#[cfg(feature = "eventstore")]
mod event_store {
    use std::sync::Arc;

    use foodflow_log::SharedLog;
    use foodflow_log::eventstore::{EventStoreConfig, EventStoreLog};

    use crate::config::Secret;

    fn config(url: &Secret, partitions: Option<u16>) -> EventStoreConfig {
        EventStoreConfig { partitions, ..EventStoreConfig::new(url.0.clone()) }
    }

    pub(super) async fn find(url: &Secret, partitions: Option<u16>) -> anyhow::Result<Option<SharedLog>> {
        let log = EventStoreLog::connect_existing(&config(url, partitions)).await?;
        Ok(log.map(|log| Arc::new(log) as SharedLog))
    }

    pub(super) async fn open(url: &Secret, partitions: Option<u16>) -> anyhow::Result<SharedLog> {
        Ok(Arc::new(EventStoreLog::connect(&config(url, partitions)).await?))
    }
}

/// What there is without it.
#[cfg(not(feature = "eventstore"))]
mod event_store {
    use foodflow_log::SharedLog;

    use crate::config::Secret;

    const LACKING: &str = "this program was built without EventStoreDB: build it with `--features eventstore`, or name \
                           a log on NATS or in files";

    pub(super) async fn find(_: &Secret, _: Option<u16>) -> anyhow::Result<Option<SharedLog>> {
        anyhow::bail!(LACKING)
    }

    pub(super) async fn open(_: &Secret, _: Option<u16>) -> anyhow::Result<SharedLog> {
        anyhow::bail!(LACKING)
    }
}

/// The path of `file:<path>` or `file://<path>`.
fn without_slashes(path: &str) -> PathBuf {
    PathBuf::from(path.strip_prefix("//").unwrap_or(path))
}

/// Whether the SQLite file at `path` exists with any content, be it in its write-ahead log alone.
#[must_use]
pub fn is_written(path: &Path) -> bool {
    let mut write_ahead = path.as_os_str().to_owned();
    write_ahead.push("-wal");
    let has_content = |path: &Path| std::fs::metadata(path).is_ok_and(|found| found.len() > 0);
    has_content(path) || has_content(Path::new(&write_ahead))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(log_url: Option<&str>) -> LogAddress {
        LogAddress::of(&Config { log_url: log_url.map(|url| Secret(url.to_owned())), ..Config::default() })
    }

    #[test]
    fn an_address_says_which_adapter_it_means() {
        let cases = [
            (of(None), "embedded", "data/log.sqlite"),
            (of(Some("file:copy")), "embedded folder", "copy"),
            (of(Some("file:///backup/copy")), "embedded folder", "/backup/copy"),
            (of(Some("file:one.sqlite")), "embedded", "one.sqlite"),
            (of(Some("localhost:4222")), "JetStream", "nats://localhost:4222"),
            (LogAddress::parse("/backup/copy"), "embedded folder", "/backup/copy"),
            (LogAddress::parse("file:copy"), "embedded folder", "copy"),
            (LogAddress::parse("file:one.sqlite"), "embedded", "one.sqlite"),
            (LogAddress::parse("old/log.sqlite"), "embedded", "old/log.sqlite"),
            (LogAddress::parse("nats://log:4222"), "JetStream", "nats://log:4222"),
            (of(Some("esdb://log:2113")), "EventStoreDB", "esdb://log:2113"),
            (LogAddress::parse("esdb+discover://log"), "EventStoreDB", "esdb+discover://log"),
        ];
        for (address, adapter, place) in cases {
            assert_eq!((address.adapter(), address.place().as_str()), (adapter, place));
        }
    }

    #[test]
    fn the_place_of_a_log_holds_no_credentials() {
        let address = of(Some("nats://plant:s3cr@t@one:4222, tls://t0ken@two"));
        assert_eq!(address.place(), "nats://one:4222,tls://two");
        assert!(address.is_same_as(&LogAddress::parse("nats://other@one:4222,tls://two")));
        assert!(!address.is_same_as(&LogAddress::parse("nats://one:4222")));
        assert!(!format!("{address:?}").contains("s3cr"));
        let address = of(Some("esdb://ana:s3cr@t@one:2113,two:2113?tls=false"));
        assert_eq!(address.place(), "esdb://one:2113,two:2113");
        assert!(address.is_same_as(&LogAddress::parse("esdb://one:2113,two:2113")));
    }
}
