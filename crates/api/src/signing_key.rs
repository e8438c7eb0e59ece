//! Ed25519 private keys in files (PKCS 8, PEM), readable by their owner alone.
//!
//! What must never happen here: a key that takes the place of another, or one that others can read.

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, spki::der::pem::LineEnding};
use tempfile::NamedTempFile;

/// Reads the key of `path`; `what` it is, for people.
///
/// # Errors
/// Where the file cannot be read, or holds no Ed25519 key.
pub fn read(path: &Path, what: &str) -> anyhow::Result<SigningKey> {
    let shown = path.display();
    let pem = std::fs::read_to_string(path).with_context(|| format!("cannot read the {what} {shown}"))?;
    SigningKey::from_pkcs8_pem(&pem)
        .map_err(|error| anyhow::anyhow!("{shown} holds no Ed25519 private key (PKCS 8, PEM): {error}"))
}

/// Reads the key of `path`, or makes one there.
///
/// # Errors
/// As [`read`]; also where a new one cannot be written.
pub fn read_or_make(path: &Path, what: &str) -> anyhow::Result<SigningKey> {
    if !path.exists() {
        let mut seed = [0_u8; 32];
        getrandom::fill(&mut seed).map_err(|error| anyhow::anyhow!("no randomness for a key: {error}"))?;
        let pem = SigningKey::from_bytes(&seed).to_pkcs8_pem(LineEnding::LF).context("cannot write a key")?;
        write_secret(path, pem.as_bytes())
            .with_context(|| format!("cannot write the {what} {}", path.display()))?;
    }
    read(path, what)
}

/// Writes a file that its owner alone can read: whole or not at all, and of two that come first at the same time one.
fn write_secret(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut written = NamedTempFile::new_in(folder)?;
    written.write_all(content)?;
    written.as_file().sync_all()?;
    match written.persist_noclobber(path) {
        Err(error) if error.error.kind() != std::io::ErrorKind::AlreadyExists => Err(error.error),
        _ => Ok(()),
    }
}
