//! The last commands of a stream, by which a repeat is told.
//!
//! A command copies its streams' states, hence this list, too: what is old is shared between the copies, and only the
//! newest few marks are copied.

use std::collections::VecDeque;
use std::sync::Arc;

use foodflow_log::{PayloadHash, Position};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How many of a stream's last commands its state remembers; up to [`CHUNK`] more before the oldest go.
pub const REMEMBERED_COMMANDS: usize = 256;
/// Marks that are shared, and forgotten, together.
const CHUNK: usize = 16;

/// A command that touched a stream, and where its commit stands. Written as a list, as there are many of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(Uuid, PayloadHash, Position, u32)", into = "(Uuid, PayloadHash, Position, u32)")]
pub struct CommandMark {
    /// The command.
    pub command_id: Uuid,
    /// Hash of its payload.
    pub command_hash: PayloadHash,
    /// Position of the commit's first message.
    pub first: Position,
    /// Number of messages in the commit.
    pub size: u32,
}

impl From<(Uuid, PayloadHash, Position, u32)> for CommandMark {
    fn from((command_id, command_hash, first, size): (Uuid, PayloadHash, Position, u32)) -> Self {
        Self { command_id, command_hash, first, size }
    }
}

impl From<CommandMark> for (Uuid, PayloadHash, Position, u32) {
    fn from(mark: CommandMark) -> Self {
        (mark.command_id, mark.command_hash, mark.first, mark.size)
    }
}

/// The marks of a stream's last commands, oldest first; written and read as one list.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "Vec<CommandMark>", into = "Vec<CommandMark>")]
pub struct Remembered {
    /// Each of [`CHUNK`] marks, and never changed.
    older: VecDeque<Arc<[CommandMark]>>,
    /// Fewer than [`CHUNK`].
    newest: Vec<CommandMark>,
}

impl Remembered {
    /// Remembers a command, forgetting the oldest beyond the bound.
    pub fn push(&mut self, mark: CommandMark) {
        self.newest.push(mark);
        if self.newest.len() == CHUNK {
            self.older.push_back(std::mem::take(&mut self.newest).into());
        }
        if self.len() >= REMEMBERED_COMMANDS + CHUNK {
            self.older.pop_front();
        }
    }

    /// How many are remembered: of a long stream [`REMEMBERED_COMMANDS`] and up to [`CHUNK`] more.
    #[must_use]
    pub fn len(&self) -> usize {
        self.older.len() * CHUNK + self.newest.len()
    }

    /// Whether none is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them, newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = &CommandMark> {
        let older = self.older.iter().rev().flat_map(|chunk| chunk.iter().rev());
        self.newest.iter().rev().chain(older)
    }

    /// Where the command stands, if it is remembered.
    #[must_use]
    pub fn find(&self, command_id: Uuid) -> Option<CommandMark> {
        self.newest_first().find(|mark| mark.command_id == command_id).copied()
    }
}

impl PartialEq for Remembered {
    fn eq(&self, other: &Self) -> bool {
        self.newest_first().eq(other.newest_first())
    }
}

impl Eq for Remembered {}

impl From<Vec<CommandMark>> for Remembered {
    fn from(marks: Vec<CommandMark>) -> Self {
        let mut remembered = Self::default();
        marks.into_iter().for_each(|mark| remembered.push(mark));
        remembered
    }
}

impl From<Remembered> for Vec<CommandMark> {
    fn from(remembered: Remembered) -> Self {
        let mut marks: Self = remembered.newest_first().copied().collect();
        marks.reverse();
        marks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(number: u64) -> CommandMark {
        CommandMark {
            command_id: Uuid::from_u128(number.into()),
            command_hash: PayloadHash::of(&number.to_be_bytes()),
            first: Position(number),
            size: 1,
        }
    }

    #[test]
    fn the_last_ones_are_found_however_many_came() {
        let mut remembered = Remembered::default();
        for count in 1..=1_000_u64 {
            remembered.push(mark(count));
            let kept = remembered.len() as u64;
            assert!(kept >= count.min(REMEMBERED_COMMANDS as u64), "{count}");
            assert!(kept < (REMEMBERED_COMMANDS + CHUNK) as u64, "{count}");
            for number in [count + 1 - kept, count - kept / 2, count] {
                assert_eq!(remembered.find(Uuid::from_u128(number.into())), Some(mark(number)), "{count}");
            }
            assert_eq!(remembered.find(Uuid::from_u128((count - kept).into())), None);
        }
    }

    #[test]
    fn a_copy_does_not_change_with_the_original_and_both_read_back() {
        let mut original: Remembered = (0..40).map(mark).collect::<Vec<_>>().into();
        let copy = original.clone();
        original.push(mark(40));
        assert_eq!((copy.len(), original.len()), (40, 41));
        assert_eq!(copy.find(mark(40).command_id), None);
        for remembered in [&copy, &original] {
            let written = serde_json::to_string(remembered).unwrap();
            assert_eq!(&serde_json::from_str::<Remembered>(&written).unwrap(), remembered);
            let first: Vec<CommandMark> = serde_json::from_str(&written).unwrap();
            assert_eq!(first.first(), Some(&mark(0)), "oldest first");
        }
    }
}
