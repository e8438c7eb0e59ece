//! `foodflow audit records`: the key records and checkpoints as they were signed, to be kept elsewhere.

use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use foodflow_log::SharedLog;
use foodflow_log::audit::{Trail, TrailStore};

use super::finding::WalkError;
use crate::cli::interrupt::unless_interrupted;
use crate::cli::output::Output;
use crate::cli::place::existing_log;
use crate::cli::say;
use crate::config::Config;

const EXAMPLES: &str = "\
One JSON object a line: key records and checkpoints, numbered, each with the SHA-256 of the line before it. Kept where \
nobody who can write to the log can change them, they tell a log that was cut off at its end, or replaced as a whole: \
`foodflow audit verify --against FILE`.

Examples:
  foodflow audit records --out records.ndjson
  foodflow audit records | tail -n 1 | jq .";

/// Where to print them.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct RecordsArguments {
    /// Write to this file, which takes its name once it is complete.
    #[arg(long, alias = "output", value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Prints them.
///
/// # Errors
/// Where there is no log, it cannot be read, a record is not what was signed, or the output cannot be written.
pub async fn run(config: &Config, arguments: &RecordsArguments) -> anyhow::Result<ExitCode> {
    let log = existing_log(config).await?;
    let printed = unless_interrupted("nothing was changed", print(&log, arguments)).await;
    log.close().await;
    match (printed?, &arguments.out) {
        (0, _) => say("there are no audit records; `foodflow audit checkpoint` signs the first"),
        (printed, Some(path)) => say(&format!("{printed} audit records in {}", path.display())),
        _ => {}
    }
    Ok(ExitCode::SUCCESS)
}

async fn print(log: &SharedLog, arguments: &RecordsArguments) -> anyhow::Result<u64> {
    let (records, mut trail) = (log.records(), Trail::default());
    let mut output = Output::open(arguments.out.as_deref())?;
    let store = TrailStore(&*records);
    let followed = store.follow(&mut trail, |_, line| {
        output.write_all(line)?;
        Ok(output.write_all(b"\n")?)
    });
    match followed.await {
        // Whoever reads has seen enough, as `head` does.
        Err(WalkError::Output(error)) if arguments.out.is_none() && error.kind() == ErrorKind::BrokenPipe => {
            return Ok(trail.len());
        }
        followed => followed?,
    }
    output.finish()?;
    Ok(trail.len())
}
