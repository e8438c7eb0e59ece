//! Ed25519 private keys in files (PKCS 8, PEM), readable by their owner alone.
//!
//! What must never happen here: a key that takes the place of another, or one that others can read.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, spki::der::pem::LineEnding};
use rustix::fs::{FlockOperation, flock};
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
        write_whole(path, pem.as_bytes())
            .with_context(|| format!("cannot write the {what} {}", path.display()))?;
    }
    read(path, what)
}

/// Keeps every other process of this machine away from the key's files; nothing where their folder does not exist.
///
/// # Errors
/// Where the folder cannot be locked.
pub fn lock_folder(path: &Path) -> anyhow::Result<Option<File>> {
    let folder = folder_of(path);
    let cannot = || format!("cannot lock the folder {}", folder.display());
    match File::open(folder) {
        Ok(file) => {
            flock(&file, FlockOperation::LockExclusive).with_context(cannot)?;
            Ok(Some(file))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(cannot),
    }
}

/// Gives a file another name, in the place of what has it.
///
/// # Errors
/// Where that cannot be done.
pub fn rename(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::rename(from, to).with_context(|| format!("cannot rename {} to {}", from.display(), to.display()))
}

/// `audit-key.pem` with `more` before the dot.
#[must_use]
pub fn beside(path: &Path, more: &str) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(more);
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes a file that its owner alone can read: whole or not at all, and of two that come first at the same time one.
///
/// # Errors
/// Where its folder cannot be made or written.
pub fn write_whole(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let folder = folder_of(path);
    std::fs::create_dir_all(folder)?;
    let mut written = NamedTempFile::new_in(folder)?;
    written.write_all(content)?;
    written.as_file().sync_all()?;
    match written.persist_noclobber(path) {
        Err(error) if error.error.kind() != ErrorKind::AlreadyExists => Err(error.error),
        _ => Ok(()),
    }
}
