//! One access key in the place of another.
//!
//! The new key is made in a file of its own, the old public key is put among the retired ones, and then the new one gets
//! the file's name, whereupon the old private key is gone. Cut short anywhere, the next rotation finishes it.
//!
//! What must never happen here: a key that signs and that a process which reads the files cannot check with.

use std::path::PathBuf;

use anyhow::Context as _;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::{EncodePublicKey as _, spki::der::pem::LineEnding};

use super::KeyFiles;
use super::ring::{WHAT, public_key};
use crate::signing_key;

pub use super::ring::retired;

/// What was done.
#[derive(Debug, PartialEq, Eq, serde::Serialize)]
pub struct Rotated {
    /// The name of the key that signs no more.
    pub retired: String,
    /// The name of the one that signs now.
    pub key: String,
    /// Where the old public key is kept; absent where its tokens are void.
    pub kept: Option<PathBuf>,
}

/// Puts a new key in the place of the present one. Tokens of the old one go on to be valid until they expire, unless it
/// `is_compromised`: then they are void at once.
///
/// # Errors
/// Where there is no key, or a file cannot be read or written.
pub fn rotate(files: &KeyFiles, is_compromised: bool) -> anyhow::Result<Rotated> {
    let path = &files.signing;
    let _lock = signing_key::lock_folder(path)?;
    let old = signing_key::read(path, WHAT)?;
    let next = signing_key::beside(path, "-next");
    let new = signing_key::read_or_make(&next, WHAT)?;
    let (retired, key) = (name(&old)?, name(&new)?);
    let kept = files.retired.join(format!("{retired}.pem"));
    let kept = if is_compromised {
        None
    } else {
        let pem =
            old.verifying_key().to_public_key_pem(LineEnding::LF).context("cannot write a public key")?;
        signing_key::write_whole(&kept, pem.as_bytes())
            .with_context(|| format!("cannot write {}", kept.display()))?;
        Some(kept)
    };
    signing_key::rename(&next, path)?;
    Ok(Rotated { retired, key, kept })
}

/// The name under which a key is published.
fn name(key: &SigningKey) -> anyhow::Result<String> {
    let (_, jwk) = public_key(&key.verifying_key())?;
    Ok(jwk.common.key_id.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_cut_short_is_finished_with_the_same_key() {
        let folder = tempfile::tempdir().unwrap();
        let signing = folder.path().join("access-key.pem");
        let files = KeyFiles { retired: folder.path().join("access-keys"), signing };
        assert!(rotate(&files, false).is_err(), "there is no key yet");
        let old = signing_key::read_or_make(&files.signing, WHAT).unwrap();
        let begun = signing_key::read_or_make(&signing_key::beside(&files.signing, "-next"), WHAT).unwrap();
        let rotated = rotate(&files, false).unwrap();
        assert_eq!((rotated.retired, rotated.key), (name(&old).unwrap(), name(&begun).unwrap()));
        assert_eq!(retired(&files.retired).unwrap(), [old.verifying_key()]);
        // The private key is nowhere any more.
        let files_left = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(files_left, 2, "the new key, and the folder of old public ones");
        rotate(&files, false).unwrap();
        assert_eq!(retired(&files.retired).unwrap().len(), 2);
    }
}
