//! The log that exists: commands that only look must not make one where there is none.

use anyhow::Context as _;
use foodflow_domain::TenantId;
use foodflow_log::{Partition, SharedLog};
use uuid::Uuid;

use crate::config::Config;
use crate::log_address::LogAddress;

/// Opens the log that `config` names; `None` where there is none yet. Never makes one.
///
/// # Errors
/// Where it cannot be reached, is too old, or does not fit the settings.
pub async fn find_log(config: &Config) -> anyhow::Result<Option<SharedLog>> {
    LogAddress::of(config).find(config.log_partitions).await
}

/// Opens the log that `config` names, which must exist.
///
/// # Errors
/// As [`find_log`]; also where there is none.
pub async fn existing_log(config: &Config) -> anyhow::Result<SharedLog> {
    find_log(config).await?.with_context(|| {
        let place = LogAddress::of(config).place();
        format!(
            "there is no event log at {place} yet; the first `foodflow serve` or `foodflow migrate` makes it"
        )
    })
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

    #[test]
    fn a_tenant_is_named_by_slug_or_id() {
        assert_eq!(parse_tenant("harbor-vale"), Ok(TenantId::of_slug("harbor-vale")));
        let id = TenantId::of_slug("x");
        assert_eq!(parse_tenant(&id.to_string()), Ok(id));
        for bad in ["", "Harbor", "a b", "ü", &"a".repeat(101)] {
            assert!(parse_tenant(bad).is_err(), "{bad}");
        }
    }
}
