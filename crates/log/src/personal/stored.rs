//! How keys stand in their records: each sealed under a master key, for the record and the number that it has.

use bytes::Bytes;
use foodflow_domain::TenantId;
use foodflow_domain::personal::PersonId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::PersonalError;
use super::cipher::Key;
use super::master::{MasterId, MasterKeys};
use crate::records::RecordKey;

/// Most keys that one person may have after another.
pub(super) const NUMBERS_MAX: usize = 256;
/// The name of a record that proves which master key seals.
const CHECK: &str = "master";
/// What stands in the place of a person where it is the tenant's index key.
const INDEX: &str = "index";

/// What stands in a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Stored {
    Keys(StoredKeys),
    Tombstone(Tombstone),
}

/// Keys under their numbers, which rise from 1 without a gap; the last one seals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredKeys {
    pub(super) keys: Vec<StoredKey>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredKey {
    pub(super) number: u32,
    /// Which master key it is sealed under.
    pub(super) master: MasterId,
    sealed: String,
}

/// The person was forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tombstone {
    pub(super) erased_at: Timestamp,
}

/// The record of a person's keys.
pub(super) fn key_of_person(tenant: TenantId, person: PersonId) -> Result<RecordKey, PersonalError> {
    record_key(format!("{tenant}.{person}"))
}

/// How the records of a tenant's persons, and of its index key, begin.
pub(super) fn keys_of_tenant(tenant: TenantId) -> String {
    format!("{tenant}.")
}

/// The record of a tenant's index key.
pub(super) fn key_of_index(tenant: TenantId) -> Result<RecordKey, PersonalError> {
    record_key(format!("{tenant}.{INDEX}"))
}

/// The record that proves which master key seals.
pub(super) fn key_of_check() -> Result<RecordKey, PersonalError> {
    record_key(CHECK.to_owned())
}

fn record_key(text: String) -> Result<RecordKey, PersonalError> {
    RecordKey::new(text).map_err(|error| PersonalError::invalid(error.to_string()))
}

/// Whether a record's key is one of a person.
pub(super) fn is_of_person(key: &RecordKey) -> bool {
    key.as_str().split_once('.').is_some_and(|(_, owner)| owner != INDEX)
}

impl Stored {
    pub(super) fn decode(key: &RecordKey, value: &[u8]) -> Result<Self, PersonalError> {
        let wrong = |what: &dyn std::fmt::Display| PersonalError::invalid(format!("record {key}: {what}"));
        let stored =
            serde_json::from_slice(value).map_err(|_| wrong(&"it holds neither keys nor a tombstone"))?;
        if let Self::Keys(StoredKeys { keys }) = &stored {
            let are_numbered = (1..).zip(keys).all(|(number, key)| key.number == number);
            if keys.is_empty() || keys.len() > NUMBERS_MAX || !are_numbered {
                return Err(wrong(&"its keys are not numbered from 1 on"));
            }
        }
        Ok(stored)
    }

    pub(super) fn encode(&self) -> Result<Bytes, PersonalError> {
        let value = serde_json::to_vec(self).map_err(|error| PersonalError::invalid(error.to_string()))?;
        Ok(value.into())
    }
}

impl StoredKeys {
    /// `keys` in their order, sealed under the first master key.
    pub(super) fn seal(masters: &MasterKeys, place: &RecordKey, keys: &[Key]) -> Result<Self, PersonalError> {
        let (master, sealing) = masters.sealing();
        let seal = |(number, key): (u32, &Key)| {
            let sealed = sealing.seal(&context(place, number), key.bytes())?;
            Ok(StoredKey { number, master: *master, sealed })
        };
        Ok(Self { keys: (1..).zip(keys).map(seal).collect::<Result<_, PersonalError>>()? })
    }

    /// The keys, in order of their numbers.
    pub(super) fn open(&self, masters: &MasterKeys, place: &RecordKey) -> Result<Vec<Key>, NotOpened> {
        let open = |stored: &StoredKey| {
            let master = masters.find(stored.master).ok_or(NotOpened::OtherMaster(stored.master))?;
            let key = master.open(&context(place, stored.number), &stored.sealed);
            key.and_then(|bytes| Key::of(&bytes)).ok_or(NotOpened::Changed)
        };
        self.keys.iter().map(open).collect()
    }
}

/// Why keys were not opened.
#[derive(Debug)]
pub(super) enum NotOpened {
    /// They are sealed under a master key that is not there.
    OtherMaster(MasterId),
    /// They are not what was sealed for this record.
    Changed,
}

fn context(place: &RecordKey, number: u32) -> String {
    format!("foodflow key\n{place}\n{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> RecordKey {
        RecordKey::new(text).unwrap()
    }

    #[test]
    fn keys_open_in_their_record_alone() {
        let masters = MasterKeys::generate().unwrap();
        let keys = [Key::random().unwrap(), Key::random().unwrap()];
        let stored = StoredKeys::seal(&masters, &place("t.p"), &keys).unwrap();
        let opened = stored.open(&masters, &place("t.p")).unwrap();
        assert!(opened.iter().map(Key::bytes).eq(keys.iter().map(Key::bytes)));
        assert!(matches!(stored.open(&masters, &place("t.q")), Err(NotOpened::Changed)));
        let other = MasterKeys::generate().unwrap();
        assert!(
            matches!(stored.open(&other, &place("t.p")), Err(NotOpened::OtherMaster(id)) if id == masters.first())
        );
        let mut swapped = stored.clone();
        swapped.keys.swap(0, 1);
        (swapped.keys[0].number, swapped.keys[1].number) = (1, 2);
        assert!(matches!(swapped.open(&masters, &place("t.p")), Err(NotOpened::Changed)));
    }

    #[test]
    fn a_record_holds_keys_or_a_tombstone_and_nothing_else() {
        let key = place("t.p");
        let masters = MasterKeys::generate().unwrap();
        let keys = StoredKeys::seal(&masters, &key, &[Key::random().unwrap()]).unwrap();
        let tombstone = Tombstone { erased_at: "2026-03-09T17:00:00Z".parse().unwrap() };
        for stored in [Stored::Keys(keys.clone()), Stored::Tombstone(tombstone)] {
            assert_eq!(Stored::decode(&key, &stored.encode().unwrap()).unwrap(), stored);
        }
        let mut gap = keys.clone();
        gap.keys[0].number = 2;
        for wrong in [
            "{}".to_owned(),
            "[]".to_owned(),
            r#"{"keys":[]}"#.to_owned(),
            r#"{"keys":[],"erased_at":"2026-03-09T17:00:00Z"}"#.to_owned(),
            serde_json::to_string(&gap).unwrap(),
        ] {
            assert!(Stored::decode(&key, wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn records_are_told_apart_by_their_keys() {
        let tenant = TenantId::of_slug("t");
        assert!(is_of_person(&key_of_person(tenant, PersonId::default()).unwrap()));
        assert!(!is_of_person(&key_of_index(tenant).unwrap()));
        assert!(!is_of_person(&key_of_check().unwrap()));
    }
}
