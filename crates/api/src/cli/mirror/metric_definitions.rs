//! The metrics of a copy that follows: every name, unit and description, and the only place that records them.
//!
//! The one label is `partition`; the audit records are of the whole log and have none.

use foodflow_log::mirror::{PartitionStanding, RecordsStanding};
use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

/// Gauge: messages in the log that the copy lacks.
const LAG_MESSAGES: &str = "foodflow_api_mirror_lag_messages";
/// Gauge, seconds: how long the copy has lacked something.
const LAG_SECONDS: &str = "foodflow_api_mirror_lag_seconds";
/// Counter: messages copied.
const COPIED_MESSAGES: &str = "foodflow_api_mirror_copied_messages_total";
/// Counter: failures, each followed by another try.
const RETRIES: &str = "foodflow_api_mirror_retries_total";
/// Counter: audit records copied.
const COPIED_RECORDS: &str = "foodflow_api_mirror_copied_records_total";
/// Counter: failures of the copy of the audit records.
const RECORDS_RETRIES: &str = "foodflow_api_mirror_records_retries_total";

/// Tells the installed recorder what the metrics mean.
pub(super) fn describe() {
    describe_gauge!(LAG_MESSAGES, Unit::Count, "Messages in the log that its copy lacks");
    describe_gauge!(LAG_SECONDS, Unit::Seconds, "How long the copy has lacked something; 0 in step");
    describe_counter!(COPIED_MESSAGES, Unit::Count, "Messages copied since the start");
    describe_counter!(RETRIES, Unit::Count, "Failures of the copy, each followed by another try");
    describe_counter!(COPIED_RECORDS, Unit::Count, "Audit records copied since the start");
    describe_counter!(
        RECORDS_RETRIES,
        Unit::Count,
        "Failures of the copy of the audit records, each followed by another try"
    );
}

/// Records how far a partition is.
pub(super) fn record(standing: &PartitionStanding) {
    let labels = [("partition", standing.partition.0.to_string())];
    gauge!(LAG_MESSAGES, &labels).set(standing.lag_messages() as f64);
    gauge!(LAG_SECONDS, &labels).set(standing.lag().as_secs_f64());
    counter!(COPIED_MESSAGES, &labels).absolute(standing.copied_messages());
    counter!(RETRIES, &labels).absolute(standing.retries);
}

/// Records how far the audit records are.
pub(super) fn record_records(standing: &RecordsStanding) {
    counter!(COPIED_RECORDS).absolute(standing.copied());
    counter!(RECORDS_RETRIES).absolute(standing.retries);
}
