//! Identity's tables, one projection: users and their roles, roles and what they may do, sessions and their refresh
//! tokens, service accounts and their keys.
//!
//! A file holds a table, what makes its rows, and its queries. What is about a person is here in clear, as long as the
//! person is not forgotten; the projection reads a log whose personal data is opened. What is erased shows as
//! [`ERASED_DOMAIN`] and empty columns, the same whether it was there before or never could be read.

pub mod api_keys;
pub mod permissions;
pub mod refresh_tokens;
pub mod role_permissions;
pub mod roles;
pub mod service_accounts;
pub mod sessions;
pub mod user_roles;
pub mod users;

use foodflow_domain::identity::access::AccessEvent;
use foodflow_domain::identity::administrators::AdministratorsEvent;
use foodflow_domain::identity::reservation::ReservationEvent;

use self::api_keys::ApiKey;
use self::permissions::Permission;
use self::refresh_tokens::RefreshToken;
use self::role_permissions::RolePermission;
use self::roles::Role;
use self::service_accounts::ServiceAccount;
use self::sessions::Session;
use self::user_roles::UserRole;
use self::users::User;
use crate::tables::{EventTypes, TableProjection, TableSource};

/// The domain of addresses of people who were forgotten; no address can be there (RFC 2606).
pub const ERASED_DOMAIN: &str = "forgotten.invalid";
/// In the place of a password's hash where there is none: no password fits it.
pub const NO_PASSWORD: &str = "!";

/// The projection.
pub static IDENTITY: TableProjection = TableProjection {
    name: "identity",
    layout: 2,
    postgres: include_str!("../../../../schemas/postgres/identity.sql"),
    sources: &[
        TableSource::of::<User>(),
        TableSource::of::<Role>(),
        TableSource::of::<Permission>(),
        TableSource::of::<UserRole>(),
        TableSource::of::<RolePermission>(),
        TableSource::of::<Session>(),
        TableSource::of::<RefreshToken>(),
        TableSource::of::<ServiceAccount>(),
        TableSource::of::<ApiKey>(),
    ],
    passed_over: &[
        EventTypes::of::<ReservationEvent>(),
        EventTypes::of::<AdministratorsEvent>(),
        EventTypes::of::<AccessEvent>(),
    ],
};
