//! The audit key's file, and how one key takes the place of another.
//!
//! A rotation makes the new key in a file of its own, then introduces it in the trail, then gives it the file's
//! name. Cut short anywhere, it is finished by whoever uses the key next.
//!
//! What must never happen here: a key that is in force and in no file.

use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use foodflow_log::audit::{KeyId, Trail};

use crate::signing_key::{self, beside, lock_folder, rename};

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
    let _lock = lock_folder(path)?;
    let found = find(path)?;
    if let Some(key) = found.as_ref().filter(|key| KeyId::of_signer(key) == current) {
        return Ok(key.clone());
    }
    let next = next_to(path);
    if let Some(key) = find(&next)?.filter(|key| KeyId::of_signer(key) == current) {
        finish(path, found.as_ref())?;
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

/// Gives the next key, which is in force now, the place of `retired`, unless another process has done so; answers where
/// that is kept.
///
/// # Errors
/// Where a file cannot be renamed.
pub(super) fn replace(path: &Path, retired: Option<&SigningKey>) -> anyhow::Result<Option<PathBuf>> {
    let _lock = lock_folder(path)?;
    finish(path, retired)
}

/// As [`replace`], for who has the lock: as long as the next key has its own name, nobody has finished.
fn finish(path: &Path, retired: Option<&SigningKey>) -> anyhow::Result<Option<PathBuf>> {
    let kept = retired.map(|key| beside(path, &format!("-retired-{}", short(KeyId::of_signer(key)))));
    let next = next_to(path);
    if next.exists() {
        if let Some(kept) = kept.as_ref().filter(|_| path.exists()) {
            rename(path, kept)?;
        }
        rename(&next, path)?;
    }
    Ok(kept)
}

/// The first characters of a key's name.
pub(super) fn short(key: KeyId) -> String {
    key.to_string().chars().take(16).collect()
}

fn next_to(path: &Path) -> PathBuf {
    beside(path, "-next")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_process_has_finished_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit-key.pem");
        let old = signing_key::read_or_make(&path, WHAT).unwrap();
        let new = make_next(&path).unwrap();
        let kept = replace(&path, Some(&old)).unwrap().unwrap();
        let held = |path: &Path| KeyId::of_signer(&find(path).unwrap().unwrap());
        for _ in 0..2 {
            assert_eq!((held(&path), held(&kept)), (KeyId::of_signer(&new), KeyId::of_signer(&old)));
            assert!(!next_to(&path).exists());
            // It had read the old key before.
            assert_eq!(replace(&path, Some(&old)).unwrap().as_ref(), Some(&kept));
        }
    }

    #[test]
    fn what_was_cut_short_between_two_names_is_finished() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit-key.pem");
        let new = make_next(&path).unwrap();
        assert_eq!(replace(&path, None).unwrap(), None);
        assert_eq!(KeyId::of_signer(&find(&path).unwrap().unwrap()), KeyId::of_signer(&new));
    }
}
