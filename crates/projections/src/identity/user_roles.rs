//! `user_roles`: who has which role.

use foodflow_domain::TenantId;
use foodflow_domain::identity::user::UserEvent;
use uuid::Uuid;

use crate::store::StoreError;
use crate::table;
use crate::tables::{EventTable, Select, TableChange, TableEvent, TableRow as _, TableStore, Value, rows_of};

table! {
    /// A role of a user.
    pub struct UserRole in "user_roles" {
        /// The user.
        user_id: Uuid,
        /// The role.
        role_id: Uuid,
        /// Their tenant.
        tenant_id: Uuid,
    }
    key: ["tenant_id", "user_id", "role_id"], tenant: "tenant_id",
}

impl EventTable for UserRole {
    type Event = UserEvent;

    fn project(event: &TableEvent<'_>, data: UserEvent, changes: &mut Vec<TableChange>) {
        let tenant_id = event.tenant().0;
        let has = |user_id: Uuid, role_id: Uuid| {
            TableChange::Upsert(Self { user_id, role_id, tenant_id }.into_row())
        };
        let lost = |user_id: Uuid, role_id: Uuid| TableChange::Delete {
            table: Self::TABLE,
            key: [tenant_id, user_id, role_id].map(Value::Uuid).to_vec(),
        };
        match data {
            UserEvent::Registered(data) => {
                changes.extend(data.role_ids.iter().map(|role| has(data.user_id.0, role.0)));
            }
            UserEvent::Invited(data) => {
                changes.extend(data.removed.iter().map(|role| lost(data.user_id.0, role.0)));
                changes.extend(data.role_ids.iter().map(|role| has(data.user_id.0, role.0)));
            }
            UserEvent::RolesChanged(data) => {
                changes.extend(data.removed.iter().map(|role| lost(data.user_id.0, role.0)));
                changes.extend(data.added.iter().map(|role| has(data.user_id.0, role.0)));
            }
            UserEvent::Forgotten(data) => {
                changes.extend(data.role_ids.iter().map(|role| lost(data.user_id.0, role.0)));
            }
            _ => {}
        }
    }
}

/// The roles of a user, in order of id.
///
/// # Errors
/// [`StoreError`] where the store does not answer.
pub async fn roles_of(
    store: &dyn TableStore,
    tenant: TenantId,
    user_id: Uuid,
) -> Result<Vec<UserRole>, StoreError> {
    rows_of(store, &Select::of::<UserRole>(tenant).equal("user_id", Some(user_id))).await
}

/// Some users who have a role, in order of id.
///
/// # Errors
/// [`StoreError`] where the store does not answer.
pub async fn holders_of(
    store: &dyn TableStore,
    tenant: TenantId,
    role_id: Uuid,
) -> Result<Vec<UserRole>, StoreError> {
    rows_of(store, &Select::of::<UserRole>(tenant).equal("role_id", Some(role_id))).await
}
