//! `foodflow doctor`: what this program can reach, what is wrong, and what to do about it.
//!
//! It looks and changes nothing: no folder, key, log or schema comes into being by it. Secrets are never shown.

mod checks;
mod erasures;
mod folder;
mod identity_provider;
mod key;
mod key_store;
mod log;
mod production;
mod read_model;
mod settings;

use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;

use self::checks::Checks;
use super::interrupt::unless_interrupted;
use super::{print_data, say};
use crate::config::{Config, Sources};

const EXAMPLES: &str = "\
Every line is ok, warn or fail, and says what to do where it is not ok. Nothing is changed: what does not exist yet is \
made by the first `foodflow serve`.

Exit code 1 where something failed.

Examples:
  foodflow doctor
  foodflow doctor --log-url nats://log-1:4222 --neo4j-url bolt://graph-1:7687
  foodflow doctor --json | jq '.checks[] | select(.level != \"ok\")'";

/// Earliest instant that a machine's clock may show: this program did not exist before.
const CLOCK_MIN: Timestamp = Timestamp::constant(1_767_225_600, 0);

/// How to report.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct DoctorArguments {
    /// Report as one JSON object.
    #[arg(long)]
    json: bool,
}

/// Looks and reports.
///
/// # Errors
/// Where standard output is closed, or the settings cannot be read.
pub async fn run(
    config: &Config,
    sources: &Sources,
    arguments: &DoctorArguments,
) -> anyhow::Result<ExitCode> {
    let work = async {
        let mut checks = Checks::default();
        settings::check(&mut checks, config, sources)?;
        clock(&mut checks, Timestamp::now());
        folder::check(&mut checks, &config.data);
        key::check_access(&mut checks, &config.access_key());
        key::check_retired(&mut checks, &config.retired_access_keys());
        key::check_audit(&mut checks, &config.audit_key());
        production::check(&mut checks, config);
        key_store::check(&mut checks, config).await;
        identity_provider::check(&mut checks, config).await;
        let log = log::check(&mut checks, config).await;
        key::check_master(&mut checks, &config.master_key(), log.as_ref()).await;
        read_model::check(&mut checks, config, log.as_ref()).await;
        if let Some(log) = log {
            erasures::check(&mut checks, &log).await;
            production::check_log(&mut checks, config, &log).await;
            log.close().await;
        }
        Ok(checks)
    };
    let checks = unless_interrupted("nothing was changed", Box::pin(work)).await?;
    print_data(&if arguments.json { serde_json::to_string_pretty(&checks)? } else { checks.to_string() })?;
    if checks.failed() == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    say(&format!("{} failed", checks.failed()));
    Ok(ExitCode::FAILURE)
}

fn clock(checks: &mut Checks, now: Timestamp) {
    let section = "clock";
    if now >= CLOCK_MIN {
        checks.ok(section, format!("this machine's clock shows {now:.0}"));
    } else {
        let advice = "set the clock, and keep it right with NTP: recorded times follow it";
        checks.fail(section, format!("this machine's clock shows {now:.0}, which is long past"), advice);
    }
}
