//! Connections to a Redis server. No password is ever shown.

use std::fmt;
use std::time::Duration;

use ::redis::aio::{ConnectionManager, ConnectionManagerConfig};
use ::redis::io::tcp::TcpSettings;
use ::redis::{Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, cmd};
use tokio::time::timeout;

use super::{RedisKeys, STORE, no_answer, unavailable};
use crate::keys::{KeyStore as _, KeyStoreError};

/// How long the first connection is waited for, and what is asked of the server over it.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// How long each later attempt to connect may take; requests meanwhile do not wait that long.
const RECONNECT_MAX: Duration = Duration::from_secs(2);
/// How long what was sent may stay without a sign of life before the connection is given up (Linux).
const UNANSWERED_MAX: Duration = Duration::from_secs(5);
/// Questions that wait to be sent, at most; further ones wait outside.
const QUEUED_MAX: usize = 1_024;
/// Oldest version of the server that is known to work.
const VERSION_MIN: u32 = 6;

/// Where the server is, and who connects.
#[derive(Clone)]
pub struct RedisConfig {
    /// `redis://user:password@host:port/database`, or `rediss://…` with TLS.
    pub url: String,
}

/// What a server says of itself that decides what the store can be trusted with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisReport {
    /// Its version.
    pub version: String,
    /// What it removes when its memory is full; `noeviction` where nothing.
    pub eviction: String,
    /// Whether it keeps a file from which it restores what it held.
    pub is_persistent: bool,
}

impl fmt::Debug for RedisConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisConfig({})", self.address())
    }
}

impl RedisConfig {
    fn information(&self) -> Result<ConnectionInfo, KeyStoreError> {
        // What is wrong with a URL may be told by quoting it, password and all.
        self.url.as_str().into_connection_info().map_err(|_| KeyStoreError::Unavailable {
            store: STORE,
            reason: "the URL is not `redis://user:password@host:port/database` (`rediss://` with TLS)"
                .to_owned(),
        })
    }

    /// The server's address and the database, without user and password.
    #[must_use]
    pub fn address(&self) -> String {
        let Ok(information) = self.information() else {
            return "an address that is not understood".to_owned();
        };
        let database = information.redis_settings().db();
        match information.addr() {
            ConnectionAddr::Tcp(host, port) => format!("redis://{host}:{port}/{database}"),
            ConnectionAddr::TcpTls { host, port, .. } => format!("rediss://{host}:{port}/{database}"),
            other => other.to_string(),
        }
    }

    /// Connects, and refuses a server that is too old.
    ///
    /// # Errors
    /// [`KeyStoreError::Unavailable`] where the server does not answer, refuses, or is older than version 6.
    pub async fn connect(&self) -> Result<RedisKeys, KeyStoreError> {
        let tcp = TcpSettings::default().set_nodelay(true);
        #[cfg(target_os = "linux")]
        let tcp = tcp.set_user_timeout(UNANSWERED_MAX);
        let client = Client::open(self.information()?.set_tcp_settings(tcp)).map_err(unavailable)?;
        let config = ConnectionManagerConfig::new()
            // The next request tries again; one that waits for attempts of others would wait too long.
            .set_number_of_retries(0)
            .set_connection_timeout(Some(RECONNECT_MAX))
            // Whoever asks has a limit of their own.
            .set_response_timeout(None)
            .set_pipeline_buffer_size(QUEUED_MAX);
        let connecting = ConnectionManager::new_with_config(client, config);
        let connection = match timeout(CONNECT_MAX, connecting).await {
            Ok(connected) => connected.map_err(|error| KeyStoreError::Unavailable {
                store: STORE,
                reason: format!("{} cannot be reached: {error}", self.address()),
            })?,
            Err(_) => return Err(no_answer(CONNECT_MAX)),
        };
        let keys = RedisKeys::new(connection);
        let version = keys.report().await?.version;
        if major(&version).is_none_or(|major| major < VERSION_MIN) {
            let address = self.address();
            let reason = format!("{address} has version {version}; version {VERSION_MIN} or newer is needed");
            return Err(KeyStoreError::Unavailable { store: STORE, reason });
        }
        Ok(keys)
    }
}

impl RedisKeys {
    /// What the server says of itself.
    ///
    /// # Errors
    /// [`KeyStoreError::Unavailable`] where it does not answer within some seconds.
    pub async fn report(&self) -> Result<RedisReport, KeyStoreError> {
        self.ping().await?;
        let mut connection = self.connection.clone();
        let command = cmd("INFO");
        let asked = command.query_async::<String>(&mut connection);
        let text =
            timeout(CONNECT_MAX, asked).await.map_err(|_| no_answer(CONNECT_MAX))?.map_err(unavailable)?;
        let saves = save_points(&self.connection).await;
        Ok(report(&text, saves))
    }
}

/// Whether snapshots are taken by themselves; `false` where the server does not tell.
async fn save_points(connection: &ConnectionManager) -> bool {
    let mut connection = connection.clone();
    let mut command = cmd("CONFIG");
    command.arg("GET").arg("save");
    let asked = command.query_async::<Vec<String>>(&mut connection);
    match timeout(CONNECT_MAX, asked).await {
        Ok(Ok(found)) => found.get(1).is_some_and(|points| !points.is_empty()),
        _ => false,
    }
}

fn report(information: &str, saves: bool) -> RedisReport {
    let value = |name: &str| {
        let lines = information.lines();
        let mut values = lines.filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        values.next().map(str::trim).unwrap_or_default().to_owned()
    };
    RedisReport {
        version: value("redis_version"),
        eviction: value("maxmemory_policy"),
        is_persistent: saves || value("aof_enabled") == "1",
    }
}

fn major(version: &str) -> Option<u32> {
    version.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_holds_no_credentials() {
        let config = |url: &str| RedisConfig { url: url.to_owned() };
        let cases = [
            ("redis://plant:s3cret@keys:6380/2", "redis://keys:6380/2"),
            ("rediss://:s3cret@keys", "rediss://keys:6379/0"),
            ("redis://plant:s3cret@keys:nonsense/2", "an address that is not understood"),
            ("http://plant:s3cret@keys", "an address that is not understood"),
        ];
        for (url, address) in cases {
            assert_eq!(config(url).address(), address);
            assert!(!format!("{:?}", config(url)).contains("s3cret"));
        }
    }

    #[tokio::test]
    async fn a_url_that_is_none_is_refused_without_being_quoted() {
        let config = RedisConfig { url: "redis://plant:s3cret@keys:nonsense".to_owned() };
        let error = config.connect().await.map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("the URL is not") && !error.contains("s3cret"), "{error}");
    }

    #[test]
    fn what_a_server_says_of_itself_is_read() {
        let text = "# Server\r\nredis_version:7.0.15\r\nmaxmemory_policy:allkeys-lru\r\naof_enabled:0\r\n";
        let found = report(text, false);
        assert_eq!((found.version.as_str(), found.eviction.as_str()), ("7.0.15", "allkeys-lru"));
        assert!(!found.is_persistent && report(text, true).is_persistent);
        assert!(report("aof_enabled:1\r\n", false).is_persistent);
        assert_eq!((major("7.0.15"), major("5.0"), major("new")), (Some(7), Some(5), None));
    }
}
