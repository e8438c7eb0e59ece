//! A bundle, with no log.

use std::fmt;
use std::path::Path;

use anyhow::Context as _;
use foodflow_log::audit::bundle::{BrokenBundle, BundleVerified, BundleVerifier};
use foodflow_log::audit::{KeyId, KnownRecords};
use serde::Serialize;

use super::report::{verdict, write_trusted};
use crate::cli::audit::trusted::Lines;
use crate::cli::progress::Progress;

/// Lines between two looks at whether the work was interrupted.
const LINES_AT_ONCE: u64 = 256;

/// What was found.
#[derive(Debug, Serialize)]
pub(super) struct BundleReport {
    bundle: String,
    pub(super) in_order: bool,
    /// The keys with which those of the bundle were compared; none where nobody named one.
    trusted: Vec<KeyId>,
    /// What it proves.
    #[serde(skip_serializing_if = "Option::is_none")]
    proven: Option<BundleVerified>,
    #[serde(skip_serializing_if = "Option::is_none")]
    broken: Option<BrokenBundle>,
}

/// Checks the bundle at `path`.
///
/// # Errors
/// Where it cannot be read.
pub(super) async fn verify(
    path: &Path,
    trusted: Vec<KeyId>,
    known: KnownRecords,
) -> anyhow::Result<BundleReport> {
    let bundle = path.display().to_string();
    let cannot_read = || format!("--bundle: cannot read {bundle}");
    let mut lines = Lines::open(path).with_context(cannot_read)?;
    let mut verifier = BundleVerifier::new(trusted.clone(), known);
    let mut progress = Progress::start("checking the bundle", "lines", None);
    let outcome = loop {
        let Some(line) = lines.next().with_context(cannot_read)? else { break verifier.finish() };
        if let Err(broken) = verifier.line(line) {
            break Err(broken);
        }
        if verifier.lines().is_multiple_of(LINES_AT_ONCE) {
            progress.at(verifier.lines());
            tokio::task::yield_now().await;
        }
    };
    drop(progress);
    let in_order = outcome.is_ok();
    let (proven, broken) = match outcome {
        Ok(proven) => (Some(proven), None),
        Err(broken) => (None, Some(broken)),
    };
    Ok(BundleReport { bundle, in_order, trusted, proven, broken })
}

impl BundleReport {
    /// What to do where something is wrong.
    pub(super) fn advice(&self) -> &'static str {
        "the bundle is not what was exported: keep it as it is, and ask for another by a different way"
    }
}

impl fmt::Display for BundleReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\nbundle: {}", self.bundle, verdict(self.in_order))?;
        if let Some(broken) = &self.broken {
            write!(f, "\n  first broken line: {}", broken.line)?;
            if let Some(record) = broken.record.filter(|record| *record > 0) {
                write!(f, ", audit record {record}")?;
            }
            if let Some(position) = broken.position {
                write!(f, ", position {position}")?;
            }
            if let Some(tenant) = broken.tenant {
                write!(f, "\n    tenant   {tenant}")?;
            }
            if let Some(stream) = &broken.stream {
                write!(f, "\n    stream   {stream}")?;
            }
            write!(f, "\n    expected {}\n    found    {}", broken.expected, broken.found)?;
        }
        let Some(proven) = &self.proven else { return Ok(()) };
        let BundleVerified { partition, scope, checkpoint, size, messages, events, streams, .. } = proven;
        write!(f, "\n  holds: {messages} messages, {events} events, {streams} streams followed")?;
        write!(f, "\n  log {}, partition {}", proven.log, partition.0)?;
        if let Some(tenant) = scope.tenant {
            write!(f, ", tenant {tenant}")?;
        }
        write!(f, ", positions {} to {}", scope.from, scope.to)?;
        scope.streams.iter().try_for_each(|stream| write!(f, "\n  stream {stream}"))?;
        if scope.related {
            write!(f, "\n  with the whole commits that hold them")?;
        }
        write!(f, "\n  covered by checkpoint {checkpoint} at position {size}, signed {}", proven.signed_at)?;
        if let Some(key) = proven.keys.last() {
            write!(f, "\n  exported {}, sealed by key {key}", proven.exported_at)?;
        }
        write_trusted(f, &self.trusted)
    }
}
