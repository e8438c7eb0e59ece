//! The check of a proof, given by whoever holds the tree (RFC 9162, sections 2.1.3.2 and 2.1.4.2).

use super::hash::{TreeHash, node_hash};

/// Whether `path` proves that `leaf` is the leaf `index` of the tree with `size` leaves and this `root`.
#[must_use]
pub fn is_included(leaf: TreeHash, index: u64, size: u64, root: TreeHash, path: &[TreeHash]) -> bool {
    if index >= size {
        return false;
    }
    let (mut at, mut last, mut hash) = (index, size - 1, leaf);
    for beside in path {
        if last == 0 {
            return false;
        }
        if at % 2 == 1 || at == last {
            hash = node_hash(*beside, hash);
            // The last node of a level without a right neighbour stands for itself further up.
            let up = if at % 2 == 1 { 0 } else { at.trailing_zeros().min(u64::BITS - 1) };
            (at, last) = (at >> up, last >> up);
        } else {
            hash = node_hash(hash, *beside);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && hash == root
}

/// Whether `path` proves that the tree with `size` leaves and this `root` extends the one with `old_size` leaves,
/// at least 1, and `old_root`.
#[must_use]
pub fn is_extension(
    (old_size, old_root): (u64, TreeHash),
    (size, root): (u64, TreeHash),
    path: &[TreeHash],
) -> bool {
    if old_size == 0 || old_size > size {
        return false;
    }
    if old_size == size {
        return path.is_empty() && old_root == root;
    }
    let (first, rest) = if old_size.is_power_of_two() {
        (old_root, path)
    } else {
        let Some((first, rest)) = path.split_first() else { return false };
        (*first, rest)
    };
    let up = (old_size - 1).trailing_ones();
    let (mut at, mut last) = ((old_size - 1) >> up, (size - 1) >> up);
    let (mut old_hash, mut hash) = (first, first);
    for beside in rest {
        if last == 0 {
            return false;
        }
        if at % 2 == 1 || at == last {
            old_hash = node_hash(*beside, old_hash);
            hash = node_hash(*beside, hash);
            let up = if at % 2 == 1 { 0 } else { at.trailing_zeros().min(u64::BITS - 1) };
            (at, last) = (at >> up, last >> up);
        } else {
            hash = node_hash(hash, *beside);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && old_hash == old_root && hash == root
}
