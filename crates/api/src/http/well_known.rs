//! What others need to check tokens of this service.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{App, schema};

/// How long an answer may be kept by others: a new key signs before they have seen it, and they ask again then.
const MAX_AGE: &str = "public, max-age=300";

/// The public keys of access tokens, as a JWK set (RFC 7517).
///
/// A token names its key by `kid`. Who meets a `kid` that is not here asks once more: keys are rotated.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "operations", responses(
    (status = 200, description = "The keys, the one that signs first", body = schema::JwkSet,
        content_type = "application/jwk-set+json")))]
async fn jwks(State(app): State<App>) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/jwk-set+json"), (header::CACHE_CONTROL, MAX_AGE)];
    (headers, serde_json::to_string(&app.tokens.public()).unwrap_or_default()).into_response()
}

/// The routes of keys.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(jwks))
}
