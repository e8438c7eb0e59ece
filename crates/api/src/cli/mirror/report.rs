//! What was copied, compared or restored, for people and for scripts.

use std::fmt;
use std::time::Duration;

use foodflow_log::mirror::{Compared, MirrorError, PartitionStanding};
use serde::Serialize;

use super::advice;

/// What the command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Mode {
    /// Copies until it is told to stop.
    Follow,
    /// Copies up to now.
    Once,
    /// Compares.
    Verify,
    /// Compares, then appends to the log what it lacks.
    Restore,
}

impl Mode {
    pub(super) const fn compares(self) -> bool {
        matches!(self, Self::Verify | Self::Restore)
    }

    pub(super) const fn copies(self) -> bool {
        !matches!(self, Self::Verify)
    }
}

/// What was done and found.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    mode: Mode,
    source: String,
    target: String,
    /// Whether the target holds what the source holds, as far as was asked for, and all is in order.
    ok: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    compared: Vec<Compared>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    copied: Vec<PartitionStanding>,
    /// Messages copied.
    messages: u64,
    seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl Report {
    pub(super) fn new(mode: Mode, source: String, target: String) -> Self {
        let (compared, copied) = (Vec::new(), Vec::new());
        Self {
            mode,
            source,
            target,
            ok: true,
            compared,
            copied,
            messages: 0,
            seconds: 0.0,
            error: None,
            advice: None,
        }
    }

    pub(super) fn compared(&mut self, compared: Vec<Compared>) {
        let finding = compared.iter().find_map(|one| one.finding.as_ref());
        if let Some(finding) = finding {
            self.wrong(finding.to_string(), Some(advice::on_finding(self.mode, finding)));
        } else if self.mode == Mode::Verify
            && let Some(ahead) = compared.iter().find(|one| one.target_head > one.source_head)
        {
            let Compared { partition, source_head, target_head, .. } = ahead;
            let text = format!(
                "partition {}: the log ends at position {source_head}, its copy at {target_head}",
                partition.0
            );
            self.wrong(text, Some(advice::COPY_IS_AHEAD.to_owned()));
        }
        self.compared = compared;
    }

    pub(super) fn comparison(&self) -> &[Compared] {
        &self.compared
    }

    /// Whether nothing was found that forbids to copy.
    pub(super) const fn may_copy(&self) -> bool {
        self.error.is_none()
    }

    pub(super) fn copied(&mut self, copied: Vec<PartitionStanding>, took: Duration, was_stopped: bool) {
        self.messages = copied.iter().map(PartitionStanding::copied_messages).sum();
        self.seconds = took.as_secs_f64();
        let is_behind = copied.iter().any(|one| one.lag_messages() > 0);
        if was_stopped && is_behind && self.mode != Mode::Follow {
            self.wrong(advice::INTERRUPTED.to_owned(), None);
        }
        // A partition that lacked nothing in a restore was not looked at again.
        self.copied = copied.into_iter().filter(|one| one.begun_behind.is_some()).collect();
    }

    pub(super) fn failed(&mut self, error: &MirrorError) {
        self.wrong(error.to_string(), advice::on_error(self.mode, error));
    }

    fn wrong(&mut self, error: String, advice: Option<String>) {
        self.ok = false;
        self.error.get_or_insert(error);
        self.advice = self.advice.take().or(advice);
    }

    pub(super) const fn is_ok(&self) -> bool {
        self.ok
    }

    /// What is wrong and what to do about it.
    pub(super) fn trouble(&self) -> Option<String> {
        let error = self.error.as_ref()?;
        Some(match &self.advice {
            Some(advice) => format!("error: {error}\n{advice}"),
            None => format!("error: {error}"),
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for one in &self.compared {
            let Compared { partition, source_head, target_head, same_until, .. } = one;
            write!(f, "partition {}: the same up to position {same_until}; ", partition.0)?;
            writeln!(f, "the source ends at {source_head}, the target ended at {target_head}")?;
            if one.finding.is_none() {
                writeln!(f, "  root {} at {}", one.checked.root, one.checked.position)?;
            }
        }
        for one in &self.copied {
            let (partition, position, copied) = (one.partition.0, one.position, one.copied_messages());
            write!(f, "partition {partition}: {copied} messages copied, up to position {position}")?;
            match one.lag_messages() {
                0 => writeln!(f)?,
                lag => writeln!(f, "; {lag} are lacking")?,
            }
        }
        let Self { messages, seconds, .. } = self;
        match (self.mode, self.ok) {
            (Mode::Verify, true) => f.write_str("the copy is the log, as far as it goes"),
            (Mode::Verify, false) => f.write_str("NOT THE SAME"),
            (Mode::Restore, true) if *messages == 0 => f.write_str("the log holds all that its copy holds"),
            (Mode::Restore, true) => write!(f, "restored: {messages} messages in {seconds:.1} s"),
            (Mode::Follow | Mode::Once, true) => {
                let rate = *messages as f64 / seconds.max(0.001);
                write!(f, "{messages} messages in {seconds:.1} s ({rate:.0} a second)")
            }
            (_, false) => write!(f, "NOT DONE: {messages} messages in {seconds:.1} s"),
        }
    }
}
