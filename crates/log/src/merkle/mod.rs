//! A Merkle tree over the messages of one partition, as in RFC 9162, section 2.1 (and RFC 6962 before it).
//!
//! The leaf of position `p` has index `p - 1`, so that the tree of size `n` stands for positions 1 to `n`. A leaf
//! says where a message stands, whose it is, and the SHA-256 of its payload; so a tree's root, and every node in
//! a proof, shows nothing of what others wrote.
//!
//! - [`hash`]: the hashes of leaves and nodes;
//! - [`compact_range`]: the root of a tree that grows, in memory of its logarithm;
//! - [`nodes`]: proofs from a tree whose nodes are at hand;
//! - [`blocks`]: the nodes of a large tree, in memory of a thousandth of it;
//! - [`proof`]: the check of a proof.
//!
//! What must never happen here: a hash that could be taken both for a leaf's and for a node's, or two trees of one
//! size and root that differ.

pub mod blocks;
pub mod compact_range;
pub mod hash;
pub mod nodes;
pub mod proof;
#[cfg(test)]
mod tests;

pub use blocks::Blocks;
pub use compact_range::CompactRange;
pub use hash::{TreeHash, message_leaf};
