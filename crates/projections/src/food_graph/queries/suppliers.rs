//! The supply chain behind lots: who supplied them (tier 1), who supplies those (tier 2), and so on.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::load::{Graph, distinct, named};
use super::view::Known;
use crate::changes::{EdgeType, Label};
use crate::graph::StoreError;

/// Furthest tier that is looked for.
pub const TIERS_MAX: u32 = 16;
/// Most suppliers that one chain may hold.
pub const CHAIN_SUPPLIERS_MAX: usize = 50_000;

/// A supplier and how far up the chain it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TracedSupplier {
    /// The supplier.
    pub supplier_id: Uuid,
    /// Its name today.
    pub name: String,
    /// 1 for who supplied a lot itself, 2 for who supplies those, …; the lowest where there are several.
    pub tier: u32,
}

/// The chain behind `direct`, the suppliers of tier 1; in order of tier, name, id.
///
/// Who supplies whom is master data without an event time: what counts is what was known by then.
pub(super) async fn supply_chain(
    graph: Graph<'_>,
    direct: impl IntoIterator<Item = Uuid>,
    known: Known,
) -> Result<Vec<TracedSupplier>, StoreError> {
    let mut tier_ids = distinct(direct);
    let mut tiers: BTreeMap<Uuid, u32> = tier_ids.iter().map(|&id| (id, 1)).collect();
    for tier in 2..=TIERS_MAX {
        if tier_ids.is_empty() {
            break;
        }
        let edges = graph.edges_to(Label::Supplier, &tier_ids, &[EdgeType::SuppliesTo]).await?;
        let further = edges.iter().filter(|edge| known.counts(edge)).map(|edge| edge.from.id);
        tier_ids = distinct(further.filter(|id| !tiers.contains_key(id)));
        tiers.extend(tier_ids.iter().map(|&id| (id, tier)));
        if tiers.len() > CHAIN_SUPPLIERS_MAX {
            return Err(StoreError::TooLarge { max: CHAIN_SUPPLIERS_MAX });
        }
    }
    let ids: Vec<Uuid> = tiers.keys().copied().collect();
    let nodes = graph.nodes(Label::Supplier, &ids).await?;
    let mut suppliers: Vec<TracedSupplier> = tiers
        .into_iter()
        .map(|(supplier_id, tier)| TracedSupplier {
            supplier_id,
            name: named(&nodes, supplier_id, "name"),
            tier,
        })
        .collect();
    suppliers.sort_by(|left, right| {
        (left.tier, &left.name, left.supplier_id).cmp(&(right.tier, &right.name, right.supplier_id))
    });
    Ok(suppliers)
}
