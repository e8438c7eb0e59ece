//! `users`: everybody who was ever invited or registered.

use foodflow_domain::TenantId;
use foodflow_domain::identity::user::{Profile, UserEvent, UserStatus};
use foodflow_domain::personal::Personal;
use jiff::Timestamp;
use uuid::Uuid;

use super::{ERASED_DOMAIN, NO_PASSWORD};
use crate::page::{Page, PageRequest};
use crate::store::StoreError;
use crate::table;
use crate::tables::{EventTable, Secret, Select, TableChange, TableEvent, TableStore, Value, select};

table! {
    /// A user.
    pub struct User in "users" {
        /// The user's id.
        id: Uuid,
        /// The address by which the user logs in; `<id>@forgotten.invalid` of somebody who was forgotten.
        email: String [255],
        /// Hash of the password (Argon2id, PHC format); `!` where there is none.
        password_hash: Secret [255],
        /// First name.
        first_name: Option<String> [100],
        /// Last name.
        last_name: Option<String> [100],
        /// The user's tenant.
        tenant_id: Uuid,
        /// Whether the user may log in.
        is_active: bool,
        /// When the user last logged in.
        last_login_at: Option<Timestamp>,
        /// When the user was invited or registered.
        created_at: Timestamp,
        /// When anything of the user last changed.
        updated_at: Timestamp,
        /// `invited`, `active`, `deactivated` or `forgotten`.
        status: String [50],
        /// Whether a second factor is asked for.
        has_second_factor: bool,
        /// Until when no login is looked at.
        locked_until: Option<Timestamp>,
        /// Its version: the `ETag`.
        version: i64,
        /// Position of its last change.
        position: i64,
    }
    key: ["tenant_id", "id"], tenant: "tenant_id",
    unique: [["tenant_id", "email"]],
    indexes: ["idx_users_tenant_id": ["tenant_id"], "idx_users_email": ["email"]],
}

/// What stands for the address of somebody who was forgotten.
fn erased_email(id: Uuid) -> String {
    format!("{id}@{ERASED_DOMAIN}")
}

fn shown(id: Uuid, profile: Personal<Profile>) -> Profile {
    let erased = || Profile { email: erased_email(id), first_name: None, last_name: None };
    profile.into_value().unwrap_or_else(erased)
}

fn password(hash: Option<Personal<String>>) -> Secret {
    hash.and_then(Personal::into_value).map_or_else(|| Secret::of(NO_PASSWORD), Secret::of)
}

impl User {
    fn first(event: &TableEvent<'_>, id: Uuid, profile: Personal<Profile>, status: UserStatus) -> Self {
        let Profile { email, first_name, last_name } = shown(id, profile);
        Self {
            id,
            email,
            password_hash: Secret::of(NO_PASSWORD),
            first_name,
            last_name,
            tenant_id: event.tenant().0,
            is_active: status == UserStatus::Active,
            last_login_at: None,
            created_at: event.recorded_at(),
            updated_at: event.recorded_at(),
            status: status.as_str().to_owned(),
            has_second_factor: false,
            locked_until: None,
            version: event.version(),
            position: event.position(),
        }
    }
}

impl EventTable for User {
    type Event = UserEvent;

    fn project(event: &TableEvent<'_>, data: UserEvent, changes: &mut Vec<TableChange>) {
        let patch = |id: Uuid| event.patch::<Self>([Value::Uuid(event.tenant().0), Value::Uuid(id)]);
        let status = |id: Uuid, status: UserStatus| {
            let is_active = status == UserStatus::Active;
            patch(id).set("status", status.as_str().to_owned()).set("is_active", is_active)
        };
        let named = |id: Uuid, profile: Personal<Profile>| {
            let Profile { email, first_name, last_name } = shown(id, profile);
            patch(id).set("email", email).set("first_name", first_name).set("last_name", last_name)
        };
        let unlocked = None::<Timestamp>;
        changes.push(match data {
            UserEvent::Registered(data) => {
                let row = Self::first(event, data.user_id.0, data.profile, UserStatus::Active);
                event.append(Self { password_hash: password(Some(data.password)), ..row })
            }
            UserEvent::Invited(data) if event.version() == 1 => {
                event.append(Self::first(event, data.user_id.0, data.profile, UserStatus::Invited))
            }
            UserEvent::Invited(data) => named(data.user_id.0, data.profile).change(),
            UserEvent::InvitationAccepted(data) => status(data.user_id.0, UserStatus::Active)
                .set("password_hash", password(data.password))
                .change(),
            UserEvent::ProfileChanged(data) => named(data.user_id.0, data.profile).change(),
            UserEvent::PasswordChanged(data) => patch(data.user_id.0)
                .set("password_hash", password(Some(data.password)))
                .set("locked_until", unlocked)
                .change(),
            UserEvent::LoggedIn(data) => patch(data.user_id.0)
                .set("last_login_at", event.recorded_at())
                .set("locked_until", unlocked)
                .change(),
            UserEvent::LoginRefused(data) => {
                patch(data.user_id.0).set("locked_until", data.locked_until).change()
            }
            UserEvent::Deactivated(data) => status(data.user_id.0, UserStatus::Deactivated).change(),
            UserEvent::Reactivated(data) => {
                status(data.user_id.0, UserStatus::Active).set("locked_until", unlocked).change()
            }
            UserEvent::SecondFactorEnabled(data) => {
                patch(data.user_id.0).set("has_second_factor", true).change()
            }
            UserEvent::SecondFactorDisabled(data) => {
                patch(data.user_id.0).set("has_second_factor", false).change()
            }
            UserEvent::PasswordResetRequested(data) => patch(data.user_id.0).change(),
            UserEvent::RolesChanged(data) => patch(data.user_id.0).change(),
            UserEvent::SecondFactorBegun(data) => patch(data.user_id.0).change(),
            UserEvent::ForeignIdentityLinked(data) => patch(data.user_id.0).change(),
            UserEvent::ForeignIdentityUnlinked(data) => patch(data.user_id.0).change(),
            UserEvent::Forgotten(data) => status(data.user_id.0, UserStatus::Forgotten)
                .set("email", erased_email(data.user_id.0))
                .set("password_hash", Secret::of(NO_PASSWORD))
                .set("first_name", None::<String>)
                .set("last_name", None::<String>)
                .set("has_second_factor", false)
                .set("locked_until", unlocked)
                .change(),
            UserEvent::Erased(data) => patch(data.user_id.0).change(),
        });
    }
}

/// The user of this id.
///
/// # Errors
/// [`StoreError`] where the store does not answer.
pub async fn user(store: &dyn TableStore, tenant: TenantId, id: Uuid) -> Result<Option<User>, StoreError> {
    select::one(store, Select::of::<User>(tenant).equal("id", Some(id))).await
}

/// Which users are asked for; all where nothing is given.
#[derive(Debug, Clone, Default)]
pub struct UserFilters {
    /// With this address.
    pub email: Option<String>,
    /// With this standing.
    pub status: Option<String>,
    /// Who may log in, or may not.
    pub is_active: Option<bool>,
}

/// A page of users, in order of id.
///
/// # Errors
/// [`StoreError`] where the store does not answer.
pub async fn users(
    store: &dyn TableStore,
    tenant: TenantId,
    filters: UserFilters,
    request: PageRequest,
) -> Result<Page<User>, StoreError> {
    let UserFilters { email, status, is_active } = filters;
    let email = email.map(|email| email.to_lowercase());
    let select = Select::of::<User>(tenant);
    let select = select.equal("email", email).equal("status", status).equal("is_active", is_active);
    select::page(store, select, request, |row: &User| row.id).await
}
