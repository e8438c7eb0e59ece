//! The keys of this installation: there, a key, and nobody else's to read. None is ever made or shown here.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use foodflow_log::SharedLog;
use foodflow_log::personal::{MasterId, upkeep};

use super::checks::Checks;
use crate::tokens::rotation::retired;
use crate::{master_key, signing_key};

/// Permissions of the group and of others.
const NOT_THE_OWNERS: u32 = 0o077;

/// What a key is for.
struct Purpose {
    name: &'static str,
    /// Whether an installation goes without it.
    is_optional: bool,
    /// What to do where there is none.
    absent: &'static str,
    /// What others could do with it.
    misuse: &'static str,
    /// What to do where it was exposed.
    exposed: &'static str,
    /// What to do where the file holds something else.
    broken: &'static str,
}

const ACCESS: Purpose = Purpose {
    name: "access key",
    is_optional: false,
    absent: "nothing to do: the first `foodflow serve` or `foodflow token` makes one; \
             several processes that serve one log need the same one",
    misuse: "forge tokens",
    exposed: "where others could read it, `foodflow token rotate-key --compromised`",
    broken: "put the right file there, or delete it for a new key; tokens of the old one are void then",
};

const AUDIT: Purpose = Purpose {
    name: "audit key",
    is_optional: true,
    absent: "the first `foodflow audit checkpoint` makes one",
    misuse: "forge checkpoints",
    exposed: "where others could read it, `foodflow audit rotate-key`",
    broken: "put the right file there: nothing can be signed without the key in force",
};

const MASTER: Purpose = Purpose {
    name: "master key",
    is_optional: true,
    absent: "embedded, the first `foodflow serve` makes one; on a server `foodflow keys init` does",
    misuse: "read personal data",
    exposed: "where others could read it, `foodflow keys rotate-master`",
    broken: "put the right file there: personal data cannot be read without it",
};

/// Looks at the access key of `path`.
pub(super) fn check_access(checks: &mut Checks, path: &Path) {
    check(checks, path, &ACCESS);
}

/// Looks at the older public keys of `folder`, whose tokens go on to be valid.
pub(super) fn check_retired(checks: &mut Checks, folder: &Path) {
    match retired(folder) {
        Ok(keys) if keys.is_empty() => {}
        Ok(keys) => {
            let count = keys.len();
            checks.ok(ACCESS.name, format!("{count} older key(s) in {} check tokens, too", folder.display()));
        }
        Err(error) => {
            let advice = "put a public key there, or remove the file: no process can start with it";
            checks.fail(ACCESS.name, format!("{error:#}"), advice);
        }
    }
}

/// Looks at the audit key of `path`.
pub(super) fn check_audit(checks: &mut Checks, path: &Path) {
    check(checks, path, &AUDIT);
}

/// Looks at the master key of `path`, and whether it is the one that the records of `log` are sealed under.
pub(super) async fn check_master(checks: &mut Checks, path: &Path, log: Option<&SharedLog>) {
    let is_read = |path: &Path| master_key::read(path).map(drop);
    check_file(checks, path, &MASTER, is_read);
    let Some(log) = log else { return };
    let proven = match upkeep::proven_master(&*log.records()).await {
        Ok(Some(proven)) => proven,
        Ok(None) => return,
        Err(error) => {
            checks.fail(MASTER.name, error.to_string(), "see whether the log's records can be reached");
            return;
        }
    };
    let (shown, file) = (path.display(), master_key::read(path).ok());
    let fits = |proven: MasterId| file.as_ref().is_some_and(|keys| keys.ids().any(|id| id == proven));
    if fits(proven) {
        checks.ok(MASTER.name, format!("the keys of persons are sealed under {proven}, which is in {shown}"));
    } else {
        let text = format!("the keys of persons are sealed under {proven}, which is not in {shown}");
        checks.fail(MASTER.name, text, MASTER.broken);
    }
}

fn check(checks: &mut Checks, path: &Path, purpose: &Purpose) {
    check_file(checks, path, purpose, |path| signing_key::read(path, purpose.name).map(drop));
}

fn check_file(
    checks: &mut Checks,
    path: &Path,
    purpose: &Purpose,
    read: impl Fn(&Path) -> anyhow::Result<()>,
) {
    let (shown, section) = (path.display(), purpose.name);
    let found = match std::fs::metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && purpose.is_optional => {
            checks.ok(section, format!("there is none at {shown}; {}", purpose.absent));
            return;
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            checks.warn(section, format!("there is no key at {shown} yet"), purpose.absent);
            return;
        }
        Err(error) => {
            checks.fail(
                section,
                format!("{shown} cannot be read: {error}"),
                "give this user the right to read it",
            );
            return;
        }
    };
    let mode = found.permissions().mode() & 0o777;
    if mode & NOT_THE_OWNERS != 0 {
        let text = format!("{shown} has permissions {mode:04o}: others may read it and {}", purpose.misuse);
        checks.fail(section, text, format!("chmod 600 {shown}; {}", purpose.exposed));
        return;
    }
    match read(path) {
        Ok(()) => checks.ok(section, format!("{shown} holds a key, with permissions {mode:04o}")),
        Err(error) => checks.fail(section, format!("{error:#}"), purpose.broken),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_owners_alone_and_never_made_here() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("access-key.pem");
        let failed = || {
            let mut checks = Checks::default();
            check_access(&mut checks, &path);
            assert_eq!(checks.all().len(), 1);
            checks.failed()
        };
        assert_eq!(failed(), 0);
        assert!(!path.exists());
        signing_key::read_or_make(&path, "access key").unwrap();
        assert_eq!(failed(), 0);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(failed(), 1);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, "no key").unwrap();
        assert_eq!(failed(), 1);
    }

    #[tokio::test]
    async fn a_master_key_must_be_the_one_of_the_records() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("master-key");
        let log: SharedLog = std::sync::Arc::new(foodflow_log::memory::MemoryLog::new(1));
        let checked = async |log: Option<&SharedLog>| {
            let mut checks = Checks::default();
            check_master(&mut checks, &path, log).await;
            (checks.failed(), checks.to_string())
        };
        assert_eq!(checked(Some(&log)).await.0, 0, "nothing is sealed yet");
        master_key::make(&path).unwrap();
        let source = std::sync::Arc::new(master_key::MasterKeyFile(path.clone()));
        let keyring = foodflow_log::Keyring::open(log.records(), source).await.unwrap();
        keyring.index(foodflow_domain::TenantId::of_slug("t"), "email", "a").await.unwrap();
        let (failed, text) = checked(Some(&log)).await;
        assert!(failed == 0 && text.contains("are sealed under"), "{text}");
        std::fs::remove_file(&path).unwrap();
        master_key::make(&path).unwrap();
        let (failed, text) = checked(Some(&log)).await;
        assert!(failed == 1 && text.contains("put the right file there"), "{text}");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(checked(None).await.0, 1);
    }

    #[test]
    fn older_keys_are_counted_and_what_is_none_fails() {
        let place = tempfile::tempdir().unwrap();
        let mut checks = Checks::default();
        check_retired(&mut checks, &place.path().join("none"));
        assert!(checks.all().is_empty());
        std::fs::write(place.path().join("old.pem"), "no key").unwrap();
        check_retired(&mut checks, place.path());
        assert!(checks.failed() == 1 && checks.to_string().contains("old.pem"), "{checks}");
    }

    #[test]
    fn an_installation_may_go_without_an_audit_key() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("audit-key.pem");
        let mut checks = Checks::default();
        check_audit(&mut checks, &path);
        assert!(checks.to_string().contains("audit checkpoint"), "{checks}");
        std::fs::write(&path, "no key").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        check_audit(&mut checks, &path);
        assert_eq!((checks.all().len(), checks.failed()), (2, 1));
    }
}
