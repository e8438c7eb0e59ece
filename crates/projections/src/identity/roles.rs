//! `roles`: built-in ones, and those that the tenant defined.

use foodflow_domain::TenantId;
use foodflow_domain::identity::role::RoleEvent;
use jiff::Timestamp;
use uuid::Uuid;

use super::user_roles::UserRole;
use crate::page::{Page, PageRequest};
use crate::store::StoreError;
use crate::table;
use crate::tables::{EventTable, Select, TableChange, TableEvent, TableRow as _, TableStore, Value, select};

table! {
    /// A role.
    pub struct Role in "roles" {
        /// Its id.
        id: Uuid,
        /// Its name.
        name: String [100],
        /// For people.
        description: Option<String>,
        /// Its tenant.
        tenant_id: Uuid,
        /// When it was defined.
        created_at: Timestamp,
        /// When it last changed.
        updated_at: Timestamp,
        /// The key of the built-in role that it is.
        built_in: Option<String> [50],
        /// Its version: the `ETag`.
        version: i64,
        /// Position of its last change.
        position: i64,
    }
    key: ["tenant_id", "id"], tenant: "tenant_id",
    unique: [["name", "tenant_id"]],
    indexes: ["idx_roles_tenant_id": ["tenant_id"]],
}

impl EventTable for Role {
    type Event = RoleEvent;

    fn project(event: &TableEvent<'_>, data: RoleEvent, changes: &mut Vec<TableChange>) {
        let tenant_id = event.tenant().0;
        let key = |id: Uuid| [tenant_id, id].map(Value::Uuid);
        if let RoleEvent::Deleted(data) = &data {
            // Nobody has it any more.
            let (table, tenant) = (UserRole::TABLE, event.tenant());
            let (column, value) = ("role_id", Value::Uuid(data.role_id.0));
            changes.push(TableChange::DeleteAll { table, tenant, column, value });
        }
        changes.push(match data {
            RoleEvent::Defined(data) => event.append(Self {
                id: data.role_id.0,
                name: data.name,
                description: data.description,
                tenant_id,
                created_at: event.recorded_at(),
                updated_at: event.recorded_at(),
                built_in: data.built_in,
                version: event.version(),
                position: event.position(),
            }),
            RoleEvent::Changed(data) => event
                .patch::<Self>(key(data.role_id.0))
                .set("name", data.name)
                .set("description", data.description)
                .change(),
            RoleEvent::Deleted(data) => {
                TableChange::Delete { table: Self::TABLE, key: key(data.role_id.0).to_vec() }
            }
        });
    }
}

/// The role of this id.
///
/// # Errors
/// [`StoreError`] where the store does not answer.
pub async fn role(store: &dyn TableStore, tenant: TenantId, id: Uuid) -> Result<Option<Role>, StoreError> {
    select::one(store, Select::of::<Role>(tenant).equal("id", Some(id))).await
}

/// Which roles are asked for; all where nothing is given.
#[derive(Debug, Clone, Default)]
pub struct RoleFilters {
    /// With this name.
    pub name: Option<String>,
}

/// A page of roles, in order of id.
///
/// # Errors
/// [`StoreError`] where the store does not answer.
pub async fn roles(
    store: &dyn TableStore,
    tenant: TenantId,
    filters: RoleFilters,
    request: PageRequest,
) -> Result<Page<Role>, StoreError> {
    let select = Select::of::<Role>(tenant).equal("name", filters.name);
    select::page(store, select, request, |row: &Role| row.id).await
}
