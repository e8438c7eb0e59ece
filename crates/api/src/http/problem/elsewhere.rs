//! Refusals of logins at an identity provider.

use axum::http::StatusCode;

use super::Problem;
use crate::oidc::ProviderError;

/// How long to wait for an identity provider that does not answer.
const PROVIDER_RETRY_S: u32 = 5;

impl Problem {
    /// The identity provider vouches for nobody who may come in; what was wrong is not told.
    #[must_use]
    pub fn identity_refused() -> Self {
        let detail =
            "the identity provider vouches for nobody who may log in here, or the account is locked for now";
        Self::new(StatusCode::UNAUTHORIZED, "login-refused", "The login is refused", detail)
    }

    /// Nobody is on the way to the identity provider with this state, or another browser is.
    #[must_use]
    pub fn login_expired() -> Self {
        let detail =
            "it was ended already, took longer than ten minutes, or was begun by somebody else; begin anew";
        Self::new(StatusCode::UNAUTHORIZED, "login-expired", "The login is over", detail)
    }

    /// The settings name no identity provider.
    #[must_use]
    pub fn no_identity_provider() -> Self {
        let detail =
            "people log in with passwords alone here; the setting `oidc_issuer` names an identity provider";
        Self::new(StatusCode::NOT_FOUND, "no-identity-provider", "There is no identity provider", detail)
    }
}

impl From<ProviderError> for Problem {
    fn from(error: ProviderError) -> Self {
        match error {
            ProviderError::Refused { .. } => Self::identity_refused(),
            ProviderError::Unavailable { .. } => {
                tracing::error!(%error, "nobody can log in at the identity provider");
                let title = "The identity provider does not answer";
                let detail = "the identity provider does not answer, or not as it should; try again later";
                let problem = Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "identity-provider-unavailable",
                    title,
                    detail,
                );
                Self { retry_after_s: Some(PROVIDER_RETRY_S), ..problem }
            }
        }
    }
}
