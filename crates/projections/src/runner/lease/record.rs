//! How leases are written down: keys and values of the records beside the log.

use bytes::Bytes;
use foodflow_log::{Partition, Record, RecordKey};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Owner;

/// What a record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::runner) enum Place {
    /// Who works on a partition.
    Partition(Partition),
    /// That a process takes part.
    Member(Uuid),
}

/// The value of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::runner) struct Note {
    /// Who wrote it.
    #[serde(flatten)]
    pub(in crate::runner) owner: Owner,
    /// How often it was renewed.
    pub(in crate::runner) renewed: u64,
}

/// A record as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::runner) struct Found {
    pub(in crate::runner) place: Place,
    pub(in crate::runner) note: Note,
    pub(in crate::runner) revision: u64,
}

/// The records of one projection into one store.
#[derive(Debug, Clone)]
pub(in crate::runner) struct Purpose(String);

impl Purpose {
    /// The records of `projection` into the store of this identity.
    ///
    /// # Panics
    /// Where the projection's name cannot stand in a key; [`is_name`] tells.
    pub(in crate::runner) fn new(projection: &str, store: Uuid) -> Self {
        assert!(is_name(projection), "`{projection}` is the name of a projection");
        Self(format!("{projection}.{store}."))
    }

    /// What every key begins with.
    pub(in crate::runner) fn prefix(&self) -> &str {
        &self.0
    }

    /// The key of a record.
    pub(in crate::runner) fn key(&self, place: Place) -> RecordKey {
        let prefix = self.prefix();
        let text = match place {
            Place::Partition(partition) => format!("{prefix}partition.{}", partition.0),
            Place::Member(id) => format!("{prefix}member.{id}"),
        };
        RecordKey::new(text).expect("a name, an id and a number with dots between them are a key")
    }

    /// Reads a record; `None` where its key is none of these. A value that cannot be read is nobody's, and dies.
    pub(in crate::runner) fn read(&self, record: &Record) -> Option<Found> {
        let (kind, which) = record.key.as_str().strip_prefix(self.prefix())?.split_once('.')?;
        let place = match kind {
            "partition" => Place::Partition(Partition(which.parse().ok()?)),
            "member" => Place::Member(Uuid::parse_str(which).ok()?),
            _ => return None,
        };
        let nobody = || Note { owner: Owner { id: Uuid::nil(), process: "unknown".to_owned() }, renewed: 0 };
        let note = serde_json::from_slice(&record.value).unwrap_or_else(|_| nobody());
        Some(Found { place, note, revision: record.revision })
    }
}

/// Whether a projection may be called so: 1 to 60 of `a-z`, `0-9` and `_`.
pub(in crate::runner) fn is_name(projection: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (1..=60).contains(&projection.len()) && projection.bytes().all(fits)
}

impl Note {
    /// The value of a record.
    pub(in crate::runner) fn encode(&self) -> Bytes {
        serde_json::to_vec(self).expect("a note is texts and a number").into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let purpose = Purpose::new("food_graph", Uuid::from_u128(7));
        let owner = Owner::new("plant-7/4711");
        for place in [Place::Partition(Partition(11)), Place::Member(owner.id)] {
            let note = Note { owner: owner.clone(), renewed: 3 };
            let record = Record { key: purpose.key(place), value: note.encode(), revision: 9 };
            assert_eq!(purpose.read(&record), Some(Found { place, note, revision: 9 }));
            assert_eq!(Purpose::new("food_graph", Uuid::from_u128(8)).read(&record), None);
        }
        let foreign =
            Record { key: purpose.key(Place::Partition(Partition(1))), value: "x".into(), revision: 1 };
        assert!(purpose.read(&foreign).unwrap().note.owner.id.is_nil());
        assert!(is_name("food_graph") && !is_name("food graph") && !is_name("") && !is_name("a.b"));
    }
}
