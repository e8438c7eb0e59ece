//! `foodflow sign-up`: a tenant with its first administrator.

use std::io::{IsTerminal as _, Read as _};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use foodflow_commands::SystemClock;
use foodflow_commands::identity::authenticate::{email_index, meta_of};
use foodflow_commands::identity::passwords;
use foodflow_commands::identity::sign_up::{FirstAdministrator, SignUp};
use foodflow_domain::TenantId;
use foodflow_domain::ids::PersonId;
use foodflow_domain::personal::Personal;
use foodflow_domain::tenancy::tenant::{Tenant, TenantProfile};
use uuid::Uuid;

use crate::bodies::identity::{CheckedBody as _, SignUpBody};
use crate::config::Config;
use crate::runtime::Runtime;

/// Whose tenant, and who administers it.
#[derive(Debug, Args)]
pub struct SignUpArguments {
    /// Short name of the tenant, e.g. harbor-vale; its id derives from it, and it never changes.
    #[arg(long, value_name = "SLUG")]
    tenant: String,
    /// Name of the tenant; not needed for one that is registered and has no administrator.
    #[arg(long)]
    name: Option<String>,
    /// The administrator's e-mail address.
    #[arg(long)]
    email: String,
    /// The administrator's first name.
    #[arg(long)]
    first_name: Option<String>,
    /// The administrator's last name.
    #[arg(long)]
    last_name: Option<String>,
    /// File that holds the password; read from standard input where absent.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Read the password from standard input, also where that is a terminal.
    #[arg(long, conflicts_with = "password_file")]
    password_stdin: bool,
}

impl SignUpArguments {
    fn password(&self) -> anyhow::Result<String> {
        let text = match &self.password_file {
            Some(path) => std::fs::read_to_string(path)
                .with_context(|| format!("cannot read the password from {}", path.display()))?,
            None => {
                let mut input = std::io::stdin();
                anyhow::ensure!(
                    self.password_stdin || !input.is_terminal(),
                    "no password: name a file with --password-file, or pipe it in with --password-stdin"
                );
                let mut text = String::new();
                input.read_to_string(&mut text).context("cannot read the password from standard input")?;
                text
            }
        };
        Ok(text.trim_end_matches(['\r', '\n']).to_owned())
    }
}

/// Registers the tenant and its administrator; prints their ids.
///
/// # Errors
/// Where something of it is not valid, the tenant has an administrator, or a store cannot be reached.
pub async fn run(config: &Config, arguments: &SignUpArguments) -> anyhow::Result<()> {
    let password = arguments.password()?;
    let SignUpArguments { tenant: slug, name, email, first_name, last_name, .. } = arguments;
    let body = serde_json::json!({
        "slug": slug, "name": name.as_deref().unwrap_or(slug), "administrator": {
            "email": email, "password": password, "first_name": first_name, "last_name": last_name,
        },
    });
    let body: SignUpBody = serde_json::from_value(body)?;
    let said = body.checked().map_err(|errors| {
        let lines = errors.iter().map(|error| format!("{}: {}", error.pointer, error.detail));
        anyhow::anyhow!("{}", lines.collect::<Vec<_>>().join("; "))
    })?;
    let runtime = Runtime::open(config, Arc::new(SystemClock)).await?;
    let (executor, tenant) = (&runtime.executor, TenantId::of_slug(slug));
    let is_registered = executor.state_of::<Tenant>(tenant, tenant.0).await?.state.slug.is_some();
    anyhow::ensure!(
        is_registered || name.is_some(),
        "the tenant `{slug}` is not registered; name it with --name"
    );
    let user = Uuid::now_v7();
    let shown: Option<TenantProfile> = (!is_registered).then_some(said.tenant);
    let administrator = FirstAdministrator {
        id: Some(user.into()),
        email_index: email_index(executor, tenant, &said.profile.email).await?,
        profile: Personal::new(PersonId(user), said.profile),
        password: passwords::hash(said.password).await?,
    };
    let operation = SignUp { slug: slug.clone(), tenant: shown, administrator, origin: None };
    executor.execute(&meta_of(tenant, "operator".to_owned(), None), &operation).await?;
    super::print_data(&format!("tenant {slug} {tenant}\nadministrator {user}"))
}
