//! `/v1/audit`: who did what when, from where and why.
//!
//! - [`entry`]: an entry as it is answered, with what is sealed opened, and as a line of a file;
//! - [`export`]: all of them, as a file.

mod entry;
mod export;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use foodflow_projections::audit::{AuditFilters, AuditOrder, DONE, REFUSED, audit_entries};
use foodflow_projections::page::Page;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use self::entry::{AuditAnswer, CSV_TYPE, csv_lines, opened};
use super::App;
use super::access::{Access, AuditRead};
use super::problem::Problem;
use super::reads::parameters;
use super::tables::page_request;
use super::view::{answer, bound};

/// How a request ended.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    /// It was done.
    Done,
    /// It was refused.
    Refused,
}

/// As what a page is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum PageFormat {
    /// A JSON object.
    Json,
    /// Lines with a header (RFC 4180).
    Csv,
}

/// Which entries are asked for.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AuditQuery {
    /// Only what this actor did, or was refused, e.g. `user:<id>` or `service_account:<id>`.
    actor: Option<String>,
    /// Only events of this type.
    #[param(example = "foodflow.identity.user.roles_changed.v1")]
    action: Option<String>,
    /// Only of this context, e.g. `identity`.
    #[param(example = "identity")]
    context: Option<String>,
    /// Only about this kind, e.g. `user`, `role` or `batch`.
    #[param(example = "user")]
    resource: Option<String>,
    /// Only about what has this id.
    resource_id: Option<Uuid>,
    /// Only what was done, or was refused.
    #[param(inline)]
    outcome: Option<Outcome>,
    /// Only what was recorded at this time (RFC 3339) or later.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Only what was recorded before this time (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// `json`, or `csv`; without it, what `Accept` asks for, and JSON.
    #[param(inline)]
    format: Option<PageFormat>,
    /// Only what comes after this id: `next` of the page before.
    #[serde(rename = "page[after]")]
    page_after: Option<Uuid>,
    /// Items of a page, 1 to 500; 50 where absent.
    #[serde(rename = "page[size]")]
    page_size: Option<usize>,
    /// As it stood at this recorded time (RFC 3339) or position.
    as_of: Option<String>,
}

/// Whether the client asks for CSV: by `format`, or else by the first of the two that `Accept` names.
fn is_csv(format: Option<PageFormat>, headers: &HeaderMap) -> bool {
    if let Some(format) = format {
        return format == PageFormat::Csv;
    }
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut kinds = accepted.flat_map(|value| value.split(',')).map(|kind| {
        let (kind, _) = kind.split_once(';').unwrap_or((kind, ""));
        kind.trim().to_ascii_lowercase()
    });
    kinds.find(|kind| ["text/csv", "application/json"].contains(&kind.as_str())).as_deref()
        == Some("text/csv")
}

/// A page of entries.
#[derive(Serialize, ToSchema)]
struct AuditPage {
    /// What is on it, newest first.
    items: Vec<AuditAnswer>,
    /// What to hand to `page[after]`; null on the last page.
    next: Option<Uuid>,
}

/// Who did what when, newest first: a page of entries, one for each event.
///
/// As CSV the id for the next page stands in the header `Foodflow-Next`.
#[utoipa::path(get, path = "/v1/audit", tag = "audit", params(AuditQuery), security(("bearer" = [])),
    responses(
        (status = 200, description = "`items`, and `next` to hand to `page[after]`", content((AuditPage = "application/json"), (String = "text/csv"))),
    ))]
async fn audit_page(
    State(app): State<App>,
    access: Access<AuditRead>,
    headers: HeaderMap,
    query: Result<Query<AuditQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let query = parameters(query)?;
    let request = page_request(query.page_after, query.page_size)?;
    let AuditQuery {
        actor,
        action,
        context,
        resource,
        resource_id,
        outcome,
        since,
        until,
        format,
        as_of,
        ..
    } = query;
    let outcome = outcome.map(|outcome| match outcome {
        Outcome::Done => DONE.to_owned(),
        Outcome::Refused => REFUSED.to_owned(),
    });
    let model = &app.models.audit;
    let position = bound(&app, &model.progress, access.tenant, &headers, as_of.as_deref()).await?;
    let up_to = Some(position);
    let filters =
        AuditFilters { actor, action, context, resource, resource_id, outcome, since, until, up_to };
    let (store, order) = (model.store.as_ref(), AuditOrder::NewestFirst);
    let Page { items, next } = audit_entries(store, access.tenant, filters, order, request).await?;
    let items = opened(app.executor.keyring(), access.tenant, items).await?;
    if !is_csv(format, &headers) {
        return Ok(answer(position, &AuditPage { items, next }));
    }
    let mut response = ([(header::CONTENT_TYPE, CSV_TYPE)], csv_lines(&items, true)?).into_response();
    let head = response.headers_mut();
    head.insert(HeaderName::from_static("foodflow-position"), HeaderValue::from(position.0));
    if let Some(next) = next.and_then(|next| HeaderValue::from_str(&next.to_string()).ok()) {
        head.insert(HeaderName::from_static("foodflow-next"), next);
    }
    Ok(response)
}

/// The audit trail.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(audit_page)).routes(routes!(export::export))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_is_answered_to_whom_asks_for_it() {
        let asked = |format, accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_str(accept).unwrap());
            is_csv(format, &headers)
        };
        assert!(asked(None, "text/csv") && asked(None, "text/html, Text/CSV;q=0.9, application/json"));
        assert!(!asked(None, "application/json, text/csv") && !asked(None, "*/*"));
        assert!(asked(Some(PageFormat::Csv), "application/json"));
        assert!(!asked(Some(PageFormat::Json), "text/csv"));
        assert!(!is_csv(None, &HeaderMap::new()));
    }
}
