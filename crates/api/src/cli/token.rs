//! `foodflow token`.

use clap::Args;
use jiff::Timestamp;

use crate::config::Config;
use crate::http::access::{PERMISSIONS, TokenKeys, claims};

/// Longest validity of a token, in hours.
const HOURS_MAX: u32 = 24 * 365;

/// Whose token, for what, for how long.
#[derive(Debug, Args)]
pub struct TokenArguments {
    /// Short name of the tenant, e.g. harbor-vale; its id derives from it.
    #[arg(long, value_name = "SLUG")]
    tenant: String,
    /// Who acts: the actor of every event.
    #[arg(long, default_value = "developer")]
    actor: String,
    /// Permissions, separated by commas [default: all].
    #[arg(long, value_delimiter = ',', value_name = "RESOURCE:ACTION")]
    permissions: Vec<String>,
    /// How long it is valid, in hours.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=i64::from(HOURS_MAX)))]
    hours: u32,
}

/// Prints a token.
///
/// # Errors
/// Where a permission is unknown or the key cannot be used.
pub fn issue(config: &Config, arguments: &TokenArguments) -> anyhow::Result<()> {
    let slug = &arguments.tenant;
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    anyhow::ensure!(
        (1..=100).contains(&slug.len()) && slug.chars().all(fits),
        "--tenant: `{slug}` must have 1 to 100 characters of a-z, 0-9 and -"
    );
    anyhow::ensure!(!arguments.actor.trim().is_empty(), "--actor must not be empty");
    if let Some(unknown) = arguments.permissions.iter().find(|given| !PERMISSIONS.contains(&given.as_str())) {
        anyhow::bail!("--permissions: `{unknown}` is unknown; known are {}", PERMISSIONS.join(", "));
    }
    let permissions = match arguments.permissions.as_slice() {
        [] => all_permissions(),
        some => some.to_vec(),
    };
    let keys = TokenKeys::open(&config.access_key())?;
    let valid_s = i64::from(arguments.hours) * 3_600;
    let token = keys.issue(&claims(slug, &arguments.actor, &permissions, Timestamp::now(), valid_s))?;
    super::print_data(&token)
}

/// Every permission.
#[must_use]
pub fn all_permissions() -> Vec<String> {
    PERMISSIONS.iter().map(|permission| (*permission).to_owned()).collect()
}
