//! `foodflow audit`: what an auditor asks of the log.

pub mod verify;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::config::Config;

/// What to audit.
#[derive(Debug, Args)]
pub struct AuditArguments {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Checks that the log is what was written, and names the first broken link where it is not.
    Verify(verify::VerifyArguments),
}

/// Audits.
///
/// # Errors
/// Where there is no log, or it does not answer.
pub async fn run(config: &Config, arguments: AuditArguments) -> anyhow::Result<ExitCode> {
    match arguments.command {
        AuditCommand::Verify(arguments) => verify::run(config, arguments).await,
    }
}
