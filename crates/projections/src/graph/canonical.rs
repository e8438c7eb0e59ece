//! The canonical bytes of nodes and edges, from which the digest of a graph is made.

use foodflow_domain::{Quantity, TenantId};

use super::Node;
use crate::changes::{Edge, NodeKey, Retirement, Value};
use crate::digest::{Canonical, RowsDigest};

/// A running digest over rows of a graph.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GraphDigest(RowsDigest);

impl GraphDigest {
    /// Takes a node in.
    pub fn add_node(&mut self, tenant: TenantId, node: &Node) {
        let mut bytes = Canonical::row(*b"node", tenant);
        write_key(&mut bytes, node.key);
        for (name, value) in &node.properties {
            bytes.text(name);
            write_value(&mut bytes, value);
        }
        self.0.add(&bytes);
    }

    /// Takes an edge in.
    pub fn add_edge(&mut self, tenant: TenantId, edge: &Edge) {
        let mut bytes = Canonical::row(*b"edge", tenant);
        write_edge(&mut bytes, edge);
        self.0.add(&bytes);
    }

    /// Number of rows and the sum of their hashes, `<rows>-<64 hexadecimal digits>`.
    #[must_use]
    pub fn finish(&self) -> String {
        self.0.finish()
    }
}

fn write_key(bytes: &mut Canonical, key: NodeKey) {
    bytes.text(key.label.as_str());
    bytes.uuid(key.id);
}

fn write_value(bytes: &mut Canonical, value: &Value) {
    match value {
        Value::Text(text) => {
            bytes.byte(b't');
            bytes.text(text);
        }
        Value::Texts(texts) => {
            bytes.byte(b'l');
            bytes.unsigned(texts.len() as u64);
            texts.iter().for_each(|text| bytes.text(text));
        }
        Value::Integer(number) => {
            bytes.byte(b'n');
            bytes.signed(*number);
        }
        Value::Float(float) => {
            bytes.byte(b'f');
            bytes.float(*float);
        }
        Value::Bool(yes) => {
            bytes.byte(b'b');
            bytes.byte(u8::from(*yes));
        }
        Value::Date(date) => {
            bytes.byte(b'd');
            bytes.text(&date.to_string());
        }
        Value::Instant(instant) => {
            bytes.byte(b'i');
            bytes.instant(*instant);
        }
        Value::Point(latitude, longitude) => {
            bytes.byte(b'p');
            bytes.float(*latitude);
            bytes.float(*longitude);
        }
    }
}

fn write_edge(bytes: &mut Canonical, edge: &Edge) {
    bytes.uuid(edge.id);
    bytes.text(edge.edge_type.as_str());
    write_key(bytes, edge.from);
    write_key(bytes, edge.to);
    bytes.option(edge.quantity, write_quantity);
    bytes.option(edge.percent, |bytes, percent| bytes.text(&percent.normalize().to_string()));
    bytes.option(edge.kind.as_deref(), Canonical::text);
    bytes.unsigned(u64::from(edge.line));
    bytes.option(edge.document_id, Canonical::uuid);
    bytes.instant(edge.occurred_at);
    bytes.instant(edge.recorded_at);
    bytes.unsigned(edge.position.0);
    bytes.uuid(edge.event_id);
    bytes.text(&edge.event_type);
    bytes.option(edge.retired.as_ref(), write_retirement);
}

fn write_quantity(bytes: &mut Canonical, quantity: Quantity) {
    bytes.text(&quantity.value.normalize().to_string());
    bytes.text(quantity.unit.code());
}

fn write_retirement(bytes: &mut Canonical, retirement: &Retirement) {
    bytes.unsigned(retirement.position.0);
    bytes.instant(retirement.recorded_at);
    bytes.uuid(retirement.event_id);
    bytes.text(&retirement.event_type);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use uuid::Uuid;

    use super::*;
    use crate::changes::Label;

    fn digest(value: &Value) -> String {
        let key = NodeKey { label: Label::Batch, id: Uuid::from_u128(7) };
        let node = Node { key, properties: BTreeMap::from([("p".to_owned(), value.clone())]) };
        let mut digest = GraphDigest::default();
        digest.add_node(TenantId(Uuid::from_u128(1)), &node);
        digest.finish()
    }

    #[test]
    fn a_value_of_another_type_is_another_value() {
        let values = [
            Value::Text("1".to_owned()),
            Value::Texts(vec!["1".to_owned()]),
            Value::Integer(1),
            Value::Float(1.0),
            Value::Bool(true),
        ];
        for (index, one) in values.iter().enumerate() {
            for other in &values[index + 1..] {
                assert_ne!(digest(one), digest(other));
            }
        }
    }
}
