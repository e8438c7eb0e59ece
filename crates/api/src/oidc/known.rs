//! What is known of the identity provider: its addresses and its keys, asked for when they are needed and kept for a while.
//!
//! One asks for all who wait, a provider that does not answer is left alone for a moment, and its keys are asked for anew a
//! few times a minute at most, whatever tokens say.

use std::sync::Arc;
use std::time::{Duration, Instant};

use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType, CoreJsonWebKey,
    CoreJsonWebKeySet, CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreResponseMode,
    CoreResponseType, CoreSubjectIdentifierType,
};
use openidconnect::{
    AdditionalProviderMetadata, AuthType, AuthUrl, IssuerUrl, JsonWebKeySetUrl, ProviderMetadata, TokenUrl,
};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::transport::{Transport, may_be_used, told};
use super::{ALGORITHMS, ProviderError};

/// How long what the provider says is taken for true: a key that it withdraws is good no longer.
const KNOWN_FOR: Duration = Duration::from_secs(3_600);
/// How long a provider is left alone that did not answer.
const PAUSE: Duration = Duration::from_secs(2);
/// How often the keys are asked for anew in a period because a token names one that is not known.
const KEYS_ANEW_MAX: u32 = 10;
/// The period.
const KEYS_ANEW_PERIOD: Duration = Duration::from_secs(60);

/// What discovery tells beside the standard (RFC 8414).
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Beside {
    code_challenge_methods_supported: Option<Vec<String>>,
}

impl AdditionalProviderMetadata for Beside {}

type Metadata = ProviderMetadata<
    Beside,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// The provider, as it describes itself.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) authorization: AuthUrl,
    pub(super) token: TokenUrl,
    pub(super) auth_type: AuthType,
    pub(super) keys: CoreJsonWebKeySet,
    keys_address: JsonWebKeySetUrl,
    since: Instant,
}

/// What is remembered.
#[derive(Debug, Default)]
struct Remembered {
    known: Option<Arc<Known>>,
    failed: Option<(Instant, String)>,
    /// Since when the period goes, and how often keys were asked for in it.
    keys_anew: Option<(Instant, u32)>,
}

/// What is known, in this process.
pub(super) struct Knowledge {
    issuer: IssuerUrl,
    is_plain: bool,
    transport: Transport,
    remembered: Mutex<Remembered>,
}

impl Knowledge {
    pub(super) fn new(issuer: IssuerUrl, is_plain: bool) -> anyhow::Result<Self> {
        let transport = Transport::new(is_plain)?;
        Ok(Self { issuer, is_plain, transport, remembered: Mutex::default() })
    }

    pub(super) fn transport(&self) -> &Transport {
        &self.transport
    }

    /// The provider, as it describes itself now.
    pub(super) async fn known(&self) -> Result<Arc<Known>, ProviderError> {
        let mut remembered = self.remembered.lock().await;
        if let Some(known) = remembered.known.as_ref().filter(|known| known.since.elapsed() < KNOWN_FOR) {
            return Ok(Arc::clone(known));
        }
        if let Some((_, reason)) = remembered.failed.as_ref().filter(|(at, _)| at.elapsed() < PAUSE) {
            return Err(ProviderError::Unavailable { reason: reason.clone() });
        }
        let discovered = self.discover().await.map(Arc::new);
        match &discovered {
            Ok(known) => remembered.known = Some(Arc::clone(known)),
            Err(reason) => remembered.failed = Some((Instant::now(), reason.clone())),
        }
        discovered.map_err(|reason| ProviderError::Unavailable { reason })
    }

    /// The same with keys that are newer than those of `known`, as often as that may be asked.
    pub(super) async fn with_newer_keys(&self, known: &Arc<Known>) -> Result<Arc<Known>, ProviderError> {
        let mut remembered = self.remembered.lock().await;
        if let Some(newer) = remembered.known.as_ref().filter(|newer| !Arc::ptr_eq(newer, known)) {
            return Ok(Arc::clone(newer));
        }
        let (began, count) = match remembered.keys_anew {
            Some((began, count)) if began.elapsed() < KEYS_ANEW_PERIOD => (began, count),
            _ => (Instant::now(), 0),
        };
        if count >= KEYS_ANEW_MAX {
            return Ok(Arc::clone(known));
        }
        remembered.keys_anew = Some((began, count + 1));
        let fetched = CoreJsonWebKeySet::fetch_async(&known.keys_address, &self.transport).await;
        let keys = fetched.map_err(|error| ProviderError::Unavailable { reason: told(error) })?;
        let newer = Arc::new(Known { keys, ..Known::clone(known) });
        remembered.known = Some(Arc::clone(&newer));
        Ok(newer)
    }

    async fn discover(&self) -> Result<Known, String> {
        let metadata = Metadata::discover_async(self.issuer.clone(), &self.transport).await.map_err(told)?;
        let token = metadata.token_endpoint().ok_or("it names no token endpoint")?.clone();
        let addresses = [
            ("authorization endpoint", metadata.authorization_endpoint().as_str()),
            ("token endpoint", token.as_str()),
            ("address of keys", metadata.jwks_uri().as_str()),
        ];
        for (what, address) in addresses {
            if !may_be_used(address, self.is_plain) {
                return Err(format!("its {what} is without TLS"));
            }
        }
        let methods = metadata.additional_metadata().code_challenge_methods_supported.as_ref();
        // Who does not say may know it; who says so knows what it says.
        if methods.is_some_and(|methods| !methods.iter().any(|method| method == "S256")) {
            return Err("it does not know PKCE with S256".to_owned());
        }
        let algorithms = metadata.id_token_signing_alg_values_supported();
        if !algorithms.iter().any(|algorithm| ALGORITHMS.contains(algorithm)) {
            return Err("it signs with no algorithm that is trusted here".to_owned());
        }
        Ok(Known {
            authorization: metadata.authorization_endpoint().clone(),
            token,
            auth_type: auth_type(metadata.token_endpoint_auth_methods_supported()),
            keys: metadata.jwks().clone(),
            keys_address: metadata.jwks_uri().clone(),
            since: Instant::now(),
        })
    }
}

/// How the secret is told: in a header, but where the provider takes it in the body alone.
fn auth_type(methods: Option<&Vec<CoreClientAuthMethod>>) -> AuthType {
    let knows = |method| methods.is_some_and(|methods| methods.contains(&method));
    let in_body = knows(CoreClientAuthMethod::ClientSecretPost);
    if in_body && !knows(CoreClientAuthMethod::ClientSecretBasic) {
        AuthType::RequestBody
    } else {
        AuthType::BasicAuth
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_stands_in_a_header_unless_the_provider_takes_it_in_the_body_alone() {
        let (basic, post) = (CoreClientAuthMethod::ClientSecretBasic, CoreClientAuthMethod::ClientSecretPost);
        assert!(matches!(auth_type(None), AuthType::BasicAuth));
        assert!(matches!(auth_type(Some(&vec![post.clone(), basic])), AuthType::BasicAuth));
        assert!(matches!(auth_type(Some(&vec![post])), AuthType::RequestBody));
    }
}
