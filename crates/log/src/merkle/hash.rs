//! The hashes of leaves and nodes: SHA-256, with a first byte that tells one from the other.

use sha2::{Digest as _, Sha256};

use crate::envelope::PayloadHash;
use crate::event_log::StoredMessage;
use crate::hex::Hex;

/// SHA-256 of a leaf, a node, or a whole tree.
pub type TreeHash = Hex<32>;

const LEAF: [u8; 1] = [0];
const NODE: [u8; 1] = [1];
/// What the leaf of a message begins with, so that it is never taken for something else that is hashed.
const MESSAGE_LEAF: &[u8] = b"foodflow.log.leaf.v1\0";

/// The root of the tree without leaves.
#[must_use]
pub fn empty_root() -> TreeHash {
    Hex(Sha256::digest([]).into())
}

/// The hash of a leaf with this content.
#[must_use]
pub fn leaf_hash(content: &[u8]) -> TreeHash {
    Hex(Sha256::new().chain_update(LEAF).chain_update(content).finalize().into())
}

/// The hash of the node above `left` and `right`.
#[must_use]
pub fn node_hash(left: TreeHash, right: TreeHash) -> TreeHash {
    Hex(Sha256::new().chain_update(NODE).chain_update(left.0).chain_update(right.0).finalize().into())
}

/// The leaf of `message`, whose payload hashes to `payload`.
///
/// Its content: a mark, partition (2 bytes) and position (8 bytes) with the highest byte first, the tenant's UUID
/// (16 bytes), the stream's name and a zero byte, and the payload's SHA-256 (32 bytes).
#[must_use]
pub fn message_leaf(message: &StoredMessage, payload: PayloadHash) -> TreeHash {
    let mut hash = Sha256::new();
    hash.update(LEAF);
    hash.update(MESSAGE_LEAF);
    hash.update(message.partition.0.to_be_bytes());
    hash.update(message.position.0.to_be_bytes());
    hash.update(message.tenant.0.as_bytes());
    hash.update(message.stream.to_string());
    // Ends the name: it holds no zero byte.
    hash.update([0]);
    hash.update(payload.0);
    Hex(hash.finalize().into())
}
