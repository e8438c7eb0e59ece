//! `foodflow token`: issues tokens, rotates the key that signs them, and revokes them.

use clap::{Args, Subcommand};
use foodflow_domain::TenantId;
use foodflow_domain::identity::permission::{PERMISSIONS, Permission, permission};
use foodflow_projections::keys::revocation::REVOCATION_TTL_MAX;
use foodflow_projections::keys::{Revocation, Subject};
use jiff::Timestamp;
use uuid::Uuid;

use super::{print_data, say};
use crate::config::Config;
use crate::key_store::open_key_store;
use crate::tokens::rotation::rotate;
use crate::tokens::{KeyFiles, TokenKeys, claims};

/// Longest validity of a token, in hours.
const HOURS_MAX: u32 = 24 * 365;

/// Validity in hours beyond which production warns.
const PRODUCTION_HOURS_MAX: u32 = 12;

const EXAMPLES: &str = "\
Examples:
  foodflow token --tenant harbor-vale
  foodflow token --tenant harbor-vale --actor scale-7 --permissions lots:write --hours 720
  foodflow token rotate-key
  foodflow token revoke --tenant harbor-vale --actor scale-7";

const ROTATE_HELP: &str = "\
The new key signs from now on, in running processes within a second. Tokens of the old key go on to be valid until they \
expire: its public half is kept beside the key, in the folder `access-keys`, and published with the new one. Delete it there \
once its tokens have expired. Several machines that serve one log need the new files.";

/// Whose token, for what, for how long; or what else to do about tokens.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, after_help = EXAMPLES)]
pub struct TokenArguments {
    #[command(subcommand)]
    task: Option<TokenTask>,
    /// Short name of the tenant, e.g. harbor-vale; its id derives from it.
    #[arg(long, value_name = "SLUG", required = true)]
    tenant: Option<String>,
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

#[derive(Debug, Subcommand)]
enum TokenTask {
    /// Puts a new key in the place of the one that signs tokens.
    #[command(after_help = ROTATE_HELP)]
    RotateKey {
        /// Others may know the old key: its tokens are void at once.
        #[arg(long)]
        compromised: bool,
        /// Report as one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Makes tokens void that were issued until now: all of a tenant, or those of an actor or a session.
    Revoke {
        /// Short name of the tenant.
        #[arg(long, value_name = "SLUG")]
        tenant: String,
        /// Those of this actor alone.
        #[arg(long, conflicts_with = "session")]
        actor: Option<String>,
        /// Those of this session alone.
        #[arg(long, value_name = "ID")]
        session: Option<Uuid>,
    },
}

/// Does what is asked about tokens.
///
/// # Errors
/// Where an argument is none, a key cannot be used, or the key store does not answer.
pub async fn run(config: &Config, arguments: &TokenArguments) -> anyhow::Result<()> {
    match &arguments.task {
        None => issue(config, arguments),
        Some(TokenTask::RotateKey { compromised, json }) => rotate_key(config, *compromised, *json),
        Some(TokenTask::Revoke { tenant, actor, session }) => {
            let subject = match (actor, session) {
                (Some(actor), _) => Subject::Actor(actor.clone()),
                (None, Some(session)) => Subject::Session(*session),
                (None, None) => Subject::Tenant,
            };
            revoke(config, tenant, subject).await
        }
    }
}

fn issue(config: &Config, arguments: &TokenArguments) -> anyhow::Result<()> {
    let slug = checked_slug(arguments.tenant.as_deref().unwrap_or_default())?;
    anyhow::ensure!(!arguments.actor.trim().is_empty(), "--actor must not be empty");
    if let Some(unknown) = arguments.permissions.iter().find(|given| permission(given).is_none()) {
        anyhow::bail!("--permissions: `{unknown}` is unknown; known are {}", all_permissions().join(", "));
    }
    let permissions = match arguments.permissions.as_slice() {
        [] => all_permissions(),
        some => some.to_vec(),
    };
    if config.production && arguments.hours > PRODUCTION_HOURS_MAX {
        super::say(&format!(
            "warning: whoever finds this token may act as `{}` for {} hours; ask for fewer with --hours",
            arguments.actor, arguments.hours
        ));
    }
    let keys = TokenKeys::open(KeyFiles::of(config))?;
    let valid_s = i64::from(arguments.hours) * 3_600;
    let token = keys.issue(&claims(slug, &arguments.actor, &permissions, Timestamp::now(), valid_s))?;
    print_data(&token)
}

fn rotate_key(config: &Config, is_compromised: bool, as_json: bool) -> anyhow::Result<()> {
    let rotated = rotate(&KeyFiles::of(config), is_compromised)?;
    if as_json {
        return print_data(&serde_json::to_string_pretty(&rotated)?);
    }
    print_data(&format!("key {} signs tokens now\nkey {} is retired", rotated.key, rotated.retired))?;
    match rotated.kept {
        Some(kept) => say(&format!("its tokens are valid until they expire; delete {} then", kept.display())),
        None => say("its tokens are void"),
    }
    Ok(())
}

async fn revoke(config: &Config, slug: &str, subject: Subject) -> anyhow::Result<()> {
    let tenant = TenantId::of_slug(checked_slug(slug)?);
    let keys = open_key_store(config).await?;
    let issued_until = Timestamp::now();
    // Of tokens for longer than it is remembered there are none.
    let revocation = Revocation { tenant, subject, issued_until, ttl: REVOCATION_TTL_MAX };
    let revoked = keys.revoke(&revocation).await;
    keys.close().await;
    revoked?;
    print_data(&format!("tokens that were issued until {issued_until:.3} are void"))
}

fn checked_slug(slug: &str) -> anyhow::Result<&str> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    anyhow::ensure!(
        (1..=100).contains(&slug.len()) && slug.chars().all(fits),
        "--tenant: `{slug}` must have 1 to 100 characters of a-z, 0-9 and -"
    );
    Ok(slug)
}

/// Every permission.
#[must_use]
pub fn all_permissions() -> Vec<String> {
    PERMISSIONS.iter().map(Permission::name).collect()
}
