//! The keys of persons as an operator sees them: how many there are, under which master keys, another master key in the
//! place of one, and a copy of them elsewhere.
//!
//! A copy is sealed as the records are, so that it may lie where the master key does not. It brings back persons who were
//! forgotten after it was made, unless their tombstones are there when it is read in: a tombstone always stays.

use std::collections::BTreeMap;

use bytes::Bytes;
use foodflow_domain::TenantId;
use foodflow_domain::personal::PersonId;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::cipher::Key;
use super::keyring::loop_until;
use super::master::MasterId;
use super::stored::{self, Stored, StoredKeys};
use super::{Keyring, PersonalError};
use crate::records::{Expected, LISTED_RECORDS_MAX, Record, RecordKey, RecordKind, Records};

/// How the keys stand.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Persons who have keys.
    pub persons: u64,
    /// Persons who were forgotten.
    pub forgotten: u64,
    /// Tenants that have a key for indices.
    pub tenants: u64,
    /// How many keys are sealed under each master key.
    pub masters: BTreeMap<String, u64>,
}

/// A record in a copy, as one line of JSON.
#[derive(Debug, Serialize, Deserialize)]
pub struct CopiedRecord {
    /// Its key.
    pub key: String,
    /// Its value, as it is stored.
    pub value: Box<RawValue>,
}

/// What reading a copy in came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ReadIn {
    /// Records that were written.
    pub written: u64,
    /// Records that stood there already, or say less than what stands there.
    pub kept: u64,
}

/// The key of each record, in order of the keys, from `after` on; empty at the end.
///
/// # Errors
/// [`PersonalError::Unavailable`] where the records do not answer.
pub async fn page(records: &dyn Records, after: Option<&RecordKey>) -> Result<Vec<Record>, PersonalError> {
    Ok(records.list(RecordKind::PersonKey, "", after, LISTED_RECORDS_MAX).await?)
}

/// A record as a line of a copy.
///
/// # Errors
/// Where it is not what this program writes.
pub fn copied(record: &Record) -> Result<CopiedRecord, PersonalError> {
    Stored::decode(&record.key, &record.value)?;
    let text = String::from_utf8(record.value.to_vec())
        .map_err(|error| PersonalError::invalid(error.to_string()))?;
    let value = RawValue::from_string(text).map_err(|error| PersonalError::invalid(error.to_string()))?;
    Ok(CopiedRecord { key: record.key.as_str().to_owned(), value })
}

/// How the keys in `records` stand; needs no master key.
///
/// # Errors
/// [`PersonalError`] where the records do not answer, or hold something else.
pub async fn standing(records: &dyn Records) -> Result<Standing, PersonalError> {
    let mut standing = Standing::default();
    let mut after = None;
    loop {
        let page = page(records, after.as_ref()).await?;
        let Some(last) = page.last() else { return Ok(standing) };
        after = Some(last.key.clone());
        for record in &page {
            let is_person = stored::is_of_person(&record.key);
            match Stored::decode(&record.key, &record.value)? {
                Stored::Tombstone(_) => standing.forgotten += 1,
                Stored::Keys(StoredKeys { keys }) => {
                    standing.persons += u64::from(is_person);
                    standing.tenants += u64::from(!is_person && record.key.as_str().contains('.'));
                    for key in keys {
                        *standing.masters.entry(key.master.to_string()).or_default() += 1;
                    }
                }
            }
        }
    }
}

/// Which master key the records in `records` prove, if any was ever used; needs no master key.
///
/// # Errors
/// [`PersonalError`] where the records do not answer, or hold something else.
pub async fn proven_master(records: &dyn Records) -> Result<Option<MasterId>, PersonalError> {
    let place = stored::key_of_check()?;
    let Some(record) = records.get(RecordKind::PersonKey, &place).await? else { return Ok(None) };
    match Stored::decode(&place, &record.value)? {
        Stored::Keys(keys) => Ok(keys.keys.first().map(|key| key.master)),
        Stored::Tombstone(_) => Err(PersonalError::invalid(format!("record {place} is a tombstone"))),
    }
}

impl Keyring {
    /// Seals every key under the first master key of the source; answers how many records were written. May be repeated,
    /// and goes on where it was cut short.
    ///
    /// # Errors
    /// [`PersonalError`].
    pub async fn rewrap_all(&self) -> Result<u64, PersonalError> {
        let first = self.sealing()?.first();
        let (mut written, mut after) = (0, None);
        loop {
            let page = page(&*self.records, after.as_ref()).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key.clone());
            for record in page {
                written += u64::from(self.rewrap(&record.key, first).await?);
            }
        }
        self.records.scrub(RecordKind::PersonKey, None).await?;
        Ok(written)
    }

    async fn rewrap(&self, place: &RecordKey, first: MasterId) -> Result<bool, PersonalError> {
        loop_until(|| async {
            let Some(record) = self.records.get(RecordKind::PersonKey, place).await? else {
                return Ok(Some(false));
            };
            let Stored::Keys(found) = Stored::decode(place, &record.value)? else { return Ok(Some(false)) };
            if found.keys.iter().all(|key| key.master == first) {
                return Ok(Some(false));
            }
            let keys = self.opened(place, &found)?;
            let next = self.sealed(place, &keys)?;
            Ok(self.put(place, &next, Expected::Revision(record.revision)).await?.then_some(true))
        })
        .await
    }

    /// Gives every person of a tenant another key, or one person; answers how many got one.
    ///
    /// # Errors
    /// [`PersonalError`].
    pub async fn rotate_persons(
        &self,
        tenant: TenantId,
        person: Option<PersonId>,
    ) -> Result<u64, PersonalError> {
        if let Some(person) = person {
            return self.rotate(tenant, person).await.map(|_| 1);
        }
        let (prefix, mut rotated, mut after) = (format!("{tenant}."), 0, None);
        loop {
            let page =
                self.records.list(RecordKind::PersonKey, &prefix, after.as_ref(), LISTED_RECORDS_MAX).await?;
            let Some(last) = page.last() else { return Ok(rotated) };
            after = Some(last.key.clone());
            for record in page {
                let owner = record.key.as_str().strip_prefix(&prefix).and_then(|owner| owner.parse().ok());
                let Some(person) = owner else { continue };
                match self.rotate(tenant, person).await {
                    Ok(_) => rotated += 1,
                    Err(PersonalError::Forgotten { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }

    /// Reads one record of a copy in. A tombstone on either side stays; of two records of keys the one that holds all keys
    /// of the other.
    ///
    /// # Errors
    /// [`PersonalError`]: also where it is sealed under a master key that is not there, or holds other keys than the record
    /// that stands there; nothing is written then.
    pub async fn read_in(&self, copy: &CopiedRecord, into: &mut ReadIn) -> Result<(), PersonalError> {
        let key =
            RecordKey::new(copy.key.clone()).map_err(|error| PersonalError::invalid(error.to_string()))?;
        let value = Bytes::copy_from_slice(copy.value.get().as_bytes());
        let new = Stored::decode(&key, &value)?;
        let new_keys = self.keys(&key, &new)?;
        let is_written = loop_until(|| async {
            let found = self.records.get(RecordKind::PersonKey, &key).await?;
            let expected = match &found {
                None => Expected::New,
                Some(record) => {
                    let old = self.keys(&key, &Stored::decode(&key, &record.value)?)?;
                    if !is_to_replace(&key, old.as_deref(), new_keys.as_deref())? {
                        return Ok(Some(false));
                    }
                    Expected::Revision(record.revision)
                }
            };
            Ok(self.put(&key, &new, expected).await?.then_some(true))
        })
        .await?;
        if is_written {
            self.records.scrub(RecordKind::PersonKey, Some(&key)).await?;
            self.let_go();
        }
        *(if is_written { &mut into.written } else { &mut into.kept }) += 1;
        Ok(())
    }

    /// The keys of a record; `None` of a tombstone.
    fn keys(&self, place: &RecordKey, found: &Stored) -> Result<Option<Vec<Key>>, PersonalError> {
        match found {
            Stored::Tombstone(_) => Ok(None),
            Stored::Keys(keys) => self.opened(place, keys).map(Some),
        }
    }
}

/// Whether a copy's keys take the place of those that stand there.
fn is_to_replace(place: &RecordKey, old: Option<&[Key]>, new: Option<&[Key]>) -> Result<bool, PersonalError> {
    let (Some(old), Some(new)) = (old, new) else { return Ok(old.is_some()) };
    let same = old.iter().zip(new).all(|(old, new)| old.bytes() == new.bytes());
    // What was made to prove the master key opens nothing else.
    if !same && *place != stored::key_of_check()? {
        let reason =
            format!("record {place} holds other keys than the copy; neither opens what the other sealed");
        return Err(PersonalError::Invalid { reason });
    }
    Ok(same && new.len() > old.len())
}
