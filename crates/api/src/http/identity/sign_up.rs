//! `/v1/sign-up`: a new tenant with its first administrator.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use foodflow_commands::identity::authenticate::email_index;
use foodflow_commands::identity::passwords;
use foodflow_commands::identity::sign_up::{FirstAdministrator, SignUp};
use foodflow_domain::TenantId;
use foodflow_domain::ids::PersonId;
use foodflow_domain::personal::Personal;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{origin, said};
use crate::bodies::identity::SignUpBody;
use crate::http::App;
use crate::http::admission::admit_address;
use crate::http::client_address::ClientAddress;
use crate::http::command::CommandRequest;
use crate::http::problem::Problem;

/// A new tenant.
#[derive(Serialize, ToSchema)]
struct SignedUp {
    /// The tenant.
    tenant_id: Uuid,
    /// Its first administrator.
    user_id: Uuid,
    /// Log position to hand to `After`.
    position: u64,
}

/// Register a tenant with its first administrator.
///
/// Where the setting `sign_up` is `closed`, nobody can; `foodflow sign-up` does it then.
#[utoipa::path(post, path = "/v1/sign-up", tag = "identity", request_body = SignUpBody, security(()),
    params(("Idempotency-Key" = Option<String>, Header)),
    responses(
        (status = 201, description = "Registered; log in with `POST /v1/login`", body = SignedUp),
    ))]
async fn sign_up(
    State(app): State<App>,
    address: ClientAddress,
    request: CommandRequest,
) -> Result<Response, Problem> {
    admit_address(&app, address.ip, "sign-up").await?;
    if !app.sign_up {
        return Err(Problem::sign_up_closed());
    }
    let crate::bodies::identity::SignUp { slug, tenant: shown, profile, password } =
        said::<SignUpBody>(&request)?;
    let tenant = TenantId::of_slug(&slug);
    let meta = request.secret_meta(&app, tenant, "visitor".to_owned()).await?;
    let email_index = email_index(&app.executor, tenant, &profile.email).await?;
    let password = passwords::hash(password).await?;
    let user = Uuid::new_v5(&tenant.0, meta.command_id.0.as_bytes());
    let administrator = FirstAdministrator {
        id: Some(user.into()),
        profile: Personal::new(PersonId(user), profile),
        email_index,
        password,
    };
    let origin = Some(origin(address, request.headers()).of(PersonId(user)));
    let operation = SignUp { slug, tenant: Some(shown), administrator, origin };
    let accepted = app.executor.execute(&meta, &operation).await?;
    let (tenant_id, user_id, position) = (tenant.0, user, accepted.position.0);
    Ok((StatusCode::CREATED, axum::Json(SignedUp { tenant_id, user_id, position })).into_response())
}

/// Sign-up.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(sign_up))
}
