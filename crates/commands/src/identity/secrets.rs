//! Tokens that are shown once: random, and kept as hashes.
//!
//! Each says what it is by how it begins, so that a leaked one can be told by a scanner, and names what it is for, so
//! that nothing is searched: `ffr_<tenant and session, 32 bytes>.<secret, 32 bytes>`, both in base64url.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use foodflow_domain::TenantId;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::error::CommandError;

/// Bytes of what is secret in a token.
const SECRET_BYTES: usize = 32;

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// Goes on with a session.
    Refresh,
    /// Accepts an invitation.
    Invitation,
    /// Sets another password.
    Reset,
    /// A service account's key.
    ApiKey,
}

impl TokenKind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Refresh => "ffr_",
            Self::Invitation => "ffi_",
            Self::Reset => "ffp_",
            Self::ApiKey => "ffk_",
        }
    }
}

/// A token as its holder has it. Never shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// Its tenant.
    pub tenant: TenantId,
    /// What it is of: a session, a user, a service account's key.
    pub id: Uuid,
    /// The whole text.
    text: String,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token(of {})", self.id)
    }
}

impl Token {
    /// A new one, random.
    ///
    /// # Errors
    /// `Internal` where the system has no randomness.
    pub fn random(kind: TokenKind, tenant: TenantId, id: Uuid) -> Result<Self, CommandError> {
        Ok(Self::of(kind, tenant, id, &random_bytes::<SECRET_BYTES>()?))
    }

    /// The one with this secret.
    #[must_use]
    pub fn of(kind: TokenKind, tenant: TenantId, id: Uuid, secret: &[u8; SECRET_BYTES]) -> Self {
        let mut about = [0; 32];
        about[..16].copy_from_slice(tenant.0.as_bytes());
        about[16..].copy_from_slice(id.as_bytes());
        let (about, secret) = (BASE64_URL_SAFE_NO_PAD.encode(about), BASE64_URL_SAFE_NO_PAD.encode(secret));
        Self { tenant, id, text: format!("{}{about}.{secret}", kind.prefix()) }
    }

    /// Reads one; `None` where the text is none of that kind.
    #[must_use]
    pub fn read(kind: TokenKind, text: &str) -> Option<Self> {
        let (about, secret) = text.strip_prefix(kind.prefix())?.split_once('.')?;
        let about: [u8; 32] = BASE64_URL_SAFE_NO_PAD.decode(about).ok()?.try_into().ok()?;
        let secret: [u8; SECRET_BYTES] = BASE64_URL_SAFE_NO_PAD.decode(secret).ok()?.try_into().ok()?;
        let (tenant, id) = about.split_at(16);
        let (tenant, id) = (Uuid::from_slice(tenant).ok()?, Uuid::from_slice(id).ok()?);
        Some(Self::of(kind, TenantId(tenant), id, &secret))
    }

    /// The text, for its holder.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// What the log keeps: SHA-256 of the text. It is random, so that nothing is gained by trying.
    #[must_use]
    pub fn hash(&self) -> String {
        hash(&self.text)
    }
}

/// SHA-256 of a random text, in hexadecimal digits.
#[must_use]
pub fn hash(text: &str) -> String {
    foodflow_log::hex::Hex(<[u8; 32]>::from(Sha256::digest(text.as_bytes()))).to_string()
}

/// Random bytes.
///
/// # Errors
/// `Internal` where the system has no randomness.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], CommandError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| CommandError::Internal { reason: format!("no randomness: {error}") })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_and_nothing_else_does() {
        let (tenant, id) = (TenantId::of_slug("acme"), Uuid::from_u128(7));
        let token = Token::random(TokenKind::Refresh, tenant, id).unwrap();
        assert_eq!(Token::read(TokenKind::Refresh, token.reveal()), Some(token.clone()));
        assert_eq!((token.tenant, token.id, token.hash().len()), (tenant, id, 64));
        assert_ne!(Token::random(TokenKind::Refresh, tenant, id).unwrap().hash(), token.hash());
        assert!(!format!("{token:?}").contains(token.reveal()));
        for kind in [TokenKind::Invitation, TokenKind::Reset, TokenKind::ApiKey] {
            assert_eq!(Token::read(kind, token.reveal()), None);
        }
        let cut = &token.reveal()[..token.reveal().len() - 1];
        for text in ["", "ffr_", "ffr_.", "ffr_a.b", cut, &format!("{}A", token.reveal())] {
            assert_eq!(Token::read(TokenKind::Refresh, text), None, "{text}");
        }
    }
}
