//! Retirements as statements. Each reaches the edges of one type; the first retirement that reaches an edge counts.

use std::collections::{BTreeMap, HashSet};

use foodflow_domain::TenantId;
use neo4rs::BoltType;

use super::names::{Generation, by_id};
use super::value::{MapBuilder, count_to_bolt};
use super::{STATEMENT_ROWS_MAX, edge_row};
use crate::changes::{EdgeType, Label};
use crate::graph::StoreError;
use crate::graph::fold::{EdgeRetirement, RetirementTarget};

/// A statement and its parameter `rows`.
pub(super) struct Statement {
    /// The text.
    pub(super) cypher: String,
    /// One row per target.
    pub(super) rows: Vec<BoltType>,
}

/// How a statement finds the edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Document,
    From(Label),
}

impl From<RetirementTarget> for Kind {
    fn from(target: RetirementTarget) -> Self {
        match target {
            RetirementTarget::Document(_) => Self::Document,
            RetirementTarget::From(key) => Self::From(key.label),
        }
    }
}

/// The statements that carry out `retirements`, in order.
///
/// A statement decides for all its rows before it writes, so a target stands in it once: a later retirement of
/// the same target goes into a later statement, which sees what the earlier one wrote. Types do not wait for each
/// other, since an edge has one.
pub(super) fn statements(
    generation: Generation,
    retirements: &[(TenantId, EdgeRetirement)],
) -> Result<Vec<Statement>, StoreError> {
    let mut by_type = BTreeMap::<EdgeType, Vec<&(TenantId, EdgeRetirement)>>::new();
    for entry in retirements {
        for edge_type in entry.1.edge_types {
            by_type.entry(*edge_type).or_default().push(entry);
        }
    }
    let mut statements = Vec::new();
    for (edge_type, entries) in by_type {
        let mut rest = entries.as_slice();
        while let Some(run) = independent_run(rest) {
            let rows =
                rest[..run].iter().map(|(tenant, entry)| row(*tenant, entry)).collect::<Result<_, _>>()?;
            statements
                .push(Statement { cypher: cypher(generation, edge_type, rest[0].1.target.into()), rows });
            rest = &rest[run..];
        }
    }
    Ok(statements)
}

/// How many of the first entries may share a statement: of one kind, each target once.
fn independent_run(entries: &[&(TenantId, EdgeRetirement)]) -> Option<usize> {
    let kind = Kind::from(entries.first()?.1.target);
    let mut seen = HashSet::new();
    let run = entries
        .iter()
        .take(STATEMENT_ROWS_MAX)
        .take_while(|(tenant, entry)| {
            Kind::from(entry.target) == kind && seen.insert((*tenant, target_id(entry.target)))
        })
        .count();
    Some(run)
}

fn target_id(target: RetirementTarget) -> uuid::Uuid {
    match target {
        RetirementTarget::Document(id) => id,
        RetirementTarget::From(key) => key.id,
    }
}

fn row(tenant: TenantId, entry: &EdgeRetirement) -> Result<BoltType, StoreError> {
    let mut row = MapBuilder::with_capacity(4);
    row.put("tenant", tenant.to_string());
    row.put("target", target_id(entry.target).to_string());
    row.put("position", count_to_bolt(entry.retirement.position.0)?);
    row.put("set", edge_row::retirement(&entry.retirement)?);
    Ok(row.build())
}

fn cypher(generation: Generation, edge_type: EdgeType, kind: Kind) -> String {
    let edge_type = generation.edge_type(edge_type);
    let find = match kind {
        Kind::Document => format!(
            "MATCH ()-[e:{edge_type}]->() USING INDEX SEEK e:{edge_type}(document_id) \
             WHERE e.document_id = r.target AND e.tenant_id = r.tenant AND"
        ),
        Kind::From(label) => format!(
            "MATCH (a:{} {{tenant_id: r.tenant, id: r.target}}) {} MATCH (a)-[e:{edge_type}]->() WHERE",
            generation.label(label),
            by_id("a", &generation.label(label))
        ),
    };
    format!("UNWIND $rows AS r {find} e.position < r.position AND e.retired_position IS NULL SET e += r.set")
}

#[cfg(test)]
mod tests {
    use foodflow_log::Position;
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;
    use crate::changes::{NodeKey, Retirement};

    fn entry(
        target: RetirementTarget,
        edge_types: &'static [EdgeType],
        position: u64,
    ) -> (TenantId, EdgeRetirement) {
        let retirement = Retirement {
            position: Position(position),
            recorded_at: Timestamp::UNIX_EPOCH,
            event_id: Uuid::nil(),
            event_type: "t".to_owned(),
        };
        (TenantId(Uuid::nil()), EdgeRetirement { target, edge_types, retirement })
    }

    fn sizes(retirements: &[(TenantId, EdgeRetirement)]) -> Vec<usize> {
        statements(Generation::Live, retirements)
            .unwrap()
            .iter()
            .map(|statement| statement.rows.len())
            .collect()
    }

    #[test]
    fn a_target_stands_once_in_a_statement_and_order_is_kept() {
        const USES: &[EdgeType] = &[EdgeType::UsesIngredient];
        const BOTH: &[EdgeType] = &[EdgeType::UsesIngredient, EdgeType::ShippedTo];
        let document = |id| RetirementTarget::Document(Uuid::from_u128(id));
        let from = RetirementTarget::From(NodeKey { label: Label::Batch, id: Uuid::from_u128(1) });
        assert_eq!(sizes(&[]), Vec::<usize>::new());
        assert_eq!(sizes(&[entry(document(1), USES, 5), entry(document(2), USES, 6)]), [2]);
        assert_eq!(sizes(&[entry(document(1), USES, 5), entry(document(1), USES, 6)]), [1, 1]);
        assert_eq!(sizes(&[entry(document(1), BOTH, 5)]), [1, 1]);
        let mixed = [entry(document(1), USES, 5), entry(from, USES, 6), entry(document(2), USES, 7)];
        assert_eq!(sizes(&mixed), [1, 1, 1]);
    }
}
