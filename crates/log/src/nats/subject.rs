//! Names of streams and subjects: `ff.ev.<partition>.<tenant>.<context>.<aggregate>.<id>`.
//!
//! The one place that turns a tenant's stream into a subject and back. A name that is not `[a-z_]+` never
//! becomes part of a subject, so that no stream id can name another tenant's subject or a wildcard.

use foodflow_domain::TenantId;

use crate::{AppendError, LogError, Partition, StreamId};

const ROOT: &str = "ff.ev";

/// The JetStream stream of a partition.
pub(super) fn stream_name(partition: Partition) -> String {
    format!("FF_EVENTS_{}", partition.0)
}

/// The subjects that a partition's stream holds.
pub(super) fn partition_filter(partition: Partition) -> String {
    format!("{ROOT}.{}.>", partition.0)
}

/// All subjects of one tenant.
pub(super) fn tenant_filter(partition: Partition, tenant: TenantId) -> String {
    format!("{ROOT}.{}.{tenant}.>", partition.0)
}

/// The subject of one stream, or `None` where its names are not `[a-z_]+`.
pub(super) fn stream_subject(partition: Partition, tenant: TenantId, stream: &StreamId) -> Option<String> {
    let plain = is_name(&stream.context) && is_name(&stream.aggregate);
    plain.then(|| format!("{ROOT}.{}.{tenant}.{stream}", partition.0))
}

/// The refusal of a stream whose names cannot be part of a subject.
pub(super) fn invalid_name(stream: &StreamId) -> AppendError {
    AppendError::Invalid { what: format!("`{stream}` has a name that is not [a-z_]+") }
}

/// The tenant and stream of a stored message's subject.
pub(super) fn parse(
    partition: Partition,
    position: u64,
    subject: &str,
) -> Result<(TenantId, StreamId), LogError> {
    let corrupt = || LogError::Corrupt {
        place: format!("partition {} position {position}", partition.0),
        reason: format!("subject `{subject}` is not one of this log"),
    };
    let rest = subject.strip_prefix(ROOT).and_then(|rest| rest.strip_prefix('.')).ok_or_else(corrupt)?;
    let mut parts = rest.splitn(3, '.');
    let number: u16 = parts.next().and_then(|text| text.parse().ok()).ok_or_else(corrupt)?;
    let tenant: TenantId = parts.next().and_then(|text| text.parse().ok()).ok_or_else(corrupt)?;
    let stream = parts.next().and_then(StreamId::parse).ok_or_else(corrupt)?;
    if number == partition.0 { Ok((tenant, stream)) } else { Err(corrupt()) }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_subject_reads_back_as_what_it_was_made_of() {
        let tenant = TenantId(Uuid::from_u128(7));
        let stream = StreamId::new("food_graph", "batch", Uuid::from_u128(9));
        let subject = stream_subject(Partition(3), tenant, &stream).unwrap();
        assert_eq!(parse(Partition(3), 1, &subject).unwrap(), (tenant, stream));
        assert!(parse(Partition(2), 1, &subject).is_err());
        assert!(parse(Partition(3), 1, "ff.ev.3.someone.food_graph.batch.x").is_err());
        assert!(parse(Partition(3), 1, "orders.3").is_err());
    }

    #[test]
    fn wildcards_and_dots_never_reach_a_subject() {
        for name in ["", "*", ">", "batch.x", "Batch", "b t"] {
            let stream =
                StreamId { context: "food_graph".into(), aggregate: name.to_owned().into(), id: Uuid::nil() };
            assert_eq!(stream_subject(Partition(0), TenantId::default(), &stream), None, "{name}");
        }
    }
}
