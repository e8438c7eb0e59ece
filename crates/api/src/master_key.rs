//! The file of the master keys, under which the keys of persons are sealed.
//!
//! Several lines, each a key in base64: the first seals, all of them open. What must never happen here: a key that is made
//! where records are sealed under another one, one that others can read, or a file that is half written.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use foodflow_log::personal::{MasterKeys, MasterSource, upkeep};
use foodflow_log::{Keyring, SharedLog};
use tempfile::NamedTempFile;

use crate::config::Config;
use crate::log_address::LogAddress;
use crate::signing_key::write_whole;

/// Master keys in a file, which is read again where it may have changed.
pub struct MasterKeyFile(pub PathBuf);

impl MasterSource for MasterKeyFile {
    fn read(&self) -> Result<MasterKeys, String> {
        read(&self.0).map_err(|error| format!("{error:#}"))
    }

    fn describe(&self) -> String {
        self.0.display().to_string()
    }
}

/// Reads the keys of `path`.
///
/// # Errors
/// Where the file cannot be read, or holds something else; it is not quoted.
pub fn read(path: &Path) -> anyhow::Result<MasterKeys> {
    let shown = path.display();
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read the master key {shown}"))?;
    MasterKeys::parse(&text).map_err(|error| anyhow::anyhow!("{shown} holds no master key: {error}"))
}

/// Makes a key at `path`, unless there is a file already, and reads what is there then.
///
/// # Errors
/// As [`read`]; also where it cannot be written.
pub fn make(path: &Path) -> anyhow::Result<MasterKeys> {
    let text = MasterKeys::generate()?.to_text();
    let cannot = || format!("cannot write the master key {}", path.display());
    write_whole(path, text.as_bytes()).with_context(cannot)?;
    read(path)
}

/// Puts `keys` in the place of those at `path`.
///
/// # Errors
/// Where they cannot be written.
pub fn replace(path: &Path, keys: &MasterKeys) -> anyhow::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || -> std::io::Result<()> {
        let mut written = NamedTempFile::new_in(folder)?;
        written.write_all(keys.to_text().as_bytes())?;
        written.as_file().sync_all()?;
        written.persist(path).map_err(|error| error.error)?;
        std::fs::File::open(folder)?.sync_all()
    };
    write().with_context(|| format!("cannot write the master key {}", path.display()))
}

/// The keys of persons beside `log`, under the master key that the settings name. Embedded, one is made where there is none
/// and nothing is sealed yet.
///
/// # Errors
/// Where there is no master key, or another one than the records are sealed under; the error says what to do.
pub async fn open_keyring(config: &Config, log: &SharedLog) -> anyhow::Result<Arc<Keyring>> {
    let path = config.master_key();
    if !path.exists() {
        let shown = path.display();
        if let Some(proven) = upkeep::proven_master(&*log.records()).await? {
            anyhow::bail!(
                "there is no master key at {shown}, and the keys of persons are sealed under {proven}: put its file there, or \
                 name it with FOODFLOW_MASTER_KEY_FILE"
            );
        }
        let is_embedded = matches!(LogAddress::of(config), LogAddress::File(_) | LogAddress::Folder(_));
        anyhow::ensure!(
            is_embedded,
            "there is no master key at {shown}: make one with `foodflow keys init`, keep a copy of it apart from the log, \
             and give every process of this log the same file (FOODFLOW_MASTER_KEY_FILE)"
        );
        make(&path)?;
    }
    Ok(Arc::new(Keyring::open(log.records(), Arc::new(MasterKeyFile(path))).await?))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_is_the_owners_alone_and_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data/master-key");
        let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        let made = make(&path).unwrap();
        assert_eq!((make(&path).unwrap().first(), mode()), (made.first(), 0o600));
        let next = MasterKeys::generate().unwrap().followed_by(&made);
        replace(&path, &next).unwrap();
        let again = read(&path).unwrap();
        assert_eq!((again.ids().collect::<Vec<_>>(), mode()), (next.ids().collect::<Vec<_>>(), 0o600));
        assert_eq!(
            std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1,
            "nothing is left beside it"
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_the_file_and_without_the_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master-key");
        assert!(MasterKeyFile(path.clone()).read().unwrap_err().contains("master-key"));
        std::fs::write(&path, "s3cret").unwrap();
        let error = MasterKeyFile(path).read().unwrap_err();
        assert!(
            error.contains("master-key") && error.contains("line 1") && !error.contains("s3cret"),
            "{error}"
        );
    }
}
