//! Which key signs when: the key records of a trail, each signed by the key before it.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::pkcs8::{DecodePublicKey as _, EncodePublicKey as _, spki::der::pem::LineEnding};
use ed25519_dalek::{SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::broken_record::{BrokenRecord, Named, RecordRule};
use super::record::{
    CHECKPOINT_FORMAT, Checkpoint, KEY_FORMAT, KeyRecord, RecordHash, Signature, signed_bytes,
};
use crate::hex::Hex;
use crate::merkle::CompactRange;

/// A public key's name: the SHA-256 of its 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(pub Hex<32>);

impl KeyId {
    /// The name of this public key.
    #[must_use]
    pub fn of(public_key: Hex<32>) -> Self {
        Self(Hex(Sha256::digest(public_key.0).into()))
    }

    /// The name of the public part of `key`.
    #[must_use]
    pub fn of_signer(key: &SigningKey) -> Self {
        Self::of(Hex(key.verifying_key().to_bytes()))
    }

    /// The name of the public key in `pem` (SubjectPublicKeyInfo).
    ///
    /// # Errors
    /// Where it holds no Ed25519 public key.
    pub fn of_pem(pem: &str) -> Result<Self, String> {
        let key = VerifyingKey::from_public_key_pem(pem)
            .map_err(|error| format!("no Ed25519 public key (PEM): {error}"))?;
        Ok(Self::of(Hex(key.to_bytes())))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for KeyId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// A public key as a PEM text (SubjectPublicKeyInfo), for other tools.
///
/// # Errors
/// Where these bytes are no public key.
pub fn public_key_pem(public_key: Hex<32>) -> Result<String, String> {
    let key = VerifyingKey::from_bytes(&public_key.0).map_err(|error| error.to_string())?;
    key.to_public_key_pem(LineEnding::LF).map_err(|error| error.to_string())
}

/// The keys of a trail, in their order.
#[derive(Debug, Clone, Default)]
pub struct KeyChain {
    keys: Vec<Enrolled>,
}

#[derive(Debug, Clone)]
struct Enrolled {
    record: KeyRecord,
    hash: RecordHash,
    public: VerifyingKey,
}

impl KeyChain {
    /// Takes the next key record, whose hash is `hash`.
    ///
    /// # Errors
    /// [`BrokenRecord`] where it does not follow from the one before it.
    pub fn enroll(&mut self, record: &KeyRecord, hash: RecordHash) -> Result<(), BrokenRecord> {
        let statement = &record.statement;
        let (previous_key, signer) = match self.keys.last() {
            Some(last) => (last.hash, last.record.statement.key),
            None => (RecordHash::ZERO, statement.key),
        };
        let follows = self.keys.last().map_or(0, |last| last.record.statement.number);
        if self.keys.is_empty() != (statement.number == 1) || statement.number <= follows {
            let expected = if follows == 0 { "the first key, in record 1" } else { "a later number" };
            return Err(record.broken(RecordRule::RecordOrder, expected, statement.number));
        }
        same(record, RecordRule::RecordOrder, "log", &self.log().unwrap_or(statement.log), &statement.log)?;
        same(record, RecordRule::RecordChain, "previous_key", &previous_key, &statement.previous_key)?;
        same(record, RecordRule::RecordKey, "key", &KeyId::of(statement.public_key), &statement.key)?;
        same(record, RecordRule::RecordKey, "signed_by", &signer, &statement.signed_by)?;
        if let Some(earlier) = self.find(statement.key) {
            let expected = "a key that was not in force before";
            let found = format!("the key of record {}", earlier.record.statement.number);
            return Err(record.broken(RecordRule::RecordKey, expected, found));
        }
        let public = VerifyingKey::from_bytes(&statement.public_key.0).map_err(|error| {
            record.broken(RecordRule::RecordKey, "an Ed25519 public key", format!("none: {error}"))
        })?;
        let bytes = signed_bytes(KEY_FORMAT, statement).map_err(|error| unwritable(record, &error))?;
        let replaced = self.keys.last().map_or(&public, |last| &last.public);
        check_signature(record, replaced, signer, &bytes, &record.signature)?;
        check_signature(record, &public, statement.key, &bytes, &record.accepted)?;
        self.keys.push(Enrolled { record: record.clone(), hash, public });
        Ok(())
    }

    /// Checks who signed `checkpoint`, and that its parts agree; answers with its tree.
    ///
    /// # Errors
    /// [`BrokenRecord`] says what does not hold.
    pub fn check(&self, checkpoint: &Checkpoint) -> Result<CompactRange, BrokenRecord> {
        let statement = &checkpoint.statement;
        let log = self.log().unwrap_or(statement.log);
        same(checkpoint, RecordRule::RecordOrder, "log", &log, &statement.log)?;
        let bytes =
            signed_bytes(CHECKPOINT_FORMAT, statement).map_err(|error| unwritable(checkpoint, &error))?;
        self.check_signed(checkpoint, statement.number, statement.key, &bytes, &checkpoint.signature)?;
        statement.tree().ok_or_else(|| {
            let expected =
                format!("peaks that make the root {} of {} leaves", statement.root, statement.size);
            checkpoint.broken(RecordRule::Checkpoint, expected, "others")
        })
    }

    /// Checks that `key` was in force after record `number - 1`, and that `signature` is its own.
    pub(super) fn check_signed(
        &self,
        record: &impl Named,
        number: u64,
        key: KeyId,
        bytes: &[u8],
        signature: &Signature,
    ) -> Result<(), BrokenRecord> {
        let before = |enrolled: &&Enrolled| enrolled.record.statement.number < number;
        let Some(in_force) = self.keys.iter().rev().find(before) else {
            return Err(record.broken(RecordRule::RecordKey, "a key record before it", "none"));
        };
        if in_force.record.statement.key != key {
            let expected =
                format!("a signature by key {}, which was in force", in_force.record.statement.key);
            return Err(record.broken(RecordRule::RecordKey, expected, self.describe(key)));
        }
        check_signature(record, &in_force.public, key, bytes, signature)
    }

    /// The log that the keys belong to.
    #[must_use]
    pub fn log(&self) -> Option<Uuid> {
        self.keys.first().map(|first| first.record.statement.log)
    }

    /// The key that signs now.
    #[must_use]
    pub fn current(&self) -> Option<&KeyRecord> {
        self.keys.last().map(|last| &last.record)
    }

    /// The hash of the last key record; all zero before the first.
    #[must_use]
    pub fn last_hash(&self) -> RecordHash {
        self.keys.last().map_or(RecordHash::ZERO, |last| last.hash)
    }

    /// The key records, in their order.
    pub fn records(&self) -> impl ExactSizeIterator<Item = &KeyRecord> {
        self.keys.iter().map(|enrolled| &enrolled.record)
    }

    /// Checks that one of `trusted` is among the keys: each key vouches for the one after it by its signature, and
    /// for those before it by the hashes that it has accepted. Trusts any chain where `trusted` is empty.
    ///
    /// # Errors
    /// [`BrokenRecord`] where none of them is.
    pub fn check_trusted(&self, trusted: &[KeyId]) -> Result<(), BrokenRecord> {
        if trusted.is_empty() || trusted.iter().any(|key| self.find(*key).is_some()) {
            return Ok(());
        }
        let names = |keys: &mut dyn Iterator<Item = KeyId>| {
            keys.map(|key| key.to_string()).collect::<Vec<_>>().join(", ")
        };
        let expected = format!("the trusted key {}", names(&mut trusted.iter().copied()));
        let found = match self.keys.len() {
            0 => "no key at all".to_owned(),
            _ => format!("only {}", names(&mut self.records().map(|record| record.statement.key))),
        };
        Err(BrokenRecord::at(RecordRule::Trust, 1, expected, found))
    }

    fn find(&self, key: KeyId) -> Option<&Enrolled> {
        self.keys.iter().find(|enrolled| enrolled.record.statement.key == key)
    }

    /// What is known of a key that should not have signed.
    fn describe(&self, key: KeyId) -> String {
        let Some(index) = self.keys.iter().position(|enrolled| enrolled.record.statement.key == key) else {
            return format!("one by key {key}, which no record introduces");
        };
        let number = |enrolled: &Enrolled| enrolled.record.statement.number;
        let from = number(&self.keys[index]);
        match self.keys.get(index + 1).map(number) {
            Some(until) => format!("one by key {key}, in force from record {from} until record {until}"),
            None => format!("one by key {key}, in force from record {from} on"),
        }
    }
}

fn check_signature(
    record: &impl Named,
    public: &VerifyingKey,
    key: KeyId,
    bytes: &[u8],
    signature: &Signature,
) -> Result<(), BrokenRecord> {
    public.verify_strict(bytes, &ed25519_dalek::Signature::from_bytes(&signature.0)).map_err(|_| {
        let expected = format!("the signature of key {key} over what the record states");
        record.broken(RecordRule::RecordSignature, expected, format!("{signature}, which is not"))
    })
}

pub(super) fn same<T: PartialEq + fmt::Display>(
    record: &impl Named,
    rule: RecordRule,
    member: &str,
    expected: &T,
    found: &T,
) -> Result<(), BrokenRecord> {
    if expected == found {
        return Ok(());
    }
    Err(record.broken(rule, format_args!("{member} {expected}"), format_args!("{member} {found}")))
}

pub(super) fn unwritable(record: &impl Named, error: &serde_json::Error) -> BrokenRecord {
    record.broken(RecordRule::RecordForm, "a record that can be written", error)
}
