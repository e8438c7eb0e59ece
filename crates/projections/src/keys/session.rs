//! Who has logged in, and is not logged out: `session:{session_id}`, a JSON object, for seven days.

use std::time::Duration;

use foodflow_domain::TenantId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How long a session is kept after it was last put.
pub const SESSION_TTL: Duration = Duration::from_secs(7 * 24 * 3_600);

/// A session. It holds no name and no address: who the user is stands elsewhere, where it can be erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its id; the claim `sid` of its tokens.
    pub session_id: Uuid,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Who has logged in.
    pub user_id: Uuid,
    /// How, e.g. `password`, `password+totp`, `oidc`.
    pub method: String,
    /// When.
    pub started_at: Timestamp,
}
