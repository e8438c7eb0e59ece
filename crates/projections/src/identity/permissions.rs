//! `permissions`: what some role of the tenant may do, or could.
//!
//! A row follows from the permission alone, whichever role named it first, so that the order of roles does not matter.

use std::collections::BTreeSet;

use foodflow_domain::TenantId;
use foodflow_domain::identity::permission::Granted;
use foodflow_domain::identity::role::RoleEvent;
use jiff::Timestamp;
use uuid::Uuid;

use crate::page::{PAGE_ITEMS_MAX, Page, PageRequest};
use crate::store::StoreError;
use crate::table;
use crate::tables::{EventTable, Select, TableChange, TableEvent, TableRow as _, TableStore, select};

/// When the list of permissions began: no role says since when one exists.
const SINCE: Timestamp = Timestamp::constant(1_796_083_200, 0);

table! {
    /// A permission.
    pub struct Permission in "permissions" {
        /// Its id; derives from tenant, resource and action.
        id: Uuid,
        /// To what.
        resource: String [100],
        /// What.
        action: String [50],
        /// For people.
        description: Option<String>,
        /// Begin of the list of permissions: the same for all.
        created_at: Timestamp,
        /// As `created_at`.
        updated_at: Timestamp,
        /// Its tenant.
        tenant_id: Uuid,
    }
    key: ["tenant_id", "id"], tenant: "tenant_id",
    unique: [["tenant_id", "resource", "action"]],
}

impl EventTable for Permission {
    type Event = RoleEvent;

    fn project(event: &TableEvent<'_>, data: RoleEvent, changes: &mut Vec<TableChange>) {
        let tenant = event.tenant();
        let row = |granted: Granted| {
            let id = granted.id(tenant);
            let Granted { resource, action, description } = granted;
            let (description, created_at) = (Some(description), SINCE);
            let (updated_at, tenant_id) = (SINCE, tenant.0);
            let row = Self { id, resource, action, description, created_at, updated_at, tenant_id };
            TableChange::Upsert(row.into_row())
        };
        match data {
            RoleEvent::Defined(data) => changes.extend(data.permissions.into_iter().map(row)),
            RoleEvent::Changed(data) => changes.extend(data.permissions.into_iter().map(row)),
            RoleEvent::Deleted(_) => {}
        }
    }
}

/// Which permissions are asked for; all where nothing is given.
#[derive(Debug, Clone, Default)]
pub struct PermissionFilters {
    /// To this.
    pub resource: Option<String>,
    /// This.
    pub action: Option<String>,
}

/// A page of permissions, in order of id.
///
/// # Errors
/// [`StoreError`] where the store does not answer.
pub async fn permissions(
    store: &dyn TableStore,
    tenant: TenantId,
    filters: PermissionFilters,
    request: PageRequest,
) -> Result<Page<Permission>, StoreError> {
    let PermissionFilters { resource, action } = filters;
    let select = Select::of::<Permission>(tenant).equal("resource", resource).equal("action", action);
    select::page(store, select, request, |row: &Permission| row.id).await
}

/// Names of the permissions of these ids, as `resource:action`.
///
/// # Errors
/// [`StoreError`] where the store does not answer.
pub async fn names_of(
    store: &dyn TableStore,
    tenant: TenantId,
    ids: &BTreeSet<Uuid>,
) -> Result<Vec<String>, StoreError> {
    let (mut names, mut after) = (Vec::with_capacity(ids.len()), None);
    loop {
        let request = PageRequest { after, size: PAGE_ITEMS_MAX };
        let page = permissions(store, tenant, PermissionFilters::default(), request).await?;
        let known = page.items.into_iter().filter(|permission| ids.contains(&permission.id));
        names.extend(known.map(|permission| format!("{}:{}", permission.resource, permission.action)));
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(names),
        }
    }
}
