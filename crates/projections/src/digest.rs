//! The digest of a read model: the same in every store that holds the same, whatever the order of its rows.
//!
//! Every row is written as canonical bytes and hashed (SHA-256); the hashes are added up modulo 2^256. A sum, unlike
//! an exclusive or, does not cancel where a row stands twice. It finds differences between stores that this program
//! wrote; it is no signature against one who forges rows.

use std::fmt::Write as _;

use foodflow_domain::TenantId;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// A running digest over rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowsDigest {
    sum: [u64; 4],
    rows: u64,
}

impl RowsDigest {
    /// Takes in a row.
    pub fn add(&mut self, row: &Canonical) {
        let hash: [u8; 32] = Sha256::digest(&row.0).into();
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
}

/// Canonical bytes of a row: every variable part stands behind its length, every option behind a flag.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Canonical(Vec<u8>);

impl Canonical {
    /// The bytes of a row of this kind and tenant, still without its content.
    #[must_use]
    pub fn row(kind: [u8; 4], tenant: TenantId) -> Self {
        let mut bytes = Vec::with_capacity(512);
        bytes.extend_from_slice(&kind);
        bytes.extend_from_slice(tenant.0.as_bytes());
        Self(bytes)
    }

    /// No bytes yet.
    #[must_use]
    pub const fn empty() -> Self {
        Self(Vec::new())
    }

    /// A single byte, such as the sign of a type.
    pub fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    /// A whole number.
    pub fn unsigned(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_be_bytes());
    }

    /// A whole number with a sign.
    pub fn signed(&mut self, number: i64) {
        self.0.extend_from_slice(&number.to_be_bytes());
    }

    /// A text.
    pub fn text(&mut self, text: &str) {
        self.unsigned(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    /// An id.
    pub fn uuid(&mut self, id: Uuid) {
        self.0.extend_from_slice(id.as_bytes());
    }

    /// An instant.
    pub fn instant(&mut self, instant: jiff::Timestamp) {
        self.0.extend_from_slice(&instant.as_nanosecond().to_be_bytes());
    }

    /// A float, by its bits.
    pub fn float(&mut self, float: f64) {
        self.unsigned(float.to_bits());
    }

    /// Something that may be absent.
    pub fn option<T>(&mut self, option: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.byte(u8::from(option.is_some()));
        if let Some(value) = option {
            write(self, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str) -> Canonical {
        let mut bytes = Canonical::row(*b"test", TenantId(Uuid::from_u128(1)));
        bytes.text(text);
        bytes
    }

    fn digest(rows: &[&str]) -> String {
        let mut digest = RowsDigest::default();
        rows.iter().for_each(|text| digest.add(&row(text)));
        digest.finish()
    }

    #[test]
    fn the_order_of_rows_does_not_matter_but_every_row_does() {
        assert_eq!(digest(&["a", "b"]), digest(&["b", "a"]));
        assert_ne!(digest(&["a", "a"]), digest(&[]));
        assert_ne!(digest(&["a", "a"]), digest(&["b", "b"]));
        assert!(digest(&["a"]).starts_with("1-"));
        assert_eq!(digest(&[]), format!("0-{}", "0".repeat(64)));
    }

    #[test]
    fn the_sum_carries_over_words() {
        let mut digest = RowsDigest { sum: [u64::MAX, u64::MAX, 0, 0], rows: 0 };
        digest.add(&row("row"));
        let mut plain = RowsDigest::default();
        plain.add(&row("row"));
        // 2^128 − 1 more than the hash.
        assert_eq!(digest.sum[0], plain.sum[0].wrapping_sub(1));
        assert_eq!(digest.sum[1], plain.sum[1]);
        assert_eq!(digest.sum[2], plain.sum[2].wrapping_add(1));
    }
}
