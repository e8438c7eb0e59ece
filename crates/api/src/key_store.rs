//! The key store that the settings name: sessions, revoked tokens and rate limits.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use foodflow_projections::keys::KeyStore;
use foodflow_projections::keys::embedded::EmbeddedKeys;
use foodflow_projections::keys::redis::RedisConfig;

use crate::config::Config;

/// Opens the key store.
///
/// # Errors
/// Where it cannot be reached, is too old, or its file cannot be read.
pub async fn open_key_store(config: &Config) -> anyhow::Result<Arc<dyn KeyStore>> {
    Ok(match config.redis() {
        Some(redis) => Arc::new(redis.connect().await?),
        None => {
            let path = config.embedded_keys();
            std::fs::create_dir_all(&config.data)
                .with_context(|| format!("cannot make the data folder {}", config.data.display()))?;
            let cannot = || format!("cannot open {}", path.display());
            Arc::new(EmbeddedKeys::open(&path).await.with_context(cannot)?)
        }
    })
}

impl Config {
    /// The Redis server that the settings name.
    #[must_use]
    pub fn redis(&self) -> Option<RedisConfig> {
        self.redis_url.as_ref().map(|url| RedisConfig { url: url.0.clone() })
    }

    /// Where the embedded key store keeps what outlives the process.
    #[must_use]
    pub fn embedded_keys(&self) -> PathBuf {
        self.data.join("keys.sqlite")
    }
}
