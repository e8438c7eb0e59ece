//! What was refused: one stream for each process and day, so that nobody waits for another to write it down.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{IdentityError, Origin};
use crate::personal::Personal;
use crate::{Context, aggregate, event_set};

/// A request was refused, once or several times alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccessRefused {
    /// Who asked, as the access token named them; absent where nobody was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The method and the path's template, e.g. `POST /v1/batches/{id}/recall`.
    pub operation: String,
    /// The problem's code, e.g. `forbidden`.
    pub code: String,
    /// The permission that was missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission: Option<String>,
    /// When the first of them was.
    pub occurred_at: Timestamp,
    /// How many times alike since the last note of it; at least 1.
    pub count: u32,
    /// Where the first came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Personal<Origin>>,
}

event_set! {
    /// Events of a journal of refusals.
    pub enum AccessEvent {
        /// A request was refused.
        Refused(AccessRefused) = "foodflow.identity.access.refused.v1",
    }
}

/// What may be asked of a journal of refusals.
#[derive(Debug, Clone, PartialEq)]
pub enum AccessCommand {
    /// Write these down.
    Note(Vec<AccessRefused>),
}

/// State of a journal of refusals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessJournal {
    /// How many requests it says were refused.
    pub refused: u64,
}

impl AccessJournal {
    fn decide(&self, command: AccessCommand, _: &Context) -> Result<Vec<AccessEvent>, IdentityError> {
        let AccessCommand::Note(refused) = command;
        Ok(refused.into_iter().map(AccessEvent::Refused).collect())
    }

    fn evolve(&mut self, event: AccessEvent) {
        let AccessEvent::Refused(data) = event;
        self.refused += u64::from(data.count);
    }
}

aggregate!(AccessJournal, "identity", "access", AccessCommand, AccessEvent, IdentityError);
