//! Requests that are refused to somebody with a token of this service, written down for the tenant: who, from where, what
//! was asked for and what was missing. A token that nobody here signed says nothing that could be written down.

use std::sync::{Arc, OnceLock};

use axum::extract::{MatchedPath, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use foodflow_commands::identity::authenticate::person_of;
use foodflow_domain::TenantId;
use foodflow_domain::identity::access::AccessRefused;
use jiff::Timestamp;

use super::App;
use super::client_address::ClientAddress;
use super::identity::origin;
use super::problem::Told;

/// Who asks, once the signature of the token is found to be right; an extension of a request.
#[derive(Debug, Clone, Default)]
pub(super) struct Asker(Arc<OnceLock<(TenantId, String)>>);

impl Asker {
    /// Somebody of this tenant asks.
    pub(super) fn is(&self, tenant: TenantId, actor: &str) {
        // A request has one token.
        let _ = self.0.set((tenant, actor.to_owned()));
    }
}

/// Tells of a request that is refused because of who asks or how often; never waits for it to be written.
pub(super) async fn note(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let asker = Asker::default();
    request.extensions_mut().insert(asker.clone());
    let path = request.extensions().get::<MatchedPath>().cloned();
    let address = request.extensions().get::<ClientAddress>().copied();
    let method = request.method().clone();
    let from = address.map(|address| origin(address, request.headers()));
    let response = next.run(request).await;
    let is_refused = matches!(
        response.status(),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS
    );
    if is_refused
        && let Some((tenant, actor)) = asker.0.get()
        && let Some(Told { code, permission }) = response.extensions().get()
        && let Some(path) = path
    {
        let person = person_of(*tenant, Some(actor));
        let refused = AccessRefused {
            actor: Some(actor.clone()),
            operation: format!("{method} {}", path.as_str()),
            code: (*code).to_owned(),
            permission: permission.clone(),
            occurred_at: Timestamp::now(),
            count: 1,
            origin: from.map(|from| from.of(person)),
        };
        app.refusals.tell(*tenant, refused);
    }
    response
}
