//! How messages make up a commit: in order, complete, at adjoining positions, of one tenant and command.

use jiff::Timestamp;
use uuid::Uuid;

use super::broken_link::{At, BrokenLink, Rule};
use crate::envelope::{Envelope, PayloadHash};
use crate::event_log::{COMMIT_MESSAGES_MAX, Position, StoredMessage};

/// A commit of which some messages were seen.
#[derive(Debug, Clone)]
pub(super) struct OpenCommit {
    first: Position,
    /// Number of messages seen.
    seen: u32,
    size: u32,
    command: Uuid,
    command_hash: PayloadHash,
    recorded: Timestamp,
    /// The last message seen, without its payload.
    last: StoredMessage,
}

impl OpenCommit {
    /// Position of its first message.
    pub(super) fn first(&self) -> Position {
        self.first
    }

    pub(super) fn is_complete(&self) -> bool {
        self.seen == self.size
    }

    /// That the log ends within it.
    pub(super) fn cut_short(&self) -> BrokenLink {
        let expected = self.next_message();
        At::message(&self.last).broken(Rule::Commit, format!("{expected} after it"), "the end of the log")
    }

    fn next_message(&self) -> String {
        let position = self.last.position.0.saturating_add(1);
        let (next, size, command) = (self.seen + 1, self.size, self.command);
        format!("message {next} of {size} of command {command} at position {position}")
    }

    fn continues_with(&self, message: &StoredMessage, event: &Envelope) -> bool {
        message.position.0 == self.last.position.0.saturating_add(1)
            && message.tenant == self.last.tenant
            && (event.commitindex, event.commitsize) == (self.seen, self.size)
            && (event.commandid, event.commandhash) == (self.command, self.command_hash)
    }
}

/// The commit with `message`, whose first event is `event`; `open` is the one that was not complete before.
pub(super) fn check(
    at: &At<'_>,
    message: &StoredMessage,
    event: &Envelope,
    open: Option<OpenCommit>,
) -> Result<OpenCommit, BrokenLink> {
    let at = at.event(event);
    let last = StoredMessage { payload: bytes::Bytes::new(), ..message.clone() };
    let Some(open) = open else {
        if event.commitindex != 0 {
            return Err(at.broken(Rule::Commit, "the first message of a commit", place(message, event)));
        }
        if event.commitsize == 0 || event.commitsize as usize > COMMIT_MESSAGES_MAX {
            let expected = format!("a commit of 1 to {COMMIT_MESSAGES_MAX} messages");
            return Err(at.broken(Rule::Commit, expected, format!("one of {}", event.commitsize)));
        }
        return Ok(OpenCommit {
            first: message.position,
            seen: 1,
            size: event.commitsize,
            command: event.commandid,
            command_hash: event.commandhash,
            recorded: event.time,
            last,
        });
    };
    if !open.continues_with(message, event) {
        return Err(at.broken(Rule::Commit, open.next_message(), place(message, event)));
    }
    at.same(Rule::RecordedTime, "the recorded time of its commit,", &open.recorded, &event.time)?;
    Ok(OpenCommit { seen: open.seen + 1, last, ..open })
}

/// Whether the message of `event` is the last of its commit.
pub(super) fn is_last(event: &Envelope) -> bool {
    u64::from(event.commitindex) + 1 == u64::from(event.commitsize)
}

/// That `message`, of which `event` is one, is the last of its commit.
pub(super) fn check_complete(
    at: &At<'_>,
    message: &StoredMessage,
    event: &Envelope,
) -> Result<(), BrokenLink> {
    if is_last(event) {
        return Ok(());
    }
    Err(at.event(event).broken(Rule::Commit, "the last message of a commit", place(message, event)))
}

fn place(message: &StoredMessage, event: &Envelope) -> String {
    let (index, size) = (u64::from(event.commitindex) + 1, event.commitsize);
    format!("message {index} of {size} of command {} at position {}", event.commandid, message.position)
}
