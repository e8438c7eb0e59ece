//! Who this process is to the others that project: a name that survives a restart.
//!
//! The name stands in the data folder, and is held by a lock for as long as the process lives. So a process that was
//! killed finds its leases again at once, while a second one on the same folder gets a name of its own.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;

use foodflow_projections::runner::Owner;
use rustix::fs::{FlockOperation, flock};
use uuid::Uuid;

/// The file that holds the name.
const FILE: &str = "projector-id";

/// A process's name; it is nobody else's while this lives.
#[derive(Debug)]
pub struct ProcessName {
    /// The name.
    pub owner: Owner,
    /// Where the name is kept for the next start; absent where it is only this process's.
    _kept: Option<File>,
}

impl ProcessName {
    /// The name that `data` keeps, or a new one where another process has that, or none can be kept.
    #[must_use]
    pub fn of(data: &Path) -> Self {
        let mut owner = Owner::new(format!("{}/{}", machine(), std::process::id()));
        match kept(data, owner.id) {
            Ok(Some((file, id))) => {
                owner.id = id;
                Self { owner, _kept: Some(file) }
            }
            Ok(None) => Self { owner, _kept: None },
            Err(error) => {
                let path = data.join(FILE);
                tracing::warn!(path = %path.display(), %error, "this process's name cannot be kept for a restart");
                Self { owner, _kept: None }
            }
        }
    }
}

/// The kept name, locked; `new` is kept where there is none. `None` where another process has it.
fn kept(data: &Path, new: Uuid) -> std::io::Result<Option<(File, Uuid)>> {
    std::fs::create_dir_all(data)?;
    let mut file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(data.join(FILE))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    if let Ok(id) = Uuid::parse_str(text.trim()) {
        return Ok(Some((file, id)));
    }
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{new}")?;
    file.sync_all()?;
    Ok(Some((file, new)))
}

/// The machine's name.
fn machine() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_and_is_one_process_s_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let first = ProcessName::of(&data);
        let beside = ProcessName::of(&data);
        assert_ne!(first.owner.id, beside.owner.id);
        let id = first.owner.id;
        drop(first);
        assert_eq!(ProcessName::of(&data).owner.id, id);
        std::fs::write(data.join(FILE), "no id").unwrap();
        let anew = ProcessName::of(&data).owner.id;
        assert_ne!(anew, id);
        assert_eq!(ProcessName::of(&data).owner.id, anew);
    }

    #[test]
    fn where_no_name_can_be_kept_there_is_one_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("data");
        std::fs::write(&file, "a file where a folder should be").unwrap();
        assert_ne!(ProcessName::of(&file).owner.id, ProcessName::of(&file).owner.id);
    }
}
