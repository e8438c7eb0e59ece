//! Proofs from a tree whose nodes are at hand (RFC 9162, sections 2.1.3.1 and 2.1.4.1).

use super::hash::{TreeHash, node_hash};

/// The nodes of a tree.
pub trait Nodes {
    /// Number of leaves.
    fn size(&self) -> u64;

    /// The root of the complete subtree over leaves `index << level` to `(index + 1) << level`, the last not
    /// included; `None` where it is not at hand, or not complete.
    fn node(&self, level: u32, index: u64) -> Option<TreeHash>;
}

/// Every node of a tree, level by level from the leaves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Levels(Vec<Vec<TreeHash>>);

impl Levels {
    /// Adds the next leaf, and every node that it completes.
    pub fn push(&mut self, leaf: TreeHash) {
        let mut hash = leaf;
        for level in 0.. {
            if level == self.0.len() {
                self.0.push(Vec::new());
            }
            let nodes = &mut self.0[level];
            nodes.push(hash);
            let [.., left, right] = nodes.as_slice() else { return };
            if !nodes.len().is_multiple_of(2) {
                return;
            }
            hash = node_hash(*left, *right);
        }
    }
}

impl Nodes for Levels {
    fn size(&self) -> u64 {
        self.0.first().map_or(0, |leaves| leaves.len() as u64)
    }

    fn node(&self, level: u32, index: u64) -> Option<TreeHash> {
        self.0.get(level as usize)?.get(usize::try_from(index).ok()?).copied()
    }
}

/// That leaf `index` is in the tree: the nodes beside its path, from the leaf up. `None` where there is no such
/// leaf, or a node is not at hand.
#[must_use]
pub fn inclusion_proof(nodes: &impl Nodes, index: u64) -> Option<Vec<TreeHash>> {
    let (mut begin, mut end) = (0, nodes.size());
    if index >= end {
        return None;
    }
    let mut path = Vec::new();
    while end - begin > 1 {
        let middle = begin + split(end - begin);
        if index < middle {
            path.push(root(nodes, middle, end)?);
            end = middle;
        } else {
            path.push(root(nodes, begin, middle)?);
            begin = middle;
        }
    }
    path.reverse();
    Some(path)
}

/// That the tree extends the one of its first `old` leaves. `None` where it has fewer, `old` is 0, or a node is
/// not at hand; empty where it has just as many.
#[must_use]
pub fn consistency_proof(nodes: &impl Nodes, old: u64) -> Option<Vec<TreeHash>> {
    let (mut begin, mut end) = (0, nodes.size());
    if old == 0 || old > end {
        return None;
    }
    let mut path = Vec::new();
    // The old root itself is known to whoever checks; the root of a part of the old tree is not.
    let mut is_old_root = true;
    while end > old {
        let middle = begin + split(end - begin);
        if old <= middle {
            path.push(root(nodes, middle, end)?);
            end = middle;
        } else {
            path.push(root(nodes, begin, middle)?);
            begin = middle;
            is_old_root = false;
        }
    }
    if !is_old_root {
        path.push(root(nodes, begin, end)?);
    }
    path.reverse();
    Some(path)
}

/// The root over leaves `begin` to `end`, not included; there is at least one.
fn root(nodes: &impl Nodes, begin: u64, end: u64) -> Option<TreeHash> {
    let size = end - begin;
    if size.is_power_of_two() {
        return nodes.node(size.ilog2(), begin >> size.ilog2());
    }
    let middle = begin + split(size);
    Some(node_hash(root(nodes, begin, middle)?, root(nodes, middle, end)?))
}

/// The largest power of two below `size`, which is at least 2.
fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}
