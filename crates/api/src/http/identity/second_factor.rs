//! `/v1/me/second-factor`: codes of an authenticator, asked for at login.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use foodflow_commands::CommandError;
use foodflow_commands::identity::authenticate::carry_out;
use foodflow_commands::identity::second_factors::{self, ChangeFactor, FactorChange};
use foodflow_commands::identity::wrong_proof;
use foodflow_domain::identity::IdentityError;
use foodflow_domain::identity::user::{Proof, User};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{own, said, sender};
use crate::bodies::identity::{CodeBody, EmptyBody};
use crate::http::App;
use crate::http::access::{Access, AccountUse};
use crate::http::admission::admit_attempt;
use crate::http::client_address::ClientAddress;
use crate::http::command::{CommandAnswer, CommandRequest, respond};
use crate::http::problem::Problem;

/// What an authenticator needs; shown here alone.
#[derive(Serialize, ToSchema)]
struct FactorAnswer {
    /// The secret, in base 32, to be typed in.
    secret: String,
    /// The same as an address, to be shown as a QR code: `otpauth://totp/…`.
    address: String,
}

/// Recovery codes; shown here alone.
#[derive(Serialize, ToSchema)]
struct RecoveryAnswer {
    /// Each is good once in the place of a code.
    recovery_codes: Vec<String>,
}

/// Begin to set up a second factor: it is asked for once a code has proved it.
#[utoipa::path(post, path = "/v1/me/second-factor", tag = "identity", request_body = EmptyBody, security(("bearer" = [])),
    responses(
        (status = 200, description = "What an authenticator needs", body = FactorAnswer),
    ))]
async fn begin(
    State(app): State<App>,
    access: Access<AccountUse>,
    address: ClientAddress,
    request: CommandRequest,
) -> Result<Response, Problem> {
    said::<EmptyBody>(&request)?;
    let user_id = own(&access)?;
    let secret = second_factors::new_secret()?;
    let shown = second_factors::address(&secret, &user_id.to_string(), &format!("FoodFlow {}", access.slug))?;
    let origin = sender(&access, address, &request);
    let operation = ChangeFactor { user_id, change: FactorChange::Begin(secret.clone()), held: None, origin };
    carry_out(&app.executor, access.tenant, access.actor.clone(), &operation).await?;
    Ok(axum::Json(FactorAnswer { secret, address: shown }).into_response())
}

/// What a code of one's own proves.
async fn proved(
    app: &App,
    access: &Access<AccountUse>,
    address: ClientAddress,
    code: &str,
) -> Result<Proof, Problem> {
    admit_attempt(app, address.ip, &access.actor, "code").await?;
    let user = app.executor.state_of::<User>(access.tenant, own(access)?.0).await?;
    let factor = user.state.second_factor.as_ref();
    Ok(second_factors::proof(factor, Some(code), app.executor.clock_now())?)
}

/// Prove the second factor with a code: it is asked for from now on.
#[utoipa::path(post, path = "/v1/me/second-factor/enable", tag = "identity", request_body = CodeBody, security(("bearer" = [])),
    responses(
        (status = 200, description = "Codes for the day when the authenticator is lost", body = RecoveryAnswer),
    ))]
async fn enable(
    State(app): State<App>,
    access: Access<AccountUse>,
    address: ClientAddress,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let (user_id, code) = (own(&access)?, said::<CodeBody>(&request)?);
    let proof = proved(&app, &access, address, &code).await?;
    let recovery_codes = second_factors::recovery_codes()?;
    let recovery_hashes: BTreeSet<String> =
        recovery_codes.iter().map(|code| second_factors::recovery_hash(code)).collect();
    let origin = sender(&access, address, &request);
    let change = FactorChange::Enable { proof, recovery_hashes };
    let operation = ChangeFactor { user_id, change, held: None, origin };
    carry_out(&app.executor, access.tenant, access.actor.clone(), &operation).await?;
    Ok(axum::Json(RecoveryAnswer { recovery_codes }).into_response())
}

/// Ask for the second factor no more, with a code of it.
#[utoipa::path(post, path = "/v1/me/second-factor/disable", tag = "identity", request_body = CodeBody, security(("bearer" = [])),
    responses(
        (status = 200, description = "Recorded", body = CommandAnswer),
    ))]
async fn disable(
    State(app): State<App>,
    access: Access<AccountUse>,
    address: ClientAddress,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let (user_id, code) = (own(&access)?, said::<CodeBody>(&request)?);
    let proof = Some(proved(&app, &access, address, &code).await?);
    let origin = sender(&access, address, &request);
    let change = FactorChange::Disable { proof, reason: "by the user".to_owned() };
    let operation = ChangeFactor { user_id, change, held: None, origin };
    let accepted = carry_out(&app.executor, access.tenant, access.actor.clone(), &operation).await?;
    if wrong_proof(&accepted) {
        return Err(CommandError::refused(&IdentityError::CodeInvalid, "").into());
    }
    Ok(respond(&accepted))
}

/// The second factor.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(begin)).routes(routes!(enable)).routes(routes!(disable))
}
