//! Files that others may read.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::Found;
use crate::config::{Config, SETTINGS};

/// Permissions of the group and of others.
const NOT_THE_OWNERS: u32 = 0o077;
/// Permissions of others.
const OTHERS: u32 = 0o007;

pub(super) fn check(found: &mut Found, config: &Config) {
    for (setting, path) in keys(config) {
        if let Some(mode) = mode(&path).filter(|mode| mode & NOT_THE_OWNERS != 0) {
            refuse(found, setting, &path, mode, "600");
        }
    }
    // Containers are given secrets that their group may read.
    for (setting, path) in secrets(config) {
        if let Some(mode) = mode(&path).filter(|mode| mode & OTHERS != 0) {
            refuse(found, setting, &path, mode, "640");
        }
    }
    if let Some(mode) = mode(&config.data).filter(|mode| mode & OTHERS != 0) {
        let shown = config.data.display();
        found.warned(
            format!("data = {shown} has permissions {mode:04o}: others may look into it"),
            format!("chmod 750 {shown}"),
        );
    }
}

fn refuse(found: &mut Found, setting: &str, path: &Path, mode: u32, wanted: &str) {
    let shown = path.display();
    found.refused(
        format!("{setting}: {shown} has permissions {mode:04o}, so others may read it"),
        format!("chmod {wanted} {shown}; where others could read it, replace what is in it"),
    );
}

/// Files that are keys.
fn keys(config: &Config) -> Vec<(&'static str, PathBuf)> {
    let named = [
        ("tls_key_file", config.tls_key_file.clone()),
        ("nats_creds_file", config.nats_creds_file.clone()),
        ("nats_nkey_file", config.nats_nkey_file.clone()),
        ("access_key_file", Some(config.access_key())),
        ("audit_key_file", Some(config.audit_key())),
        ("master_key_file", Some(config.master_key())),
    ];
    named.into_iter().filter_map(|(setting, path)| Some((setting, path?))).collect()
}

/// Files that hold the secret of a setting.
fn secrets(config: &Config) -> Vec<(&'static str, PathBuf)> {
    let values = serde_json::to_value(config).unwrap_or_default();
    let files = SETTINGS.iter().filter_map(|setting| setting.file_setting());
    files.filter_map(|file| Some((file.name, PathBuf::from(values[file.name].as_str()?)))).collect()
}

/// The permissions of what exists.
fn mode(path: &Path) -> Option<u32> {
    std::fs::metadata(path).ok().map(|found| found.permissions().mode() & 0o777)
}
