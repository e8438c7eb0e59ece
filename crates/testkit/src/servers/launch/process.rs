//! A server process: started with its output in a file, watched until it answers, ended in two ways.
//!
//! Its standard input is a pipe that closes with this process. Dropping the value kills the server; it must never
//! leave it running.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use super::guard::{Guard, Guarded};

const POLL: Duration = Duration::from_millis(5);
const LOG_LINES_IN_ERRORS: usize = 40;

/// A running server, its log, and the guard that ends it if this process dies.
#[derive(Debug)]
pub struct ServerProcess {
    name: &'static str,
    child: Child,
    log: PathBuf,
    _guard: Guard,
}

impl ServerProcess {
    /// Starts a server whose output is added to `log`; the guard removes `folder` if this process dies.
    ///
    /// # Errors
    /// When the program or the guard cannot be started, or the log cannot be written.
    pub fn start(
        name: &'static str,
        command: &mut Command,
        log: &Path,
        folder: &Path,
    ) -> anyhow::Result<Self> {
        let output = File::options()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("opening {}", log.display()))?;
        command.stdin(Stdio::piped()).stdout(output.try_clone()?).stderr(output);
        let mut child =
            command.spawn().with_context(|| format!("starting {}", command.get_program().display()))?;
        match Guard::start(Guarded::Process(child.id()), Some(folder)) {
            Ok(guard) => Ok(Self { name, child, log: log.to_owned(), _guard: guard }),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(error).with_context(|| format!("starting the guard of {name}"))
            }
        }
    }

    /// The id of the process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether the process has not ended.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Asks again and again until `ready` answers something.
    ///
    /// # Errors
    /// When the server ends or `limit` passes first; the error carries the end of the server's log.
    pub fn wait_until<T>(
        &mut self,
        limit: Duration,
        mut ready: impl FnMut() -> Option<T>,
    ) -> anyhow::Result<T> {
        let started = Instant::now();
        loop {
            if let Some(answer) = ready() {
                return Ok(answer);
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended ({status}) before it answered; its log:\n{}", self.name, self.log_end());
            }
            if started.elapsed() >= limit {
                let seconds = limit.as_secs();
                bail!("{} did not answer within {seconds} s; its log:\n{}", self.name, self.log_end());
            }
            thread::sleep(POLL);
        }
    }

    /// Kills the server with SIGKILL, as a power cut would, and waits until it is gone.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn kill9(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// Stops the server where it is with SIGSTOP: it hangs, and its connections stay open. Answers when every thread of
    /// it stands still.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn suspend(&self) -> anyhow::Result<()> {
        self.signal(Signal::STOP)?;
        let process = WaitId::Pid(Pid::from_child(&self.child));
        while let Err(Errno::INTR) = waitid(process.clone(), WaitIdOptions::STOPPED) {}
        Ok(())
    }

    /// Lets a suspended server go on.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn resume(&self) -> anyhow::Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        kill_process(Pid::from_child(&self.child), signal)
            .with_context(|| format!("sending {signal:?} to {}", self.name))
    }

    /// Asks the server to end with SIGTERM and waits until it has.
    ///
    /// # Errors
    /// When it is still there after `limit`; it is then killed.
    pub fn terminate(&mut self, limit: Duration) -> anyhow::Result<ExitStatus> {
        self.end(Signal::TERM, "SIGTERM", limit)
    }

    /// Asks the server to stop at once with SIGQUIT, where that is what it means to it, and waits until it has.
    ///
    /// # Errors
    /// When it is still there after `limit`; it is then killed.
    pub fn quit(&mut self, limit: Duration) -> anyhow::Result<ExitStatus> {
        self.end(Signal::QUIT, "SIGQUIT", limit)
    }

    fn end(&mut self, signal: Signal, called: &str, limit: Duration) -> anyhow::Result<ExitStatus> {
        if let Some(status) = self.child.try_wait()? {
            return Ok(status);
        }
        self.signal(signal)?;
        let started = Instant::now();
        while started.elapsed() < limit {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            thread::sleep(POLL);
        }
        self.kill9()?;
        bail!("{} ignored {called} for {} s; its log:\n{}", self.name, limit.as_secs(), self.log_end())
    }

    /// The last lines of the server's log.
    #[must_use]
    pub fn log_end(&self) -> String {
        match fs::read(&self.log) {
            Ok(bytes) => last_lines(&String::from_utf8_lossy(&bytes), LOG_LINES_IN_ERRORS),
            Err(error) => format!("(cannot read {}: {error})", self.log.display()),
        }
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.kill9();
    }
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(script: &str) -> (ServerProcess, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("server.log");
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let process = ServerProcess::start("the script", &mut command, &log, folder.path()).unwrap();
        (process, folder)
    }

    #[test]
    fn the_end_of_a_text_has_at_most_so_many_lines() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc");
        assert_eq!(last_lines("a\n", 2), "a");
        assert_eq!(last_lines("", 2), "");
    }

    #[test]
    fn a_server_that_ends_early_shows_its_log() {
        let (mut process, _folder) = start("echo no such port >&2; exit 3");
        let error = process.wait_until(Duration::from_secs(20), || None::<()>).unwrap_err().to_string();
        assert!(error.contains("exit status: 3") && error.contains("no such port"), "{error}");
    }

    #[test]
    fn a_server_that_never_answers_is_given_up() {
        let (mut process, _folder) = start("exec sleep 60");
        let error = process.wait_until(Duration::from_millis(30), || None::<()>).unwrap_err().to_string();
        assert!(error.contains("did not answer"), "{error}");
        assert!(process.is_running());
        process.kill9().unwrap();
        assert!(!process.is_running());
    }

    #[test]
    fn terminating_asks_first_and_then_insists() {
        let (mut willing, _folder) = start("exec sleep 60");
        assert!(willing.terminate(Duration::from_secs(20)).is_ok());
        let (mut stubborn, _folder) = start("trap '' TERM; echo up; while :; do sleep 1; done");
        let log = stubborn.log.clone();
        let is_up = move || fs::read_to_string(&log).ok().filter(|text| text.contains("up"));
        stubborn.wait_until(Duration::from_secs(20), is_up).unwrap();
        let error = stubborn.terminate(Duration::from_millis(100)).unwrap_err().to_string();
        assert!(error.contains("ignored SIGTERM"), "{error}");
        assert!(!stubborn.is_running());
    }
}
