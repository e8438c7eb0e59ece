//! What was copied, compared or restored, for people and for scripts.

use std::fmt;
use std::time::Duration;

use foodflow_log::mirror::{
    Compared, ComparedRecords, Comparison, Mirror, MirrorError, PartitionStanding, RecordsStanding,
};
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
    #[serde(skip_serializing_if = "Option::is_none")]
    compared_records: Option<ComparedRecords>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    copied: Vec<PartitionStanding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    copied_records: Option<RecordsStanding>,
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
        let (compared_records, copied_records) = (None, None);
        Self {
            mode,
            source,
            target,
            ok: true,
            compared,
            compared_records,
            copied,
            copied_records,
            messages: 0,
            seconds: 0.0,
            error: None,
            advice: None,
        }
    }

    pub(super) fn compared(&mut self, compared: &Comparison) {
        if let Some(finding) = compared.finding() {
            self.wrong(finding.to_string(), Some(advice::on_finding(self.mode, finding)));
        } else if self.mode == Mode::Verify
            && let Some(ahead) = copy_ahead(compared)
        {
            self.wrong(ahead, Some(advice::COPY_IS_AHEAD.to_owned()));
        }
        self.compared = compared.partitions.clone();
        self.compared_records = Some(compared.records.clone());
    }

    pub(super) const fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether nothing was found that forbids to copy.
    pub(super) const fn may_copy(&self) -> bool {
        self.error.is_none()
    }

    pub(super) fn copied(&mut self, mirror: &Mirror, took: Duration, was_stopped: bool) {
        let copied = mirror.standings();
        self.copied_records = Some(mirror.records_standing()).filter(|one| one.begun_behind.is_some());
        self.messages = copied.iter().map(PartitionStanding::copied_messages).sum();
        self.seconds = took.as_secs_f64();
        // What it had not looked at yet seems to lack nothing: only one that follows is done when it is stopped.
        if was_stopped && self.mode != Mode::Follow {
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

    fn has_copied_records(&self) -> bool {
        self.copied_records.as_ref().is_some_and(|one| one.copied() > 0)
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

/// How the copy holds more than its log, if it does.
fn copy_ahead(compared: &Comparison) -> Option<String> {
    if let Some(ahead) = compared.partitions.iter().find(|one| one.target_head > one.source_head) {
        let Compared { partition, source_head, target_head, .. } = ahead;
        let number = partition.0;
        return Some(format!(
            "partition {number}: the log ends at position {source_head}, its copy at {target_head}"
        ));
    }
    let ComparedRecords { of_source, of_target, .. } = compared.records;
    (of_target > of_source)
        .then(|| format!("the log has {of_source} audit records, and its copy {of_target}"))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for one in &self.compared {
            let Compared { partition, source_head, target_head, same_until, .. } = one;
            write!(f, "partition {}: the same up to position {same_until}; ", partition.0)?;
            writeln!(f, "the source ends at {source_head}, the target ended at {target_head}")?;
            if one.finding.is_none() {
                write!(f, "  root {} at {}", one.checked.root, one.checked.position)?;
                writeln!(f, "; {} checkpoint(s) agree", one.checkpoints)?;
            }
        }
        if let Some(ComparedRecords { of_source, of_target, .. }) = self.compared_records {
            writeln!(f, "audit records: {of_source} of the source, {of_target} of the target")?;
        }
        for one in &self.copied {
            let (partition, position, copied) = (one.partition.0, one.position, one.copied_messages());
            write!(f, "partition {partition}: {copied} messages copied, up to position {position}")?;
            match one.lag_messages() {
                0 => writeln!(f)?,
                lag => writeln!(f, "; {lag} are lacking")?,
            }
        }
        if let Some(one) = self.copied_records.as_ref().filter(|one| one.records > 0) {
            writeln!(f, "audit records: {} copied, {} in all", one.copied(), one.records)?;
        }
        let Self { messages, seconds, .. } = self;
        match (self.mode, self.ok) {
            (Mode::Verify, true) => f.write_str("the copy is the log, as far as it goes"),
            (Mode::Verify, false) => f.write_str("NOT THE SAME"),
            (Mode::Restore, true) if *messages == 0 && !self.has_copied_records() => {
                f.write_str("the log holds all that its copy holds")
            }
            (Mode::Restore, true) => write!(f, "restored: {messages} messages in {seconds:.1} s"),
            (Mode::Follow | Mode::Once, true) => {
                let rate = *messages as f64 / seconds.max(0.001);
                write!(f, "{messages} messages in {seconds:.1} s ({rate:.0} a second)")
            }
            (_, false) => write!(f, "NOT DONE: {messages} messages in {seconds:.1} s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use foodflow_log::SharedLog;
    use foodflow_log::memory::MemoryLog;

    use super::*;

    #[test]
    fn only_a_copy_that_follows_is_done_when_it_is_stopped() {
        let log = || -> SharedLog { Arc::new(MemoryLog::new(2)) };
        let mirror = Mirror::new(log(), log()).unwrap();
        let cases = [
            (Mode::Once, true, false),
            (Mode::Restore, true, false),
            (Mode::Follow, true, true),
            (Mode::Once, false, true),
            (Mode::Restore, false, true),
        ];
        for (mode, was_stopped, is_ok) in cases {
            let mut report = Report::new(mode, "log".to_owned(), "copy".to_owned());
            report.copied(&mirror, Duration::ZERO, was_stopped);
            assert_eq!(report.is_ok(), is_ok, "{mode:?}, stopped: {was_stopped}");
            let told = report.trouble().is_some_and(|trouble| trouble.contains(advice::INTERRUPTED));
            assert_eq!(told, !is_ok, "{mode:?}, stopped: {was_stopped}");
        }
    }
}
