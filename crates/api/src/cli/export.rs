//! `foodflow export`.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use foodflow_domain::TenantId;
use foodflow_log::{Position, SharedLog, position_at};
use jiff::Timestamp;

use super::interrupt::unless_interrupted;
use super::place::{existing_log, parse_tenant};
use super::progress::Progress;
use super::say;
use crate::config::Config;
use crate::transfer::export::{Written, export};

/// Whose log, up to where, into which file.
#[derive(Debug, Args)]
pub struct ExportArguments {
    /// Short name of the tenant, or its id.
    #[arg(long, value_name = "SLUG", value_parser = parse_tenant)]
    tenant: TenantId,
    /// File to write; standard output where absent.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Only what was recorded up to this log position or time (RFC 3339).
    #[arg(long, value_name = "POSITION|TIME")]
    until: Option<String>,
}

/// Writes the tenant's commands as lines that `foodflow import` reads.
///
/// # Errors
/// Where the log or the file cannot be used, or on Ctrl-C; then no file is left half written.
pub async fn run(config: &Config, arguments: ExportArguments) -> anyhow::Result<ExitCode> {
    let log = existing_log(config).await?;
    let written = unless_interrupted("nothing was exported", write(&log, &arguments)).await;
    log.close().await;
    let Written { commands, left_out } = written?;
    say(&format!("{commands} commands exported"));
    if left_out > 0 {
        say(&format!(
            "{left_out} commands of other parts of the system are left out: import does not take them"
        ));
    }
    Ok(ExitCode::SUCCESS)
}

async fn write(log: &SharedLog, arguments: &ExportArguments) -> anyhow::Result<Written> {
    let tenant = arguments.tenant;
    let head = log.head(log.partition_of(tenant)).await?;
    let until = match &arguments.until {
        Some(text) => until(log, tenant, text).await?.min(head),
        None => head,
    };
    let Some(path) = &arguments.out else {
        let mut progress = Progress::hidden();
        let mut out = BufWriter::new(std::io::stdout());
        let written = export(log, tenant, until, &mut out, |position| progress.at(position.0)).await?;
        out.flush()?;
        return Ok(written);
    };
    let mut unfinished = path.clone().into_os_string();
    unfinished.push(".unfinished");
    let unfinished = Unfinished(PathBuf::from(unfinished));
    let cannot = || format!("cannot write {}", unfinished.0.display());
    let mut out = BufWriter::new(File::create(&unfinished.0).with_context(cannot)?);
    let mut progress = Progress::start("exporting", "positions", Some(until.0));
    let written = export(log, tenant, until, &mut out, |position| progress.at(position.0)).await?;
    let file = out.into_inner().map_err(std::io::IntoInnerError::into_error).with_context(cannot)?;
    file.sync_all().with_context(cannot)?;
    std::fs::rename(&unfinished.0, path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(written)
}

async fn until(log: &SharedLog, tenant: TenantId, text: &str) -> anyhow::Result<Position> {
    if let Ok(position) = text.parse() {
        return Ok(Position(position));
    }
    let time: Timestamp = text.parse().map_err(|_| {
        anyhow::anyhow!("--until: `{text}` is neither a position nor a time such as 2026-03-12T12:00:00Z")
    })?;
    Ok(position_at(log.as_ref(), log.partition_of(tenant), time).await?)
}

/// A file that is taken away unless it got its name.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        // After the rename there is none.
        let _ = std::fs::remove_file(&self.0);
    }
}
