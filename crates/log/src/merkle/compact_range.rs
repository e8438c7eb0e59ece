//! A tree that grows at its right end, kept as the roots of its complete subtrees.
//!
//! A tree of `n` leaves has one such subtree for each bit of `n` that is set, the largest first: its peaks. They
//! are all that further leaves, and the root, depend on.

use super::hash::{TreeHash, empty_root, node_hash};

/// The first leaves of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CompactRange {
    size: u64,
    /// From the left: the largest subtree first.
    peaks: Vec<TreeHash>,
}

impl CompactRange {
    /// Without leaves.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The tree of `size` leaves with these peaks; `None` where so many leaves have another number of peaks.
    #[must_use]
    pub fn from_peaks(size: u64, peaks: Vec<TreeHash>) -> Option<Self> {
        (peaks.len() == size.count_ones() as usize).then_some(Self { size, peaks })
    }

    /// Adds the next leaf.
    pub fn append(&mut self, leaf: TreeHash) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                hash = node_hash(left, hash);
            }
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// Number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the complete subtrees, the largest (leftmost) first.
    #[must_use]
    pub fn peaks(&self) -> &[TreeHash] {
        &self.peaks
    }

    /// The root of the whole tree.
    #[must_use]
    pub fn root(&self) -> TreeHash {
        let mut from_right = self.peaks.iter().rev().copied();
        let Some(last) = from_right.next() else { return empty_root() };
        from_right.fold(last, |right, left| node_hash(left, right))
    }

    /// The leaves, counted from 1, under the first peak in which `other`, of the same size, differs: (first, last).
    #[must_use]
    pub fn first_difference(&self, other: &Self) -> Option<(u64, u64)> {
        let differs = self.peaks.iter().zip(&other.peaks).position(|(mine, others)| mine != others)?;
        let mut rest = self.size;
        let mut before = 0;
        for _ in 0..differs {
            let largest = 1 << rest.ilog2();
            before += largest;
            rest -= largest;
        }
        Some((before + 1, before + (1 << rest.ilog2())))
    }
}
