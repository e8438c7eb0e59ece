//! The event at hand, and how it states nodes and edges.

use foodflow_domain::Quantity;
use foodflow_log::Envelope;
use jiff::Timestamp;
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::changes::{Change, Edge, EdgeType, Label, NodeKey, Properties, Retirement, Value};
use crate::recorded::Recorded;

/// An event with the message that it stands in.
#[derive(Clone, Copy)]
pub(super) struct Event<'a> {
    pub(super) message: &'a Recorded,
    pub(super) envelope: &'a Envelope,
}

impl Event<'_> {
    /// The node that this event, the first of its stream, makes. Properties that it does not have are left out.
    pub(super) fn created(&self, key: NodeKey, mut properties: Properties) -> Change {
        properties.retain(|_, value| value.is_some());
        properties.insert("created_at", Some(Value::Instant(self.envelope.time)));
        self.patched(key, properties)
    }

    /// The node of whose stream this event is: `properties` and what every event sets.
    pub(super) fn patched(&self, key: NodeKey, mut properties: Properties) -> Change {
        let version = i64::try_from(self.envelope.sequence).unwrap_or(i64::MAX);
        properties.insert("updated_at", Some(Value::Instant(self.envelope.time)));
        properties.insert("version", Some(Value::Integer(version)));
        Change::MergeNode { key, properties }
    }

    /// An edge that line `line` of this event states, counted from 0.
    pub(super) fn edge(
        &self,
        edge_type: EdgeType,
        from: NodeKey,
        to: NodeKey,
        line: usize,
        occurred_at: Timestamp,
    ) -> Edge {
        let line = u32::try_from(line).unwrap_or(u32::MAX);
        Edge {
            id: edge_id(self.envelope.id, edge_type, from.id, to.id, line),
            edge_type,
            from,
            to,
            quantity: None,
            percent: None,
            kind: None,
            line,
            document_id: None,
            occurred_at,
            recorded_at: self.envelope.time,
            position: self.message.position,
            event_id: self.envelope.id,
            event_type: self.envelope.event_type.clone(),
            retired: None,
        }
    }

    /// An edge of master data: it holds from when it was recorded.
    pub(super) fn master_edge(&self, edge_type: EdgeType, from: NodeKey, to: NodeKey, line: usize) -> Edge {
        self.edge(edge_type, from, to, line, self.envelope.time)
    }

    /// Retires what `document_id` declared before this event.
    pub(super) fn retire_document(&self, document_id: Uuid, edge_types: &'static [EdgeType]) -> Change {
        Change::RetireDocument { document_id, edge_types, retirement: self.retirement() }
    }

    /// Retires what starts at `from` from before this event.
    pub(super) fn retire_from(&self, from: NodeKey, edge_types: &'static [EdgeType]) -> Change {
        Change::RetireFrom { from, edge_types, retirement: self.retirement() }
    }

    fn retirement(&self) -> Retirement {
        Retirement {
            position: self.message.position,
            recorded_at: self.envelope.time,
            event_id: self.envelope.id,
            event_type: self.envelope.event_type.clone(),
        }
    }
}

impl Edge {
    /// With an amount, in the unit that was declared.
    pub(super) fn with_quantity(mut self, quantity: Quantity) -> Self {
        self.quantity = Some(quantity);
        self
    }

    /// With a share in percent.
    pub(super) fn with_percent(mut self, percent: Option<Decimal>) -> Self {
        self.percent = percent;
        self
    }

    /// With what kind of adjustment it is.
    pub(super) fn with_kind(mut self, kind: &str) -> Self {
        self.kind = Some(kind.to_owned());
        self
    }

    /// Declared by this document.
    pub(super) fn declared_by(mut self, document_id: Uuid) -> Self {
        self.document_id = Some(document_id);
        self
    }

    /// The change that adds it.
    pub(super) fn added(self) -> Change {
        Change::MergeEdge(Box::new(self))
    }
}

/// The same event gives the same edge the same id, however often it is delivered.
fn edge_id(event_id: Uuid, edge_type: EdgeType, from: Uuid, to: Uuid, line: u32) -> Uuid {
    let mut name = Vec::with_capacity(64);
    name.extend_from_slice(edge_type.as_str().as_bytes());
    name.extend_from_slice(from.as_bytes());
    name.extend_from_slice(to.as_bytes());
    name.extend_from_slice(&line.to_be_bytes());
    Uuid::new_v5(&event_id, &name)
}

/// The node of `label` with this id.
pub(super) fn node(label: Label, id: impl Into<NodeId>) -> NodeKey {
    NodeKey { label, id: id.into().0 }
}

/// An id of any node.
pub(super) struct NodeId(Uuid);

macro_rules! node_ids {
    ($($id:ident),*) => {$(
        impl From<foodflow_domain::ids::$id> for NodeId {
            fn from(id: foodflow_domain::ids::$id) -> Self {
                Self(id.0)
            }
        }
    )*};
}

node_ids!(BatchId, IngredientId, LocationId, ProductId, SkuId, SupplierId);

/// A text property.
pub(super) fn text(text: impl std::fmt::Display) -> Option<Value> {
    Some(Value::Text(text.to_string()))
}

/// A text property that may be absent.
pub(super) fn optional_text(value: Option<&impl std::fmt::Display>) -> Option<Value> {
    value.and_then(text)
}

/// The float nearest to a decimal, where the documented schema wants one.
pub(super) fn float(decimal: Decimal) -> Option<Value> {
    // Read from its digits: the nearest float, which a computed conversion does not always give.
    decimal.to_string().parse().ok().map(Value::Float)
}
