//! Sealing bytes under a key, for one place alone: XChaCha20-Poly1305 with a random nonce before the ciphertext.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use super::PersonalError;

const NONCE_BYTES: usize = 24;
/// Bytes of a key.
pub(super) const KEY_BYTES: usize = 32;

/// A secret key; wiped from memory when it is let go.
#[derive(Clone)]
pub(super) struct Key(Zeroizing<[u8; KEY_BYTES]>);

impl Key {
    /// A key that nobody has seen.
    pub(super) fn random() -> Result<Self, PersonalError> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        fill(&mut *key)?;
        Ok(Self(key))
    }

    /// The key of these bytes; `None` where there are more or fewer.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        (bytes.len() == KEY_BYTES).then(|| key.copy_from_slice(bytes))?;
        Some(Self(key))
    }

    pub(super) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// Seals `plain` for the place that `context` names.
    pub(super) fn seal(&self, context: &str, plain: &[u8]) -> Result<String, PersonalError> {
        let mut nonce = [0; NONCE_BYTES];
        fill(&mut nonce)?;
        let payload = Payload { msg: plain, aad: context.as_bytes() };
        let cipher = XChaCha20Poly1305::new(self.bytes().into());
        let sealed = cipher.encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| PersonalError::invalid("it is too long to be sealed"))?;
        Ok(URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat()))
    }

    /// Opens what [`Self::seal`] made for the same place; `None` where it is anything else.
    pub(super) fn open(&self, context: &str, sealed: &str) -> Option<Zeroizing<Vec<u8>>> {
        let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload { msg: sealed, aad: context.as_bytes() };
        let cipher = XChaCha20Poly1305::new(self.bytes().into());
        cipher.decrypt(&XNonce::from(*nonce), payload).ok().map(Zeroizing::new)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

fn fill(bytes: &mut [u8]) -> Result<(), PersonalError> {
    getrandom::fill(bytes)
        .map_err(|error| PersonalError::Unavailable { reason: format!("no randomness: {error}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_for_its_place_and_key_alone_and_as_it_was_written() {
        let key = Key::random().unwrap();
        let sealed = key.seal("place", b"plain").unwrap();
        assert_eq!(**key.open("place", &sealed).unwrap(), *b"plain");
        assert_ne!(key.seal("place", b"plain").unwrap(), sealed, "never the same nonce");
        assert!(key.open("other", &sealed).is_none());
        assert!(Key::random().unwrap().open("place", &sealed).is_none());
        let mut bytes = URL_SAFE_NO_PAD.decode(&sealed).unwrap();
        for length in 0..bytes.len() {
            assert!(key.open("place", &URL_SAFE_NO_PAD.encode(&bytes[..length])).is_none());
        }
        for index in 0..bytes.len() {
            for bit in 0..8 {
                bytes[index] ^= 1 << bit;
                assert!(
                    key.open("place", &URL_SAFE_NO_PAD.encode(&bytes)).is_none(),
                    "byte {index}, bit {bit}"
                );
                bytes[index] ^= 1 << bit;
            }
        }
        for text in ["", "*", &format!("{sealed}="), &format!("{sealed}A")] {
            assert!(key.open("place", text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_key_is_not_shown() {
        let key = Key::of(&[b'k'; KEY_BYTES]).unwrap();
        assert_eq!(format!("{key:?}"), "Key");
        assert!(Key::of(&[0; 31]).is_none() && Key::of(&[0; 33]).is_none());
    }
}
