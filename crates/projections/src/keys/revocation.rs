//! Which tokens are refused although they are signed and have not expired.

use std::time::Duration;

use foodflow_domain::TenantId;
use jiff::Timestamp;
use uuid::Uuid;

use super::hashed;

/// Longest time that a revocation is kept: no token is valid for longer.
pub const REVOCATION_TTL_MAX: Duration = Duration::from_secs(366 * 24 * 3_600);

/// Whose tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// Those of the tenant, whoever they were issued to.
    Tenant,
    /// Those of an actor: the claim `sub`.
    Actor(String),
    /// Those of a session: the claim `sid`.
    Session(Uuid),
}

impl Subject {
    /// What a store calls it, within its tenant.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::Tenant => "tenant".to_owned(),
            Self::Actor(actor) => format!("actor:{}", hashed(actor)),
            Self::Session(id) => format!("session:{id}"),
        }
    }
}

/// The tokens of a tenant and subject that were issued at an instant or before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// The tenant.
    pub tenant: TenantId,
    /// Whose tokens.
    pub subject: Subject,
    /// Up to when they were issued, in whole microseconds.
    pub issued_until: Timestamp,
    /// How long to remember it: the longest time that one of these tokens may go on to be valid. At most
    /// [`REVOCATION_TTL_MAX`], which counts where this is longer.
    pub ttl: Duration,
}

/// What is asked of a token once its signature was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The tenant.
    pub tenant: TenantId,
    /// The claim `sub`.
    pub actor: String,
    /// The claim `sid`; a token with one is valid only while its session is.
    pub session: Option<Uuid>,
    /// When it was issued.
    pub issued_at: Timestamp,
}
