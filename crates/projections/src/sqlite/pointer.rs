//! Which generation is live: a small file beside the generations, replaced in one step.
//!
//! A file without a pointer is the first generation, and live. The pointer is replaced only by who has the write lock
//! of the live generation's file; so a writer that has this lock and finds the pointer as it was writes to the live
//! generation, whatever other processes do. Numbers are never used twice.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use foodflow_domain::TenantId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::error::{STORE, corrupt};
use crate::store::StoreError;
use crate::store::generations::{RebuildScope, Role};

/// How many numbers back files may have been left behind: every rebuild looks, and uses up two numbers at most.
const LEFT_BEHIND_MAX: u64 = 16;

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pointer {
    /// Number of the live generation.
    pub(crate) live: u64,
    /// A number that no generation has had.
    pub(crate) next: u64,
    /// The other generation, where there is one.
    pub(crate) other: Option<Other>,
}

/// The generation that is not live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Other {
    pub(crate) number: u64,
    pub(crate) role: Role,
    /// The tenant that it covers; all where there is none.
    tenant: Option<Uuid>,
    pub(crate) filled_by: String,
}

/// Tells one state of the pointer's file from another at the cost of a `stat`. Who replaces the file makes the new one
/// while the old one is there, so that two that follow each other are never the same inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp(Option<(u64, i64, i64, u64)>);

impl Stamp {
    /// There is no file.
    pub(super) const NONE: Self = Self(None);
}

impl Other {
    pub(crate) fn new(number: u64, role: Role, scope: RebuildScope, filled_by: String) -> Self {
        Self { number, role, tenant: scope.tenant().map(|tenant| tenant.0), filled_by }
    }

    pub(crate) fn scope(&self) -> RebuildScope {
        self.tenant.map(TenantId).into()
    }
}

/// The pointer's file for the store at `path`.
fn file(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".generations");
    PathBuf::from(name)
}

/// The file of the generation `number` of the store at `path`: the first is `path` itself.
pub(crate) fn generation_file(path: &Path, number: u64) -> PathBuf {
    if number == 0 {
        return path.to_owned();
    }
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!(".{number}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

/// The state that the pointer's file is in.
pub(crate) fn stamp(path: &Path) -> Result<Stamp, StoreError> {
    match fs::metadata(file(path)) {
        Ok(found) => Ok(Stamp(Some((found.ino(), found.mtime(), found.mtime_nsec(), found.len())))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Stamp::NONE),
        Err(error) => Err(failed(path, &error)),
    }
}

/// What the pointer's file says.
pub(crate) fn read(path: &Path) -> Result<Pointer, StoreError> {
    let text = match fs::read(file(path)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Pointer { live: 0, next: 1, other: None });
        }
        Err(error) => return Err(failed(path, &error)),
    };
    serde_json::from_slice(&text).map_err(|error| corrupt(format!("{}: {error}", file(path).display())))
}

/// Replaces the pointer; it is on disk when this answers.
pub(crate) fn replace(path: &Path, pointer: &Pointer) -> Result<(), StoreError> {
    let target = file(path);
    let mut temporary = target.clone().into_os_string();
    temporary.push(".new");
    let replaced = || {
        let mut file = File::create(&temporary)?;
        serde_json::to_writer(&mut file, pointer)?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        fs::rename(&temporary, &target)?;
        File::open(target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")))?
            .sync_all()
    };
    replaced().map_err(|error| failed(path, &error))
}

/// Removes the files of the generation `number`, as far as they are there. Who has them open keeps what they held.
pub(crate) fn remove(path: &Path, number: u64) -> Result<(), StoreError> {
    for suffix in ["-wal", "-shm", ""] {
        let mut name = generation_file(path, number).into_os_string();
        name.push(suffix);
        match fs::remove_file(&name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(path, &error)),
            _ => {}
        }
    }
    Ok(())
}

/// Removes what earlier generations left behind that were given up while their process died.
pub(crate) fn remove_unnamed(path: &Path, pointer: &Pointer) -> Result<(), StoreError> {
    let named =
        |number| number == pointer.live || pointer.other.as_ref().is_some_and(|other| other.number == number);
    let numbers = pointer.next.saturating_sub(LEFT_BEHIND_MAX)..pointer.next;
    numbers.filter(|number| !named(*number)).try_for_each(|number| remove(path, number))
}

fn failed(path: &Path, error: &io::Error) -> StoreError {
    let reason = format!("the generations of {}: {error}", path.display());
    StoreError::Unavailable { store: STORE, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_is_read_as_it_was_written_and_every_replacement_shows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("food_graph.sqlite");
        assert_eq!(read(&path).unwrap(), Pointer { live: 0, next: 1, other: None });
        let mut seen = vec![stamp(&path).unwrap()];
        let tenant = RebuildScope::Tenant(TenantId(Uuid::from_u128(7)));
        for (live, role, scope) in
            [(0, Role::Beside, RebuildScope::All), (1, Role::Previous, tenant), (1, Role::Reopened, tenant)]
        {
            let other = Other::new(9, role, scope, "0.1.0".to_owned());
            let pointer = Pointer { live, next: 10, other: Some(other) };
            replace(&path, &pointer).unwrap();
            let found = read(&path).unwrap();
            assert_eq!(found, pointer);
            let other = found.other.unwrap();
            assert_eq!((other.role, other.scope()), (role, scope));
            assert_ne!(stamp(&path).unwrap(), *seen.last().unwrap());
            seen.push(stamp(&path).unwrap());
        }
        // As files have it.
        let written = r#"{"live":1,"next":10,"other":{"number":9,"role":"reopened","tenant":"00000000-0000-0000-0000-000000000007","filled_by":"0.1.0"}}"#;
        assert_eq!(fs::read_to_string(file(&path)).unwrap().trim_end(), written);
        fs::write(file(&path), "{").unwrap();
        assert!(matches!(read(&path), Err(StoreError::Corrupt { .. })));
    }

    #[test]
    fn generations_are_files_of_their_own() {
        let name = |path: &str, number| generation_file(Path::new(path), number).display().to_string();
        assert_eq!(name("data/food_graph.sqlite", 0), "data/food_graph.sqlite");
        assert_eq!(name("data/food_graph.sqlite", 3), "data/food_graph.3.sqlite");
        assert_eq!(name("path", 2), "path.2");
    }
}
