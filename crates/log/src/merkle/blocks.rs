//! The nodes of a large tree, for proofs of some of its leaves.
//!
//! Leaves are taken in blocks of [`BLOCK_LEAVES`]. In a first pass over the log the roots of the blocks are kept,
//! and all above them; in a second pass, over the blocks that hold something to be proven, one block at a time is
//! loaded again. So ten million messages need 10 MB instead of 640 MB.

use super::hash::TreeHash;
use super::nodes::{Levels, Nodes};

/// Levels of a block.
const BLOCK_LEVEL: u32 = 6;
/// Leaves of a block.
pub const BLOCK_LEAVES: u64 = 1 << BLOCK_LEVEL;

/// A tree by its blocks.
#[derive(Debug, Default)]
pub struct Blocks {
    /// The nodes from the roots of complete blocks up.
    upper: Levels,
    /// The nodes of the last block, while it is not complete.
    tail: Levels,
    /// A block that was loaded again, by its number from 0.
    loaded: Option<(u64, Levels)>,
}

impl Blocks {
    /// Adds the next leaf.
    pub fn append(&mut self, leaf: TreeHash) {
        self.tail.push(leaf);
        if let Some(root) = self.tail.node(BLOCK_LEVEL, 0) {
            self.upper.push(root);
            self.tail = Levels::default();
        }
    }

    /// Number of leaves.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.upper.size() * BLOCK_LEAVES + self.tail.size()
    }

    /// True without leaves.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Loads block `number` again, in place of the one before; false where `leaves` are not those of the first
    /// pass.
    #[must_use]
    pub fn load(&mut self, number: u64, leaves: impl IntoIterator<Item = TreeHash>) -> bool {
        let mut block = Levels::default();
        leaves.into_iter().for_each(|leaf| block.push(leaf));
        let is_same = match self.upper.node(0, number) {
            Some(root) => block.size() == BLOCK_LEAVES && block.node(BLOCK_LEVEL, 0) == Some(root),
            None => number == self.upper.size() && block == self.tail,
        };
        self.loaded = is_same.then_some((number, block));
        is_same
    }
}

impl Nodes for Blocks {
    fn size(&self) -> u64 {
        self.len()
    }

    fn node(&self, level: u32, index: u64) -> Option<TreeHash> {
        if let Some(above) = level.checked_sub(BLOCK_LEVEL) {
            return self.upper.node(above, index);
        }
        let in_block = BLOCK_LEVEL - level;
        let (number, index) = (index >> in_block, index & ((1 << in_block) - 1));
        if number == self.upper.size() {
            return self.tail.node(level, index);
        }
        let (_, block) = self.loaded.as_ref().filter(|(loaded, _)| *loaded == number)?;
        block.node(level, index)
    }
}
