//! Bodies of what is done to a lot.

use foodflow_commands::food_graph::batches::{AdjustBatch, BarBatch, BarKind};
use foodflow_domain::Quantity;
use foodflow_domain::food_graph::batch::AdjustmentKind;
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Body, Checks, FieldError};
use crate::http::schema;

/// `POST /v1/batches/{id}/hold`, `/release`, `/dispose`, `/recall`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BarBody {
    /// Why.
    #[schema(value_type = schema::Sentence)]
    reason: String,
    /// Event time (RFC 3339, UTC); now where absent.
    #[schema(value_type = Option<schema::Instant>)]
    occurred_at: Option<Timestamp>,
    /// How much of the lot; all where absent.
    #[schema(value_type = Option<schema::QuantityIn>)]
    quantity: Option<Quantity>,
}

impl BarBody {
    fn operation(self, kind: BarKind, path_id: Uuid) -> Result<BarBatch, Vec<FieldError>> {
        let mut checks = Checks::default();
        checks.sentence("/reason", &self.reason);
        if let Some(occurred_at) = self.occurred_at {
            checks.instant("/occurred_at", occurred_at);
        }
        if let Some(quantity) = self.quantity {
            checks.positive("/quantity", quantity);
        }
        let Self { reason, occurred_at, quantity } = self;
        checks.finish(BarBatch { batch_id: path_id.into(), kind, reason, occurred_at, quantity })
    }
}

macro_rules! bar_body {
    ($($(#[$doc:meta])* $name:ident => $kind:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Deserialize)]
        #[serde(transparent)]
        pub struct $name(BarBody);

        impl Body for $name {
            type Operation = BarBatch;

            fn check(self, path_id: Uuid) -> Result<BarBatch, Vec<FieldError>> {
                self.0.operation(BarKind::$kind, path_id)
            }
        }
    )*};
}

bar_body! {
    /// `POST /v1/batches/{id}/hold`.
    HoldBody => Hold;
    /// `POST /v1/batches/{id}/release`.
    ReleaseBody => Release;
    /// `POST /v1/batches/{id}/dispose`.
    DisposeBody => Dispose;
    /// `POST /v1/batches/{id}/recall`.
    RecallBody => Recall;
}

/// `POST /v1/batches/{id}/adjustments`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AdjustmentBody {
    /// `sample`, `waste` or `count`.
    #[schema(value_type = schema::AdjustmentKind)]
    kind: AdjustmentKind,
    /// How much; for a count the physical stock found, which may be 0.
    #[schema(value_type = schema::QuantityIn)]
    quantity: Quantity,
    /// Event time (RFC 3339, UTC).
    #[schema(value_type = schema::Instant)]
    occurred_at: Timestamp,
    /// Why.
    #[schema(value_type = Option<schema::Sentence>)]
    reason: Option<String>,
}

impl Body for AdjustmentBody {
    type Operation = AdjustBatch;

    fn check(self, path_id: Uuid) -> Result<AdjustBatch, Vec<FieldError>> {
        let mut checks = Checks::default();
        match self.kind {
            AdjustmentKind::Count => checks.not_negative("/quantity", self.quantity),
            AdjustmentKind::Sample | AdjustmentKind::Waste => checks.positive("/quantity", self.quantity),
        }
        checks.instant("/occurred_at", self.occurred_at);
        if let Some(reason) = &self.reason {
            checks.sentence("/reason", reason);
        }
        let Self { kind, quantity, occurred_at, reason } = self;
        checks.finish(AdjustBatch { batch_id: path_id.into(), kind, quantity, occurred_at, reason })
    }
}
