//! `role_permissions`: which role may do what.

use foodflow_domain::TenantId;
use foodflow_domain::identity::permission::Granted;
use foodflow_domain::identity::role::RoleEvent;
use foodflow_domain::ids::RoleId;
use uuid::Uuid;

use crate::store::StoreError;
use crate::table;
use crate::tables::{EventTable, Select, TableChange, TableEvent, TableRow as _, TableStore, Value, rows_of};

table! {
    /// A permission of a role.
    pub struct RolePermission in "role_permissions" {
        /// The role.
        role_id: Uuid,
        /// The permission.
        permission_id: Uuid,
        /// Their tenant.
        tenant_id: Uuid,
    }
    key: ["tenant_id", "role_id", "permission_id"], tenant: "tenant_id",
}

impl EventTable for RolePermission {
    type Event = RoleEvent;

    fn project(event: &TableEvent<'_>, data: RoleEvent, changes: &mut Vec<TableChange>) {
        let (tenant, tenant_id) = (event.tenant(), event.tenant().0);
        let granted = |role: RoleId, granted: &Granted| {
            let row = Self { role_id: role.0, permission_id: granted.id(tenant), tenant_id };
            TableChange::Upsert(row.into_row())
        };
        let withdrawn = |role: RoleId, withdrawn: &Granted| TableChange::Delete {
            table: Self::TABLE,
            key: [tenant_id, role.0, withdrawn.id(tenant)].map(Value::Uuid).to_vec(),
        };
        match data {
            RoleEvent::Defined(data) => {
                changes.extend(data.permissions.iter().map(|one| granted(data.role_id, one)));
            }
            RoleEvent::Changed(data) => {
                changes.extend(data.withdrawn.iter().map(|one| withdrawn(data.role_id, one)));
                changes.extend(data.granted.iter().map(|one| granted(data.role_id, one)));
            }
            RoleEvent::Deleted(data) => {
                changes.extend(data.withdrawn.iter().map(|one| withdrawn(data.role_id, one)));
            }
        }
    }
}

/// What a role may do, in order of id.
///
/// # Errors
/// [`StoreError`] where the store does not answer.
pub async fn permissions_of(
    store: &dyn TableStore,
    tenant: TenantId,
    role_id: Uuid,
) -> Result<Vec<RolePermission>, StoreError> {
    rows_of(store, &Select::of::<RolePermission>(tenant).equal("role_id", Some(role_id))).await
}
