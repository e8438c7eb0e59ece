//! Connections to a PostgreSQL server. No password is ever shown.

use std::fmt;
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use super::error::{STORE, unavailable};
use crate::store::StoreError;

/// Connections of one process, at most.
const CONNECTIONS_MAX: u32 = 10;
/// How long a connection is waited for.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Oldest version of the server that is known to work.
const VERSION_MIN: i32 = 15;

/// Where the server is, and who connects.
#[derive(Clone)]
pub struct PostgresConfig {
    /// `postgres://user:password@host:port/database`, with `sslmode` and other parameters where they are needed.
    pub url: String,
}

impl fmt::Debug for PostgresConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresConfig({})", self.address())
    }
}

impl PostgresConfig {
    fn options(&self) -> Result<PgConnectOptions, StoreError> {
        // What is wrong with a URL may be told by quoting it, password and all.
        PgConnectOptions::from_str(&self.url).map_err(|_| StoreError::Unavailable {
            store: STORE,
            reason: "the URL is not `postgres://user:password@host:port/database`".to_owned(),
        })
    }

    /// The server's address and the database, without user and password.
    #[must_use]
    pub fn address(&self) -> String {
        let Ok(options) = self.options() else { return "an address that is not understood".to_owned() };
        let (host, port) = (options.get_host(), options.get_port());
        let database = options.get_database().unwrap_or_else(|| options.get_username());
        format!("postgres://{host}:{port}/{database}")
    }

    /// Connects, and refuses a server that is too old.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where the server does not answer, refuses, or is older than version 15.
    pub async fn connect(&self) -> Result<PgPool, StoreError> {
        let options = self.options()?.application_name("foodflow");
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(CONNECT_TIMEOUT)
            .connect_with(options)
            .await
            .map_err(|error| StoreError::Unavailable {
                store: STORE,
                reason: format!("{} cannot be reached: {error}", self.address()),
            })?;
        let version = server_version(&pool).await?;
        if version.0 < VERSION_MIN {
            let reason = format!(
                "{} has version {}; version {VERSION_MIN} or newer is needed",
                self.address(),
                version.1
            );
            return Err(StoreError::Unavailable { store: STORE, reason });
        }
        Ok(pool)
    }
}

/// The server's major version, and its whole version as it tells it.
///
/// # Errors
/// [`StoreError::Unavailable`] where the server does not answer.
pub async fn server_version(pool: &PgPool) -> Result<(i32, String), StoreError> {
    sqlx::query_as(
        "SELECT current_setting('server_version_num')::int / 10000, current_setting('server_version')",
    )
    .fetch_one(pool)
    .await
    .map_err(unavailable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_holds_no_credentials() {
        let config = |url: &str| PostgresConfig { url: url.to_owned() };
        let cases = [
            ("postgres://plant:s3cret@db:5433/foodflow?sslmode=require", "postgres://db:5433/foodflow"),
            ("postgresql://plant:s3cret@db/foodflow", "postgres://db:5432/foodflow"),
            ("postgres://plant:s3cret@db:nonsense/foodflow", "an address that is not understood"),
        ];
        for (url, address) in cases {
            assert_eq!(config(url).address(), address);
            assert!(!format!("{:?}", config(url)).contains("s3cret"));
        }
    }

    #[tokio::test]
    async fn a_url_that_is_none_is_refused_without_being_quoted() {
        let config = PostgresConfig { url: "postgres://plant:s3cret@db:nonsense/foodflow".to_owned() };
        let error = config.connect().await.unwrap_err().to_string();
        assert!(error.contains("the URL is not") && !error.contains("s3cret"), "{error}");
    }
}
