//! Pages of a list.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Most items of a page.
pub const PAGE_ITEMS_MAX: usize = 500;

/// Which page is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    /// Only what comes after this id.
    pub after: Option<Uuid>,
    /// Most items, 1 to [`PAGE_ITEMS_MAX`]; more is taken as that.
    pub size: usize,
}

/// A page, in the order of its list: by id where nothing else is said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// What to ask the next page after; null on the last page.
    #[schema(required = true)]
    pub next: Option<Uuid>,
}
