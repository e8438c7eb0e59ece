//! The digest of a graph: the same in every store that holds the same, whatever the order of its rows.
//!
//! Every node and edge is written as canonical bytes and hashed (SHA-256); the hashes are added up modulo
//! 2^256. A sum, unlike an exclusive or, does not cancel where a row stands twice. It finds differences between
//! stores that this program wrote; it is no signature against one who forges rows.

use std::fmt::Write as _;

use foodflow_domain::{Quantity, TenantId};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::Node;
use crate::changes::{Edge, NodeKey, Retirement, Value};

/// A running digest over rows of a graph.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GraphDigest {
    sum: [u64; 4],
    rows: u64,
}

impl GraphDigest {
    /// Takes a node in.
    pub fn add_node(&mut self, tenant: TenantId, node: &Node) {
        let mut bytes = Canonical::new(b"node", tenant);
        bytes.key(node.key);
        for (name, value) in &node.properties {
            bytes.text(name);
            bytes.value(value);
        }
        self.add(&bytes.0);
    }

    /// Takes an edge in.
    pub fn add_edge(&mut self, tenant: TenantId, edge: &Edge) {
        let mut bytes = Canonical::new(b"edge", tenant);
        bytes.edge(edge);
        self.add(&bytes.0);
    }

    /// Number of rows and the sum of their hashes, `<rows>-<64 hexadecimal digits>`.
    #[must_use]
    pub fn finish(&self) -> String {
        let mut text = format!("{}-", self.rows);
        for word in self.sum.iter().rev() {
            // Writing to a string cannot fail.
            let _ = write!(text, "{word:016x}");
        }
        text
    }

    fn add(&mut self, bytes: &[u8]) {
        let hash: [u8; 32] = Sha256::digest(bytes).into();
        let mut carry = false;
        for (word, chunk) in self.sum.iter_mut().zip(hash.chunks_exact(8)) {
            let addend = chunk.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
            let (sum, over) = word.overflowing_add(addend);
            let (sum, over_by_carry) = sum.overflowing_add(u64::from(carry));
            *word = sum;
            carry = over || over_by_carry;
        }
        self.rows += 1;
    }
}

/// Canonical bytes: every variable part stands behind its length, every option behind a flag.
struct Canonical(Vec<u8>);

impl Canonical {
    fn new(kind: &[u8; 4], tenant: TenantId) -> Self {
        let mut bytes = Vec::with_capacity(512);
        bytes.extend_from_slice(kind);
        bytes.extend_from_slice(tenant.0.as_bytes());
        Self(bytes)
    }

    fn count(&mut self, count: usize) {
        self.0.extend_from_slice(&(count as u64).to_be_bytes());
    }

    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    fn uuid(&mut self, id: Uuid) {
        self.0.extend_from_slice(id.as_bytes());
    }

    fn instant(&mut self, instant: jiff::Timestamp) {
        self.0.extend_from_slice(&instant.as_nanosecond().to_be_bytes());
    }

    fn float(&mut self, float: f64) {
        self.0.extend_from_slice(&float.to_bits().to_be_bytes());
    }

    fn key(&mut self, key: NodeKey) {
        self.text(key.label.as_str());
        self.uuid(key.id);
    }

    fn option<T>(&mut self, option: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.0.push(u8::from(option.is_some()));
        if let Some(value) = option {
            write(self, value);
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Text(text) => {
                self.0.push(b't');
                self.text(text);
            }
            Value::Texts(texts) => {
                self.0.push(b'l');
                self.count(texts.len());
                texts.iter().for_each(|text| self.text(text));
            }
            Value::Integer(number) => {
                self.0.push(b'n');
                self.0.extend_from_slice(&number.to_be_bytes());
            }
            Value::Float(float) => {
                self.0.push(b'f');
                self.float(*float);
            }
            Value::Bool(yes) => self.0.extend_from_slice(&[b'b', u8::from(*yes)]),
            Value::Date(date) => {
                self.0.push(b'd');
                self.text(&date.to_string());
            }
            Value::Instant(instant) => {
                self.0.push(b'i');
                self.instant(*instant);
            }
            Value::Point(latitude, longitude) => {
                self.0.push(b'p');
                self.float(*latitude);
                self.float(*longitude);
            }
        }
    }

    fn edge(&mut self, edge: &Edge) {
        self.uuid(edge.id);
        self.text(edge.edge_type.as_str());
        self.key(edge.from);
        self.key(edge.to);
        self.option(edge.quantity, Self::quantity);
        self.option(edge.percent, |bytes, percent| bytes.text(&percent.normalize().to_string()));
        self.option(edge.kind.as_deref(), Self::text);
        self.count(edge.line as usize);
        self.option(edge.document_id, Self::uuid);
        self.instant(edge.occurred_at);
        self.instant(edge.recorded_at);
        self.0.extend_from_slice(&edge.position.0.to_be_bytes());
        self.uuid(edge.event_id);
        self.text(&edge.event_type);
        self.option(edge.retired.as_ref(), Self::retirement);
    }

    fn quantity(&mut self, quantity: Quantity) {
        self.text(&quantity.value.normalize().to_string());
        self.text(quantity.unit.code());
    }

    fn retirement(&mut self, retirement: &Retirement) {
        self.0.extend_from_slice(&retirement.position.0.to_be_bytes());
        self.instant(retirement.recorded_at);
        self.uuid(retirement.event_id);
        self.text(&retirement.event_type);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::changes::Label;

    fn node(name: &str, value: Value) -> Node {
        let key = NodeKey { label: Label::Batch, id: Uuid::from_u128(7) };
        Node { key, properties: BTreeMap::from([(name.to_owned(), value)]) }
    }

    fn digest(nodes: &[Node]) -> String {
        let mut digest = GraphDigest::default();
        nodes.iter().for_each(|node| digest.add_node(TenantId(Uuid::from_u128(1)), node));
        digest.finish()
    }

    #[test]
    fn the_order_of_rows_does_not_matter_but_every_row_does() {
        let (a, b) = (node("a", Value::Integer(1)), node("b", Value::Integer(1)));
        assert_eq!(digest(&[a.clone(), b.clone()]), digest(&[b.clone(), a.clone()]));
        assert_ne!(digest(&[a.clone(), a.clone()]), digest(&[]));
        assert_ne!(digest(&[a.clone(), a.clone()]), digest(&[b.clone(), b]));
        assert!(digest(&[a]).starts_with("1-"));
        assert_eq!(digest(&[]), format!("0-{}", "0".repeat(64)));
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
                assert_ne!(digest(&[node("p", one.clone())]), digest(&[node("p", other.clone())]));
            }
        }
    }

    #[test]
    fn the_sum_carries_over_words() {
        let mut digest = GraphDigest { sum: [u64::MAX, u64::MAX, 0, 0], rows: 0 };
        digest.add(b"row");
        let mut plain = GraphDigest::default();
        plain.add(b"row");
        // 2^128 − 1 more than the hash.
        assert_eq!(digest.sum[0], plain.sum[0].wrapping_sub(1));
        assert_eq!(digest.sum[1], plain.sum[1]);
        assert_eq!(digest.sum[2], plain.sum[2].wrapping_add(1));
    }
}
