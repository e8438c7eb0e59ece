//! Where the server is, and how long it may take.

use std::fmt;
use std::time::Duration;

use ::eventstore::ClientSettings;

use crate::event_log::LogError;
use crate::eventstore::PREFIX_DEFAULT;

/// How long a server may take for an answer unless it is told otherwise.
pub const ANSWER_TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);

/// How to reach a log on EventStoreDB.
#[derive(Clone)]
pub struct EventStoreConfig {
    /// `esdb://[user:password@]host:port[,host:port][?tls=false&…]`, the connection string of EventStoreDB.
    pub url: String,
    /// What the names of the log's streams begin with: 1 to 64 characters of a-z, 0-9 and _.
    pub prefix: String,
    /// Partitions of the log; where it exists, it must have as many. The default for `None`.
    pub partitions: Option<u16>,
    /// How long the server may take for an answer.
    pub answer_timeout: Duration,
}

impl EventStoreConfig {
    /// The log at `url`, otherwise by default.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            prefix: PREFIX_DEFAULT.to_owned(),
            partitions: None,
            answer_timeout: ANSWER_TIMEOUT_DEFAULT,
        }
    }

    pub(super) fn settings(&self) -> Result<ClientSettings, LogError> {
        // What the crate says repeats the address, with its password.
        self.url.trim().parse().map_err(|error: eventstore::ClientSettingsParseError| {
            let what = error.error().map(|error| format!(" ({error})")).unwrap_or_default();
            LogError::Configuration {
                reason: format!(
                    "the address is none of EventStoreDB{what}: it reads \
                     `esdb://[user:password@]host:port[,host:port][?tls=false]`"
                ),
            }
        })
    }
}

impl fmt::Debug for EventStoreConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { prefix, partitions, answer_timeout, .. } = self;
        f.debug_struct("EventStoreConfig")
            .field("prefix", prefix)
            .field("partitions", partitions)
            .field("answer_timeout", answer_timeout)
            .finish_non_exhaustive()
    }
}

/// The address without credentials.
pub(super) fn place(settings: &ClientSettings) -> String {
    let scheme = if settings.is_dns_discovery_enabled() { "esdb+discover" } else { "esdb" };
    let hosts = settings.hosts().iter().map(|host| format!("{}:{}", host.host, host.port));
    format!("{scheme}://{}", hosts.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place_of(url: &str) -> String {
        place(&EventStoreConfig::new(url).settings().unwrap())
    }

    #[test]
    fn an_address_is_shown_without_credentials() {
        assert_eq!(place_of("esdb://localhost"), "esdb://localhost:2113");
        assert_eq!(place_of("esdb://ana:s3cret@one:1,two:2?tls=false"), "esdb://one:1,two:2");
        assert_eq!(place_of("esdb+discover://ana:s3cret@cluster:2113"), "esdb+discover://cluster:2113");
        let config = EventStoreConfig::new("esdb://ana:s3cret@one");
        assert!(!format!("{config:?}").contains("s3cret"));
    }

    #[test]
    fn what_is_no_address_is_refused_and_not_repeated() {
        for bad in ["nats://ana:s3cret@one", "esdb://ana:s3cret@one:port", "", "esdb://one?tls=s3cret"] {
            let error = EventStoreConfig::new(bad).settings().unwrap_err();
            assert!(matches!(error, LogError::Configuration { .. }));
            let error = error.to_string();
            assert!(
                error.contains("esdb://[user:password@]host:port") && !error.contains("s3cret"),
                "{error}"
            );
        }
    }
}
