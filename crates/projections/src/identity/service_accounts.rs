//! `service_accounts`: programs that act for the tenant.

use foodflow_domain::TenantId;
use foodflow_domain::identity::service_account::ServiceAccountEvent;
use jiff::Timestamp;
use uuid::Uuid;

use crate::page::{Page, PageRequest};
use crate::store::StoreError;
use crate::table;
use crate::tables::value::Json;
use crate::tables::{EventTable, Select, TableChange, TableEvent, TableStore, Value, select};

table! {
    /// A service account.
    pub struct ServiceAccount in "service_accounts" {
        /// Its id.
        id: Uuid,
        /// Its tenant.
        tenant_id: Uuid,
        /// Its name.
        name: String [100],
        /// For people.
        description: Option<String>,
        /// Ids of its roles.
        role_ids: Json,
        /// Whether it may act.
        is_active: bool,
        /// When it was made.
        created_at: Timestamp,
        /// When it last changed.
        updated_at: Timestamp,
        /// Its version: the `ETag`.
        version: i64,
        /// Position of its last change.
        position: i64,
    }
    key: ["tenant_id", "id"], tenant: "tenant_id",
    unique: [["tenant_id", "name"]],
}

fn list(role_ids: &impl serde::Serialize) -> Json {
    Json::of(&serde_json::to_value(role_ids).unwrap_or_default())
}

impl EventTable for ServiceAccount {
    type Event = ServiceAccountEvent;

    fn project(event: &TableEvent<'_>, data: ServiceAccountEvent, changes: &mut Vec<TableChange>) {
        let tenant_id = event.tenant().0;
        let patch = |id: Uuid| event.patch::<Self>([tenant_id, id].map(Value::Uuid));
        changes.push(match data {
            ServiceAccountEvent::Created(data) => event.append(Self {
                id: data.service_account_id.0,
                tenant_id,
                name: data.name,
                description: data.description,
                role_ids: list(&data.role_ids),
                is_active: true,
                created_at: event.recorded_at(),
                updated_at: event.recorded_at(),
                version: event.version(),
                position: event.position(),
            }),
            ServiceAccountEvent::RolesChanged(data) => {
                patch(data.service_account_id.0).set("role_ids", list(&data.role_ids)).change()
            }
            ServiceAccountEvent::Deactivated(data) => {
                patch(data.service_account_id.0).set("is_active", false).change()
            }
            ServiceAccountEvent::Reactivated(data) => {
                patch(data.service_account_id.0).set("is_active", true).change()
            }
            ServiceAccountEvent::KeyIssued(data) => patch(data.service_account_id.0).change(),
            ServiceAccountEvent::KeyUsed(data) => patch(data.service_account_id.0).change(),
            ServiceAccountEvent::KeyRevoked(data) => patch(data.service_account_id.0).change(),
        });
    }
}

/// The service account of this id.
///
/// # Errors
/// [`StoreError`] where the store does not answer.
pub async fn service_account(
    store: &dyn TableStore,
    tenant: TenantId,
    id: Uuid,
) -> Result<Option<ServiceAccount>, StoreError> {
    select::one(store, Select::of::<ServiceAccount>(tenant).equal("id", Some(id))).await
}

/// Which service accounts are asked for; all where nothing is given.
#[derive(Debug, Clone, Default)]
pub struct ServiceAccountFilters {
    /// With this name.
    pub name: Option<String>,
    /// Which may act, or may not.
    pub is_active: Option<bool>,
}

/// A page of service accounts, in order of id.
///
/// # Errors
/// [`StoreError`] where the store does not answer.
pub async fn service_accounts(
    store: &dyn TableStore,
    tenant: TenantId,
    filters: ServiceAccountFilters,
    request: PageRequest,
) -> Result<Page<ServiceAccount>, StoreError> {
    let ServiceAccountFilters { name, is_active } = filters;
    let select = Select::of::<ServiceAccount>(tenant).equal("name", name).equal("is_active", is_active);
    select::page(store, select, request, |row: &ServiceAccount| row.id).await
}
