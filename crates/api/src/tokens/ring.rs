//! The keys of one moment: one that signs, and those that check.

use std::collections::HashMap;
use std::path::Path;
use std::time::SystemTime;

use anyhow::Context as _;
use ed25519_dalek::pkcs8::{
    DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _, spki::der::pem::LineEnding,
};
use ed25519_dalek::{SigningKey, VerifyingKey};
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};

use super::{Claims, KeyFiles, TOKEN_TYPE};
use crate::signing_key;

/// Older keys, at most.
const RETIRED_MAX: usize = 64;
/// What the key is, for people.
pub(super) const WHAT: &str = "access key";

/// When the files of the keys were last changed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    signing: Option<(SystemTime, u64)>,
    retired: Option<SystemTime>,
}

impl Stamp {
    fn of(files: &KeyFiles) -> Self {
        let signing = std::fs::metadata(&files.signing).ok();
        let retired = std::fs::metadata(&files.retired).ok();
        Self {
            signing: signing.and_then(|found| Some((found.modified().ok()?, found.len()))),
            retired: retired.and_then(|found| found.modified().ok()),
        }
    }
}

/// The keys.
pub(super) struct Ring {
    stamp: Stamp,
    header: Header,
    encoding: EncodingKey,
    /// By their names.
    decoding: HashMap<String, DecodingKey>,
    public: JwkSet,
}

impl Ring {
    /// Reads the keys; makes the one that signs where there is none.
    pub(super) fn open(files: &KeyFiles) -> anyhow::Result<Self> {
        let signing = signing_key::read_or_make(&files.signing, WHAT)?;
        Self::of(files, Stamp::of(files), &signing)
    }

    /// The keys of today, where their files have changed since.
    pub(super) fn renewed(&self, files: &KeyFiles) -> anyhow::Result<Option<Self>> {
        let stamp = Stamp::of(files);
        if stamp == self.stamp {
            return Ok(None);
        }
        let signing = signing_key::read(&files.signing, WHAT)?;
        Self::of(files, stamp, &signing).map(Some)
    }

    fn of(files: &KeyFiles, stamp: Stamp, signing: &SigningKey) -> anyhow::Result<Self> {
        let pem = signing.to_pkcs8_pem(LineEnding::LF).context("cannot write a key")?;
        let encoding = EncodingKey::from_ed_pem(pem.as_bytes()).context("cannot use the access key")?;
        let (decoding, jwk) = public_key(&signing.verifying_key())?;
        let name = jwk.common.key_id.clone().unwrap_or_default();
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TOKEN_TYPE.to_owned());
        header.kid = Some(name.clone());
        let mut ring = Self {
            stamp,
            header,
            encoding,
            decoding: HashMap::from([(name, decoding)]),
            public: JwkSet { keys: vec![jwk] },
        };
        for key in retired(&files.retired)? {
            let (decoding, jwk) = public_key(&key)?;
            let name = jwk.common.key_id.clone().unwrap_or_default();
            if ring.decoding.insert(name, decoding).is_none() {
                ring.public.keys.push(jwk);
            }
        }
        Ok(ring)
    }

    pub(super) fn sign(&self, claims: &Claims) -> anyhow::Result<String> {
        jsonwebtoken::encode(&self.header, claims, &self.encoding).context("cannot sign a token")
    }

    pub(super) fn knows(&self, name: &str) -> bool {
        self.decoding.contains_key(name)
    }

    pub(super) fn decoding(&self, name: &str) -> Option<&DecodingKey> {
        self.decoding.get(name)
    }

    pub(super) fn public(&self) -> JwkSet {
        self.public.clone()
    }
}

/// The older public keys of a folder; none where it does not exist.
pub fn retired(folder: &Path) -> anyhow::Result<Vec<VerifyingKey>> {
    let cannot = || format!("cannot read the folder of older access keys {}", folder.display());
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(cannot),
    };
    let mut keys = Vec::new();
    for entry in entries {
        let path = entry.with_context(cannot)?.path();
        if path.extension().is_none_or(|extension| extension != "pem") {
            continue;
        }
        anyhow::ensure!(
            keys.len() < RETIRED_MAX,
            "{} holds more than {RETIRED_MAX} keys; remove those whose tokens have expired",
            folder.display()
        );
        let shown = path.display();
        let pem = std::fs::read_to_string(&path).with_context(|| format!("cannot read {shown}"))?;
        keys.push(
            VerifyingKey::from_public_key_pem(&pem)
                .map_err(|error| anyhow::anyhow!("{shown} holds no Ed25519 public key (PEM): {error}"))?,
        );
    }
    Ok(keys)
}

/// A public key as tokens are checked with it, and as it is published under its name.
pub(super) fn public_key(key: &VerifyingKey) -> anyhow::Result<(DecodingKey, Jwk)> {
    let pem = key.to_public_key_pem(LineEnding::LF).context("cannot write a public key")?;
    let decoding = DecodingKey::from_ed_pem(pem.as_bytes()).context("cannot use an access key")?;
    let mut jwk =
        Jwk::from_decoding_key(&decoding, Some(Algorithm::EdDSA)).context("cannot publish a key")?;
    jwk.common.public_key_use = Some(PublicKeyUse::Signature);
    // RFC 7638: the name follows from the key, so nobody has to agree on it.
    jwk.common.key_id = Some(jwk.thumbprint(ThumbprintHash::SHA256).context("cannot name a key")?);
    Ok((decoding, jwk))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key and its thumbprint of RFC 8037, appendix A.
    #[test]
    fn a_key_has_the_name_that_the_standard_gives_it() {
        let bytes = [
            0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a,
            0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a,
        ];
        let (_, jwk) = public_key(&VerifyingKey::from_bytes(&bytes).unwrap()).unwrap();
        let published = serde_json::to_value(&jwk).unwrap();
        let expected = serde_json::json!({
            "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
        });
        assert_eq!(published, expected);
    }

    #[test]
    fn a_file_that_holds_no_key_is_named_and_others_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        assert!(retired(&folder.path().join("none")).unwrap().is_empty());
        std::fs::write(folder.path().join("README"), "older keys").unwrap();
        assert!(retired(folder.path()).unwrap().is_empty());
        std::fs::write(folder.path().join("old.pem"), "no key").unwrap();
        assert!(retired(folder.path()).unwrap_err().to_string().contains("old.pem"));
    }
}
