//! Who has left for an identity provider and is not back yet: `login:{hash of the state}`, a JSON object, for ten minutes
//! at most, and good once.

use std::fmt;
use std::time::Duration;

use foodflow_domain::TenantId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How long somebody may be away, at most.
pub const PENDING_LOGIN_TTL_MAX: Duration = Duration::from_secs(10 * 60);

/// What the identity is wanted for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "purpose", rename_all = "snake_case")]
pub enum LoginPurpose {
    /// To log in.
    LogIn,
    /// To accept an invitation, and to log in then.
    Accept {
        /// Who was invited.
        user_id: Uuid,
        /// SHA-256 of the invitation's token.
        token_hash: String,
    },
    /// To link it to the account of somebody who has logged in.
    Link {
        /// Whose account.
        user_id: Uuid,
    },
}

/// A login at an identity provider that has begun. It holds no name and no address. `Debug` shows what for, and no secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingLogin {
    /// The tenant.
    pub tenant_id: TenantId,
    /// What for.
    #[serde(flatten)]
    pub purpose: LoginPurpose,
    /// SHA-256 of what the browser that began it keeps to itself.
    pub binding_hash: String,
    /// What the provider's token must say again.
    pub nonce: String,
    /// What the code is exchanged with (PKCE, RFC 7636).
    pub verifier: String,
}

impl fmt::Debug for PendingLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PendingLogin({}, {:?})", self.tenant_id, self.purpose)
    }
}
