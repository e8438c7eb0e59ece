//! The names of the log's streams.
//!
//! All begin with the log's prefix, so that several logs fit on one server. The part before the first `-` is what
//! EventStoreDB calls the category.

use crate::event_log::Partition;
use crate::records::{RecordKey, RecordKind};

/// Most characters of a prefix.
const PREFIX_CHARS_MAX: usize = 64;

/// The names of one log's streams.
#[derive(Debug, Clone)]
pub(super) struct Names {
    prefix: String,
}

impl Names {
    /// Names that begin with `prefix`; what is wrong with it, where it cannot be one.
    pub(super) fn new(prefix: &str) -> Result<Self, String> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if !(1..=PREFIX_CHARS_MAX).contains(&prefix.len()) || !prefix.chars().all(fits) {
            return Err(format!(
                "`{prefix}` cannot begin the names of streams: 1 to {PREFIX_CHARS_MAX} characters of a-z, 0-9 and _"
            ));
        }
        Ok(Self { prefix: prefix.to_owned() })
    }

    /// What the log is made of.
    pub(super) fn manifest(&self) -> String {
        format!("{}.log", self.prefix)
    }

    /// The messages of a partition.
    pub(super) fn partition(&self, partition: Partition) -> String {
        format!("{}.events-{}", self.prefix, partition.0)
    }

    /// The keys that records of a kind ever had.
    pub(super) fn record_keys(&self, kind: RecordKind) -> String {
        format!("{}.record_keys-{}", self.prefix, kind.name())
    }

    /// The values of a record.
    pub(super) fn record(&self, kind: RecordKind, key: &RecordKey) -> String {
        format!("{}.{}-{key}", self.prefix, kind.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stream_has_a_name_of_its_own_under_the_prefix() {
        let names = Names::new("plant_2").unwrap();
        assert_eq!(names.manifest(), "plant_2.log");
        assert_eq!(names.partition(Partition(3)), "plant_2.events-3");
        assert_eq!(names.record_keys(RecordKind::Lease), "plant_2.record_keys-lease");
        let key = RecordKey::new("t1.x/y-z").unwrap();
        assert_eq!(names.record(RecordKind::Checkpoint, &key), "plant_2.checkpoint-t1.x/y-z");
        // No kind is called like another sort of stream.
        for kind in RecordKind::ALL {
            assert!(!["events", "record_keys", "log"].contains(&kind.name()));
        }
    }

    #[test]
    fn a_prefix_is_plain() {
        for bad in ["", "$ce", "A", "a-b", "a.b", "a b", &"x".repeat(PREFIX_CHARS_MAX + 1)] {
            assert!(Names::new(bad).unwrap_err().contains("a-z"), "{bad}");
        }
    }
}
