//! What the adapter needs of a server: streams of events that are read in order and appended to at a known end.
//!
//! Everything that the adapter promises is decided on this side of the seam; `client` puts an EventStoreDB server behind
//! it.

use async_trait::async_trait;
use bytes::Bytes;
use uuid::Uuid;

use crate::event_log::LogError;

/// An event to append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Its id, unlike any other event's: a server takes a repeated one for the same event.
    pub id: Uuid,
    /// Its type; never empty, and never begins with `$`.
    pub kind: String,
    /// Its content, byte for byte.
    pub data: Bytes,
    /// What is said about it: JSON.
    pub metadata: Bytes,
}

/// An event as a stream holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamEvent {
    /// Its id.
    pub id: Uuid,
    /// Its number in the stream, from 0.
    pub revision: u64,
    /// Its content, byte for byte as appended.
    pub data: Bytes,
    /// What is said about it.
    pub metadata: Bytes,
}

/// Where a stream must end for an append to go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamEnd {
    /// Anywhere.
    Any,
    /// The stream has never had an event.
    Nothing,
    /// With the event of this revision.
    Revision(u64),
}

/// How much one read answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadLimit {
    /// Most events; at least 1.
    pub events: usize,
    /// The read ends with the event that brings it to so many bytes of data.
    pub bytes: usize,
}

/// Why an append did not go through.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// The stream does not end where it was expected to; nothing was appended.
    #[error("the stream ends elsewhere")]
    WrongEnd,
    /// The server takes nothing so large at once; nothing was appended.
    #[error("too large for the server: {what}")]
    TooLarge {
        /// What the server says.
        what: String,
    },
    /// The answer was lost: the events may or may not stand.
    #[error("the outcome is unknown: {reason}")]
    Unknown {
        /// What went wrong.
        reason: String,
    },
    /// The server cannot be reached, or refuses; nothing was appended.
    #[error("the event log is unavailable: {reason}")]
    Unavailable {
        /// What went wrong.
        reason: String,
    },
    /// The server refuses for a reason that does not pass; nothing was appended.
    #[error("the server refuses: {reason}")]
    Refused {
        /// What to do.
        reason: String,
    },
}

/// Streams of events, on a server or in memory.
///
/// An append of several events is atomic and, once it is answered, durable; a read sees every append that was answered
/// before it.
#[async_trait]
pub trait EventStreams: Send + Sync + 'static {
    /// The events of `stream` from revision `from` on, oldest first; empty where there are none.
    ///
    /// # Errors
    /// [`LogError`] where the server does not answer.
    async fn read_forward(
        &self,
        stream: &str,
        from: u64,
        limit: ReadLimit,
    ) -> Result<Vec<StreamEvent>, LogError>;

    /// The events of `stream` from revision `from` back, newest first; from its end where `from` is `None`.
    ///
    /// # Errors
    /// [`LogError`] where the server does not answer.
    async fn read_backward(
        &self,
        stream: &str,
        from: Option<u64>,
        limit: ReadLimit,
    ) -> Result<Vec<StreamEvent>, LogError>;

    /// Appends `events`, at least one, all or none of them; answers the revision of the last one.
    ///
    /// # Errors
    /// See [`StreamError`]; only `Unknown` leaves open whether they stand.
    async fn append(&self, stream: &str, end: StreamEnd, events: Vec<NewEvent>) -> Result<u64, StreamError>;

    /// Lets all events of `stream` but the last one go, now and from now on.
    ///
    /// # Errors
    /// As [`Self::append`].
    async fn keep_last_only(&self, stream: &str) -> Result<(), StreamError>;

    /// Where the streams are, for people: an address without credentials.
    fn describe(&self) -> String;
}

impl From<StreamError> for LogError {
    /// What it means where it does not matter whether the events stand.
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::Refused { reason } => Self::Configuration { reason },
            StreamError::Unavailable { reason } => Self::Unavailable { reason },
            other => Self::Unavailable { reason: other.to_string() },
        }
    }
}
