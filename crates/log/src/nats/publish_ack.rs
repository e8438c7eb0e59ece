//! What the server says to a publish: where it stands, or why not.

use serde::Deserialize;

use super::connect::ApiError;
use crate::{AppendError, LogError, Position};

/// A stream does not end where it was expected to.
const WRONG_LAST_SEQUENCE: u64 = 10_071;
/// The same while another append to the stream is still being replicated.
const WRONG_LAST_SEQUENCE_IN_PROCESS: u64 = 10_164;
/// The store failed while it was writing: whether the message stands is not certain.
const STORE_FAILED: u64 = 10_077;
const ATOMIC_PUBLISH_DISABLED: u64 = 10_174;
/// The server missed a part of the batch, or holds too many unfinished ones.
const BATCH_INCOMPLETE: u64 = 10_176;
const BATCH_TOO_LARGE: u64 = 10_199;
const TOO_MANY_BATCHES: u64 = 10_210;
/// Unfinished batches that the server holds per stream unless configured otherwise.
const BATCHES_IN_FLIGHT: usize = 50;

/// The server's answer to a publish.
#[derive(Debug, Deserialize)]
pub(super) struct PublishAck {
    #[serde(default)]
    seq: u64,
    batch: Option<String>,
    #[serde(default)]
    count: usize,
    error: Option<ApiError>,
}

/// Why the server refused; nothing was appended, but for [`AppendError::Unknown`].
#[derive(Debug)]
pub(super) enum Refusal {
    /// A stream has moved; the server does not say which.
    Conflict,
    /// It is more, or something else, than the server takes in one write.
    Content {
        /// What is wrong with it.
        what: String,
    },
    /// Anything else, which has nothing to do with what was written.
    Other(AppendError),
}

impl From<AppendError> for Refusal {
    fn from(error: AppendError) -> Self {
        Self::Other(error)
    }
}

impl PublishAck {
    pub(super) fn read(payload: &[u8]) -> Result<Self, AppendError> {
        serde_json::from_slice(payload)
            .map_err(|error| AppendError::Unknown { reason: format!("the answer cannot be read: {error}") })
    }

    /// The position of a message that was published alone.
    pub(super) fn accepted_single(self) -> Result<Position, Refusal> {
        match self.error {
            Some(error) => Err(refusal(&error)),
            None if self.seq == 0 => {
                let reason = "the answer names no position".to_owned();
                Err(AppendError::Unknown { reason }.into())
            }
            None => Ok(Position(self.seq)),
        }
    }

    /// The position of a batch's last message.
    ///
    /// # Errors
    /// Also [`AppendError::Unknown`] where the answer is not about this whole batch, so that nothing is certain.
    pub(super) fn accepted_batch(self, id: &str, count: usize) -> Result<Position, Refusal> {
        if let Some(error) = self.error {
            return Err(refusal(&error));
        }
        if self.batch.as_deref() == Some(id) && self.count == count && self.seq >= count as u64 {
            return Ok(Position(self.seq));
        }
        let reason = format!("the server acknowledged {} of the {count} messages of a batch", self.count);
        tracing::error!(reason, "the event log broke a batch");
        Err(AppendError::Unknown { reason }.into())
    }
}

fn refusal(error: &ApiError) -> Refusal {
    let text = || format!("{} ({})", error.description, error.err_code);
    Refusal::Other(match error.err_code {
        WRONG_LAST_SEQUENCE | WRONG_LAST_SEQUENCE_IN_PROCESS => return Refusal::Conflict,
        STORE_FAILED => AppendError::Unknown { reason: text() },
        TOO_MANY_BATCHES => AppendError::Overloaded { waiting: BATCHES_IN_FLIGHT },
        BATCH_TOO_LARGE => return Refusal::Content { what: text() },
        ATOMIC_PUBLISH_DISABLED => LogError::Configuration { reason: text() }.into(),
        BATCH_INCOMPLETE => {
            let reason = format!("{}: the server holds too many unfinished batches or missed a part", text());
            LogError::Unavailable { reason }.into()
        }
        _ => LogError::Unavailable { reason: text() }.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ack(text: &str) -> PublishAck {
        PublishAck::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn an_ack_that_is_not_about_the_whole_batch_leaves_the_outcome_open() {
        let whole = r#"{"stream":"FF_EVENTS_0","seq":7,"batch":"b","count":3}"#;
        assert_eq!(ack(whole).accepted_batch("b", 3).unwrap(), Position(7));
        for broken in [
            r#"{"stream":"FF_EVENTS_0","seq":7}"#,
            r#"{"stream":"FF_EVENTS_0","seq":7,"batch":"b","count":2}"#,
            r#"{"stream":"FF_EVENTS_0","seq":7,"batch":"other","count":3}"#,
        ] {
            let answer = ack(broken).accepted_batch("b", 3);
            assert!(matches!(answer, Err(Refusal::Other(AppendError::Unknown { .. }))), "{broken}");
        }
        assert!(matches!(PublishAck::read(b"what?"), Err(AppendError::Unknown { .. })));
    }

    #[test]
    fn refusals_say_what_they_mean_for_the_caller() {
        let refused = |code: u64| {
            let text = format!(
                r#"{{"stream":"S","seq":0,"error":{{"code":400,"err_code":{code},"description":"d"}}}}"#
            );
            ack(&text).accepted_single().unwrap_err()
        };
        assert!(matches!(refused(10_071), Refusal::Conflict));
        assert!(matches!(refused(10_164), Refusal::Conflict));
        assert!(matches!(refused(10_077), Refusal::Other(AppendError::Unknown { .. })));
        assert!(matches!(refused(10_176), Refusal::Other(AppendError::Log(LogError::Unavailable { .. }))));
        assert!(matches!(refused(10_199), Refusal::Content { .. }));
        assert!(matches!(refused(10_210), Refusal::Other(AppendError::Overloaded { .. })));
        assert!(matches!(refused(10_174), Refusal::Other(AppendError::Log(LogError::Configuration { .. }))));
        assert!(matches!(refused(10_023), Refusal::Other(AppendError::Log(LogError::Unavailable { .. }))));
    }
}
