//! Tokens that are void although they have not expired.

use std::time::Duration;

use foodflow_domain::TenantId;
use foodflow_projections::keys::{Revocation, Subject};
use jiff::Timestamp;

/// How long an access token is valid, in seconds: as long as a change of what its holder may do can go unnoticed where
/// nothing is revoked.
pub const ACCESS_TOKEN_VALID_S: i64 = 600;

/// What voids the access tokens that an actor has been issued by now.
#[must_use]
pub fn of_actor(tenant: TenantId, actor: String) -> Revocation {
    let ttl = Duration::from_secs(ACCESS_TOKEN_VALID_S.unsigned_abs());
    Revocation { tenant, subject: Subject::Actor(actor), issued_until: Timestamp::now(), ttl }
}
