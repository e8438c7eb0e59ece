//! The log that exists: commands that only look must not make one where there is none.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use foodflow_domain::TenantId;
use foodflow_log::nats::{NatsConfig, NatsLog};
use foodflow_log::{Partition, SharedLog};
use uuid::Uuid;

use crate::config::Config;
use crate::runtime;

/// Opens the log that `config` names; `None` where there is none yet. Never makes one.
///
/// # Errors
/// Where it cannot be reached, is too old, or does not fit the settings.
pub async fn find_log(config: &Config) -> anyhow::Result<Option<SharedLog>> {
    if config.log_url.is_none() {
        let file = config.embedded_log();
        return if is_written(&file) { runtime::open_log(config).await.map(Some) } else { Ok(None) };
    }
    let log = NatsLog::connect_existing(nats_config(config)?).await?;
    Ok(log.map(|log| Arc::new(log) as SharedLog))
}

/// Whether the SQLite file at `path` exists with any content, be it in its write-ahead log alone.
#[must_use]
pub fn is_written(path: &Path) -> bool {
    let mut write_ahead = path.as_os_str().to_owned();
    write_ahead.push("-wal");
    let has_content = |path: &Path| std::fs::metadata(path).is_ok_and(|found| found.len() > 0);
    has_content(path) || has_content(Path::new(&write_ahead))
}

/// Opens the log that `config` names, which must exist.
///
/// # Errors
/// As [`find_log`]; also where there is none.
pub async fn existing_log(config: &Config) -> anyhow::Result<SharedLog> {
    find_log(config).await?.with_context(|| {
        let place = log_place(config);
        format!(
            "there is no event log at {place} yet; the first `foodflow serve` or `foodflow migrate` makes it"
        )
    })
}

/// Where the log is or would be, without credentials.
#[must_use]
pub fn log_place(config: &Config) -> String {
    match &config.log_url {
        // The part before the last `@` of an address may hold a password.
        Some(url) => {
            let addresses = url.0.split(',').map(|one| {
                let (scheme, rest) = one.trim().split_once("://").unwrap_or(("nats", one.trim()));
                format!("{scheme}://{}", rest.rsplit_once('@').map_or(rest, |(_, host)| host))
            });
            addresses.collect::<Vec<_>>().join(",")
        }
        None => config.embedded_log().display().to_string(),
    }
}

fn nats_config(config: &Config) -> anyhow::Result<NatsConfig> {
    let url = config.log_url.as_ref().context("no address of a log is set")?;
    let (partitions, replicas) = (config.log_partitions, config.log_replicas);
    Ok(NatsConfig { partitions, replicas, ..NatsConfig::new(url.0.clone()) })
}

/// Reads a tenant as people write it: its short name or its id.
///
/// # Errors
/// Where it is neither.
pub fn parse_tenant(text: &str) -> Result<TenantId, String> {
    if let Ok(id) = Uuid::try_parse(text) {
        return Ok(TenantId(id));
    }
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if (1..=100).contains(&text.len()) && text.chars().all(fits) {
        return Ok(TenantId::of_slug(text));
    }
    Err("must be a UUID, or a short name of 1 to 100 characters of a-z, 0-9 and -".to_owned())
}

/// The partitions that a command is about: the tenant's, the one that is named, or all.
///
/// # Errors
/// Where the log has no such partition.
pub fn partitions(
    log: &SharedLog,
    tenant: Option<TenantId>,
    partition: Option<u16>,
) -> anyhow::Result<Vec<Partition>> {
    let count = log.partition_count();
    match (tenant, partition) {
        (Some(tenant), _) => Ok(vec![log.partition_of(tenant)]),
        (None, Some(number)) => {
            let last = count - 1;
            anyhow::ensure!(
                number < count,
                "--partition: there is no partition {number}; the last one is {last}"
            );
            Ok(vec![Partition(number)])
        }
        (None, None) => Ok((0..count).map(Partition).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    #[test]
    fn a_tenant_is_named_by_slug_or_id() {
        assert_eq!(parse_tenant("harbor-vale"), Ok(TenantId::of_slug("harbor-vale")));
        let id = TenantId::of_slug("x");
        assert_eq!(parse_tenant(&id.to_string()), Ok(id));
        for bad in ["", "Harbor", "a b", "ü", &"a".repeat(101)] {
            assert!(parse_tenant(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_place_of_a_log_holds_no_credentials() {
        let url = Secret("nats://plant:s3cr@t@one:4222, tls://t0ken@two".to_owned());
        let config = Config { log_url: Some(url), ..Config::default() };
        assert_eq!(log_place(&config), "nats://one:4222,tls://two");
        assert_eq!(log_place(&Config::default()), "data/log.sqlite");
    }
}
