//! `foodflow forget`: erases a person.

use std::sync::Arc;

use clap::Args;
use foodflow_commands::SystemClock;
use foodflow_commands::identity::authenticate::{email_index, meta_of};
use foodflow_commands::identity::lookup;
use foodflow_commands::identity::users::Forget;
use foodflow_domain::TenantId;
use foodflow_domain::ids::UserId;

use crate::config::Config;
use crate::erasure::Eraser;
use crate::http::view::Models;
use crate::runtime::Runtime;

/// Whom to erase, and on what ground.
#[derive(Debug, Args)]
pub struct ForgetArguments {
    /// Short name of the tenant.
    #[arg(long, value_name = "SLUG")]
    tenant: String,
    /// Id of the user, or the e-mail address.
    #[arg(long, value_name = "ID|EMAIL")]
    user: String,
    /// On what ground, e.g. "request of the person"; it stays in the log, so it must name nobody.
    #[arg(long)]
    reason: String,
}

/// Erases the person; prints the signed record.
///
/// # Errors
/// Where there is no such user, or a store cannot be reached; what was decided by then is done by the processes that
/// serve, and the same may be asked again.
pub async fn run(config: &Config, arguments: &ForgetArguments) -> anyhow::Result<()> {
    anyhow::ensure!(!arguments.reason.trim().is_empty(), "--reason must not be empty");
    let runtime = Runtime::open(config, Arc::new(SystemClock)).await?;
    let (executor, tenant) = (&runtime.executor, TenantId::of_slug(&arguments.tenant));
    let user_id = match arguments.user.parse::<UserId>() {
        Ok(id) => id,
        Err(_) => {
            let index = email_index(executor, tenant, &arguments.user).await?;
            let found = lookup::holder(executor, tenant, index).await?;
            found.ok_or_else(|| anyhow::anyhow!("nobody of `{}` has that address", arguments.tenant))?
        }
    };
    // Where another process projects, this one waits for it.
    let runners = runtime.project()?;
    let models = Models::of(&runtime.logs(), &runtime.models, &runners);
    let operation = Forget { user_id, reason: arguments.reason.clone(), origin: None };
    let meta = meta_of(tenant, "operator".to_owned(), None);
    let eraser = Eraser {
        executor: Arc::clone(executor),
        identity: models.identity.clone(),
        config: Arc::new(config.clone()),
    };
    let erased = eraser.erase(&meta, &operation).await;
    runners.stop().await;
    super::print_data(&serde_json::to_string_pretty(&erased?)?)
}
