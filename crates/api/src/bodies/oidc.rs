//! Bodies of logins at an identity provider.

use serde::Deserialize;
use utoipa::ToSchema;

use super::Checks;
use super::identity::{Checked, CheckedBody, TOKEN_CHARS_MAX};

/// Most bytes of a state; this program's own has 43.
const STATE_BYTES_MAX: usize = 128;
/// Most bytes of a code of a provider.
const CODE_BYTES_MAX: usize = 4_096;
/// Most bytes of what a browser keeps to itself; this program's own has 64.
const BINDING_BYTES_MAX: usize = 128;
/// Most bytes of the name of a provider.
const ISSUER_BYTES_MAX: usize = 2_048;

/// `POST /v1/login/oidc`.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OidcLoginBody {
    /// Short name of the tenant.
    #[schema(max_length = 100, pattern = "^[a-z0-9-]+$", example = "harbor-vale")]
    pub tenant: String,
    /// Token of an invitation, to accept it with the identity.
    #[schema(min_length = 1, max_length = 256)]
    pub invitation: Option<String>,
}

impl CheckedBody for OidcLoginBody {
    type Says = Self;

    fn checked(self) -> Checked<Self> {
        let mut checks = Checks::default();
        checks.slug("/tenant", &self.tenant);
        if let Some(invitation) = &self.invitation {
            checks.shown("/invitation", invitation, TOKEN_CHARS_MAX);
        }
        checks.finish(self)
    }
}

/// `POST /v1/login/oidc/finish`, `POST /v1/me/identities/finish`: what the provider sent the browser back with.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OidcFinishBody {
    /// `state` of the address that the provider sent the browser back to.
    #[schema(min_length = 1, max_length = 128, example = "hG1v3pQ0o2s")]
    pub state: String,
    /// `code` of the same address.
    #[schema(min_length = 1, max_length = 4096, example = "SplxlOBeZQQYbYS6WxSbIA")]
    pub code: String,
    /// `binding` of the answer with which it began, which the browser has kept to itself.
    #[schema(min_length = 1, max_length = 128, example = "5f0c2a")]
    pub binding: String,
    /// `iss` of the same address, where it has one (RFC 9207).
    #[schema(min_length = 1, max_length = 2048, example = "https://login.example/realms/plant")]
    pub iss: Option<String>,
}

impl CheckedBody for OidcFinishBody {
    type Says = Self;

    fn checked(self) -> Checked<Self> {
        let mut checks = Checks::default();
        checks.shown("/state", &self.state, STATE_BYTES_MAX);
        checks.shown("/code", &self.code, CODE_BYTES_MAX);
        checks.shown("/binding", &self.binding, BINDING_BYTES_MAX);
        if let Some(issuer) = &self.iss {
            checks.shown("/iss", issuer, ISSUER_BYTES_MAX);
        }
        checks.finish(self)
    }
}
