//! Statements that read for one tenant, and who carries them out. Lookups can ask in no other way.

use foodflow_domain::TenantId;
use neo4rs::{BoltType, DetachedRowStream, Graph, Query, query};

use super::names::by_id;
use crate::changes::Label;
use crate::graph::StoreError;

/// Longest that the server works on a lookup, in milliseconds.
const READ_MILLISECONDS_MAX: i64 = 60_000;

/// The nodes that a lookup begins at: of one tenant. Edges lead from there, and never to another tenant's.
pub(super) struct Start {
    tenant: TenantId,
    text: String,
}

impl Start {
    /// The nodes of a label whose ids `$ids` holds, as `variable`.
    pub(super) fn at_ids(tenant: TenantId, variable: &str, label: Label) -> Self {
        let seek = Self::at_id(tenant, variable, label, "id");
        Self { text: format!("UNWIND $ids AS id {}", seek.text), ..seek }
    }

    /// The node of a label whose id is this expression, as `variable`.
    pub(super) fn at_id(tenant: TenantId, variable: &str, label: Label, id: &str) -> Self {
        let label = label.as_str();
        let seek = by_id(variable, label);
        Self { tenant, text: format!("MATCH ({variable}:{label} {{tenant_id: $tenant, id: {id}}}) {seek}") }
    }

    /// All nodes of a label, as `variable`; conditions may follow.
    pub(super) fn at_all(tenant: TenantId, variable: &str, label: Label) -> Self {
        let label = label.as_str();
        Self { tenant, text: format!("MATCH ({variable}:{label}) WHERE {variable}.tenant_id = $tenant") }
    }

    /// What is asked of them.
    pub(super) fn then(self, rest: &str) -> TenantStatement {
        let statement = query(&format!("{} {rest}", self.text)).param("tenant", self.tenant.to_string());
        TenantStatement(statement.extra("tx_timeout", READ_MILLISECONDS_MAX))
    }
}

/// A statement that begins at nodes of one tenant.
pub(super) struct TenantStatement(Query);

impl TenantStatement {
    /// The same, with a parameter besides the tenant.
    pub(super) fn param(self, key: &str, value: impl Into<BoltType>) -> Self {
        Self(self.0.param(key, value))
    }
}

/// A server that is asked for one tenant at a time.
pub(super) struct TenantReader<'a>(&'a Graph);

impl<'a> TenantReader<'a> {
    pub(super) const fn of(graph: &'a Graph) -> Self {
        Self(graph)
    }

    /// Carries out a statement.
    pub(super) async fn rows(&self, statement: TenantStatement) -> Result<DetachedRowStream, StoreError> {
        Ok(self.0.execute_read(statement.0).await?)
    }
}
