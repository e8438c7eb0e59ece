//! Writes a bundle, line by line, and seals it.

use std::io::{self, Write};

use ed25519_dalek::SigningKey;
use sha2::{Digest as _, Sha256};

use super::lines::{BundleHeader, BundleLine, Consistency, ProvenMessage, SEAL_FORMAT, Seal, SealStatement};
use crate::audit::keys::KeyId;
use crate::audit::record::{AuditRecord, sign, signed_bytes};
use crate::event_log::StoredMessage;
use crate::hex::Hex;
use crate::merkle::TreeHash;

/// A bundle that is being written. The caller keeps the order of lines: header, records, messages, seal.
#[derive(Debug)]
pub struct BundleWriter<W> {
    to: W,
    digest: Sha256,
    messages: u64,
}

impl<W: Write> BundleWriter<W> {
    /// Begins with the header.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn begin(to: W, header: BundleHeader) -> io::Result<Self> {
        let mut writer = Self { to, digest: Sha256::new(), messages: 0 };
        writer.line(&BundleLine::Header(header))?;
        Ok(writer)
    }

    /// A key record or a checkpoint, with a number above those before it.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn record(&mut self, record: AuditRecord) -> io::Result<()> {
        self.line(&record.into())
    }

    /// The proof that the partition only grew from checkpoint `from` to checkpoint `to`.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn consistency(&mut self, from: u64, to: u64, proof: Vec<TreeHash>) -> io::Result<()> {
        self.line(&BundleLine::Consistency(Consistency { from, to, proof }))
    }

    /// The next message, with the proof that the checkpoint's tree has it.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn message(&mut self, message: &StoredMessage, proof: Vec<TreeHash>) -> io::Result<()> {
        let message = ProvenMessage::of(message, proof).map_err(io::Error::other)?;
        self.line(&BundleLine::Message(message))?;
        self.messages += 1;
        Ok(())
    }

    /// Ends with the seal; answers with the number of messages, and what the bundle was written to.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn seal(mut self, key: &SigningKey) -> io::Result<(u64, W)> {
        let sha256 = Hex(self.digest.clone().finalize().into());
        let statement = SealStatement { messages: self.messages, sha256, key: KeyId::of_signer(key) };
        let signature = sign(key, &signed_bytes(SEAL_FORMAT, &statement)?);
        self.line(&BundleLine::Seal(Seal { statement, signature }))?;
        Ok((self.messages, self.to))
    }

    fn line(&mut self, line: &BundleLine) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        self.digest.update(&bytes);
        self.to.write_all(&bytes)
    }
}
