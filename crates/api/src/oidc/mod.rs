//! Logins at an identity provider: OpenID Connect, the code flow with PKCE.
//!
//! The provider is asked who somebody is, and for nothing else: its answer is an issuer and a subject. Its tokens are
//! checked, and dropped.
//!
//! - [`settings`]: which provider; [`transport`]: requests to it; [`known`]: its addresses and keys.
//!
//! What must never happen here: a token that is believed without its signature, issuer, audience, time and nonce, or one
//! of them, or a secret, in a log.

mod known;
pub mod settings;
mod transport;

use std::sync::Arc;

use jiff::Timestamp;
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreErrorResponseType, CoreIdToken, CoreIdTokenVerifier,
    CoreJwsSigningAlgorithm,
};
use openidconnect::{
    AuthorizationCode, ClaimsVerificationError, CsrfToken, Nonce, PkceCodeChallenge, PkceCodeVerifier,
    RequestTokenError, SignatureVerificationError, TokenResponse as _,
};
use thiserror::Error;

use self::known::{Knowledge, Known};
use self::settings::OidcSettings;
use crate::config::Config;

/// Algorithms that a provider may sign with: none with a secret that both know, and not none.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::EdDsa,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
];
/// Bytes of what is random in a state and a nonce.
const RANDOM_BYTES: u32 = 32;
/// How long ago a token may have been issued, in seconds.
const ISSUED_AGO_MAX_S: i64 = 10 * 60;
/// How far the provider's clock may be ahead, in seconds.
const CLOCK_AHEAD_MAX_S: i64 = 60;
/// Most characters of a subject (OpenID Connect Core, section 2).
const SUBJECT_CHARS_MAX: usize = 255;

/// Why the provider does not say who somebody is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProviderError {
    /// It does not answer, or not as a provider does that can be relied on.
    #[error("the identity provider is of no use: {reason}")]
    Unavailable {
        /// What is known of it; no secrets.
        reason: String,
    },
    /// It does not know the code, or its token is not good.
    #[error("the identity provider's answer is not good: {reason}")]
    Refused {
        /// What is wrong with it; no secrets.
        reason: &'static str,
    },
}

/// Where somebody is sent, and what is kept meanwhile.
pub struct Begun {
    /// Where to.
    pub url: String,
    /// What comes back with whoever was sent.
    pub state: String,
    /// What the provider's token must say again.
    pub nonce: String,
    /// What the code is exchanged with.
    pub verifier: String,
}

/// Who somebody is at the provider.
#[derive(Clone, PartialEq, Eq)]
pub struct Subject {
    /// The provider.
    pub issuer: String,
    /// Who that is there.
    pub subject: String,
}

/// The identity provider of this deployment.
pub struct Provider {
    settings: OidcSettings,
    knowledge: Knowledge,
}

/// The client of a provider, whose type has no short name.
macro_rules! client {
    ($provider:expr, $known:expr) => {{
        let OidcSettings { client_id, client_secret, issuer, redirect } = &$provider.settings;
        // Its keys are not asked: tokens are checked apart from it.
        let client = CoreClient::new(client_id.clone(), issuer.clone(), Default::default())
            .set_auth_uri($known.authorization.clone())
            .set_token_uri($known.token.clone())
            .set_auth_type($known.auth_type.clone())
            .set_redirect_uri(redirect.clone());
        match client_secret {
            Some(secret) => client.set_client_secret(secret.clone()),
            None => client,
        }
    }};
}
impl Provider {
    /// The one of the settings; `None` where they name none. Nothing is asked of it yet.
    ///
    /// # Errors
    /// Where the settings are not valid, or this machine trusts nobody.
    pub fn of(config: &Config) -> anyhow::Result<Option<Self>> {
        let Some(settings) = OidcSettings::of(config)? else { return Ok(None) };
        let knowledge = Knowledge::new(settings.issuer.clone(), settings.is_plain())?;
        Ok(Some(Self { settings, knowledge }))
    }

    /// Looks whether it answers as it should; how many keys it has.
    ///
    /// # Errors
    /// [`ProviderError::Unavailable`] where it does not.
    pub async fn look(&self) -> Result<usize, ProviderError> {
        Ok(self.knowledge.known().await?.keys.keys().len())
    }

    /// The provider, as it calls itself.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.settings.issuer()
    }

    /// Begins a login.
    ///
    /// # Errors
    /// [`ProviderError::Unavailable`].
    pub async fn begin(&self) -> Result<Begun, ProviderError> {
        let known = self.knowledge.known().await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let state = || CsrfToken::new_random_len(RANDOM_BYTES);
        let nonce = || Nonce::new_random_len(RANDOM_BYTES);
        let client = client!(self, known);
        let (url, state, nonce) =
            client.authorize_url(flow, state, nonce).set_pkce_challenge(challenge).url();
        Ok(Begun {
            url: url.into(),
            state: state.into_secret(),
            nonce: nonce.secret().clone(),
            verifier: verifier.into_secret(),
        })
    }

    /// Exchanges a code for a token, and checks that.
    ///
    /// # Errors
    /// [`ProviderError`].
    pub async fn finish(
        &self,
        code: String,
        nonce: String,
        verifier: String,
    ) -> Result<Subject, ProviderError> {
        let known = self.knowledge.known().await?;
        let client = client!(self, known);
        let exchange = client
            .exchange_code(AuthorizationCode::new(code))
            .set_pkce_verifier(PkceCodeVerifier::new(verifier))
            .request_async(self.knowledge.transport());
        let answer = exchange.await.map_err(|error| match error {
            RequestTokenError::ServerResponse(answer) => match answer.error() {
                CoreErrorResponseType::InvalidGrant | CoreErrorResponseType::InvalidRequest => {
                    ProviderError::Refused { reason: "it does not know the code" }
                }
                other => unavailable(format!("it refuses this client: {other}")),
            },
            RequestTokenError::Request(error) => unavailable(error.to_string()),
            // What it says may be a token.
            _ => unavailable("its answer to a code is not understood".to_owned()),
        })?;
        let token = answer.id_token().ok_or_else(|| unavailable("it gives no ID token".to_owned()))?;
        let nonce = Nonce::new(nonce);
        match self.subject(&known, token, &nonce) {
            Err(Unfit::UnknownKey) => {
                let newer = self.knowledge.with_newer_keys(&known).await?;
                self.subject(&newer, token, &nonce)
            }
            outcome => outcome,
        }
        .map_err(|unfit| ProviderError::Refused { reason: unfit.says() })
    }

    /// Whom a token is about, where it is good.
    fn subject(&self, known: &Arc<Known>, token: &CoreIdToken, nonce: &Nonce) -> Result<Subject, Unfit> {
        let OidcSettings { client_id, issuer, .. } = &self.settings;
        // As of a public client: a signature with the client's secret is none that the provider alone could make.
        let verifier =
            CoreIdTokenVerifier::new_public_client(client_id.clone(), issuer.clone(), known.keys.clone())
                .set_allowed_algs(ALGORITHMS)
                .set_issue_time_verifier_fn(|issued| is_timely(issued.timestamp(), Timestamp::now()));
        let claims = token.claims(&verifier, nonce).map_err(|error| match error {
            ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey) => {
                Unfit::UnknownKey
            }
            ClaimsVerificationError::SignatureVerification(_) => Unfit::Signature,
            ClaimsVerificationError::InvalidIssuer(_) => Unfit::Issuer,
            ClaimsVerificationError::InvalidAudience(_) => Unfit::Audience,
            ClaimsVerificationError::Expired(_) => Unfit::Time,
            ClaimsVerificationError::InvalidNonce(_) => Unfit::Nonce,
            _ => Unfit::Other,
        })?;
        if claims.authorized_party().is_some_and(|party| party != client_id) {
            return Err(Unfit::Audience);
        }
        let subject = claims.subject().as_str();
        if subject.is_empty() || subject.chars().count() > SUBJECT_CHARS_MAX {
            return Err(Unfit::Other);
        }
        Ok(Subject { issuer: self.issuer().to_owned(), subject: subject.to_owned() })
    }
}

/// What is wrong with a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unfit {
    UnknownKey,
    Signature,
    Issuer,
    Audience,
    Time,
    Nonce,
    Other,
}

impl Unfit {
    const fn says(self) -> &'static str {
        match self {
            Self::UnknownKey => "its token is signed with a key that it does not publish",
            Self::Signature => "its token is not signed, or not as it should be",
            Self::Issuer => "its token is of another issuer",
            Self::Audience => "its token is for another client",
            Self::Time => "its token has expired, or was not issued just now",
            Self::Nonce => "its token is of another login",
            Self::Other => "its token is not understood",
        }
    }
}

fn unavailable(reason: String) -> ProviderError {
    ProviderError::Unavailable { reason }
}

/// Whether a token was issued for the login that is under way.
fn is_timely(issued_s: i64, now: Timestamp) -> Result<(), String> {
    let ago_s = now.as_second().saturating_sub(issued_s);
    if (-CLOCK_AHEAD_MAX_S..=ISSUED_AGO_MAX_S).contains(&ago_s) {
        Ok(())
    } else {
        Err("not issued just now".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_issued_just_now() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        for (ago_s, fits) in [(0, true), (600, true), (601, false), (-60, true), (-61, false)] {
            assert_eq!(is_timely(now.as_second() - ago_s, now).is_ok(), fits, "{ago_s}");
        }
        is_timely(i64::MIN, now).unwrap_err();
    }

    #[test]
    fn a_signature_is_one_that_the_provider_alone_can_make() {
        use CoreJwsSigningAlgorithm as Algorithm;
        for shared in [Algorithm::HmacSha256, Algorithm::HmacSha384, Algorithm::HmacSha512, Algorithm::None] {
            assert!(!ALGORITHMS.contains(&shared));
        }
    }
}
