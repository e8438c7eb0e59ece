//! What the benches are compared with: the domain's lot as the aggregate of `postgres-es`.
//!
//! `foodflow-bench-peer URL CONNECTIONS` makes its tables in the database at `URL`, then reads requests, one JSON object
//! a line, and answers each with a line:
//!
//! - `{"append": {"clients": 16, "window_ns": 1000000000}}`: so many clients adjust a lot each, one command after
//!   another; answered with `{"latencies_ns": […], "elapsed_ns": …}`;
//! - `{"replay": {}}`: every event of its table into a view; answered with `{"views": …, "elapsed_ns": …}`;
//! - `{"error": "…"}` where one failed.

mod append;
mod replay;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::append::Lots;

const SCHEMA: &str = include_str!("schema.sql");

/// One line of the input.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Request {
    Append { clients: usize, window_ns: u64 },
    Replay {},
}

#[tokio::main]
async fn main() -> ExitCode {
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody reads any more where this fails.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().context("usage: foodflow-bench-peer URL CONNECTIONS")?;
    let connections = arguments.next().context("usage: foodflow-bench-peer URL CONNECTIONS")?.parse()?;
    let pool = connect(&url, connections).await?;
    let mut lots = Lots::new(pool.clone());
    let mut requests = BufReader::new(tokio::io::stdin()).lines();
    while let Some(request) = requests.next_line().await? {
        let answer = carry_out(&request, &pool, &mut lots).await;
        let answer = answer.unwrap_or_else(|error| json!({ "error": format!("{error:#}") }));
        writeln!(std::io::stdout(), "{answer}")?;
    }
    Ok(())
}

async fn connect(url: &str, connections: u32) -> anyhow::Result<PgPool> {
    let options: PgConnectOptions = url.parse()?;
    let pool = PgPoolOptions::new()
        .max_connections(connections)
        .connect_with(options.options([("synchronous_commit", "on")]))
        .await?;
    sqlx::raw_sql(SCHEMA).execute(&pool).await?;
    Ok(pool)
}

async fn carry_out(request: &str, pool: &PgPool, lots: &mut Lots) -> anyhow::Result<Value> {
    match serde_json::from_str(request)? {
        Request::Append { clients, window_ns } => {
            let (latencies, elapsed) = lots.adjust(clients, Duration::from_nanos(window_ns)).await?;
            let latencies: Vec<u64> = latencies.into_iter().map(nanoseconds).collect();
            Ok(json!({ "latencies_ns": latencies, "elapsed_ns": nanoseconds(elapsed) }))
        }
        Request::Replay {} => {
            let (views, elapsed) = replay::replay(pool).await?;
            Ok(json!({ "views": views, "elapsed_ns": nanoseconds(elapsed) }))
        }
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    duration.as_nanos().try_into().unwrap_or(u64::MAX)
}
