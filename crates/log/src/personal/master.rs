//! Master keys: what the keys of persons are sealed under. They are kept apart from the records, by whoever runs the
//! process.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::PersonalError;
use super::cipher::Key;
use crate::hex::Hex;

/// Most master keys of an installation: one that seals, and those that it follows.
const MASTERS_MAX: usize = 16;

/// Which master key it is: the beginning of a hash of it.
pub type MasterId = Hex<8>;

/// The master keys of an installation, at least one: the first seals, all of them open.
#[derive(Clone)]
pub struct MasterKeys(Vec<(MasterId, Key)>);

/// Where a process has its master keys from.
pub trait MasterSource: Send + Sync + 'static {
    /// The master keys as they are now.
    ///
    /// # Errors
    /// What is wrong, and what to do.
    fn read(&self) -> Result<MasterKeys, String>;

    /// Where that is, for people.
    fn describe(&self) -> String;
}

impl MasterKeys {
    /// One that nobody has seen.
    ///
    /// # Errors
    /// Where the system has no randomness.
    pub fn generate() -> Result<Self, PersonalError> {
        Ok(Self(vec![identified(Key::random()?)]))
    }

    /// Reads lines of base64, one a key; empty ones and those that begin with `#` are passed over.
    ///
    /// # Errors
    /// Which line is no key; it is not quoted.
    pub fn parse(text: &str) -> Result<Self, String> {
        let lines = (1..).zip(text.lines()).map(|(number, line)| (number, line.trim()));
        let mut keys: Vec<(MasterId, Key)> = Vec::new();
        for (number, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            let bytes = Zeroizing::new(STANDARD.decode(line).unwrap_or_default());
            let key = Key::of(&bytes).ok_or_else(|| format!("line {number} is not 32 bytes in base64"))?;
            let found = identified(key);
            if keys.iter().any(|(id, _)| *id == found.0) {
                return Err(format!("line {number} repeats a key"));
            }
            keys.push(found);
        }
        match keys.len() {
            0 => Err("it holds no key".to_owned()),
            1..=MASTERS_MAX => Ok(Self(keys)),
            more => Err(format!("it holds {more} keys, at most {MASTERS_MAX}")),
        }
    }

    /// The lines that [`Self::parse`] reads.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(64 * self.0.len()));
        for (_, key) in &self.0 {
            STANDARD.encode_string(key.bytes(), &mut text);
            text.push('\n');
        }
        text
    }

    /// The one that seals.
    #[must_use]
    pub fn first(&self) -> MasterId {
        self.0[0].0
    }

    /// All of them, the one that seals first.
    pub fn ids(&self) -> impl Iterator<Item = MasterId> + '_ {
        self.0.iter().map(|(id, _)| *id)
    }

    /// With the keys of `more` behind its own.
    #[must_use]
    pub fn followed_by(mut self, more: &Self) -> Self {
        let new = more.0.iter().filter(|(id, _)| self.find(*id).is_none()).cloned().collect::<Vec<_>>();
        self.0.extend(new);
        self
    }

    /// With its last one in the first place.
    #[must_use]
    pub fn last_first(mut self) -> Self {
        self.0.rotate_right(1);
        self
    }

    /// Without those that `keep` refuses; the one that seals stays.
    #[must_use]
    pub fn retain(mut self, keep: impl Fn(MasterId) -> bool) -> Self {
        let first = self.first();
        self.0.retain(|(id, _)| *id == first || keep(*id));
        self
    }

    pub(super) fn sealing(&self) -> &(MasterId, Key) {
        &self.0[0]
    }

    pub(super) fn find(&self, id: MasterId) -> Option<&Key> {
        self.0.iter().find(|(found, _)| *found == id).map(|(_, key)| key)
    }
}

impl fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ids()).finish()
    }
}

/// Keys of a process alone, that end with it.
impl MasterSource for MasterKeys {
    fn read(&self) -> Result<MasterKeys, String> {
        Ok(self.clone())
    }

    fn describe(&self) -> String {
        "memory".to_owned()
    }
}

fn identified(key: Key) -> (MasterId, Key) {
    let hash = Sha256::new().chain_update(b"foodflow master key\n").chain_update(key.bytes()).finalize();
    let mut id = [0; 8];
    id.copy_from_slice(&hash[..8]);
    (Hex(id), key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_the_first_seals() {
        let (one, two) = (MasterKeys::generate().unwrap(), MasterKeys::generate().unwrap());
        assert_ne!(one.first(), two.first());
        let both = one.clone().followed_by(&two).followed_by(&two);
        assert_eq!(both.ids().collect::<Vec<_>>(), [one.first(), two.first()]);
        let text = both.to_text();
        let again = MasterKeys::parse(&format!("# of the plant\n\n{}", *text)).unwrap();
        assert_eq!(again.ids().collect::<Vec<_>>(), both.ids().collect::<Vec<_>>());
        assert_eq!(both.clone().last_first().first(), two.first());
        let kept = both.last_first().retain(|_| false);
        assert_eq!(kept.ids().collect::<Vec<_>>(), [two.first()]);
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_quoted() {
        let good = MasterKeys::generate().unwrap().to_text();
        let repeated = format!("{0}{0}", *good);
        for (text, what) in [
            ("", "no key"),
            ("# only words\n", "no key"),
            ("secret", "line 1"),
            ("AAAA", "line 1"),
            (&format!("{}AAAA", *good), "line 2"),
            (&repeated, "line 2"),
        ] {
            let error = MasterKeys::parse(text).unwrap_err();
            assert!(error.contains(what) && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn debug_shows_which_key_and_not_the_key() {
        let keys = MasterKeys::generate().unwrap();
        let shown = format!("{keys:?}");
        assert!(
            shown.contains(&keys.first().to_string()) && !shown.contains(keys.to_text().trim()),
            "{shown}"
        );
    }
}
