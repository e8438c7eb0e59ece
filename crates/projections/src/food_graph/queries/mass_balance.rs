//! What came in or was made of a lot, against what went out and what was found.

use foodflow_domain::food_graph::batch::ledger::OutflowKind;
use foodflow_domain::{Quantity, TenantId};
use foodflow_log::Position;
use futures::try_join;
use rust_decimal::Decimal;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;
use uuid::Uuid;

use super::load::{Graph, named, unit_of};
use super::scope::is_known;
use super::stock::{OriginKind, STOCK_EDGES, Stock};
use super::view::Known;
use crate::changes::{EdgeType, Label};
use crate::graph::{GraphStore, StoreError};
use crate::schema;

/// The balance of a lot, all in the lot's own unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MassBalance {
    /// The lot.
    pub batch_id: Uuid,
    /// Its number today.
    pub batch_number: String,
    /// The position that the answer reflects; 0 until the caller fills it in.
    #[schema(value_type = u64)]
    pub position: Position,
    /// What came in, of a received lot.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Quantity>, nullable = false)]
    pub received: Option<Quantity>,
    /// What was made, of a produced lot.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Quantity>, nullable = false)]
    pub produced: Option<Quantity>,
    /// What went into transformations.
    #[schema(value_type = schema::Quantity)]
    pub used: Quantity,
    /// What was shipped.
    #[schema(value_type = schema::Quantity)]
    pub shipped: Quantity,
    /// What was drawn for the laboratory.
    #[schema(value_type = schema::Quantity)]
    pub sampled: Quantity,
    /// What spoiled or was spilled.
    #[schema(value_type = schema::Quantity)]
    pub wasted: Quantity,
    /// What was destroyed.
    #[schema(value_type = schema::Quantity)]
    pub disposed: Quantity,
    /// What should be there: received or produced less all of these, before any count.
    #[schema(value_type = schema::Quantity)]
    pub book: Quantity,
    /// What was found when it was last counted, by event time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Quantity>, nullable = false)]
    pub counted: Option<Quantity>,
    /// Book less counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Quantity>, nullable = false)]
    pub variance: Option<Quantity>,
    /// 100 × (1 − |variance| ÷ received or produced), two decimals; absent without a count or without inflow.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "number")]
    #[schema(value_type = Option<f64>, nullable = false)]
    pub accounted_percent: Option<Decimal>,
    /// True where the book is 0, or the count agrees with it.
    pub closed: bool,
}

impl MassBalance {
    /// The balance of a lot's book.
    #[must_use]
    pub fn of(batch_id: Uuid, batch_number: String, stock: &Stock) -> Self {
        let (received, produced) = match stock.origin {
            OriginKind::Received => (Some(stock.inflow), None),
            OriginKind::Produced => (None, Some(stock.inflow)),
        };
        let book = stock.book();
        let counted = stock.counted();
        let variance = counted.map(|counted| Quantity::new(book.value - counted.value, book.unit));
        Self {
            batch_id,
            batch_number,
            position: Position(0),
            received,
            produced,
            used: stock.out(OutflowKind::Used),
            shipped: stock.out(OutflowKind::Shipped),
            sampled: stock.out(OutflowKind::Sampled),
            wasted: stock.out(OutflowKind::Wasted),
            disposed: stock.out(OutflowKind::Disposed),
            book,
            counted,
            variance,
            accounted_percent: variance.and_then(|variance| accounted_percent(variance, stock.inflow)),
            closed: book.is_zero() || variance.is_some_and(Quantity::is_zero),
        }
    }
}

/// Rounded half up at two decimals.
fn accounted_percent(variance: Quantity, inflow: Quantity) -> Option<Decimal> {
    let accounted = inflow.value.checked_sub(variance.value.abs())?;
    let hundredths = accounted.checked_mul(Decimal::from(10_000))?.checked_div(inflow.value)?;
    let rounded = hundredths.checked_add(Decimal::new(5, 1))?.floor();
    Some((rounded / Decimal::ONE_HUNDRED).normalize())
}

/// The balance of the lot; `None` where it does not exist or was not known then.
///
/// A lot whose receipt or transformation was declared an error holds nothing, and its balance is closed.
///
/// # Errors
/// [`StoreError`] where the store does not answer.
pub async fn mass_balance(
    store: &dyn GraphStore,
    tenant: TenantId,
    batch_id: Uuid,
    known: Known,
) -> Result<Option<MassBalance>, StoreError> {
    let graph = Graph { store, tenant };
    let own = [batch_id];
    let (nodes, out, uses) = try_join!(
        graph.nodes(Label::Batch, &own),
        graph.edges_from(Label::Batch, &own, STOCK_EDGES),
        graph.edges_to(Label::Batch, &own, &[EdgeType::UsesIngredient]),
    )?;
    if nodes.is_empty() || !is_known(&out, known) {
        return Ok(None);
    }
    let stock = Stock::read(out.iter().chain(&uses), unit_of(nodes.get(&batch_id)), known);
    Ok(Some(MassBalance::of(batch_id, named(&nodes, batch_id, "batch_number"), &stock)))
}

fn number<S: Serializer>(percent: &Option<Decimal>, serializer: S) -> Result<S::Ok, S::Error> {
    // Read from its digits: the float nearest to a number of two decimals.
    match percent.map(|percent| percent.to_string().parse::<f64>()) {
        Some(Ok(number)) => serializer.serialize_f64(number),
        _ => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use foodflow_domain::Unit;
    use foodflow_domain::quantity::parse_decimal;

    use super::*;

    #[test]
    fn the_percentage_is_rounded_half_up() {
        let kilograms = |value: &str| Quantity::new(parse_decimal(value).unwrap(), Unit::Kgm);
        let percent = |variance: &str, inflow: &str| {
            accounted_percent(kilograms(variance), kilograms(inflow)).map(|percent| percent.to_string())
        };
        assert_eq!(percent("2.5", "300").as_deref(), Some("99.17"));
        assert_eq!(percent("-2.5", "300").as_deref(), Some("99.17"));
        assert_eq!(percent("0", "300").as_deref(), Some("100"));
        assert_eq!(percent("0.00005", "1").as_deref(), Some("100"), "99.995 goes up");
        assert_eq!(percent("0.00015", "1").as_deref(), Some("99.99"), "99.985 goes up");
        assert_eq!(percent("300", "300").as_deref(), Some("0"));
        assert_eq!(percent("1", "0"), None);
    }
}
