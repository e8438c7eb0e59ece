//! Tenants: who they are, what they have subscribed to, what that entitles them to, and which features are switched on for
//! them.
//!
//! A tenant's id derives from its slug ([`TenantId::of_slug`](crate::TenantId::of_slug)), so a slug is unique by
//! construction and never changes.
//!
//! What must never happen: two subscriptions of one tenant in force at once, a change to a tenant that is closed.

pub mod error;
pub mod feature_flag;
pub mod month;
pub mod plan;
pub mod plan_history;
pub mod subscription;
pub mod tenant;
pub mod usage;

pub use error::TenancyError;
pub use month::Month;
pub use plan::{Entitlements, Plans};

/// The plan of a tenant without a subscription.
pub const FREE_PLAN: &str = "free";
