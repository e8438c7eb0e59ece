//! Carries out the records of a file, side by side where that cannot be told from one after the other.
//!
//! Every commit waits for the disk; records that have nothing to do with each other wait for it together. What
//! became of them is told in the order of the file.

use std::collections::BTreeMap;
use std::io;

use anyhow::Context as _;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio_util::sync::CancellationToken;

use super::csv::Reading;
use super::importer::Importer;
use super::outcome::Outcome;
use super::record::Record;
use super::touch::Active;

/// Most records that are carried out side by side.
const SIDE_BY_SIDE_MAX: usize = 64;
/// Most records that are done while an earlier one is not.
const AHEAD_MAX: u64 = 1_024;

/// How the records of a file ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// All were carried out.
    Complete,
    /// It was asked to stop; every record that was begun is finished and told.
    Interrupted,
}

/// Carries out the records that `next` reads, until there are none or `stop` is asked for, and tells of each.
///
/// # Errors
/// Where a store or the file cannot be read, or `tell` fails. What was begun is finished and told first.
pub async fn run(
    importer: &Importer,
    reading: &Reading,
    stop: &CancellationToken,
    mut next: impl FnMut() -> io::Result<Option<Record>>,
    mut tell: impl FnMut(&Record, Outcome) -> anyhow::Result<()>,
) -> anyhow::Result<End> {
    let (mut active, mut running, mut done) = (Active::default(), FuturesUnordered::new(), BTreeMap::new());
    let (mut begun, mut told, mut is_complete) = (0_u64, 0_u64, false);
    let mut waiting: Option<Record> = None;
    let mut failure: Option<anyhow::Error> = None;
    loop {
        while failure.is_none() && !is_complete && !stop.is_cancelled() && begun - told < AHEAD_MAX {
            if running.len() == SIDE_BY_SIDE_MAX {
                break;
            }
            let record = match waiting.take() {
                Some(record) => record,
                None => match next() {
                    Ok(Some(record)) => record,
                    Ok(None) => {
                        is_complete = true;
                        break;
                    }
                    Err(error) => {
                        failure = Some(anyhow::Error::new(error).context("the file cannot be read"));
                        break;
                    }
                },
            };
            if !active.admits(&record.touch) {
                waiting = Some(record);
                break;
            }
            active.enter(&record.touch);
            let number = begun;
            begun += 1;
            running.push(async move {
                let outcome = importer.carry_out(&record, reading).await;
                (number, record, outcome)
            });
        }
        let Some((number, record, outcome)) = running.next().await else { break };
        active.leave(&record.touch);
        match outcome {
            Ok(outcome) => {
                done.insert(number, (record, outcome));
            }
            Err(error) => {
                failure.get_or_insert(error);
            }
        }
        while let Some((record, outcome)) = done.remove(&told) {
            tell(&record, outcome)?;
            told += 1;
        }
    }
    // After a failure some are done behind one that is not.
    for (record, outcome) in done.into_values() {
        tell(&record, outcome)?;
    }
    match failure {
        Some(error) => Err(error).context("the import stopped"),
        None if is_complete => Ok(End::Complete),
        None => Ok(End::Interrupted),
    }
}
