//! Why tenancy refuses a command.

use jiff::Timestamp;
use uuid::Uuid;

use super::Month;
use crate::ids::{SubscriptionId, TenantId};
use crate::problem::{DomainProblem, ProblemKind};

/// A refusal by an aggregate of tenancy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TenancyError {
    /// Nothing with this id exists for the tenant.
    #[error("there is no {what} {id}")]
    NotFound {
        /// What kind of thing.
        what: &'static str,
        /// Its id.
        id: Uuid,
    },
    /// Something with this id exists.
    #[error("{what} {id} already exists")]
    AlreadyExists {
        /// What kind of thing.
        what: &'static str,
        /// Its id.
        id: Uuid,
    },
    /// The slug is not the one that the tenant's id derives from.
    #[error("the slug `{slug}` is not that of tenant {tenant}: a tenant's id derives from its slug")]
    OtherSlug {
        /// The slug that was given.
        slug: String,
        /// The tenant.
        tenant: TenantId,
    },
    /// A change to a tenant that is closed.
    #[error("tenant `{slug}` is closed; that is final")]
    TenantClosed {
        /// The tenant's slug.
        slug: String,
    },
    /// A suspension of a tenant that is suspended.
    #[error("tenant `{slug}` is suspended")]
    TenantSuspended {
        /// The tenant's slug.
        slug: String,
    },
    /// A reactivation of a tenant that is not suspended.
    #[error("tenant `{slug}` is not suspended")]
    TenantNotSuspended {
        /// The tenant's slug.
        slug: String,
    },
    /// A second subscription beside one that is in force.
    #[error("subscription {subscription_id} is in force; cancel it before another one starts")]
    SubscriptionInForce {
        /// The one that is in force.
        subscription_id: SubscriptionId,
    },
    /// A change to a subscription that was cancelled.
    #[error("subscription {subscription_id} was cancelled; start a new one")]
    SubscriptionCancelled {
        /// The subscription.
        subscription_id: SubscriptionId,
    },
    /// A change to a subscription whose period ended and was not renewed in time.
    #[error("subscription {subscription_id} expired at {expired_at}; start a new one")]
    SubscriptionExpired {
        /// The subscription.
        subscription_id: SubscriptionId,
        /// When its time for renewal was over.
        expired_at: Timestamp,
    },
    /// A plan that the catalogue does not have.
    #[error("there is no plan `{plan}`; there are {known}")]
    UnknownPlan {
        /// Its name.
        plan: String,
        /// The names of those that there are.
        known: String,
    },
    /// More lots in a month than the plan includes.
    #[error(
        "the plan `{plan}` includes {limit} lots a month; {used} of {month} are recorded, and this would record {more} \
         more; take a larger plan, or record it from {resets} on, when the next month begins"
    )]
    QuotaExceeded {
        /// The plan.
        plan: String,
        /// What it includes.
        limit: u32,
        /// What is used.
        used: u64,
        /// What is asked for.
        more: u64,
        /// In which month.
        month: Month,
        /// When the next one begins.
        resets: Timestamp,
    },
    /// A period that ends before it has begun.
    #[error("the period would end at {end}, which is not after {start}")]
    PeriodEndsEarly {
        /// Where it begins.
        start: Timestamp,
        /// Where it would end.
        end: Timestamp,
    },
}

impl DomainProblem for TenancyError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "not-found",
            Self::AlreadyExists { .. } => "already-exists",
            Self::OtherSlug { .. } => "other-slug",
            Self::TenantClosed { .. } => "tenant-closed",
            Self::TenantSuspended { .. } => "tenant-suspended",
            Self::TenantNotSuspended { .. } => "tenant-not-suspended",
            Self::SubscriptionInForce { .. } => "subscription-in-force",
            Self::SubscriptionCancelled { .. } => "subscription-cancelled",
            Self::SubscriptionExpired { .. } => "subscription-expired",
            Self::UnknownPlan { .. } => "unknown-plan",
            Self::QuotaExceeded { .. } => "quota-exceeded",
            Self::PeriodEndsEarly { .. } => "period-ends-early",
        }
    }

    fn kind(&self) -> ProblemKind {
        match self {
            Self::NotFound { what, id } => ProblemKind::NotFound { what, id: *id },
            _ => ProblemKind::Refused,
        }
    }
}
