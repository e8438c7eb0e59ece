//! The keys of this installation: there, a key, and nobody else's to read. None is ever made or shown here.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::checks::Checks;
use crate::signing_key;
use crate::tokens::rotation::retired;

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

fn check(checks: &mut Checks, path: &Path, purpose: &Purpose) {
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
    match signing_key::read(path, section) {
        Ok(_) => checks.ok(section, format!("{shown} holds a key, with permissions {mode:04o}")),
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
