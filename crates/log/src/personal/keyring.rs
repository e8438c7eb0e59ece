//! The keys of persons as a process uses them.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use foodflow_domain::TenantId;
use foodflow_domain::identity::origin::visitors;
use foodflow_domain::personal::{PERSON_FIELD, PersonId, SEALED_FIELD, VALUE_FIELD};
use futures::StreamExt as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use moka::ops::compute::Op;
use moka::sync::Cache;
use sha2::Sha256;
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::PersonalError;
use super::cipher::Key;
use super::master::{MasterKeys, MasterSource};
use super::stored::{self, NUMBERS_MAX, NotOpened, Stored, StoredKeys, Tombstone};
use super::walk::{self, Form};
use crate::PayloadHash;
use crate::records::{Expected, Record, RecordError, RecordKey, RecordKind, SharedRecords};

/// How long a process keeps what it knows of a person's keys, so that another process's forgetting holds here by then.
pub const KEPT_MAX: Duration = Duration::from_secs(60);
/// Persons whose keys a process keeps.
const PERSONS_KEPT_MAX: u64 = 50_000;
/// Tenants whose index keys a process keeps.
const TENANTS_KEPT_MAX: u64 = 10_000;
/// Records that are looked for at once.
const LOOKS_AT_ONCE: usize = 16;
/// How often a record is read again where another process was faster, or its write is not to be seen yet.
const TRIES_MAX: u32 = 20;
const TRY_PAUSE: Duration = Duration::from_millis(25);

/// A person, with whom the person belongs to.
pub(super) type Owner = (TenantId, PersonId);

/// The keys of persons beside one log. What it says is in the [module](super).
pub struct Keyring {
    pub(super) records: SharedRecords,
    source: Arc<dyn MasterSource>,
    masters: RwLock<Arc<MasterKeys>>,
    /// The master key was found to be the one of these records.
    checked: OnceCell<()>,
    persons: Cache<Owner, Known>,
    /// These never change.
    indices: Cache<TenantId, Key>,
}

/// What is known of a person.
#[derive(Clone)]
enum Known {
    /// By their numbers, from 1 on.
    Keys(Arc<[Key]>),
    Forgotten,
}

/// What forgetting a person came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgotten {
    /// Since when the person is forgotten.
    pub erased_at: Timestamp,
    /// Whether the person was forgotten before.
    pub repeated: bool,
}

/// What is known of those that some texts are about.
type Looked = HashMap<Owner, Result<Known, PersonalError>>;

impl Keyring {
    /// The keys in `records`, with master keys from `source`. Writes nothing.
    ///
    /// # Errors
    /// Where the master keys cannot be read, or are not those that the records are sealed under.
    pub async fn open(records: SharedRecords, source: Arc<dyn MasterSource>) -> Result<Self, PersonalError> {
        let masters = source.read().map_err(|reason| PersonalError::Unavailable { reason })?;
        let keyring = Self::of(records, source, masters);
        keyring.check().await?;
        Ok(keyring)
    }

    /// Keys that end with the process: nobody keeps their master key. For what leaves nothing behind, such as tests.
    ///
    /// # Errors
    /// Where the system has no randomness.
    pub fn passing(records: SharedRecords) -> Result<Self, PersonalError> {
        let masters = MasterKeys::generate()?;
        Ok(Self::of(records, Arc::new(masters.clone()), masters))
    }

    fn of(records: SharedRecords, source: Arc<dyn MasterSource>, masters: MasterKeys) -> Self {
        Self {
            records,
            source,
            masters: RwLock::new(Arc::new(masters)),
            checked: OnceCell::new(),
            persons: Cache::builder().max_capacity(PERSONS_KEPT_MAX).time_to_live(KEPT_MAX).build(),
            indices: Cache::new(TENANTS_KEPT_MAX),
        }
    }

    /// The same, with another time than [`KEPT_MAX`].
    #[must_use]
    pub fn keeping(self, kept: Duration) -> Self {
        let persons = Cache::builder().max_capacity(PERSONS_KEPT_MAX).time_to_live(kept).build();
        Self { persons, ..self }
    }

    /// `json` with what belongs to persons sealed; `None` where nothing does. A person who has no key yet gets one.
    ///
    /// # Errors
    /// [`PersonalError`]; `Forgotten` where a person was.
    pub async fn seal(&self, tenant: TenantId, json: &str) -> Result<Option<String>, PersonalError> {
        let found = walk::find(json)?;
        if found.is_empty() {
            return Ok(None);
        }
        let mut keys: HashMap<PersonId, Arc<[Key]>> = HashMap::new();
        for person in
            found.iter().filter(|found| !matches!(found.form, Form::Erased)).map(|found| found.person)
        {
            if let Entry::Vacant(entry) = keys.entry(person) {
                entry.insert(self.keys_or_new(tenant, person).await?);
            }
        }
        let mut sealed: Vec<(Range<usize>, String)> = Vec::with_capacity(found.len());
        for found in found {
            let person = found.person;
            match found.form {
                Form::Erased => {}
                Form::Sealed { .. } => return Err(PersonalError::invalid("it is sealed already")),
                Form::Opened(value) => {
                    let keys = keys.get(&person).ok_or(PersonalError::Missing { person })?;
                    let (number, key) = newest(keys).ok_or(PersonalError::Missing { person })?;
                    let text = key.seal(&context(tenant, person, number), value.get().as_bytes())?;
                    let object =
                        format!(r#"{{"{PERSON_FIELD}":"{person}","{SEALED_FIELD}":"{number}.{text}"}}"#);
                    sealed.push((found.range, object));
                }
            }
        }
        Ok(Some(walk::replace(json, &sealed)))
    }

    /// `json` with what belongs to persons opened, or erased where they are forgotten; `None` where nothing does.
    ///
    /// # Errors
    /// [`PersonalError`].
    pub async fn open_text(&self, tenant: TenantId, json: &str) -> Result<Option<String>, PersonalError> {
        if !walk::is_marked(json.as_bytes()) {
            return Ok(None);
        }
        let mut opened = self.open_all(&[(tenant, json)]).await;
        opened.pop().unwrap_or(Ok(None))
    }

    /// [`Self::open_text`] of each of `texts`; the keys are looked for together.
    pub async fn open_all(&self, texts: &[(TenantId, &str)]) -> Vec<Result<Option<String>, PersonalError>> {
        let found: Vec<_> = texts.iter().map(|(_, json)| walk::find(json)).collect();
        let mut wanted: BTreeMap<Owner, u32> = BTreeMap::new();
        for ((tenant, _), found) in texts.iter().zip(&found) {
            for found in found.iter().flatten() {
                if let Form::Sealed { number, .. } = found.form {
                    let highest = wanted.entry((*tenant, found.person)).or_default();
                    *highest = (*highest).max(number);
                }
            }
        }
        let looked = self.look(wanted).await;
        let open =
            |((tenant, json), found): (&(TenantId, &str), Result<Vec<walk::Found<'_>>, PersonalError>)| {
                let found = found?;
                if found.is_empty() {
                    return Ok(None);
                }
                let opened: Result<Vec<_>, _> =
                    found.into_iter().map(|found| opened(*tenant, found, &looked)).collect();
                Ok(Some(walk::replace(json, &opened?)))
            };
        texts.iter().zip(found).map(open).collect()
    }

    /// Forgets a person: what was sealed for the person is erased from now on, and nothing more is sealed. In other
    /// processes that holds within [`KEPT_MAX`], at once where they are told ([`Self::let_go_of`]).
    ///
    /// # Errors
    /// [`PersonalError`]; it is safe to repeat, and only an answer says that nothing of the keys is left on disk.
    pub async fn forget(
        &self,
        tenant: TenantId,
        person: PersonId,
        at: Timestamp,
    ) -> Result<Forgotten, PersonalError> {
        let key = stored::key_of_person(tenant, person)?;
        let forgotten = loop_until(|| async {
            let found = self.records.get(RecordKind::PersonKey, &key).await?;
            let expected = match &found {
                None => Expected::New,
                Some(record) => match Stored::decode(&key, &record.value)? {
                    Stored::Tombstone(Tombstone { erased_at }) => {
                        return Ok(Some(Forgotten { erased_at, repeated: true }));
                    }
                    Stored::Keys(_) => Expected::Revision(record.revision),
                },
            };
            let tombstone = Stored::Tombstone(Tombstone { erased_at: at });
            let is_written = self.put(&key, &tombstone, expected).await?;
            Ok(is_written.then_some(Forgotten { erased_at: at, repeated: false }))
        })
        .await?;
        self.let_go_of(tenant, person);
        self.records.scrub(RecordKind::PersonKey, Some(&key)).await?;
        Ok(forgotten)
    }

    /// Treats a person as forgotten from now on, for [`KEPT_MAX`]: another process has decided so, and the keys go next.
    pub fn let_go_of(&self, tenant: TenantId, person: PersonId) {
        self.persons.insert((tenant, person), Known::Forgotten);
    }

    /// Gives a person another key, which seals from now on; the earlier ones still open. Answers its number.
    ///
    /// # Errors
    /// [`PersonalError`]; `Missing` where the person has no key.
    pub async fn rotate(&self, tenant: TenantId, person: PersonId) -> Result<u32, PersonalError> {
        let key = stored::key_of_person(tenant, person)?;
        let number = loop_until(|| async {
            let record = self.records.get(RecordKind::PersonKey, &key).await?;
            let record = record.ok_or(PersonalError::Missing { person })?;
            let Stored::Keys(found) = Stored::decode(&key, &record.value)? else {
                return Err(PersonalError::Forgotten { person });
            };
            let mut keys = self.opened(&key, &found)?;
            if keys.len() >= NUMBERS_MAX {
                let reason =
                    format!("person {person} has had {NUMBERS_MAX} keys, the most that one may have");
                return Err(PersonalError::Invalid { reason });
            }
            keys.push(Key::random()?);
            let next = self.sealed(&key, &keys)?;
            let is_written = self.put(&key, &next, Expected::Revision(record.revision)).await?;
            if is_written {
                self.know((tenant, person), &Known::Keys(keys.as_slice().into()));
            }
            Ok(is_written.then_some(found.keys.len() + 1))
        })
        .await?;
        self.records.scrub(RecordKind::PersonKey, Some(&key)).await?;
        u32::try_from(number).map_err(|_| PersonalError::invalid("a key has no number"))
    }

    /// An id by which `text` is found again and not guessed: keyed by the tenant, so that nobody without the keys can try
    /// texts. Of one `kind`, texts that are equal have equal ids.
    ///
    /// # Errors
    /// [`PersonalError`] where the tenant's index key cannot be had; `MissingIndex` where it was lost.
    pub async fn index(&self, tenant: TenantId, kind: &str, text: &str) -> Result<Uuid, PersonalError> {
        let hash = self.keyed(tenant, &[b"index", kind.as_bytes(), text.as_bytes()]).await?;
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash[..16]);
        Ok(Uuid::new_v8(bytes))
    }

    /// A hash of `bytes` by which a repeat is told, and which nobody without the keys can try bytes against.
    ///
    /// # Errors
    /// [`PersonalError`] where the tenant's index key cannot be had.
    pub async fn fingerprint(&self, tenant: TenantId, bytes: &[u8]) -> Result<PayloadHash, PersonalError> {
        self.keyed(tenant, &[b"fingerprint", bytes]).await.map(PayloadHash)
    }

    async fn keyed(&self, tenant: TenantId, parts: &[&[u8]]) -> Result<[u8; 32], PersonalError> {
        let key = self.index_key(tenant).await?;
        let mut mac = Hmac::<Sha256>::new_from_slice(key.bytes())
            .map_err(|error| PersonalError::invalid(error.to_string()))?;
        for part in parts {
            // Each with its length, so that no two lists of parts are one text.
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        Ok(mac.finalize().into_bytes().into())
    }

    async fn index_key(&self, tenant: TenantId) -> Result<Key, PersonalError> {
        if let Some(key) = self.indices.get(&tenant) {
            return Ok(key);
        }
        let place = stored::key_of_index(tenant)?;
        self.expect_no_person_without(&place, tenant).await?;
        let key = match self.found_or_new(&place).await? {
            Stored::Keys(found) => self.opened(&place, &found)?.pop(),
            Stored::Tombstone(_) => None,
        };
        let key = key.ok_or_else(|| PersonalError::invalid(format!("record {place} holds no key")))?;
        self.indices.insert(tenant, key.clone());
        Ok(key)
    }

    /// Refuses a new index key for a tenant that knows people: nobody would be found any more who was found by the lost one.
    async fn expect_no_person_without(
        &self,
        index: &RecordKey,
        tenant: TenantId,
    ) -> Result<(), PersonalError> {
        for _ in 0..TRIES_MAX {
            if self.records.get(RecordKind::PersonKey, index).await?.is_some() {
                return Ok(());
            }
            // Whoever is refused may be sealed for before anybody is known.
            let visitors = stored::key_of_person(tenant, visitors(tenant))?;
            let first =
                self.records.list(RecordKind::PersonKey, &stored::keys_of_tenant(tenant), None, 2).await?;
            if first.iter().all(|record| record.key == visitors) {
                return Ok(());
            }
            tokio::time::sleep(TRY_PAUSE).await;
        }
        Err(PersonalError::MissingIndex { tenant })
    }

    /// The keys of a person who may be new.
    async fn keys_or_new(&self, tenant: TenantId, person: PersonId) -> Result<Arc<[Key]>, PersonalError> {
        let known = match self.persons.get(&(tenant, person)) {
            Some(known) => known,
            None => {
                let place = stored::key_of_person(tenant, person)?;
                let found = self.found_or_new(&place).await?;
                let known = self.known(&place, &found)?;
                self.know((tenant, person), &known)
            }
        };
        match known {
            Known::Keys(keys) => Ok(keys),
            Known::Forgotten => Err(PersonalError::Forgotten { person }),
        }
    }

    /// What stands in a record, which is made with one new key where there is none.
    async fn found_or_new(&self, place: &RecordKey) -> Result<Stored, PersonalError> {
        loop_until(|| async {
            if let Some(record) = self.records.get(RecordKind::PersonKey, place).await? {
                return Stored::decode(place, &record.value).map(Some);
            }
            self.checked.get_or_try_init(|| self.prove()).await?;
            let new = self.sealed(place, &[Key::random()?])?;
            Ok(self.put(place, &new, Expected::New).await?.then_some(new))
        })
        .await
    }

    /// Refuses where the records are sealed under another master key; where there are none yet it says nothing.
    async fn check(&self) -> Result<(), PersonalError> {
        let place = stored::key_of_check()?;
        let Some(record) = self.records.get(RecordKind::PersonKey, &place).await? else { return Ok(()) };
        self.known(&place, &Stored::decode(&place, &record.value)?)?;
        // Whoever was first meanwhile has set the same.
        let _ = self.checked.set(());
        Ok(())
    }

    /// Writes what later processes are checked by, or is checked by it: two that begin at once cannot both go on with
    /// master keys of their own.
    async fn prove(&self) -> Result<(), PersonalError> {
        let place = stored::key_of_check()?;
        loop_until(|| async {
            self.check().await?;
            if self.records.get(RecordKind::PersonKey, &place).await?.is_some() {
                return Ok(Some(()));
            }
            let new = self.sealed(&place, &[Key::random()?])?;
            Ok(self.put(&place, &new, Expected::New).await?.then_some(()))
        })
        .await
    }

    /// What is known of `wanted`, each with the highest number of a key that is needed.
    async fn look(&self, wanted: BTreeMap<Owner, u32>) -> Looked {
        let mut looked = Looked::with_capacity(wanted.len());
        let mut unknown = Vec::new();
        for (owner, number) in wanted {
            match self.persons.get(&owner) {
                Some(Known::Keys(keys)) if keys.len() < number as usize => unknown.push(owner),
                Some(known) => drop(looked.insert(owner, Ok(known))),
                None => unknown.push(owner),
            }
        }
        let looks = unknown.into_iter().map(|owner| async move { (owner, self.find(owner).await) });
        let mut looks = futures::stream::iter(looks).buffer_unordered(LOOKS_AT_ONCE);
        while let Some((owner, found)) = looks.next().await {
            looked.insert(owner, found);
        }
        looked
    }

    async fn find(&self, owner: Owner) -> Result<Known, PersonalError> {
        let (tenant, person) = owner;
        let place = stored::key_of_person(tenant, person)?;
        let record: Record = self
            .records
            .get(RecordKind::PersonKey, &place)
            .await?
            .ok_or(PersonalError::Missing { person })?;
        let known = self.known(&place, &Stored::decode(&place, &record.value)?)?;
        Ok(self.know(owner, &known))
    }

    /// Remembers it, unless the person was forgotten since it was read; answers what is remembered then.
    fn know(&self, owner: Owner, known: &Known) -> Known {
        let entry =
            self.persons.entry(owner).and_compute_with(|entry| match entry.map(|entry| entry.into_value()) {
                Some(Known::Forgotten) => Op::Nop,
                _ => Op::Put(known.clone()),
            });
        match entry {
            moka::ops::compute::CompResult::Unchanged(entry)
            | moka::ops::compute::CompResult::Inserted(entry)
            | moka::ops::compute::CompResult::ReplacedWith(entry)
            | moka::ops::compute::CompResult::Removed(entry) => entry.into_value(),
            moka::ops::compute::CompResult::StillNone(_) => known.clone(),
        }
    }

    fn known(&self, place: &RecordKey, found: &Stored) -> Result<Known, PersonalError> {
        Ok(match found {
            Stored::Tombstone(_) => Known::Forgotten,
            Stored::Keys(keys) => Known::Keys(self.opened(place, keys)?.into()),
        })
    }

    /// The keys of a record. Where it is sealed under a master key that is not known, those of the source are read again:
    /// an operator may have put another in force.
    pub(super) fn opened(&self, place: &RecordKey, found: &StoredKeys) -> Result<Vec<Key>, PersonalError> {
        let opened = match found.open(&self.masters(), place) {
            Err(NotOpened::OtherMaster(_)) => found.open(&*self.sealing()?, place),
            opened => opened,
        };
        opened.map_err(|error| match error {
            NotOpened::OtherMaster(found) => {
                PersonalError::OtherMaster { found, place: self.source.describe() }
            }
            NotOpened::Changed => {
                PersonalError::invalid(format!("the keys in record {place} are not what was sealed there"))
            }
        })
    }

    /// Keys as they are stored, sealed under the master key that seals now.
    pub(super) fn sealed(&self, place: &RecordKey, keys: &[Key]) -> Result<Stored, PersonalError> {
        let masters = self.sealing()?;
        StoredKeys::seal(&masters, place, keys).map(Stored::Keys)
    }

    fn masters(&self) -> Arc<MasterKeys> {
        Arc::clone(&self.masters.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The master keys as the source has them now: what is sealed must not be sealed under one that was taken away.
    pub(super) fn sealing(&self) -> Result<Arc<MasterKeys>, PersonalError> {
        let read = self.source.read().map_err(|reason| PersonalError::Unavailable { reason })?;
        let read = Arc::new(read);
        *self.masters.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&read);
        Ok(read)
    }

    /// Writes where the record is as expected; answers whether it was.
    pub(super) async fn put(
        &self,
        key: &RecordKey,
        value: &Stored,
        expected: Expected,
    ) -> Result<bool, PersonalError> {
        match self.records.put(RecordKind::PersonKey, key, value.encode()?, expected).await {
            Ok(_) => Ok(true),
            Err(RecordError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Lets go of what this process remembers.
    pub(super) fn let_go(&self) {
        self.persons.invalidate_all();
        self.indices.invalidate_all();
    }
}

/// Tries a read and a write again while another process is faster, or its write is not to be seen yet.
pub(super) async fn loop_until<T, F: Future<Output = Result<Option<T>, PersonalError>>>(
    mut attempt: impl FnMut() -> F,
) -> Result<T, PersonalError> {
    for _ in 0..TRIES_MAX {
        if let Some(done) = attempt().await? {
            return Ok(done);
        }
        tokio::time::sleep(TRY_PAUSE).await;
    }
    Err(PersonalError::Unavailable { reason: "others keep writing the same keys; try again".to_owned() })
}

fn newest(keys: &[Key]) -> Option<(u32, &Key)> {
    Some((u32::try_from(keys.len()).ok()?, keys.last()?))
}

/// What was found, opened or erased.
fn opened(
    tenant: TenantId,
    found: walk::Found<'_>,
    looked: &Looked,
) -> Result<(Range<usize>, String), PersonalError> {
    let person = found.person;
    let erased = || format!(r#"{{"{PERSON_FIELD}":"{person}"}}"#);
    let text = match found.form {
        Form::Erased => erased(),
        Form::Opened(_) => {
            return Err(PersonalError::invalid(format!("a value of person {person} stands there unsealed")));
        }
        Form::Sealed { number, text } => {
            match looked.get(&(tenant, person)).cloned().unwrap_or(Err(PersonalError::Missing { person }))? {
                Known::Forgotten => erased(),
                Known::Keys(keys) => {
                    let key = keys.get(number as usize - 1).ok_or(PersonalError::Missing { person })?;
                    let changed = || {
                        let reason = format!("a value of person {person} is not what was sealed there");
                        PersonalError::Invalid { reason }
                    };
                    let value = key.open(&context(tenant, person, number), &text).ok_or_else(changed)?;
                    let value = std::str::from_utf8(&value).map_err(|_| changed())?;
                    format!(r#"{{"{PERSON_FIELD}":"{person}","{VALUE_FIELD}":{value}}}"#)
                }
            }
        }
    };
    Ok((found.range, text))
}

/// What a sealed value is bound to.
fn context(tenant: TenantId, person: PersonId, number: u32) -> String {
    format!("foodflow personal data\n{tenant}\n{person}\n{number}")
}
