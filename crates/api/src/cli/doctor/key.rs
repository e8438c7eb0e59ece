//! The access key: there, a key, and nobody else's to read. It is never made or shown here.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::checks::Checks;
use crate::http::access::Keys;

const SECTION: &str = "access key";
/// Permissions of the group and of others.
const NOT_THE_OWNERS: u32 = 0o077;

/// Looks at the key of `path`.
pub(super) fn check(checks: &mut Checks, path: &Path) {
    let shown = path.display();
    let found = match std::fs::metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let advice = "nothing to do: the first `foodflow serve` or `foodflow token` makes one; \
                          several processes that serve one log need the same one";
            checks.warn(SECTION, format!("there is no key at {shown} yet"), advice);
            return;
        }
        Err(error) => {
            checks.fail(
                SECTION,
                format!("{shown} cannot be read: {error}"),
                "give this user the right to read it",
            );
            return;
        }
    };
    let mode = found.permissions().mode() & 0o777;
    if mode & NOT_THE_OWNERS != 0 {
        let text = format!("{shown} has permissions {mode:04o}: others may read it and forge tokens");
        checks.fail(
            SECTION,
            text,
            format!("chmod 600 {shown}; where others could read it, delete it for a new one"),
        );
        return;
    }
    match Keys::open(path) {
        Ok(_) => checks.ok(SECTION, format!("{shown} holds a key, with permissions {mode:04o}")),
        Err(error) => {
            let advice =
                "put the right file there, or delete it for a new key; tokens of the old one are void then";
            checks.fail(SECTION, format!("{error:#}"), advice);
        }
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
            check(&mut checks, &path);
            assert_eq!(checks.all().len(), 1);
            checks.failed()
        };
        assert_eq!(failed(), 0);
        assert!(!path.exists());
        Keys::open(&path).unwrap();
        assert_eq!(failed(), 0);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(failed(), 1);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, "no key").unwrap();
        assert_eq!(failed(), 1);
    }
}
