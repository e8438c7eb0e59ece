//! Whole commits, gathered up to a bound, on their way into the target.

use crate::event_log::{Commit, NewMessage, Position, StoredMessage};
use crate::verify::Checked;

/// A run takes no further commit once it holds this many messages.
const MESSAGES_MAX: u64 = 4_000;
/// A run takes no further commit once it holds this many bytes of payload.
const BYTES_MAX: u64 = 4 << 20;

/// Whole commits at adjoining positions.
#[derive(Debug, Clone)]
pub(super) struct Run {
    /// The position that they follow.
    pub(super) after: Position,
    /// Position of their last message.
    pub(super) last: Position,
    pub(super) commits: Vec<Commit>,
    messages: u64,
    /// Bytes of payload.
    bytes: u64,
}

impl Run {
    fn behind(after: Position) -> Self {
        Self { after, last: after, commits: Vec::new(), messages: 0, bytes: 0 }
    }
}

/// Gathers messages to commits, and commits to runs.
#[derive(Debug)]
pub(super) struct Gathering {
    run: Run,
    /// The commit that is not complete.
    open: Vec<NewMessage>,
}

impl Gathering {
    pub(super) fn behind(after: Position) -> Self {
        Self { run: Run::behind(after), open: Vec::new() }
    }

    /// Takes in the next message.
    pub(super) fn push(&mut self, message: StoredMessage, checked: &Checked) {
        let StoredMessage { position, tenant, stream, payload, .. } = message;
        self.open.push(NewMessage { stream, expected: checked.follows, payload });
        if checked.ends_commit {
            let messages = std::mem::take(&mut self.open);
            self.run.last = position;
            self.run.messages += messages.len() as u64;
            self.run.bytes += messages.iter().map(|one| one.payload.len() as u64).sum::<u64>();
            self.run.commits.push(Commit { tenant, recorded_at: checked.recorded_at, messages });
        }
    }

    pub(super) const fn is_full(&self) -> bool {
        self.run.messages >= MESSAGES_MAX || self.run.bytes >= BYTES_MAX
    }

    /// The whole commits so far; `None` where there are none.
    pub(super) fn take(&mut self) -> Option<Run> {
        if self.run.commits.is_empty() {
            return None;
        }
        let next = Run::behind(self.run.last);
        Some(std::mem::replace(&mut self.run, next))
    }
}

#[cfg(test)]
mod tests {
    use foodflow_domain::TenantId;
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;
    use crate::event_log::{Partition, StreamId};

    fn push(gathering: &mut Gathering, position: u64, bytes: usize, ends_commit: bool) {
        let message = StoredMessage {
            partition: Partition(0),
            position: Position(position),
            tenant: TenantId::default(),
            stream: StreamId::new("test", "thing", Uuid::from_u128(u128::from(position))),
            payload: vec![b'x'; bytes].into(),
        };
        let checked = Checked { follows: Position(0), recorded_at: Timestamp::UNIX_EPOCH, ends_commit };
        gathering.push(message, &checked);
    }

    #[test]
    fn a_run_holds_whole_commits_alone() {
        let mut gathering = Gathering::behind(Position(7));
        push(&mut gathering, 8, 10, false);
        assert!(gathering.take().is_none());
        push(&mut gathering, 9, 10, true);
        push(&mut gathering, 10, 10, true);
        push(&mut gathering, 11, 10, false);
        let run = gathering.take().unwrap();
        assert_eq!((run.after, run.last, run.commits.len()), (Position(7), Position(10), 2));
        assert_eq!((run.messages, run.bytes), (3, 30));
        assert!(gathering.take().is_none());
        push(&mut gathering, 12, 10, true);
        let run = gathering.take().unwrap();
        assert_eq!((run.after, run.last, run.commits[0].messages.len()), (Position(10), Position(12), 2));
    }

    #[test]
    fn messages_and_bytes_are_bounded() {
        let mut gathering = Gathering::behind(Position(0));
        for position in 1..MESSAGES_MAX {
            push(&mut gathering, position, 1, true);
        }
        assert!(!gathering.is_full());
        push(&mut gathering, MESSAGES_MAX, 1, true);
        assert!(gathering.is_full());
        gathering.take().unwrap();
        push(&mut gathering, MESSAGES_MAX + 1, BYTES_MAX as usize, true);
        assert!(gathering.is_full());
    }
}
