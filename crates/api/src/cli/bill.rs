//! `foodflow bill`.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use foodflow_domain::TenantId;
use foodflow_domain::tenancy::Month;
use foodflow_log::{Position, SharedLog};
use foodflow_projections::tenancy::TENANCY;
use jiff::Timestamp;

use super::interrupt::unless_interrupted;
use super::place::{existing_log, parse_tenant};
use super::print_data;
use crate::bill::{Bill, from_log, from_metrics};
use crate::config::Config;
use crate::read_models::open_tables;

/// Whose bill of which month, and from what.
#[derive(Debug, Args)]
pub struct BillArguments {
    /// Short name of the tenant, or its id.
    #[arg(long, value_name = "SLUG|UUID", value_parser = parse_tenant)]
    tenant: TenantId,
    /// The month (UTC), e.g. 2026-03 [default: the present one].
    #[arg(long, value_name = "MONTH")]
    month: Option<Month>,
    /// Meter the log again instead of asking the read model; both come to the same.
    #[arg(long)]
    from_log: bool,
}

/// Prints the bill, as `GET /v1/tenant/bill` answers it.
///
/// # Errors
/// Where there is no log, or log or read model cannot be read; also where the read model does not reflect the month yet.
pub async fn run(config: &Config, arguments: BillArguments) -> anyhow::Result<ExitCode> {
    let log = existing_log(config).await?;
    let bill = unless_interrupted("nothing was changed", make(config, &log, &arguments)).await;
    log.close().await;
    print_data(&serde_json::to_string(&bill?)?)?;
    Ok(ExitCode::SUCCESS)
}

async fn make(config: &Config, log: &SharedLog, arguments: &BillArguments) -> anyhow::Result<Bill> {
    let (tenant, now) = (arguments.tenant, Timestamp::now());
    let month = arguments.month.unwrap_or_else(|| Month::of(now));
    if arguments.from_log {
        return Ok(from_log(log, tenant, month, now).await?);
    }
    let store = open_tables(config, &TENANCY).await?;
    let partition = log.partition_of(tenant);
    let head = log.head(partition).await?;
    let checkpoint = store.checkpoint(partition).await.context("cannot read how far the read model is")?;
    anyhow::ensure!(
        checkpoint.position >= head,
        "the read model is at position {}, the log at {head}; let a projector catch up, or ask with --from-log",
        checkpoint.position
    );
    Ok(from_metrics(log, store.as_ref(), tenant, month, Position(u64::MAX), now).await?)
}
