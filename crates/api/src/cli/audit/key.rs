//! `foodflow audit key` and `foodflow audit rotate-key`.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use foodflow_log::audit::KeyId;
use foodflow_log::audit::keys::public_key_pem;
use foodflow_log::hex::Hex;
use serde::Serialize;

use super::key_file;
use super::signer::Signer;
use crate::cli::interrupt::unless_interrupted;
use crate::cli::place::existing_log;
use crate::cli::{print_data, say};
use crate::config::Config;

const SHOW_EXAMPLES: &str = "\
Give it to the auditor by a way of its own, before the auditor needs it: who trusts a key that comes with the records \
trusts whoever made the records.

Examples:
  foodflow audit key > audit-key.pub.pem
  foodflow audit verify --bundle lot.ndjson --public-key audit-key.pub.pem";

const ROTATE_EXAMPLES: &str = "\
A record that the old key signs introduces the new one, which signs from then on; what the old key signed before stays \
valid. Who trusts any key of this chain trusts the others. The old key is kept as <name>-retired-<key>.pem: destroy it, \
or move it where nobody who can write to the log has it.

Several installations that sign for one log need the new key's file; those with the old one refuse to sign.

Example:
  foodflow audit rotate-key && foodflow audit key > audit-key.pub.pem";

/// How to show the key.
#[derive(Debug, Args)]
#[command(after_help = SHOW_EXAMPLES)]
pub struct KeyArguments {
    /// Report as one JSON object.
    #[arg(long)]
    json: bool,
}

/// How to report.
#[derive(Debug, Args)]
#[command(after_help = ROTATE_EXAMPLES)]
pub struct RotateArguments {
    /// Report as one JSON object.
    #[arg(long)]
    json: bool,
}

/// A public key.
#[derive(Debug, Serialize)]
struct PublicKey {
    key: KeyId,
    public_key_pem: String,
}

/// One key in the place of another.
#[derive(Debug, Serialize)]
struct Rotated {
    /// Number of the record that introduces the new key.
    record: u64,
    retired: KeyId,
    key: KeyId,
    public_key_pem: String,
    /// Where the old private key is kept.
    kept: Option<std::path::PathBuf>,
}

/// Prints the public key, as PEM.
///
/// # Errors
/// Where there is no key.
pub fn show(config: &Config, arguments: &KeyArguments) -> anyhow::Result<ExitCode> {
    let path = config.audit_key();
    let key = key_file::find(&path)?.with_context(|| {
        format!(
            "there is no audit key at {} yet; the first `foodflow audit checkpoint` makes it",
            path.display()
        )
    })?;
    let shown = PublicKey { key: KeyId::of_signer(&key), public_key_pem: pem(&key)? };
    if arguments.json {
        print_data(&serde_json::to_string_pretty(&shown)?)?;
    } else {
        say(&format!("key {}", shown.key));
        print_data(shown.public_key_pem.trim_end())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Puts a new key in force.
///
/// # Errors
/// Where there is no log, it does not answer, the records are not what was signed, or a key cannot be used.
pub async fn rotate(config: &Config, arguments: &RotateArguments) -> anyhow::Result<ExitCode> {
    let log = existing_log(config).await?;
    let work = async {
        let mut signer = Signer::open(config, &log).await?;
        anyhow::ensure!(
            !signer.trail.is_empty(),
            "no key is in force yet; the first `foodflow audit checkpoint` makes one"
        );
        let (retired, key) = signer.rotate().await?;
        let kept = key_file::replace(&config.audit_key(), Some(&retired))?;
        Ok(Rotated {
            record: signer.trail.len(),
            retired: KeyId::of_signer(&retired),
            key: KeyId::of_signer(&key),
            public_key_pem: pem(&key)?,
            kept,
        })
    };
    let advice = "run it again, or any command that signs: either finishes what was begun";
    let rotated = unless_interrupted(advice, Box::pin(work)).await;
    log.close().await;
    let rotated = rotated?;
    if arguments.json {
        print_data(&serde_json::to_string_pretty(&rotated)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let Rotated { record, retired, key, kept, .. } = rotated;
    print_data(&format!("key {key} is in force from record {record} on\nkey {retired} is retired"))?;
    if let Some(kept) = kept {
        say(&format!("destroy {}, or move it where nobody who can write to the log has it", kept.display()));
    }
    Ok(ExitCode::SUCCESS)
}

fn pem(key: &ed25519_dalek::SigningKey) -> anyhow::Result<String> {
    public_key_pem(Hex(key.verifying_key().to_bytes())).map_err(anyhow::Error::msg)
}
