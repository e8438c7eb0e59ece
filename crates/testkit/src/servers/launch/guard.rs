//! A guard process that cleans up after this process when it cannot do so itself.
//!
//! A killed or aborted test runs no destructors. The guard is a small shell that reads from a pipe whose other end
//! only this process holds: however this process ends, the operating system closes the pipe, and the guard kills
//! the server and removes its folder. It must never act while this process lives: dismissing it is silent.

use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Kills with the guard's own `kill`; the signals of an interrupted terminal must not stop the guard first.
const SCRIPT: &str =
    r#"trap '' INT TERM HUP; read -r _; kill -9 "$1" 2>/dev/null; [ -z "$2" ] || rm -rf "$2""#;

/// What the guard kills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guarded {
    /// One process.
    Process(u32),
    /// A process group, named by its leader.
    Group(u32),
}

/// Kills a process or a group, and removes a folder, when the process that made this guard is gone.
#[derive(Debug)]
pub struct Guard {
    shell: Child,
}

impl Guard {
    /// Starts the guard.
    ///
    /// # Errors
    /// When `sh` cannot be started.
    pub fn start(guarded: Guarded, folder: Option<&Path>) -> io::Result<Self> {
        let target = match guarded {
            Guarded::Process(id) => id.to_string(),
            Guarded::Group(leader) => format!("-{leader}"),
        };
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "foodflow-guard", &target]).arg(folder.unwrap_or(Path::new("")));
        command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Self { shell: command.spawn()? })
    }
}

impl Drop for Guard {
    /// Dismisses the guard: it is killed before its pipe is closed, so it does nothing.
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt as _;
    use std::time::Duration;

    use super::*;

    fn sleeper() -> Child {
        Command::new("sleep").arg("60").process_group(0).spawn().unwrap()
    }

    #[test]
    fn a_guard_whose_pipe_closes_kills_and_removes() {
        for group in [false, true] {
            let mut victim = sleeper();
            let folder = tempfile::tempdir().unwrap();
            let guarded = if group { Guarded::Group(victim.id()) } else { Guarded::Process(victim.id()) };
            let mut guard = Guard::start(guarded, Some(folder.path())).unwrap();
            drop(guard.shell.stdin.take());
            assert!(!victim.wait().unwrap().success());
            assert!(guard.shell.wait().is_ok());
            assert!(!folder.path().exists());
        }
    }

    #[test]
    fn a_dismissed_guard_does_nothing() {
        let mut victim = sleeper();
        let folder = tempfile::tempdir().unwrap();
        drop(Guard::start(Guarded::Process(victim.id()), Some(folder.path())).unwrap());
        std::thread::sleep(Duration::from_millis(50));
        assert!(victim.try_wait().unwrap().is_none());
        assert!(folder.path().exists());
        victim.kill().unwrap();
        victim.wait().unwrap();
    }
}
