//! Which keys are trusted, and what was kept elsewhere: what an auditor brings along.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use foodflow_log::audit::{KeyId, KnownRecords};

use super::key_file;

/// Most bytes of a line: a payload of the largest size, escaped, with its proof.
pub(super) const LINE_BYTES_MAX: u64 = 16 << 20;

/// What an auditor knows.
#[derive(Debug, Args)]
pub(super) struct TrustArguments {
    /// A public key to trust (PEM), as `audit key` prints it; may be given several times.
    #[arg(long, value_name = "FILE")]
    public_key: Vec<PathBuf>,
    /// A key to trust, by its name; may be given several times.
    #[arg(long, value_name = "HEX", value_parser = parse_key)]
    key_id: Vec<KeyId>,
    /// Records that were kept elsewhere, as `audit records` prints them, or an earlier bundle: they must still hold.
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
}

fn parse_key(text: &str) -> Result<KeyId, String> {
    text.to_ascii_lowercase().parse()
}

impl TrustArguments {
    /// The keys that are trusted; none where none is named.
    ///
    /// # Errors
    /// Where a file holds no public key.
    pub(super) fn keys(&self) -> anyhow::Result<Vec<KeyId>> {
        let mut keys = self.key_id.clone();
        for path in &self.public_key {
            let shown = path.display();
            let pem = std::fs::read_to_string(path)
                .with_context(|| format!("--public-key: cannot read {shown}"))?;
            let key =
                KeyId::of_pem(&pem).map_err(|error| anyhow::anyhow!("--public-key: {shown}: {error}"))?;
            keys.push(key);
        }
        Ok(keys)
    }

    /// The keys that are trusted: those named, or else the audit key of this installation where it has one.
    ///
    /// # Errors
    /// As [`Self::keys`].
    pub(super) fn keys_or_own(&self, own: &Path) -> anyhow::Result<Vec<KeyId>> {
        let keys = self.keys()?;
        if !keys.is_empty() {
            return Ok(keys);
        }
        Ok(key_file::find(own)?.iter().map(KeyId::of_signer).collect())
    }

    /// What was kept elsewhere.
    ///
    /// # Errors
    /// Where the file cannot be read, or holds something else.
    pub(super) fn known(&self) -> anyhow::Result<KnownRecords> {
        let mut known = KnownRecords::default();
        let Some(path) = &self.against else { return Ok(known) };
        let shown = path.display();
        let mut lines = Lines::open(path).with_context(|| format!("--against: cannot read {shown}"))?;
        for number in 1_u64.. {
            let Some(line) = lines.next().with_context(|| format!("--against: cannot read {shown}"))? else {
                break;
            };
            known
                .take(line)
                .map_err(|error| anyhow::anyhow!("--against: {shown}, line {number} is {error}"))?;
        }
        anyhow::ensure!(!known.is_empty(), "--against: {shown} holds no audit records");
        Ok(known)
    }
}

/// The lines of a file, one at a time.
pub(super) struct Lines {
    from: Box<dyn BufRead + Send>,
    line: Vec<u8>,
}

impl Lines {
    /// Opens `path`; `-` is standard input.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub(super) fn open(path: &Path) -> std::io::Result<Self> {
        let from: Box<dyn BufRead + Send> = if path == Path::new("-") {
            Box::new(BufReader::new(std::io::stdin()))
        } else {
            Box::new(BufReader::with_capacity(1 << 20, std::fs::File::open(path)?))
        };
        Ok(Self { from, line: Vec::new() })
    }

    /// The next line, without its end; `None` at the end. One that is too long is cut.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub(super) fn next(&mut self) -> std::io::Result<Option<&[u8]>> {
        use std::io::Read as _;
        self.line.clear();
        let read = (&mut self.from).take(LINE_BYTES_MAX).read_until(b'\n', &mut self.line)?;
        if read == 0 {
            return Ok(None);
        }
        Ok(Some(self.line.strip_suffix(b"\n").unwrap_or(&self.line)))
    }
}
