//! Personal data at the boundary of the log: sealed before it is written, opened for whoever may read it.
//!
//! What belongs to a person ([`Personal`](foodflow_domain::Personal)) is sealed under keys of that person
//! (XChaCha20-Poly1305), which stand in records beside the log, themselves sealed under the installation's master key.
//! When the person is forgotten the keys give way to a tombstone: what was written stays as it is, hash chain and all, and
//! is read as erased from then on.
//!
//! - [`Keyring`]: seals, opens, forgets, rotates; blind indices and keyed hashes of what must not be hashed plainly;
//! - [`MasterKeys`]: what seals the keys of persons;
//! - [`upkeep`]: the keys as an operator sees them: status, another master key, a copy elsewhere;
//! - [`OpenedLog`]: a log whose reader sees personal data opened;
//! - `walk`: finds personal data in JSON; `cipher`, `stored`: how keys and values are written.
//!
//! What must never happen here: personal data that is written unsealed, or opened for another person or tenant than it was
//! sealed for; a person without a key taken for a forgotten one; a forgotten one whose key comes back; a key in `Debug` or
//! in an error.

mod cipher;
mod keyring;
mod master;
mod opened;
mod stored;
pub mod upkeep;
mod walk;

use foodflow_domain::TenantId;
use foodflow_domain::personal::PersonId;

use crate::event_log::LogError;
use crate::records::RecordError;

pub use keyring::{Forgotten, KEPT_MAX, Keyring};
pub use master::{MasterId, MasterKeys, MasterSource};
pub use opened::OpenedLog;
pub use walk::is_marked;

/// Why personal data was not sealed or opened.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum PersonalError {
    /// The records or the master key cannot be had now.
    #[error("the keys of persons are unavailable: {reason}")]
    Unavailable {
        /// What went wrong.
        reason: String,
    },
    /// The record of a person's keys is not there, which is not the same as forgotten.
    #[error(
        "there is no key of person {person}: the records of keys may lag behind, or were lost; where they were lost, \
         restore them (`foodflow keys import`)"
    )]
    Missing {
        /// The person.
        person: PersonId,
    },
    /// The record of the key is not there by which a tenant's people are found.
    #[error(
        "there is no index key of tenant {tenant}, although it has people: the records of keys may lag behind, or were \
         lost; where they were lost, restore them (`foodflow keys import`)"
    )]
    MissingIndex {
        /// The tenant.
        tenant: TenantId,
    },
    /// The person was forgotten: nothing more is written about them.
    #[error("person {person} was forgotten")]
    Forgotten {
        /// The person.
        person: PersonId,
    },
    /// The keys are sealed under a master key that this process does not have.
    #[error(
        "the keys of persons are sealed under master key {found}, which is not in {place}: put that master key's file \
         there, or name it with FOODFLOW_MASTER_KEY_FILE"
    )]
    OtherMaster {
        /// Which one it is.
        found: MasterId,
        /// Where this process has its master keys from.
        place: String,
    },
    /// What is stored or to be stored is not what this program writes.
    #[error("personal data cannot be read: {reason}")]
    Invalid {
        /// What is wrong with it.
        reason: String,
    },
}

impl PersonalError {
    fn invalid(reason: impl Into<String>) -> Self {
        Self::Invalid { reason: reason.into() }
    }

    /// Whether it may pass, so that it is worth another try.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Unavailable { .. }
                | Self::Missing { .. }
                | Self::MissingIndex { .. }
                | Self::OtherMaster { .. }
        )
    }
}

impl From<RecordError> for PersonalError {
    fn from(error: RecordError) -> Self {
        Self::Unavailable { reason: error.to_string() }
    }
}

impl From<PersonalError> for LogError {
    fn from(error: PersonalError) -> Self {
        match error {
            PersonalError::OtherMaster { .. } => Self::Configuration { reason: error.to_string() },
            PersonalError::Invalid { reason } => Self::Corrupt { place: "personal data".to_owned(), reason },
            error => Self::Unavailable { reason: error.to_string() },
        }
    }
}
