//! Where a request came from.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::TenantId;
use crate::personal::{PersonId, Personal};

/// Where a request came from; it is about whoever sent it. `Debug` does not say it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The address of the client.
    pub address: String,
    /// The program that it says it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Origin").finish_non_exhaustive()
    }
}

impl Origin {
    /// As something about `person`.
    #[must_use]
    pub const fn of(self, person: PersonId) -> Personal<Self> {
        Personal::new(person, self)
    }
}

/// Whoever asks a tenant for something and is nobody that it knows: forgotten together.
#[must_use]
pub fn visitors(tenant: TenantId) -> PersonId {
    PersonId(crate::ids::named(tenant, "person", "visitors"))
}
