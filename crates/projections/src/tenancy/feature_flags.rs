//! `feature_flags`: what is switched on for a tenant.

use foodflow_domain::TenantId;
use foodflow_domain::tenancy::feature_flag::FeatureFlagEvent;
use jiff::Timestamp;
use uuid::Uuid;

use crate::page::{Page, PageRequest};
use crate::store::StoreError;
use crate::table;
use crate::tables::{EventTable, Select, TableChange, TableEvent, TableStore, Value, select};

table! {
    /// A feature flag.
    pub struct FeatureFlag in "feature_flags" {
        /// Its id; derives from tenant and feature.
        id: Uuid,
        /// Its tenant.
        tenant_id: Uuid,
        /// The feature.
        feature_name: String [100],
        /// Whether it is on.
        enabled: bool,
        /// When it was first set.
        created_at: Timestamp,
        /// When it was last set.
        updated_at: Timestamp,
        /// Its version: the `ETag`.
        version: i64,
        /// Position of its last change.
        position: i64,
    }
    key: ["tenant_id", "id"], tenant: "tenant_id",
    unique: [["tenant_id", "feature_name"]],
    indexes: ["idx_feature_flags_tenant_id": ["tenant_id"]],
}

impl EventTable for FeatureFlag {
    type Event = FeatureFlagEvent;

    fn project(event: &TableEvent<'_>, data: FeatureFlagEvent, changes: &mut Vec<TableChange>) {
        let FeatureFlagEvent::Set(data) = data;
        let (tenant_id, id) = (event.tenant().0, data.feature_flag_id.0);
        changes.push(if event.version() == 1 {
            event.append(Self {
                id,
                tenant_id,
                feature_name: data.feature_name,
                enabled: data.enabled,
                created_at: event.recorded_at(),
                updated_at: event.recorded_at(),
                version: event.version(),
                position: event.position(),
            })
        } else {
            let key = [Value::Uuid(tenant_id), Value::Uuid(id)];
            event.patch::<Self>(key).set("enabled", data.enabled).change()
        });
    }
}

/// The flag of this feature, where it was ever set.
///
/// # Errors
/// [`StoreError`] where the store does not answer.
pub async fn feature_flag(
    store: &dyn TableStore,
    tenant: TenantId,
    feature_name: String,
) -> Result<Option<FeatureFlag>, StoreError> {
    select::one(store, Select::of::<FeatureFlag>(tenant).equal("feature_name", Some(feature_name))).await
}

/// Which flags are asked for; all where nothing is given.
#[derive(Debug, Clone, Default)]
pub struct FeatureFlagFilters {
    /// Of this feature.
    pub feature_name: Option<String>,
    /// On, or off.
    pub enabled: Option<bool>,
}

/// A page of flags, in order of id.
///
/// # Errors
/// [`StoreError`] where the store does not answer.
pub async fn feature_flags(
    store: &dyn TableStore,
    tenant: TenantId,
    filters: FeatureFlagFilters,
    request: PageRequest,
) -> Result<Page<FeatureFlag>, StoreError> {
    let FeatureFlagFilters { feature_name, enabled } = filters;
    let select =
        Select::of::<FeatureFlag>(tenant).equal("feature_name", feature_name).equal("enabled", enabled);
    select::page(store, select, request, |row: &FeatureFlag| row.id).await
}
