//! What to do about what was found, in the words of this command.

use foodflow_log::mirror::{Finding, MirrorError};

use super::report::Mode;

const AUDIT: &str = "run `foodflow audit verify` on both (`--log-url` names the copy): the one whose chain is broken was \
                     changed; where neither is, compare roots that were noted earlier";
const RESTORE_ELSEWHERE: &str = "the log is never edited: restore into a new one, with another `--data` or `--log-url`, \
                                 and keep this one as it is";
const BROKEN_LOG: &str = "what stands before it is copied; stop writing to the log and keep it as it is. Restored into a \
                          new log, the copy holds the last state that was in order";

const NEW_COPY: &str = "make a new copy elsewhere, and keep this one as it is";
const RECORDS: &str = "a copy has the audit records of its log, and is never signed itself: run `foodflow audit verify \
                       --against` on both with records that were kept elsewhere, and make a new copy where it is the copy \
                       that was signed";

/// What to do about `finding`.
pub(super) fn on_finding(mode: Mode, finding: &Finding) -> String {
    match (mode, finding) {
        (
            Mode::Restore,
            Finding::Differs(_)
            | Finding::TargetUnreadable(_)
            | Finding::TargetRecordsBroken(_)
            | Finding::RecordsDiffer(_),
        ) => {
            format!(
                "nothing was changed; {RESTORE_ELSEWHERE}. To find out which of the two was changed, {AUDIT}"
            )
        }
        (Mode::Restore, _) => {
            "nothing was changed; the copy cannot be relied upon from there on: use another one".to_owned()
        }
        (_, Finding::RecordsDiffer(_)) => RECORDS.to_owned(),
        (
            _,
            Finding::Broken(_)
            | Finding::SourceUnreadable(_)
            | Finding::NotSigned(_)
            | Finding::SourceRecordsBroken(_),
        ) => BROKEN_LOG.to_owned(),
        (_, Finding::TargetUnreadable(_) | Finding::TargetRecordsBroken(_)) => NEW_COPY.to_owned(),
        (_, Finding::Differs(_)) => AUDIT.to_owned(),
    }
}

/// What to do about `error`, where there is something to do.
pub(super) fn on_error(mode: Mode, error: &MirrorError) -> Option<String> {
    let advice = match error {
        MirrorError::SourceBroken(_) if mode != Mode::Restore => BROKEN_LOG,
        MirrorError::TargetBeyond { .. } if mode != Mode::Restore => {
            "either the log has lost its end, which `foodflow mirror --restore --from <copy>` appends; or the copy is \
             one of another log"
        }
        MirrorError::Differs(_) | MirrorError::StreamDiffers { .. } if mode != Mode::Restore => {
            "nothing was changed; `foodflow mirror --verify` names the first difference. Where the copy is one of \
             another log, name another place"
        }
        MirrorError::TargetBroken(_) | MirrorError::TargetRecordsBroken(_) => NEW_COPY,
        MirrorError::SourceRecordsBroken(_) if mode != Mode::Restore => BROKEN_LOG,
        MirrorError::RecordsDiffer(_) | MirrorError::RecordsBeyond { .. } => RECORDS,
        MirrorError::SourceFailed(_) | MirrorError::TargetFailed(_) | MirrorError::AppendFailed(_)
            if error.may_pass() =>
        {
            "run it again: it goes on where it ended"
        }
        _ => return None,
    };
    Some(advice.to_owned())
}

/// What to do about a copy that holds more than its log.
pub(super) const COPY_IS_AHEAD: &str = "the copy holds more than the log: the log has lost its end, which `foodflow mirror \
                                        --restore --from <copy>` appends";
/// What to do about a copy that was interrupted.
pub(super) const INTERRUPTED: &str = "interrupted; run it again: it goes on where it ended";
