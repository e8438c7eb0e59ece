//! `api_keys`: keys of service accounts, as hashes, and when each was last used.

use foodflow_domain::TenantId;
use foodflow_domain::identity::service_account::ServiceAccountEvent;
use jiff::Timestamp;
use uuid::Uuid;

use crate::page::{Page, PageRequest};
use crate::store::StoreError;
use crate::table;
use crate::tables::value::Json;
use crate::tables::{
    EventTable, Secret, Select, TableChange, TableEvent, TableRow as _, TableStore, Value, select,
};

table! {
    /// A key of a service account.
    pub struct ApiKey in "api_keys" {
        /// Its id.
        id: Uuid,
        /// Its tenant.
        tenant_id: Uuid,
        /// Whose.
        service_account_id: Uuid,
        /// What it is called.
        name: String [100],
        /// SHA-256 of the key, in hexadecimal digits.
        key_hash: Secret [64],
        /// Names of permissions that it is limited to; empty for all of its account.
        scopes: Json,
        /// Until when it is good.
        expires_at: Option<Timestamp>,
        /// When it last bought an access token.
        last_used_at: Option<Timestamp>,
        /// When it was revoked.
        revoked_at: Option<Timestamp>,
        /// When it was issued.
        created_at: Timestamp,
        /// Position of its last change.
        position: i64,
    }
    key: ["tenant_id", "id"], tenant: "tenant_id",
    indexes: ["idx_api_keys_service_account_id": ["service_account_id"]],
}

impl EventTable for ApiKey {
    type Event = ServiceAccountEvent;

    fn project(event: &TableEvent<'_>, data: ServiceAccountEvent, changes: &mut Vec<TableChange>) {
        let tenant_id = event.tenant().0;
        let patch = |id: Uuid| event.patch::<Self>([tenant_id, id].map(Value::Uuid));
        changes.push(match data {
            ServiceAccountEvent::KeyIssued(data) => TableChange::Upsert(
                Self {
                    id: data.key_id.0,
                    tenant_id,
                    service_account_id: data.service_account_id.0,
                    name: data.name,
                    key_hash: Secret::of(data.key_hash),
                    scopes: Json::of(&serde_json::to_value(&data.scopes).unwrap_or_default()),
                    expires_at: data.expires_at,
                    last_used_at: None,
                    revoked_at: None,
                    created_at: event.recorded_at(),
                    position: event.position(),
                }
                .into_row(),
            ),
            ServiceAccountEvent::KeyUsed(data) => {
                patch(data.key_id.0).set("last_used_at", event.recorded_at()).change()
            }
            ServiceAccountEvent::KeyRevoked(data) => {
                patch(data.key_id.0).set("revoked_at", event.recorded_at()).change()
            }
            _ => return,
        });
    }
}

/// Which keys are asked for; all where nothing is given.
#[derive(Debug, Clone, Default)]
pub struct ApiKeyFilters {
    /// Of this service account.
    pub service_account_id: Option<Uuid>,
}

/// A page of keys, in order of id.
///
/// # Errors
/// [`StoreError`] where the store does not answer.
pub async fn api_keys(
    store: &dyn TableStore,
    tenant: TenantId,
    filters: ApiKeyFilters,
    request: PageRequest,
) -> Result<Page<ApiKey>, StoreError> {
    let select = Select::of::<ApiKey>(tenant).equal("service_account_id", filters.service_account_id);
    select::page(store, select, request, |row: &ApiKey| row.id).await
}
