//! Runs programs in process groups of their own, so that a whole tree of processes can be ended.
//!
//! An interrupt ends the running group; a second one is answered when the first has been carried out. No process
//! of a group may live on when [`run`] returns: servers that a killed test left behind are killed with their group.

use std::error::Error;
use std::ffi::OsStr;
use std::fmt;
use std::fs::Permissions;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process_group, test_kill_process_group, waitid,
};

use crate::launch::guard::{Guard, Guarded};

/// How long an interrupted group may take to end before it is killed.
const GRACE: Duration = Duration::from_secs(5);

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static RUNNING_GROUP: Mutex<Option<Pid>> = Mutex::new(None);

/// A program ended with a code other than 0.
#[derive(Debug)]
pub struct ProgramFailed {
    program: String,
    status: ExitStatus,
}

impl fmt::Display for ProgramFailed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}` failed ({})", self.program, self.status)
    }
}

impl Error for ProgramFailed {}

/// The work was interrupted by Ctrl-C, SIGTERM or SIGHUP.
#[derive(Debug)]
pub struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("interrupted")
    }
}

impl Error for Interrupted {}

/// The code to end with: that of the program that failed, 130 after an interrupt, else 1.
#[must_use]
pub fn exit_code(error: &anyhow::Error) -> u8 {
    if error.downcast_ref::<Interrupted>().is_some() {
        return 130;
    }
    error.downcast_ref::<ProgramFailed>().map_or(1, |failed| status_code(failed.status))
}

fn status_code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).filter(|code| *code != 0).unwrap_or(1)
}

/// Makes Ctrl-C, SIGTERM and SIGHUP end the running process group instead of this process.
///
/// The interrupted call then returns [`Interrupted`], so that everything that was started is stopped in order.
///
/// # Errors
/// When the signal handler cannot be installed.
pub fn stop_children_when_interrupted() -> anyhow::Result<()> {
    ctrlc::set_handler(|| {
        INTERRUPTED.store(true, Ordering::SeqCst);
        end_running_group();
    })
    .context("installing the signal handler")
}

/// Fails if an interrupt has arrived.
///
/// # Errors
/// [`Interrupted`].
pub fn check_interrupted() -> anyhow::Result<()> {
    if INTERRUPTED.load(Ordering::SeqCst) { Err(Interrupted.into()) } else { Ok(()) }
}

/// Runs a program to its end with this process's output, and fails if it fails.
///
/// # Errors
/// When it cannot be started, ends with another code than 0 ([`ProgramFailed`]), or is interrupted.
pub fn run(command: &mut Command) -> anyhow::Result<()> {
    let program = shown(command);
    let child = start(command.stdin(Stdio::null()), &program)?;
    judge(finish(child, None)?, program)
}

/// Runs a program as [`run`] does, with a temporary folder of its own that is removed with all that it left there.
///
/// # Errors
/// As [`run`].
pub fn run_in_temporary_folder(command: &mut Command) -> anyhow::Result<()> {
    let program = shown(command);
    // Others may pass through: PostgreSQL, which root starts as another user, has its folder inside.
    let passable = Permissions::from_mode(0o711);
    let folder = tempfile::Builder::new().prefix("foodflow-run-").permissions(passable).tempdir()?;
    let child = start(command.stdin(Stdio::null()).env("TMPDIR", folder.path()), &program)?;
    judge(finish(child, Some(folder.path()))?, program)
}

/// Runs a program to its end and returns what it wrote to standard output.
///
/// # Errors
/// As [`run`].
pub fn run_and_read(command: &mut Command) -> anyhow::Result<Vec<u8>> {
    let program = shown(command);
    let mut child = start(command.stdin(Stdio::null()).stdout(Stdio::piped()), &program)?;
    let mut written = Vec::new();
    if let Some(mut output) = child.stdout.take() {
        output.read_to_end(&mut written).with_context(|| format!("reading the output of `{program}`"))?;
    }
    judge(finish(child, None)?, program)?;
    Ok(written)
}

/// Replaces this process by a program, which then owns the terminal; returns only on failure.
///
/// # Errors
/// When the program cannot be started.
pub fn replace_by(command: &mut Command) -> anyhow::Result<()> {
    let program = shown(command);
    Err(command.exec()).with_context(|| format!("starting `{program}`"))
}

/// The command as a developer would type it.
#[must_use]
pub fn shown(command: &Command) -> String {
    let settings = command
        .get_envs()
        .filter_map(|(name, value)| value.map(|value| format!("{}={}", name.display(), quoted(value))));
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args()).map(quoted);
    settings.chain(words).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &OsStr) -> String {
    let text = word.to_string_lossy();
    if text.is_empty() || text.contains(|c: char| c.is_whitespace() || "'\"$&|;<>()*?".contains(c)) {
        return format!("'{}'", text.replace('\'', r"'\''"));
    }
    text.into_owned()
}

fn running_group() -> MutexGuard<'static, Option<Pid>> {
    RUNNING_GROUP.lock().unwrap_or_else(PoisonError::into_inner)
}

fn start(command: &mut Command, program: &str) -> anyhow::Result<Child> {
    // The lock is held until the group is known, so that an interrupt either comes first or finds the group.
    let mut group = running_group();
    check_interrupted()?;
    let child = command.process_group(0).spawn().with_context(|| format!("starting `{program}`"))?;
    *group = Some(Pid::from_child(&child));
    Ok(child)
}

/// Waits for the leader of a group, then kills what is left of the group.
///
/// Should this process die meanwhile, a guard kills the group and removes the folder.
fn finish(mut child: Child, folder: Option<&Path>) -> anyhow::Result<ExitStatus> {
    let leader = Pid::from_child(&child);
    let guard = Guard::start(Guarded::Group(child.id()), folder);
    // The leader is waited for but not yet reaped: until it is, its id cannot be given to another group.
    while let Err(Errno::INTR) = waitid(WaitId::Pid(leader), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {}
    drop(guard);
    let mut group = running_group();
    let _ = kill_process_group(leader, Signal::KILL);
    *group = None;
    let status = child.wait()?;
    drop(group);
    check_interrupted()?;
    Ok(status)
}

fn judge(status: ExitStatus, program: String) -> anyhow::Result<()> {
    if status.success() { Ok(()) } else { Err(ProgramFailed { program, status }.into()) }
}

/// Asks the running group to end, and kills it when it does not.
fn end_running_group() {
    let Some(leader) = *running_group() else { return };
    let _ = kill_process_group(leader, Signal::TERM);
    let asked = Instant::now();
    while asked.elapsed() < GRACE {
        thread::sleep(Duration::from_millis(50));
        let group = running_group();
        if *group != Some(leader) || test_kill_process_group(leader).is_err() {
            return;
        }
    }
    let group = running_group();
    if *group == Some(leader) {
        let _ = kill_process_group(leader, Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_command_is_shown_as_it_would_be_typed() {
        let mut command = Command::new("/opt/bin/cargo");
        command.args(["run", "--", "it's", ""]).env("RUSTDOCFLAGS", "-D warnings").env_remove("GONE");
        assert_eq!(shown(&command), r"RUSTDOCFLAGS='-D warnings' cargo run -- 'it'\''s' ''");
    }

    #[test]
    fn the_exit_code_is_that_of_the_program() {
        let failed = run(&mut shell("exit 7")).unwrap_err().context("a step");
        assert_eq!(exit_code(&failed), 7);
        let killed = run(&mut shell("kill -9 $$")).unwrap_err();
        assert_eq!(exit_code(&killed), 137);
        assert_eq!(exit_code(&anyhow::anyhow!("something else")), 1);
        assert_eq!(exit_code(&Interrupted.into()), 130);
    }

    #[test]
    fn what_a_program_leaves_running_is_killed() {
        let left = run_and_read(&mut shell("sleep 60 >/dev/null & echo $!")).unwrap();
        let id: i32 = String::from_utf8(left).unwrap().trim().parse().unwrap();
        let process = Pid::from_raw(id).unwrap();
        let gone = (0..200).any(|_| {
            thread::sleep(Duration::from_millis(10));
            let state = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            rustix::process::test_kill_process(process).is_err() || state.contains(") Z ")
        });
        assert!(gone, "process {id} still runs");
    }

    #[test]
    fn the_temporary_folder_is_removed_with_its_content() {
        let kept = tempfile::tempdir().unwrap();
        let note = kept.path().join("note");
        let script = format!("touch \"$TMPDIR/left\"; echo \"$TMPDIR\" > {}", note.display());
        run_in_temporary_folder(&mut shell(&script)).unwrap();
        let folder = std::fs::read_to_string(note).unwrap();
        assert!(folder.contains("foodflow-run-") && !Path::new(folder.trim()).exists());
    }
}
