//! Whether a partition is what its checkpoints say, found on the walk that checks its chains.

use std::collections::VecDeque;
use std::fmt;

use serde::Serialize;

use super::record::Checkpoint;
use crate::event_log::Position;
use crate::merkle::{CompactRange, TreeHash};

/// What a checkpoint says of its partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Milestone {
    /// Number of the record.
    pub number: u64,
    /// Last position that it covers.
    pub size: Position,
    /// Root of the tree up to there.
    pub root: TreeHash,
}

/// The checkpoints that a walk meets, in order.
#[derive(Debug, Clone)]
pub struct Milestones {
    ahead: VecDeque<Milestone>,
    agreed: u64,
    last: Option<Milestone>,
}

/// A partition that is not what a checkpoint says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
pub struct Disagreement {
    /// Number of the first checkpoint that does not agree.
    pub number: u64,
    /// First position that may be at fault: those before it are covered by a checkpoint that agrees.
    pub from: Position,
    /// Last position that may be at fault.
    pub to: Position,
    /// What should be there.
    pub expected: String,
    /// What is there.
    pub found: String,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, from, to, expected, found } = self;
        write!(f, "checkpoint {number}, positions {from} to {to}: expected {expected}; found {found}")
    }
}

impl Milestones {
    pub(super) fn new(milestones: impl Iterator<Item = Milestone>) -> Self {
        Self { ahead: milestones.collect(), agreed: 0, last: None }
    }

    /// Compares the tree over the messages so far with a checkpoint at just that size, where there is one.
    ///
    /// # Errors
    /// [`Disagreement`] where the roots differ.
    pub fn compare(&mut self, tree: &CompactRange) -> Result<(), Disagreement> {
        let Some(next) = self.ahead.front().filter(|next| next.size.0 == tree.size()).copied() else {
            return Ok(());
        };
        if next.root != tree.root() {
            let (expected, found) = (format!("root {}", next.root), format!("root {}", tree.root()));
            return Err(Disagreement {
                number: next.number,
                from: self.doubtful(),
                to: next.size,
                expected,
                found,
            });
        }
        self.ahead.pop_front();
        self.agreed += 1;
        self.last = Some(next);
        Ok(())
    }

    /// That the partition ends at `position`.
    ///
    /// # Errors
    /// [`Disagreement`] where a checkpoint covers more.
    pub fn end(&self, position: Position) -> Result<(), Disagreement> {
        let Some(next) = self.ahead.iter().find(|next| next.size > position) else { return Ok(()) };
        let expected = format!("a message at position {}", next.size);
        let found = format!("the end of the partition at position {position}");
        let from = Position(position.0.saturating_add(1));
        Err(Disagreement { number: next.number, from, to: next.size, expected, found })
    }

    /// Number of checkpoints, those that were not met yet among them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.agreed + self.ahead.len() as u64
    }

    /// Number of checkpoints that agree.
    #[must_use]
    pub fn agreed(&self) -> u64 {
        self.agreed
    }

    /// The last checkpoint that agrees.
    #[must_use]
    pub fn last(&self) -> Option<Milestone> {
        self.last
    }

    /// The first position that no checkpoint which agrees covers.
    fn doubtful(&self) -> Position {
        Position(self.last.map_or(0, |last| last.size.0) + 1)
    }
}

impl Disagreement {
    /// Says more closely where it lies, by the subtrees of the checkpoint and of the tree that was found.
    pub fn narrow(&mut self, checkpoint: &Checkpoint, found: &CompactRange) {
        let difference = checkpoint.statement.tree().and_then(|tree| tree.first_difference(found));
        let Some((first, last)) = difference else { return };
        self.from = self.from.max(Position(first));
        self.to = self.to.min(Position(last));
    }
}
