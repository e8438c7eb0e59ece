//! What a request needs to know before it asks for something.

use foodflow_domain::TenantId;
use foodflow_domain::identity::reservation::Reservation;
use foodflow_domain::ids::UserId;
use uuid::Uuid;

use crate::error::CommandError;
use crate::execute::Executor;

/// Who holds the name that this id stands for.
///
/// # Errors
/// `Unavailable` where the log does not answer.
pub async fn holder(
    executor: &Executor,
    tenant: TenantId,
    reservation_id: Uuid,
) -> Result<Option<UserId>, CommandError> {
    let reserved = executor.state_of::<Reservation>(tenant, reservation_id).await?;
    Ok(reserved.state.holder.map(UserId))
}
