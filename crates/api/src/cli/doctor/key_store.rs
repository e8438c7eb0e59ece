//! The key store: whether it answers, and whether what it holds is safe there.

use std::time::Duration;

use foodflow_projections::keys::KeyStoreError;
use foodflow_projections::keys::redis::{RedisConfig, RedisReport};

use super::checks::Checks;
use crate::config::Config;

const SECTION: &str = "key store";
/// How long the server may take for everything that is asked of it here.
const ANSWER_WAIT: Duration = Duration::from_secs(15);
/// What Redis says where it removes nothing when its memory is full.
const NO_EVICTION: &str = "noeviction";

/// Looks at the key store.
pub(super) async fn check(checks: &mut Checks, config: &Config) {
    let Some(redis) = config.redis() else {
        let text = "embedded: sessions and rate limits are this process's own";
        if config.log_url.is_none() {
            checks.ok(SECTION, text);
        } else {
            let advice = "where several processes serve requests, set FOODFLOW_REDIS_URL: what one of them revokes \
                          goes on to be valid at the others";
            checks.warn(SECTION, text, advice);
        }
        return;
    };
    let address = redis.address();
    match tokio::time::timeout(ANSWER_WAIT, ask(&redis)).await {
        Ok(Ok(report)) => describe(checks, &address, &report),
        Ok(Err(error)) => {
            let advice = "see whether the server can be reached from here, and user and password are right; \
                          without it every request is refused";
            checks.fail(SECTION, error.to_string(), advice);
        }
        Err(_) => {
            let text = format!("{address}: no answer within {} s", ANSWER_WAIT.as_secs());
            checks.fail(SECTION, text, "see whether the server runs and can be reached from here");
        }
    }
}

async fn ask(redis: &RedisConfig) -> Result<RedisReport, KeyStoreError> {
    redis.connect().await?.report().await
}

fn describe(checks: &mut Checks, address: &str, report: &RedisReport) {
    let RedisReport { version, eviction, is_persistent } = report;
    checks.ok(SECTION, format!("redis: {address} answers, version {version}"));
    if eviction == NO_EVICTION {
        checks.ok(SECTION, "it removes nothing when its memory is full");
    } else {
        let text = format!("it removes keys when its memory is full (maxmemory-policy {eviction})");
        let advice =
            "set `maxmemory-policy noeviction`: a revocation that is removed makes void tokens valid again";
        checks.warn(SECTION, text, advice);
    }
    if *is_persistent {
        checks.ok(SECTION, "it restores what it held after a restart");
    } else {
        let advice = "set `appendonly yes`: else its restart ends every session and takes revocations back";
        checks.warn(SECTION, "it keeps nothing over a restart", advice);
    }
}

#[cfg(test)]
mod tests {
    use super::super::checks::Level;
    use super::*;

    fn levels(eviction: &str, is_persistent: bool) -> Vec<Level> {
        let (version, eviction) = ("7.0.15".to_owned(), eviction.to_owned());
        let mut checks = Checks::default();
        describe(&mut checks, "redis://keys:6379/0", &RedisReport { version, eviction, is_persistent });
        checks.all().iter().map(|check| check.level).collect()
    }

    #[test]
    fn a_server_that_forgets_is_warned_of() {
        assert_eq!(levels("noeviction", true), [Level::Ok, Level::Ok, Level::Ok]);
        assert_eq!(levels("volatile-lru", false), [Level::Ok, Level::Warn, Level::Warn]);
    }
}
