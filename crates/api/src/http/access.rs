//! Who may do what: signed bearer tokens with a tenant and permissions (JWT, EdDSA).
//!
//! An operation declares its permission in its signature, as `Access<LotsRead>`; nothing is read of a request
//! before that holds.

use std::marker::PhantomData;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use axum::extract::FromRequestParts;
use axum::http::{header, request::Parts};
use ed25519_dalek::pkcs8::{EncodePrivateKey, EncodePublicKey, spki::der::pem::LineEnding};
use foodflow_domain::TenantId;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::App;
use super::problem::Problem;
use crate::signing_key;

/// Who issues and accepts the tokens.
const ISSUER: &str = "foodflow";
/// Most bytes of a token.
const TOKEN_BYTES_MAX: usize = 8_192;

/// The permissions of this service.
pub const PERMISSIONS: &[&str] = &[
    "master_data:read",
    "master_data:write",
    "lots:read",
    "lots:write",
    "lots:restrict",
    "events:read",
    "projections:read",
    "projections:decide",
    "tenancy:read",
    "tenancy:write",
    "tenancy:administer",
];

/// What a token states.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Issuer.
    pub iss: String,
    /// Who acts: the actor of every event.
    pub sub: String,
    /// The tenant.
    pub tenant: TenantId,
    /// The tenant's short name.
    pub tenant_slug: String,
    /// What may be done, as `resource:action`.
    pub permissions: Vec<String>,
    /// When it was issued, in seconds since 1970.
    pub iat: i64,
    /// When it expires, in seconds since 1970.
    pub exp: i64,
}

/// The keys with which tokens are signed and checked.
pub struct TokenKeys {
    encoding: EncodingKey,
    decoding: DecodingKey,
}

impl TokenKeys {
    /// Reads the private key of `path` (PKCS 8, PEM), or makes one there, readable by the owner alone.
    ///
    /// # Errors
    /// Where the file cannot be read or written, or holds no Ed25519 key.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let key = signing_key::read_or_make(path, "access key")?;
        let pem = key.to_pkcs8_pem(LineEnding::LF).context("cannot write a key")?;
        let public =
            key.verifying_key().to_public_key_pem(LineEnding::LF).context("cannot write a public key")?;
        Ok(Self {
            encoding: EncodingKey::from_ed_pem(pem.as_bytes()).context("cannot use the access key")?,
            decoding: DecodingKey::from_ed_pem(public.as_bytes()).context("cannot use the access key")?,
        })
    }

    /// Signs a token.
    ///
    /// # Errors
    /// Where signing fails.
    pub fn issue(&self, claims: &Claims) -> anyhow::Result<String> {
        jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), claims, &self.encoding)
            .context("cannot sign a token")
    }

    fn check(&self, token: &str) -> Result<Claims, Problem> {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "iss", "sub"]);
        validation.leeway = 0;
        validation.validate_aud = false;
        jsonwebtoken::decode::<Claims>(token, &self.decoding, &validation)
            .map(|data| data.claims)
            .map_err(|error| Problem::unauthenticated(format!("the bearer token is not valid: {error}")))
    }
}

/// Claims of a new token.
#[must_use]
pub fn claims(slug: &str, actor: &str, permissions: &[String], now: Timestamp, valid_s: i64) -> Claims {
    Claims {
        iss: ISSUER.to_owned(),
        sub: actor.to_owned(),
        tenant: TenantId::of_slug(slug),
        tenant_slug: slug.to_owned(),
        permissions: permissions.to_vec(),
        iat: now.as_second(),
        exp: now.as_second().saturating_add(valid_s),
    }
}

/// A permission that an operation declares.
pub trait Permission: Send + Sync + 'static {
    /// `resource:action`.
    const NAME: &'static str;
}

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $permission:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name;

        impl Permission for $name {
            const NAME: &'static str = $permission;
        }
    )*};
}

permissions! {
    /// Reads master data.
    MasterDataRead = "master_data:read";
    /// Writes master data.
    MasterDataWrite = "master_data:write";
    /// Reads lots and their genealogy.
    LotsRead = "lots:read";
    /// Records receipts, transformations, shipments and adjustments.
    LotsWrite = "lots:write";
    /// Holds, releases, recalls and disposes of lots.
    LotsRestrict = "lots:restrict";
    /// Reads the tenant's log.
    EventsRead = "events:read";
    /// Reads how the projections stand.
    ProjectionsRead = "projections:read";
    /// Decides about events that a projection cannot apply.
    ProjectionsDecide = "projections:decide";
    /// Reads the tenant, its subscriptions, features and use.
    TenancyRead = "tenancy:read";
    /// Writes the tenant's name and look, and its features.
    TenancyWrite = "tenancy:write";
    /// Suspends and closes the tenant, and changes what it has subscribed to.
    TenancyAdminister = "tenancy:administer";
}

/// A request whose token carries the permission `P`.
#[derive(Debug, Clone)]
pub struct Access<P> {
    /// The tenant that everything is scoped to.
    pub tenant: TenantId,
    /// The tenant's short name.
    pub slug: String,
    /// Who acts.
    pub actor: String,
    /// How long the token goes on to be valid.
    pub valid_for: Duration,
    permission: PhantomData<P>,
}

impl<P: Permission> FromRequestParts<App> for Access<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let value = parts.headers.get(header::AUTHORIZATION);
        let value = value
            .ok_or_else(|| Problem::unauthenticated("the header `Authorization: Bearer …` is missing"))?;
        let text = value.to_str().unwrap_or_default();
        let token = text
            .split_once(' ')
            .filter(|(scheme, token)| scheme.eq_ignore_ascii_case("bearer") && token.len() <= TOKEN_BYTES_MAX)
            .map(|(_, token)| token.trim())
            .ok_or_else(|| Problem::unauthenticated("the header `Authorization` holds no bearer token"))?;
        let claims = app.tokens.check(token)?;
        if !claims.permissions.iter().any(|permission| permission == P::NAME) {
            return Err(Problem::forbidden(P::NAME));
        }
        let Claims { tenant, tenant_slug: slug, sub: actor, exp, .. } = claims;
        let left_s = exp.saturating_sub(Timestamp::now().as_second());
        let valid_for = Duration::from_secs(u64::try_from(left_s).unwrap_or_default());
        Ok(Self { tenant, slug, actor, valid_for, permission: PhantomData })
    }
}
