//! Reads of tables: one row, and pages of rows, as of today or of a point in time.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use foodflow_projections::page::{PAGE_ITEMS_MAX, PageRequest};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::problem::Problem;
use super::reads::parameters;

/// Items of a page where the client names no number.
const PAGE_SIZE_DEFAULT: usize = 50;

/// The page that a client asks for.
pub(super) fn page_request(after: Option<Uuid>, size: Option<usize>) -> Result<PageRequest, Problem> {
    let size = size.unwrap_or(PAGE_SIZE_DEFAULT);
    if !(1..=PAGE_ITEMS_MAX).contains(&size) {
        return Err(Problem::invalid_parameter("page[size]", format!("must be from 1 to {PAGE_ITEMS_MAX}")));
    }
    Ok(PageRequest { after, size })
}

/// As it stood when.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AsOfQuery {
    /// As it stood at this recorded time (RFC 3339) or position.
    pub(super) as_of: Option<String>,
}

/// The point in time that a query names.
pub(super) fn as_of(query: Result<Query<AsOfQuery>, QueryRejection>) -> Result<Option<String>, Problem> {
    Ok(parameters(query)?.as_of)
}

/// Declares the read of a page of a table's rows, by filters; the question may take more of its [`Standing`], as in
/// `subscriptions::subscriptions(at)`.
///
/// [`Standing`]: super::view::Standing
macro_rules! table_page {
    ($many:ident, $query:ident, $model:ident, $module:ident::$ask:ident $(($($of_standing:ident),+))?, $filters:ident, $row:ident, $permission:ident, $tag:literal, $path:literal, $summary:literal,
     { $($(#[$attribute:meta])* $field:ident: $type:ty,)* }) => {
        #[doc = concat!("Which page is asked for: ", $summary)]
        #[derive(Debug, Clone, serde::Deserialize, utoipa::IntoParams)]
        #[serde(deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        struct $query {
            $($(#[$attribute])* $field: Option<$type>,)*
            /// Only what comes after this id: `next` of the page before.
            #[serde(rename = "page[after]")]
            page_after: Option<uuid::Uuid>,
            /// Items of a page, 1 to 500; 50 where absent.
            #[serde(rename = "page[size]")]
            page_size: Option<usize>,
            /// As it stood at this recorded time (RFC 3339) or position.
            as_of: Option<String>,
        }

        #[doc = $summary]
        #[utoipa::path(get, path = $path, tag = $tag, params($query), security(("bearer" = [])),
            responses(
                (status = 200, description = "`items`, and `next` to hand to `page[after]`", body = foodflow_projections::page::Page<$module::$row>),
            ))]
        async fn $many(
            State(app): State<App>,
            access: Access<$permission>,
            headers: axum::http::HeaderMap,
            query: Result<axum::extract::Query<$query>, axum::extract::rejection::QueryRejection>,
        ) -> Result<Response, Problem> {
            let $query { $($field,)* page_after, page_size, as_of } = $crate::http::reads::parameters(query)?;
            let request = $crate::http::tables::page_request(page_after, page_size)?;
            let standing =
                $crate::http::view::standing(&app, &app.models.$model, access.tenant, &headers, as_of.as_deref());
            let standing = standing.await?;
            let filters = $module::$filters { $($field,)* };
            let page = $module::$ask(standing.store.as_ref(), access.tenant, filters, request $($(, standing.$of_standing)+)?).await?;
            Ok($crate::http::view::answer(standing.position, &page))
        }
    };
}
pub(super) use table_page;
