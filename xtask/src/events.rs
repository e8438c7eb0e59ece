//! That no written version of an event ever changes: the files of `schemas/events` are only ever added.
//!
//! The tests hold the code against these files. Whoever changed both together would pass them, and could no longer read
//! the logs that exist; so the history itself is asked.

use anyhow::ensure;

use crate::run::run_and_read;
use crate::workspace::Workspace;

/// Where samples and schemas are.
const FOLDER: &str = "schemas/events";
/// Every way of changing a file that exists: modified, deleted, renamed, of another type.
const CHANGES: &str = "--diff-filter=MDRT";

/// Fails where a commit, or what is not committed yet, changes a file that was written before.
///
/// # Errors
/// Where one does, or this is no checkout of the repository.
pub fn check(workspace: &Workspace) -> anyhow::Result<()> {
    let committed = ["log", "--format=", "--no-renames", "--name-only", CHANGES, "HEAD", "--", FOLDER];
    let pending = ["diff", "--no-renames", "--name-only", CHANGES, "HEAD", "--", FOLDER];
    for arguments in [committed.as_slice(), &pending] {
        let changed = run_and_read(workspace.command("git").args(arguments))?;
        let changed = String::from_utf8_lossy(&changed);
        ensure!(
            changed.trim().is_empty(),
            "a written version of an event may not change; declare the next one and a step to it:\n{changed}"
        );
    }
    Ok(())
}
