//! The whole trail as a file, oldest first: read and sent a page at a time, so that its size does not matter.
//!
//! What must never happen: a file that ends early and looks whole. Where a page cannot be read, or the token is void
//! meanwhile, the transfer breaks off.

use std::pin::Pin;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use foodflow_domain::TenantId;
use foodflow_projections::audit::{AuditFilters, AuditOrder, audit_entries};
use foodflow_projections::page::{PAGE_ITEMS_MAX, Page, PageRequest};
use futures::stream;
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::entry::{CSV_TYPE, csv_lines, json_lines, opened};
use crate::http::App;
use crate::http::access::{Access, AuditRead};
use crate::http::problem::Problem;
use crate::http::reads::parameters;
use crate::http::view::bound;

/// As what a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum FileFormat {
    /// Lines with a header (RFC 4180).
    Csv,
    /// A JSON object on each line.
    Ndjson,
}

/// What is exported, and as what.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ExportQuery {
    /// `csv` or `ndjson`.
    #[param(inline)]
    format: FileFormat,
    /// Only what was recorded at this time (RFC 3339) or later.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Only what was recorded before this time (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// As it stood at this recorded time (RFC 3339) or position.
    as_of: Option<String>,
}

/// Why a transfer breaks off.
#[derive(Debug, thiserror::Error)]
#[error("the export breaks off: {0}")]
struct BrokenOff(String);

/// A file that is being written.
struct Export {
    app: App,
    tenant: TenantId,
    format: FileFormat,
    filters: AuditFilters,
    /// Ends when the token is void.
    void: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// What the next page comes after; nothing where the last one was written.
    next: Option<Option<Uuid>>,
    has_header: bool,
}

impl Export {
    /// Reads the next page.
    async fn read(&mut self, after: Option<Uuid>) -> Result<Bytes, Problem> {
        let request = PageRequest { after, size: PAGE_ITEMS_MAX };
        let (store, filters) = (self.app.models.audit.store.as_ref(), self.filters.clone());
        let page = audit_entries(store, self.tenant, filters, AuditOrder::OldestFirst, request).await?;
        let Page { items, next } = page;
        self.next = next.map(Some);
        let entries = opened(self.app.executor.keyring(), self.tenant, items).await?;
        let lines = match self.format {
            FileFormat::Csv => csv_lines(&entries, std::mem::take(&mut self.has_header)),
            FileFormat::Ndjson => json_lines(&entries),
        };
        lines.map(Bytes::from)
    }

    /// The next page, unless something ends the transfer before.
    async fn part(mut self) -> Option<(Result<Bytes, BrokenOff>, Self)> {
        let after = self.next.take()?;
        let mut void = std::mem::replace(&mut self.void, Box::pin(std::future::pending()));
        let shutdown = self.app.shutdown.clone();
        let part = tokio::select! {
            biased;
            () = shutdown.cancelled() => Err(BrokenOff("the service ends".to_owned())),
            () = &mut void => Err(BrokenOff("the token is void".to_owned())),
            part = self.read(after) => part.map_err(|problem| BrokenOff(problem.detail)),
        };
        self.void = void;
        if let Err(error) = &part {
            tracing::warn!(%error, "an export of the audit trail");
        }
        Some((part, self))
    }
}

/// Who did what when, oldest first, as a file: everything that was recorded when it begins.
///
/// It is streamed. Where the transfer breaks off, the file is not whole.
#[utoipa::path(get, path = "/v1/audit/export", tag = "audit", params(ExportQuery), security(("bearer" = [])),
    responses(
        (status = 200, description = "Entries as lines, each as `/v1/audit` answers it", content((String = "text/csv"), (String = "application/x-ndjson"))),
    ))]
pub(super) async fn export(
    State(app): State<App>,
    access: Access<AuditRead>,
    headers: HeaderMap,
    query: Result<Query<ExportQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let ExportQuery { format, since, until, as_of } = parameters(query)?;
    let tenant = access.tenant;
    let position = bound(&app, &app.models.audit.progress, tenant, &headers, as_of.as_deref()).await?;
    let filters = AuditFilters { since, until, up_to: Some(position), ..AuditFilters::default() };
    let (kind, name) = match format {
        FileFormat::Csv => (CSV_TYPE, "audit.csv"),
        FileFormat::Ndjson => ("application/x-ndjson", "audit.ndjson"),
    };
    let void = Box::pin(access.until_void(app.clone()));
    let mut export = Export { app, tenant, format, filters, void, next: None, has_header: true };
    // What is wrong from the start is a refusal like every other one.
    let first = export.read(None).await?;
    let rest = stream::unfold(export, Export::part);
    let first = stream::once(std::future::ready(Ok::<_, BrokenOff>(first)));
    let lines = Body::from_stream(futures::StreamExt::chain(first, rest));
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        (HeaderName::from_static("foodflow-position"), position.to_string()),
    ];
    Ok((headers, lines).into_response())
}
