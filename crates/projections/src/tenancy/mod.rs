//! Tenancy's tables, one projection over the whole log: tenants, subscriptions and feature flags from the events of
//! their aggregates, and what every tenant uses, metered from every message.
//!
//! A file holds a table, what makes its rows, and its queries.

pub mod feature_flags;
pub mod subscriptions;
pub mod tenants;
pub mod usage_metrics;

use self::feature_flags::FeatureFlag;
use self::subscriptions::Subscription;
use self::tenants::Tenant;
use self::usage_metrics::UsageMetric;
use crate::tables::{TableProjection, TableSource};

/// The projection.
pub static TENANCY: TableProjection = TableProjection {
    name: "tenancy",
    layout: 3,
    postgres: include_str!("../../../../schemas/postgres/tenancy.sql"),
    sources: &[
        TableSource::of::<Tenant>(),
        TableSource::of::<Subscription>(),
        TableSource::of::<FeatureFlag>(),
        TableSource::of_messages::<UsageMetric>(usage_metrics::meter),
    ],
    passed_over: &[],
};
