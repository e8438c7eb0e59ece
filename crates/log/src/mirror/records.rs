//! The audit records of both logs, compared.

use std::fmt;

use serde::Serialize;

use super::MirrorError;
use super::compare::Finding;
use super::trail::{self, ReadTrail};
use crate::audit::record::RecordHash;
use crate::audit::{Trail, TrailError};
use crate::event_log::{LogError, SharedLog};

/// What was found in the audit records.
#[derive(Debug, Clone, Serialize)]
pub struct ComparedRecords {
    /// Records of the source; up to the finding where there is one.
    pub of_source: u64,
    /// Records of the target; up to the finding where there is one.
    pub of_target: u64,
    /// What is wrong, if anything is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finding: Option<Finding>,
}

/// The first audit record that is not the same in both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecordsDifference {
    /// Number of the record, from 1.
    pub number: u64,
    /// SHA-256 of the source's.
    pub in_source: RecordHash,
    /// SHA-256 of the target's.
    pub in_target: RecordHash,
}

impl fmt::Display for RecordsDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, in_source, in_target } = self;
        write!(
            f,
            "audit record {number}: the source has one with SHA-256 {in_source}, the target {in_target}"
        )
    }
}

/// Reads the audit records of both; answers also with the source's.
pub(super) async fn compare_records(
    source: &SharedLog,
    target: &SharedLog,
) -> Result<(Trail, ComparedRecords), MirrorError> {
    let (of_source, of_target) =
        (trail::read(&*source.records()).await, trail::read(&*target.records()).await);
    let finding = match (&of_source.ended, &of_target.ended) {
        (Err(TrailError::Log(error)), _) => Some(source_unreadable(error)?),
        (_, Err(TrailError::Log(error))) => Some(target_unreadable(error)?),
        (Err(TrailError::Broken(broken)), _) => Some(Finding::SourceRecordsBroken(broken.clone())),
        (_, Err(TrailError::Broken(broken))) => Some(Finding::TargetRecordsBroken(broken.clone())),
        (Ok(()), Ok(())) => records_difference(&of_source, &of_target).map(Finding::RecordsDiffer),
    };
    let (trail, of_target) = (of_source.trail, of_target.trail.len());
    let compared = ComparedRecords { of_source: trail.len(), of_target, finding };
    Ok((trail, compared))
}

fn records_difference(of_source: &ReadTrail, of_target: &ReadTrail) -> Option<RecordsDifference> {
    let pairs = (1..).zip(of_source.hashes.iter().copied().zip(of_target.hashes.iter().copied()));
    let (number, (in_source, in_target)) = pairs.into_iter().find(|(_, (one, other))| one != other)?;
    Some(RecordsDifference { number, in_source, in_target })
}

/// What a log holds and cannot read is a finding; one that does not answer is a failure.
fn source_unreadable(error: &LogError) -> Result<Finding, MirrorError> {
    match error {
        LogError::Corrupt { .. } => Ok(Finding::SourceUnreadable(error.to_string())),
        _ => Err(MirrorError::SourceFailed(error.clone())),
    }
}

fn target_unreadable(error: &LogError) -> Result<Finding, MirrorError> {
    match error {
        LogError::Corrupt { .. } => Ok(Finding::TargetUnreadable(error.to_string())),
        _ => Err(MirrorError::TargetFailed(error.clone())),
    }
}
