//! Bodies of people, sessions, roles and keys.

use std::collections::BTreeSet;

use foodflow_commands::identity::passwords;
use foodflow_domain::identity::user::Profile;
use foodflow_domain::ids::RoleId;
use foodflow_domain::tenancy::tenant::TenantProfile;
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Checks, FieldError};
use crate::http::schema;

/// Most characters of an e-mail address (RFC 5321).
pub const EMAIL_CHARS_MAX: usize = 254;
/// Most characters of a first or last name, and of the name of a role or service account.
pub const SHORT_NAME_CHARS_MAX: usize = 100;
/// Most characters of a code.
const CODE_CHARS_MAX: usize = 64;
/// Most characters of a token that was shown once.
pub(super) const TOKEN_CHARS_MAX: usize = 256;
/// Most characters of a slug.
const SLUG_CHARS_MAX: usize = 100;

/// Whether a tenant may be called so.
#[must_use]
pub fn is_slug(slug: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=SLUG_CHARS_MAX).contains(&slug.len()) && slug.chars().all(fits)
}

impl Checks {
    /// An e-mail address: one `@`, something before it, a domain behind it.
    fn email(&mut self, pointer: &str, email: &str) {
        let fits = email.split_once('@').is_some_and(|(local, domain)| {
            let plain =
                |part: &str| !part.is_empty() && !part.chars().any(|c| c.is_whitespace() || c.is_control());
            let labels =
                |domain: &str| domain.split('.').all(|label| !label.is_empty() && !label.starts_with('-'));
            plain(local) && plain(domain) && !domain.contains('@') && labels(domain)
        });
        if !fits || email.chars().count() > EMAIL_CHARS_MAX {
            self.add(pointer, format!("must be an e-mail address of at most {EMAIL_CHARS_MAX} characters"));
        }
    }

    fn short_name(&mut self, pointer: &str, name: &str) {
        self.name(pointer, name);
        if name.chars().count() > SHORT_NAME_CHARS_MAX {
            self.add(pointer, format!("at most {SHORT_NAME_CHARS_MAX} characters"));
        }
    }

    fn person(&mut self, at: &str, email: &str, first_name: Option<&str>, last_name: Option<&str>) {
        self.email(&format!("{at}/email"), email);
        if let Some(name) = first_name {
            self.short_name(&format!("{at}/first_name"), name);
        }
        if let Some(name) = last_name {
            self.short_name(&format!("{at}/last_name"), name);
        }
    }

    fn password(&mut self, pointer: &str, password: &str, about: &[&str]) {
        if let Some(weakness) = passwords::weakness(password, about) {
            self.add(pointer, weakness);
        }
    }

    pub(super) fn slug(&mut self, pointer: &str, slug: &str) {
        if !is_slug(slug) {
            self.add(pointer, format!("must have 1 to {SLUG_CHARS_MAX} characters of a-z, 0-9 and -"));
        }
    }

    /// A secret that somebody shows: only that it is not endless.
    pub(super) fn shown(&mut self, pointer: &str, text: &str, bytes_max: usize) {
        if text.is_empty() || text.len() > bytes_max {
            self.add(pointer, format!("must have 1 to {bytes_max} bytes"));
        }
    }
}

fn profile(email: &str, first_name: Option<String>, last_name: Option<String>) -> Profile {
    Profile { email: email.trim().to_lowercase(), first_name, last_name }
}

/// What is wrong, where anything is.
pub type Checked<T> = Result<T, Vec<FieldError>>;

/// A body that is checked by itself.
pub trait CheckedBody: serde::de::DeserializeOwned {
    /// What it says.
    type Says;

    /// What it says, where nothing is wrong with it.
    ///
    /// # Errors
    /// Every part that is wrong.
    fn checked(self) -> Checked<Self::Says>;
}

/// Who is to administer a new tenant.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AdministratorBody {
    /// E-mail address.
    #[schema(value_type = schema::Email)]
    email: String,
    /// Password: at least 10 characters, and not easy to guess.
    #[schema(format = Password, min_length = 10, max_length = 256, example = "violet-otter-cobalt-29")]
    password: String,
    /// First name.
    #[schema(value_type = Option<schema::ShortName>)]
    first_name: Option<String>,
    /// Last name.
    #[schema(value_type = Option<schema::ShortName>)]
    last_name: Option<String>,
}

/// `POST /v1/sign-up`.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignUpBody {
    /// Short name of the tenant; its id derives from it, and it never changes.
    #[schema(max_length = 100, pattern = "^[a-z0-9-]+$", example = "harbor-vale")]
    slug: String,
    /// Name of the tenant.
    #[schema(value_type = schema::Name)]
    name: String,
    /// Its first administrator.
    administrator: AdministratorBody,
}

/// A sign-up.
pub struct SignUp {
    /// Short name of the tenant.
    pub slug: String,
    /// What people see of it.
    pub tenant: TenantProfile,
    /// Its first administrator.
    pub profile: Profile,
    /// The password.
    pub password: String,
}

impl CheckedBody for SignUpBody {
    type Says = SignUp;

    fn checked(self) -> Checked<SignUp> {
        let Self { slug, name, administrator } = self;
        let AdministratorBody { email, password, first_name, last_name } = administrator;
        let mut checks = Checks::default();
        checks.slug("/slug", &slug);
        checks.name("/name", &name);
        checks.person("/administrator", &email, first_name.as_deref(), last_name.as_deref());
        checks.password("/administrator/password", &password, &[&email, &slug, &name]);
        let tenant = TenantProfile { name, logo_url: None, primary_color: None, stripe_customer_id: None };
        let profile = profile(&email, first_name, last_name);
        checks.finish(SignUp { slug, tenant, profile, password })
    }
}

/// `POST /v1/login`.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginBody {
    /// Short name of the tenant.
    #[schema(max_length = 100, pattern = "^[a-z0-9-]+$", example = "harbor-vale")]
    pub tenant: String,
    /// E-mail address.
    #[schema(max_length = 254, example = "quality@harbor-vale.example")]
    pub email: String,
    /// Password.
    #[schema(format = Password, min_length = 1, max_length = 256, example = "violet-otter-cobalt-29")]
    pub password: String,
    /// A code of the second factor, or a recovery code.
    #[schema(max_length = 64, example = "081804")]
    pub code: Option<String>,
}

impl CheckedBody for LoginBody {
    type Says = Self;

    fn checked(self) -> Checked<Self> {
        let mut checks = Checks::default();
        checks.slug("/tenant", &self.tenant);
        checks.shown("/email", &self.email, EMAIL_CHARS_MAX * 4);
        checks.shown("/password", &self.password, passwords::PASSWORD_BYTES_MAX);
        if let Some(code) = &self.code {
            checks.shown("/code", code, CODE_CHARS_MAX);
        }
        checks.finish(self)
    }
}

/// `POST /v1/token`.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(tag = "grant_type", rename_all = "snake_case", deny_unknown_fields)]
pub enum TokenBody {
    /// Goes on with a session; the refresh token is good once.
    RefreshToken {
        /// The refresh token.
        #[schema(max_length = 256)]
        refresh_token: String,
    },
    /// Lets a service account in.
    ApiKey {
        /// Its key.
        #[schema(max_length = 256)]
        api_key: String,
    },
}

impl CheckedBody for TokenBody {
    type Says = Self;

    fn checked(self) -> Checked<Self> {
        let mut checks = Checks::default();
        match &self {
            Self::RefreshToken { refresh_token } => {
                checks.shown("/refresh_token", refresh_token, TOKEN_CHARS_MAX)
            }
            Self::ApiKey { api_key } => checks.shown("/api_key", api_key, TOKEN_CHARS_MAX),
        }
        checks.finish(self)
    }
}

/// A token that was shown once, with the password that is to be set by it.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPasswordBody {
    /// The token.
    #[schema(max_length = 256)]
    pub token: String,
    /// Password: at least 10 characters, and not easy to guess.
    #[schema(format = Password, min_length = 10, max_length = 256, example = "violet-otter-cobalt-29")]
    pub password: String,
}

impl CheckedBody for NewPasswordBody {
    type Says = Self;

    fn checked(self) -> Checked<Self> {
        let mut checks = Checks::default();
        checks.shown("/token", &self.token, TOKEN_CHARS_MAX);
        checks.password("/password", &self.password, &[]);
        checks.finish(self)
    }
}

/// `POST /v1/me/password`.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordBody {
    /// The present password.
    #[schema(format = Password, max_length = 256)]
    pub present: String,
    /// The new one: at least 10 characters, and not easy to guess.
    #[schema(format = Password, min_length = 10, max_length = 256, example = "violet-otter-cobalt-29")]
    pub password: String,
}

impl CheckedBody for PasswordBody {
    type Says = Self;

    fn checked(self) -> Checked<Self> {
        let mut checks = Checks::default();
        checks.shown("/present", &self.present, passwords::PASSWORD_BYTES_MAX);
        checks.password("/password", &self.password, &[&self.present]);
        checks.finish(self)
    }
}

/// Who a user is: `PUT /v1/me`, `PUT /v1/users/{id}`.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileBody {
    /// E-mail address.
    #[schema(value_type = schema::Email)]
    email: String,
    /// First name.
    #[schema(value_type = Option<schema::ShortName>)]
    first_name: Option<String>,
    /// Last name.
    #[schema(value_type = Option<schema::ShortName>)]
    last_name: Option<String>,
}

impl CheckedBody for ProfileBody {
    type Says = Profile;

    fn checked(self) -> Checked<Profile> {
        let Self { email, first_name, last_name } = self;
        let mut checks = Checks::default();
        checks.person("", &email, first_name.as_deref(), last_name.as_deref());
        checks.finish(profile(&email, first_name, last_name))
    }
}

/// `POST /v1/users`.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitationBody {
    /// Chosen by the client, or derived from the command.
    id: Option<Uuid>,
    /// E-mail address.
    #[schema(value_type = schema::Email)]
    email: String,
    /// First name.
    #[schema(value_type = Option<schema::ShortName>)]
    first_name: Option<String>,
    /// Last name.
    #[schema(value_type = Option<schema::ShortName>)]
    last_name: Option<String>,
    /// The user's roles.
    #[schema(value_type = schema::Ids)]
    role_ids: Vec<Uuid>,
}

/// An invitation.
pub struct Invitation {
    /// The id that was chosen.
    pub id: Option<Uuid>,
    /// Who is invited.
    pub profile: Profile,
    /// The roles.
    pub role_ids: BTreeSet<RoleId>,
}

impl CheckedBody for InvitationBody {
    type Says = Invitation;

    fn checked(self) -> Checked<Invitation> {
        let Self { id, email, first_name, last_name, role_ids } = self;
        let mut checks = Checks::default();
        checks.person("", &email, first_name.as_deref(), last_name.as_deref());
        checks.ids("/role_ids", &role_ids);
        let role_ids = role_ids.into_iter().map(RoleId).collect();
        checks.finish(Invitation { id, profile: profile(&email, first_name, last_name), role_ids })
    }
}

/// Roles, and why: `PUT /v1/users/{id}/roles`, `PUT /v1/service-accounts/{id}/roles`.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RolesBody {
    /// All roles from now on.
    #[schema(value_type = schema::Ids)]
    role_ids: Vec<Uuid>,
    /// Why.
    #[schema(value_type = schema::Sentence)]
    reason: String,
}

impl CheckedBody for RolesBody {
    type Says = (BTreeSet<RoleId>, String);

    fn checked(self) -> Checked<Self::Says> {
        let mut checks = Checks::default();
        checks.ids("/role_ids", &self.role_ids);
        checks.sentence("/reason", &self.reason);
        checks.finish((self.role_ids.into_iter().map(RoleId).collect(), self.reason))
    }
}

/// Why something is done.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WhyBody {
    /// Why.
    #[schema(value_type = schema::Sentence)]
    reason: String,
}

impl CheckedBody for WhyBody {
    type Says = String;

    fn checked(self) -> Checked<String> {
        let mut checks = Checks::default();
        checks.sentence("/reason", &self.reason);
        checks.finish(self.reason)
    }
}

/// A code of the second factor, or a recovery code.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeBody {
    /// The code.
    #[schema(min_length = 1, max_length = 64, example = "081804")]
    code: String,
}

impl CheckedBody for CodeBody {
    type Says = String;

    fn checked(self) -> Checked<String> {
        let mut checks = Checks::default();
        checks.shown("/code", &self.code, CODE_CHARS_MAX);
        checks.finish(self.code)
    }
}

/// Nothing needs to be said.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EmptyBody {}

impl CheckedBody for EmptyBody {
    type Says = ();

    fn checked(self) -> Checked<()> {
        Ok(())
    }
}

/// `POST /v1/roles`, `PUT /v1/roles/{id}`.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleBody {
    /// Chosen by the client, or derived from the command; of a new role alone.
    id: Option<Uuid>,
    /// Name.
    #[schema(value_type = schema::ShortName)]
    name: String,
    /// For people.
    #[schema(value_type = Option<schema::Sentence>)]
    description: Option<String>,
    /// What it may do, as `resource:action`.
    #[schema(value_type = schema::Names)]
    permissions: Vec<String>,
    /// Why it is changed.
    #[schema(value_type = Option<schema::Sentence>)]
    reason: Option<String>,
}

/// What a role is to be.
pub struct RoleSaid {
    /// The id that was chosen.
    pub id: Option<Uuid>,
    /// Name.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// What it may do.
    pub permissions: Vec<String>,
    /// Why.
    pub reason: Option<String>,
}

impl CheckedBody for RoleBody {
    type Says = RoleSaid;

    fn checked(self) -> Checked<RoleSaid> {
        let Self { id, name, description, permissions, reason } = self;
        let mut checks = Checks::default();
        checks.short_name("/name", &name);
        for (pointer, text) in [("/description", &description), ("/reason", &reason)] {
            if let Some(text) = text {
                checks.sentence(pointer, text);
            }
        }
        checks.names("/permissions", &permissions);
        checks.finish(RoleSaid { id, name, description, permissions, reason })
    }
}

/// `POST /v1/service-accounts`.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceAccountBody {
    /// Chosen by the client, or derived from the command.
    id: Option<Uuid>,
    /// Name.
    #[schema(value_type = schema::ShortName)]
    name: String,
    /// For people.
    #[schema(value_type = Option<schema::Sentence>)]
    description: Option<String>,
    /// Its roles.
    #[schema(value_type = schema::Ids)]
    role_ids: Vec<Uuid>,
}

/// A service account that is to be made.
pub struct ServiceAccountSaid {
    /// The id that was chosen.
    pub id: Option<Uuid>,
    /// Name.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// Its roles.
    pub role_ids: BTreeSet<RoleId>,
}

impl CheckedBody for ServiceAccountBody {
    type Says = ServiceAccountSaid;

    fn checked(self) -> Checked<ServiceAccountSaid> {
        let Self { id, name, description, role_ids } = self;
        let mut checks = Checks::default();
        checks.short_name("/name", &name);
        if let Some(text) = &description {
            checks.sentence("/description", text);
        }
        checks.ids("/role_ids", &role_ids);
        let role_ids = role_ids.into_iter().map(RoleId).collect();
        checks.finish(ServiceAccountSaid { id, name, description, role_ids })
    }
}

/// `POST /v1/service-accounts/{id}/keys`.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyBody {
    /// What it is called.
    #[schema(value_type = schema::ShortName)]
    name: String,
    /// Names of permissions that it is limited to; all of its account where absent.
    #[schema(value_type = Option<schema::Names>)]
    scopes: Option<Vec<String>>,
    /// Until when it is good; for good where absent.
    #[schema(value_type = Option<schema::Instant>)]
    expires_at: Option<Timestamp>,
}

/// A key that is to be issued.
pub struct ApiKeySaid {
    /// What it is called.
    pub name: String,
    /// Names of permissions that it is limited to.
    pub scopes: BTreeSet<String>,
    /// Until when it is good.
    pub expires_at: Option<Timestamp>,
}

impl CheckedBody for ApiKeyBody {
    type Says = ApiKeySaid;

    fn checked(self) -> Checked<ApiKeySaid> {
        let Self { name, scopes, expires_at } = self;
        let mut checks = Checks::default();
        checks.short_name("/name", &name);
        let scopes = scopes.unwrap_or_default();
        checks.names("/scopes", &scopes);
        for (index, scope) in scopes.iter().enumerate() {
            if foodflow_domain::identity::permission::permission(scope).is_none() {
                checks.add(&format!("/scopes/{index}"), "is no permission; `GET /v1/permissions` lists them");
            }
        }
        if let Some(until) = expires_at {
            checks.instant("/expires_at", until);
            if until <= Timestamp::now() {
                checks.add("/expires_at", "must lie in the future");
            }
        }
        checks.finish(ApiKeySaid { name, scopes: scopes.into_iter().collect(), expires_at })
    }
}
