//! Who may do what: bearer tokens with a tenant and permissions.
//!
//! An operation declares its permission in its signature, as `Access<LotsRead>`; nothing is read of a request
//! before that holds. Before the permission is looked at, the request is admitted: its token is signed and not revoked, and
//! its tenant does not ask for too much.

use std::marker::PhantomData;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::{header, request::Parts};
use foodflow_commands::identity::held::Held;
use foodflow_domain::TenantId;
use foodflow_projections::keys::Token;
use jiff::Timestamp;
use uuid::Uuid;

use super::App;
use super::admission::{admit_token, still_valid};
use super::closed::refuse_closed;
use super::problem::Problem;
use super::refused::Asker;
use crate::tokens::Claims;

/// How often something that goes on asks whether its token does, too.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// A permission that an operation declares.
pub trait Permission: Send + Sync + 'static {
    /// `resource:action`.
    const NAME: &'static str;
}

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $permission:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name;

        impl Permission for $name {
            const NAME: &'static str = $permission;
        }
    )*};
}

permissions! {
    /// Reads master data.
    MasterDataRead = "master_data:read";
    /// Writes master data.
    MasterDataWrite = "master_data:write";
    /// Reads lots and their genealogy.
    LotsRead = "lots:read";
    /// Records receipts, transformations, shipments and adjustments.
    LotsWrite = "lots:write";
    /// Holds, releases, recalls and disposes of lots.
    LotsRestrict = "lots:restrict";
    /// Reads the tenant's log.
    EventsRead = "events:read";
    /// Reads how the projections stand.
    ProjectionsRead = "projections:read";
    /// Decides about events that a projection cannot apply.
    ProjectionsDecide = "projections:decide";
    /// Reads the tenant, its subscriptions, features and use.
    TenancyRead = "tenancy:read";
    /// Writes the tenant's name and look, and its features.
    TenancyWrite = "tenancy:write";
    /// Suspends and closes the tenant, and changes what it has subscribed to.
    TenancyAdminister = "tenancy:administer";
    /// Reads and changes one's own account.
    AccountUse = "account:use";
    /// Reads users.
    UsersRead = "users:read";
    /// Invites and deactivates users, and gives them roles.
    UsersWrite = "users:write";
    /// Erases what is known about a person.
    UsersForget = "users:forget";
    /// Reads roles and permissions.
    RolesRead = "roles:read";
    /// Defines roles.
    RolesWrite = "roles:write";
    /// Reads service accounts and their keys.
    ServiceAccountsRead = "service_accounts:read";
    /// Makes service accounts, and issues and revokes their keys.
    ServiceAccountsWrite = "service_accounts:write";
    /// Reads who did what when.
    AuditRead = "audit:read";
}

/// A request whose token carries the permission `P`.
#[derive(Debug, Clone)]
pub struct Access<P> {
    /// The tenant that everything is scoped to.
    pub tenant: TenantId,
    /// The tenant's short name.
    pub slug: String,
    /// Who acts.
    pub actor: String,
    /// The session of the token, where it has one.
    pub session: Option<Uuid>,
    /// Names of everything that the token allows.
    pub permissions: Vec<String>,
    /// How long the token goes on to be valid by itself.
    pub valid_for: Duration,
    /// What is asked of the key store about it.
    token: Token,
    permission: PhantomData<P>,
}

impl<P: Permission> FromRequestParts<App> for Access<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let value = parts.headers.get(header::AUTHORIZATION);
        let value = value
            .ok_or_else(|| Problem::unauthenticated("the header `Authorization: Bearer …` is missing"))?;
        let text = value.to_str().unwrap_or_default();
        let token = text
            .split_once(' ')
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .ok_or_else(|| Problem::unauthenticated("the header `Authorization` holds no bearer token"))?;
        let claims = app
            .tokens
            .check(token)
            .map_err(|reason| Problem::unauthenticated(format!("the bearer token is not valid: {reason}")))?;
        let token = asked_about(&claims);
        if let Some(asker) = parts.extensions.get::<Asker>() {
            asker.is(claims.tenant, &claims.sub);
        }
        admit_token(app, &token).await?;
        if !claims.permissions.iter().any(|permission| permission == P::NAME) {
            return Err(Problem::forbidden(P::NAME));
        }
        let Claims { tenant, tenant_slug: slug, sub: actor, sid: session, permissions, exp, .. } = claims;
        refuse_closed(app, tenant, P::NAME).await?;
        let left_s = exp.saturating_sub(Timestamp::now().as_second());
        let valid_for = Duration::from_secs(u64::try_from(left_s).unwrap_or_default());
        Ok(Self { tenant, slug, actor, session, permissions, valid_for, token, permission: PhantomData })
    }
}

impl<P> Access<P> {
    /// What its holder may give to others at most.
    pub fn held(&self) -> Held {
        Held::of(&self.permissions)
    }

    /// Ends when the token is no longer valid: it has expired, was revoked within some seconds, or nobody can say.
    pub async fn until_void(self, app: App) {
        let void = async {
            loop {
                tokio::time::sleep(LOOK_EVERY).await;
                if still_valid(&app, &self.token).await.is_err() {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(self.valid_for, void).await;
    }
}

/// What is asked of the key store about a token.
fn asked_about(claims: &Claims) -> Token {
    Token { tenant: claims.tenant, actor: claims.sub.clone(), session: claims.sid, issued_at: claims.iat }
}
