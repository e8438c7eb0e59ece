//! How much memory a process and its children hold, and the most of it over a while. Linux alone tells this.

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::task::AbortHandle;

/// How often it is looked at.
const INTERVAL: Duration = Duration::from_millis(100);

/// Looks again and again at a process and its children, until it is dropped.
pub(crate) struct Watch {
    idle: u64,
    peak: Arc<AtomicU64>,
    task: AbortHandle,
}

impl Watch {
    /// Looks at once, and from then on.
    ///
    /// # Errors
    /// Where the process is not there, or the system does not tell.
    pub(crate) fn start(process: Option<u32>) -> anyhow::Result<Self> {
        let process = process.context("the process is down")?;
        let idle = resident(process)?;
        let peak = Arc::new(AtomicU64::new(idle));
        let seen = Arc::clone(&peak);
        let looking = async move {
            loop {
                tokio::time::sleep(INTERVAL).await;
                if let Ok(Ok(now)) = tokio::task::spawn_blocking(move || resident(process)).await {
                    seen.fetch_max(now, Ordering::Relaxed);
                }
            }
        };
        Ok(Self { idle, peak, task: tokio::spawn(looking).abort_handle() })
    }

    /// What it held in the beginning, in bytes.
    pub(crate) const fn idle(&self) -> u64 {
        self.idle
    }

    /// The most that it held so far, in bytes.
    pub(crate) fn peak(&self) -> u64 {
        self.peak.load(Ordering::Relaxed)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What a process and its children hold in bytes: all that is a process's own, and once what they share.
fn resident(process: u32) -> anyhow::Result<u64> {
    let (mut own, mut files, mut shared) = (0, 0, 0);
    for one in family(process)? {
        // A child may end at any time.
        let Ok(status) = fs::read_to_string(format!("/proc/{one}/status")) else { continue };
        own += kibibytes(&status, "RssAnon:");
        files = files.max(kibibytes(&status, "RssFile:"));
        shared = shared.max(kibibytes(&status, "RssShmem:"));
    }
    let all = own + files + shared;
    ensure!(all > 0, "the system does not tell the memory of process {process}");
    Ok(all * 1024)
}

fn kibibytes(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// A process with its children and theirs.
fn family(process: u32) -> anyhow::Result<Vec<u32>> {
    let mut children = HashMap::<u32, Vec<u32>>::new();
    for entry in fs::read_dir("/proc").context("this system has no /proc")? {
        let Some(id) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let Ok(stat) = fs::read_to_string(format!("/proc/{id}/stat")) else { continue };
        // The name before it may hold anything, brackets too.
        let parent = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)?.parse().ok());
        children.entry(parent.unwrap_or_default()).or_default().push(id);
    }
    let mut all = vec![process];
    let mut next = 0;
    while let Some(id) = all.get(next) {
        all.extend(children.remove(id).unwrap_or_default());
        next += 1;
    }
    Ok(all)
}
