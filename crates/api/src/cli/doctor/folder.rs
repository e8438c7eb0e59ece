//! The data folder: whether it can be written, and how much room there is.

use std::path::Path;

use rustix::fs::{Access, StatVfs, access, statvfs};

use super::checks::Checks;

const SECTION: &str = "data folder";
/// Less room than this is worth a warning, in bytes.
const FREE_MIN: u64 = 1 << 30;

/// Looks at `folder` without making it.
pub(super) fn check(checks: &mut Checks, folder: &Path) {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let shown = absolute.display();
    // The nearest folder that exists, where the data folder itself does not.
    let Some(existing) = absolute.ancestors().find(|one| one.exists()) else {
        checks.fail(SECTION, format!("{shown} cannot be reached"), "choose another folder with --data");
        return;
    };
    if !existing.is_dir() {
        let text = format!("{} is not a folder", existing.display());
        checks.fail(SECTION, text, "choose another folder with --data");
        return;
    }
    if let Err(error) = access(existing, Access::WRITE_OK | Access::EXEC_OK) {
        let text = format!("{} cannot be written: {error}", existing.display());
        checks.fail(SECTION, text, "give this user the right to write to it, or choose another with --data");
        return;
    }
    if existing == absolute {
        checks.ok(SECTION, format!("{shown} can be written"));
    } else {
        let advice = "nothing to do: the first `foodflow serve` makes it";
        checks.warn(SECTION, format!("{shown} does not exist yet"), advice);
    }
    room(checks, existing);
}

fn room(checks: &mut Checks, folder: &Path) {
    let Ok(found) = statvfs(folder) else { return };
    let free = free_bytes(&found);
    // Gibibytes with one digit.
    let text = format!("{}.{} GiB free", free >> 30, ((free % (1 << 30)) * 10) >> 30);
    if free < FREE_MIN {
        checks.warn(SECTION, text, "make room: a log that cannot grow refuses every command");
    } else {
        checks.ok(SECTION, text);
    }
}

fn free_bytes(found: &StatVfs) -> u64 {
    found.f_bavail.saturating_mul(found.f_frsize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_does_not_exist_is_not_made() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("a/b");
        let mut checks = Checks::default();
        check(&mut checks, &folder);
        assert!(!place.path().join("a").exists());
        assert_eq!(checks.failed(), 0);
        assert!(checks.to_string().contains("does not exist yet"), "{checks}");
    }

    #[test]
    fn a_file_in_its_place_fails() {
        let place = tempfile::NamedTempFile::new().unwrap();
        let mut checks = Checks::default();
        check(&mut checks, &place.path().join("data"));
        assert_eq!(checks.failed(), 1);
        assert!(checks.to_string().contains("is not a folder"), "{checks}");
    }
}
