//! People, sessions, roles and keys.
//!
//! - [`sign_up`]: a new tenant; [`sessions`]: login, tokens, logout;
//! - [`oidc`]: logins at an identity provider;
//! - [`me`]: one's own account; [`second_factor`]: its second factor;
//! - [`users`], [`roles`], [`service_accounts`]: what administrators do;
//! - [`grants`]: what a login is answered with.

mod grants;
mod me;
mod oidc;
mod roles;
mod second_factor;
mod service_accounts;
mod sessions;
mod sign_up;
mod users;

use axum::http::{HeaderMap, header};
use foodflow_commands::identity::Sender;
use foodflow_commands::identity::authenticate::{person_of, user_of_actor};
use foodflow_domain::identity::Origin;
use foodflow_domain::ids::UserId;
use utoipa_axum::router::OpenApiRouter;

use super::App;
use super::access::Access;
use super::client_address::ClientAddress;
use super::command::CommandRequest;
use super::problem::Problem;
use crate::bodies::identity::CheckedBody;

/// Most characters of the name of a program that is written down.
const USER_AGENT_CHARS_MAX: usize = 200;

/// Identity.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(sign_up::routes())
        .merge(sessions::routes())
        .merge(oidc::routes())
        .merge(me::routes())
        .merge(second_factor::routes())
        .merge(users::routes())
        .merge(roles::routes())
        .merge(service_accounts::routes())
}

/// What the body says.
fn said<B: CheckedBody>(request: &CommandRequest) -> Result<B::Says, Problem> {
    let body = crate::bodies::parse::<B>(request.json());
    body.and_then(CheckedBody::checked).map_err(Problem::invalid_body)
}

/// Where a request came from.
pub(super) fn origin(address: ClientAddress, headers: &HeaderMap) -> Origin {
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let user_agent = agent.map(|agent| agent.chars().take(USER_AGENT_CHARS_MAX).collect());
    Origin { address: address.ip.to_string(), user_agent }
}

/// Where a request of somebody with a token came from, as events state it.
fn sender<P>(access: &Access<P>, address: ClientAddress, request: &CommandRequest) -> Sender {
    let person = person_of(access.tenant, Some(&access.actor));
    Some(origin(address, request.headers()).of(person))
}

/// The user whose token it is.
fn own<P>(access: &Access<P>) -> Result<UserId, Problem> {
    user_of_actor(&access.actor).ok_or_else(|| {
        Problem::not_found("the token is no user's; log in with `POST /v1/login` to have an account")
    })
}
