//! The operations of identity: people, sessions, roles, keys.
//!
//! - [`sign_up`]: a tenant with its first administrator, and the roles that every tenant has;
//! - [`users`], [`passwords`], [`second_factors`]: a person's account;
//! - [`authenticate`]: from what somebody shows to who that is;
//! - [`logins`]: logins, refreshed sessions, and their ends;
//! - [`roles`], [`service_accounts`]: what may be done, and programs that do it;
//! - [`held`]: that nobody gives or takes what they do not hold;
//! - [`refusals`]: what was refused, written down in the background;
//! - [`secrets`]: tokens that are shown once, and what the log keeps of them;
//! - [`lookup`]: who has this e-mail address.

pub mod authenticate;
pub mod held;
pub mod logins;
pub mod lookup;
pub mod passwords;
pub mod refusals;
pub mod roles;
pub mod second_factors;
pub mod secrets;
pub mod service_accounts;
pub mod sign_up;
pub mod users;

use foodflow_domain::TenantId;
use foodflow_domain::identity::administrators::{Administrators, AdministratorsCommand};
use foodflow_domain::identity::permission::{ADMINISTRATOR, BuiltInRole};
use foodflow_domain::identity::reservation::{NameKind, Reservation, ReservationCommand};
use foodflow_domain::identity::session::{Session, SessionCommand, SessionEnd};
use foodflow_domain::identity::user::{User, UserStatus};
use foodflow_domain::identity::{IdentityError, Origin};
use foodflow_domain::ids::{self, RoleId, SessionId, UserId};
use foodflow_domain::personal::Personal;
use foodflow_log::StreamId;
use uuid::Uuid;

use crate::error::CommandError;
use crate::execute::Accepted;
use crate::unit::{Stop, Unit, stream_of};

/// Where a request came from, as events state it.
pub type Sender = Option<Personal<Origin>>;

/// A refusal of the whole command.
fn refused(error: IdentityError) -> Stop {
    CommandError::refused(&error, "").into()
}

/// The stream of the tenant's administrators.
fn administrators_id(tenant: TenantId) -> Uuid {
    ids::named(tenant, "administrators", "")
}

/// The administrator's role in a tenant.
#[must_use]
pub fn administrator_role(tenant: TenantId) -> RoleId {
    let role = BuiltInRole::of_key(ADMINISTRATOR);
    role.map_or_else(RoleId::default, |role| role.id(tenant))
}

/// The streams that a change to a user's standing touches, as far as they are known beforehand.
fn standing_locks(tenant: TenantId, user_id: UserId) -> Vec<StreamId> {
    vec![stream_of::<User>(user_id.0), stream_of::<Administrators>(administrators_id(tenant))]
}

/// Whether the user is an administrator who may log in, as the unit has it now.
async fn is_administrator(unit: &mut Unit<'_>, user_id: UserId) -> Result<bool, Stop> {
    let role = administrator_role(unit.meta.tenant);
    let user = unit.load::<User>(user_id.0).await?;
    Ok(user.status == UserStatus::Active && user.role_ids.contains(&role))
}

/// Brings the tenant's administrators up to date after what the unit decided about a user.
async fn note_administrator(
    unit: &mut Unit<'_>,
    user_id: UserId,
    was: bool,
    even_the_last: bool,
) -> Result<(), Stop> {
    let command = match (was, is_administrator(unit, user_id).await?) {
        (false, true) => AdministratorsCommand::Add(user_id),
        (true, false) if even_the_last => AdministratorsCommand::Forget(user_id),
        (true, false) => AdministratorsCommand::Remove(user_id),
        _ => return Ok(()),
    };
    let id = administrators_id(unit.meta.tenant);
    unit.decide::<Administrators>(id, command, "").await
}

/// Whether what was carried out is that a password or code was wrong: it is in the log, so that it counts.
#[must_use]
pub fn wrong_proof(accepted: &Accepted) -> bool {
    accepted.events.iter().any(|event| event.event_type.starts_with("foodflow.identity.user.login_refused."))
}

/// Ends these sessions, as far as they have not ended.
async fn end_sessions(
    unit: &mut Unit<'_>,
    session_ids: &[SessionId],
    reason: SessionEnd,
    origin: &Sender,
) -> Result<(), Stop> {
    for session_id in session_ids {
        let end = SessionCommand::End { reason, origin: origin.clone() };
        unit.decide::<Session>(session_id.0, end, "").await?;
    }
    Ok(())
}

/// Takes a name that is unique in the tenant.
async fn take(
    unit: &mut Unit<'_>,
    kind: NameKind,
    reservation_id: Uuid,
    holder: Uuid,
    pointer: &str,
) -> Result<(), Stop> {
    let command = ReservationCommand::Take { kind, reservation_id, holder };
    unit.decide::<Reservation>(reservation_id, command, pointer).await
}

/// Gives a name up that `holder` has.
async fn give_up(
    unit: &mut Unit<'_>,
    kind: NameKind,
    reservation_id: Uuid,
    holder: Uuid,
) -> Result<(), Stop> {
    let command = ReservationCommand::GiveUp { kind, reservation_id, holder };
    unit.decide::<Reservation>(reservation_id, command, "").await
}

/// The reservation of a name that is nobody's secret.
fn name_id(tenant: TenantId, kind: NameKind, name: &str) -> Uuid {
    ids::reservation(tenant, kind.as_str(), &name.to_lowercase())
}
