//! The audit key's file, and how one key takes the place of another.
//!
//! A rotation makes the new key in a file of its own, then introduces it in the trail, then gives it the file's
//! name. Cut short anywhere, it is finished by whoever uses the key next.
//!
//! What must never happen here: a key that is in force and in no file.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use ed25519_dalek::SigningKey;
use foodflow_log::audit::{KeyId, Trail};

use crate::signing_key;

const WHAT: &str = "audit key";

/// The key of `path`; `None` where there is none.
///
/// # Errors
/// Where the file holds no key.
pub(super) fn find(path: &Path) -> anyhow::Result<Option<SigningKey>> {
    if !path.exists() {
        return Ok(None);
    }
    signing_key::read(path, WHAT).map(Some)
}

/// The key of `path` that signs the next record of `trail`: the one in force, or a new one where the trail has
/// none.
///
/// # Errors
/// Where another key is in force; the error says what to do.
pub(super) fn of_trail(path: &Path, trail: &Trail) -> anyhow::Result<SigningKey> {
    let Some(current) = trail.keys().current().map(|record| record.statement.key) else {
        return signing_key::read_or_make(path, WHAT);
    };
    let found = find(path)?;
    if let Some(key) = found.as_ref().filter(|key| KeyId::of_signer(key) == current) {
        return Ok(key.clone());
    }
    let next = next_to(path);
    if let Some(key) = find(&next)?.filter(|key| KeyId::of_signer(key) == current) {
        replace(path, found.as_ref())?;
        return Ok(key);
    }
    let shown = path.display();
    let advice = "put that key's file there, or name it with FOODFLOW_AUDIT_KEY_FILE";
    match found {
        Some(key) => anyhow::bail!(
            "the audit key in force is {current}, but {shown} holds {}; {advice}",
            KeyId::of_signer(&key)
        ),
        None => anyhow::bail!("the audit key in force is {current}, but there is no {shown}; {advice}"),
    }
}

/// The key that is to take the place of the one at `path`: made, but not in force.
///
/// # Errors
/// Where it cannot be written.
pub(super) fn make_next(path: &Path) -> anyhow::Result<SigningKey> {
    signing_key::read_or_make(&next_to(path), WHAT)
}

/// Gives the next key, which is in force now, the place of `retired`; answers where that is kept.
///
/// # Errors
/// Where a file cannot be renamed.
pub(super) fn replace(path: &Path, retired: Option<&SigningKey>) -> anyhow::Result<Option<PathBuf>> {
    let kept = retired.map(|key| beside(path, &format!("-retired-{}", short(KeyId::of_signer(key)))));
    if let Some(kept) = &kept {
        rename(path, kept)?;
    }
    rename(&next_to(path), path)?;
    Ok(kept)
}

/// The first characters of a key's name.
pub(super) fn short(key: KeyId) -> String {
    key.to_string().chars().take(16).collect()
}

fn rename(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::rename(from, to).with_context(|| format!("cannot rename {} to {}", from.display(), to.display()))
}

fn next_to(path: &Path) -> PathBuf {
    beside(path, "-next")
}

/// `audit-key.pem` with `more` before the dot.
fn beside(path: &Path, more: &str) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(more);
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}
