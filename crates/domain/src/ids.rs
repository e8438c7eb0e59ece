//! Typed identifiers. All are UUIDs; the type says whose.
//!
//! Command and event ids are version 7. Ids of created things are chosen by the client or derived from the
//! command id by [`derive()`], so that a repeated command always meets the same stream.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self(Uuid::nil())
            }
        }
    )*};
}

id! {
    /// A tenant: one company's data, never visible to another.
    TenantId;
    /// One command; the `Idempotency-Key` of the HTTP contract.
    CommandId;
    /// A lot (traceability lot); the graph's `Batch`.
    BatchId;
    /// A place: plant, warehouse, distribution centre, retailer.
    LocationId;
    /// A supplier.
    SupplierId;
    /// An ingredient.
    IngredientId;
    /// A product.
    ProductId;
    /// A stock keeping unit of a product.
    SkuId;
    /// A receiving (critical tracking event).
    ReceiptId;
    /// A transformation (critical tracking event).
    TransformationId;
    /// A shipping (critical tracking event).
    ShipmentId;
    /// A subscription of a tenant.
    SubscriptionId;
    /// A feature flag of a tenant.
    FeatureFlagId;
    /// A user: a person's account with a tenant.
    UserId;
    /// A role of a tenant.
    RoleId;
    /// A session: one login.
    SessionId;
    /// A service account of a tenant.
    ServiceAccountId;
    /// A key of a service account.
    ApiKeyId;
    /// A person whose data is kept, and may have to be forgotten.
    PersonId;
}

/// Name space of tenant ids.
const SLUG_SPACE: Uuid = Uuid::from_u128(0x6d1f_9a52_6c1b_4f0e_9d5e_07c1_8f2a_4b33);

impl TenantId {
    /// The id of the tenant with this short name: no two tenants share one.
    #[must_use]
    pub fn of_slug(slug: &str) -> Self {
        Self(Uuid::new_v5(&SLUG_SPACE, slug.as_bytes()))
    }
}

/// The id of a thing that `command` creates and for which the client chose none.
///
/// `role` keeps several things of one command apart (`"receipt"`, `"batch/0"`).
#[must_use]
pub fn derive(tenant: TenantId, command: CommandId, role: &str) -> Uuid {
    let command_space = Uuid::new_v5(&tenant.0, command.0.as_bytes());
    Uuid::new_v5(&command_space, role.as_bytes())
}

/// The id of the reservation stream that makes `key` unique among the tenant's keys of one `kind`.
#[must_use]
pub fn reservation(tenant: TenantId, kind: &str, key: &str) -> Uuid {
    named(tenant, kind, key)
}

/// The id of the tenant's one thing of this `kind` that is called `key`.
#[must_use]
pub fn named(tenant: TenantId, kind: &str, key: &str) -> Uuid {
    Uuid::new_v5(&Uuid::new_v5(&tenant.0, kind.as_bytes()), key.as_bytes())
}
