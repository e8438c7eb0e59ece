//! An aggregate as the log holds it.

use std::any::Any;
use std::sync::Arc;

use foodflow_domain::{EventSet, StreamAggregate};
use foodflow_log::personal::is_marked;
use foodflow_log::{Envelope, PayloadHash, Position, StoredMessage};
use serde_json::value::RawValue;

use crate::error::CommandError;
use crate::remembered::{CommandMark, Remembered};
use crate::snapshot::{self, Place, SNAPSHOT_TAIL_MESSAGES_MAX, Standing};

/// State of an aggregate with what the next append needs.
#[derive(Debug, Clone)]
pub struct Loaded<A> {
    /// The aggregate's state.
    pub state: A,
    /// Number of events so far.
    pub version: u64,
    /// Position of the last message; 0 where there is none.
    pub position: Position,
    /// Hash of the last message.
    pub hash: PayloadHash,
    /// The last commands, oldest first.
    pub commands: Remembered,
    /// Messages of the stream that no snapshot was asked to hold.
    pub(crate) tail_messages: usize,
    /// Whether anything personal went into the state, so that it is not kept for long.
    pub(crate) is_personal: bool,
}

/// A loaded aggregate, whatever its type.
pub(crate) trait Kept: Send + Sync {
    /// As itself, to be taken for a [`Loaded`] of its type again.
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
    /// Its state as JSON, with personal data opened.
    fn state(&self) -> Result<Box<RawValue>, serde_json::Error>;
    /// Its snapshot, with the state as it is to be stored.
    fn snapshot(&self, place: &Place, state: &RawValue) -> Result<Vec<u8>, serde_json::Error>;
    /// What its snapshot will say of itself.
    fn standing(&self) -> Standing;
    /// Whether anything personal went into its state.
    fn is_personal(&self) -> bool;
}

impl<A: StreamAggregate> Kept for Loaded<A> {
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }

    fn state(&self) -> Result<Box<RawValue>, serde_json::Error> {
        serde_json::value::to_raw_value(&self.state)
    }

    fn snapshot(&self, place: &Place, state: &RawValue) -> Result<Vec<u8>, serde_json::Error> {
        snapshot::encode(self, place, state)
    }

    fn standing(&self) -> Standing {
        Standing { shape: A::STATE_SHAPE, position: self.position }
    }

    fn is_personal(&self) -> bool {
        self.is_personal
    }
}

impl<A: Default> Default for Loaded<A> {
    fn default() -> Self {
        Self {
            state: A::default(),
            version: 0,
            position: Position(0),
            hash: PayloadHash::default(),
            commands: Remembered::default(),
            tail_messages: 0,
            is_personal: false,
        }
    }
}

impl<A: StreamAggregate> Loaded<A> {
    /// Follows the stream by one message. `opened` is its payload with personal data opened, or erased: the hash chain
    /// is over the payload as it stands in the log.
    ///
    /// # Errors
    /// `Internal` where the message is not what this program writes, or does not continue the hash chain.
    pub(crate) fn apply(&mut self, message: &StoredMessage, opened: &[u8]) -> Result<(), CommandError> {
        let corrupt = |reason: String| CommandError::Internal {
            reason: format!("{} at position {}: {reason}", message.stream, message.position),
        };
        let envelopes = Envelope::decode_batch(opened).map_err(|error| corrupt(error.to_string()))?;
        let Some(first) = envelopes.first() else {
            return Err(corrupt("a message without events".to_owned()));
        };
        if first.prevhash != self.hash {
            return Err(corrupt("the hash chain is broken; run `foodflow audit verify`".to_owned()));
        }
        self.commands.push(CommandMark {
            command_id: first.commandid,
            command_hash: first.commandhash,
            first: Position(message.position.0.saturating_sub(u64::from(first.commitindex))),
            size: first.commitsize,
        });
        for envelope in &envelopes {
            let event = <A::Event as EventSet>::decode(&envelope.event_type, envelope.data.get())
                .map_err(|error| corrupt(error.to_string()))?
                .ok_or_else(|| corrupt(format!("unknown event type {}", envelope.event_type)))?;
            self.state.apply(event);
            self.version = envelope.sequence;
        }
        self.position = message.position;
        self.hash = PayloadHash::of(&message.payload);
        self.tail_messages += 1;
        self.is_personal |= is_marked(opened);
        Ok(())
    }

    /// Whether it is time for a snapshot; if so, it counts as asked for.
    pub(crate) fn is_snapshot_due(&mut self) -> bool {
        let is_due = self.tail_messages > SNAPSHOT_TAIL_MESSAGES_MAX;
        if is_due {
            self.tail_messages = 0;
        }
        is_due
    }
}
