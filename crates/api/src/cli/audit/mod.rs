//! `foodflow audit`: signs what a log holds, proves it to others, and checks it.

mod checked_walk;
pub mod checkpoint;
pub mod export;
mod finding;
pub mod interval;
pub mod key;
mod key_file;
pub mod records;
mod signer;
mod trusted;
pub mod verify;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use ed25519_dalek::SigningKey;
use foodflow_log::SharedLog;

use crate::config::Config;

/// What to audit.
#[derive(Debug, Args)]
pub struct AuditArguments {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Checks that the log is what was written and signed, or that a bundle is what was exported.
    Verify(verify::VerifyArguments),
    /// Signs what the log holds now.
    Checkpoint(checkpoint::CheckpointArguments),
    /// Writes a tenant's, a lot's or a range's messages with what proves them, to be checked without a log.
    Export(export::ExportArguments),
    /// Prints the key records and checkpoints, one a line, to be kept elsewhere.
    Records(records::RecordsArguments),
    /// Prints the public part of the audit key.
    Key(key::KeyArguments),
    /// Puts a new audit key in the place of the one in force.
    RotateKey(key::RotateArguments),
}

/// Audits.
///
/// # Errors
/// Where there is no log, or it does not answer.
pub async fn run(config: &Config, arguments: AuditArguments) -> anyhow::Result<ExitCode> {
    match arguments.command {
        AuditCommand::Verify(arguments) => verify::run(config, arguments).await,
        AuditCommand::Checkpoint(arguments) => checkpoint::run(config, &arguments).await,
        AuditCommand::Export(arguments) => export::run(config, arguments).await,
        AuditCommand::Records(arguments) => records::run(config, &arguments).await,
        AuditCommand::Key(arguments) => key::show(config, &arguments),
        AuditCommand::RotateKey(arguments) => key::rotate(config, &arguments).await,
    }
}

/// The key that signs for this log, introduced in its trail where there was none.
///
/// # Errors
/// Where another key is in force, or the log does not answer.
pub async fn key_in_force(config: &Config, log: &SharedLog) -> anyhow::Result<SigningKey> {
    signer::Signer::open(config, log).await?.quietly().key().await
}
