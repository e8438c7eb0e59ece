//! How soon a command can be read: the time from its acknowledgement until the read model has applied it, under a
//! steady load.
//!
//! The load is open: a command is given when its time has come, whether or not the ones before were answered. What
//! it waits for its turn counts as its own time.

mod load;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use foodflow_projections::runner::{Runner, RunnerConfig, RunnerHandle, food_graph};
use foodflow_projections::tables::projection::projection;
use foodflow_testkit::servers::PostgresServer;
use tokio::task::JoinSet;
use tokio::time::timeout;

use self::load::{Acknowledged, load, receive};
use self::watch::{Seen, lags, until, watch_log, watch_progress};
use crate::effort::Effort;
use crate::figures::{Figures, rate, show_duration, show_number, show_ratio};
use crate::logs::{Adapter, OpenLog};
use crate::lots_table::{LOTS, in_postgres};
use crate::projection;
use crate::random::Random;
use crate::report::Section;
use crate::site::Site;
use crate::targets::Finding;

/// How long the read model may take to catch up once the load has ended.
const CATCH_UP: Duration = Duration::from_secs(120);
const TARGET: Duration = Duration::from_millis(50);
/// The rate that the target is about.
const TARGET_RATE: u32 = 2_000;

/// A read model, and the log it follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Into {
    EmbeddedBoth,
    EmbeddedGraph,
    Neo4j,
    Postgres,
}

impl Into {
    pub(crate) const ALL: [Self; 4] = [Self::EmbeddedBoth, Self::EmbeddedGraph, Self::Neo4j, Self::Postgres];

    /// Its bench's name behind `lag/`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::EmbeddedBoth => "embedded",
            Self::EmbeddedGraph => "sqlite",
            Self::Neo4j => "neo4j",
            Self::Postgres => "postgres",
        }
    }

    const fn what(self) -> &'static str {
        match self {
            Self::EmbeddedBoth => "embedded log, graph in SQLite",
            Self::EmbeddedGraph => "JetStream, graph in SQLite",
            Self::Neo4j => "JetStream, graph in Neo4j",
            Self::Postgres => "JetStream, table in PostgreSQL",
        }
    }

    const fn log(self) -> Adapter {
        match self {
            Self::EmbeddedBoth => Adapter::Embedded,
            _ => Adapter::Nats,
        }
    }
}

/// Measures each of `wanted`.
///
/// # Errors
/// Where a server cannot be had, a command is refused, or a read model does not catch up.
pub(crate) async fn bench(wanted: &[Into], effort: Effort) -> anyhow::Result<Section> {
    let (mut rows, mut findings) = (Vec::new(), Vec::new());
    for into in wanted {
        let measured = measure(*into, effort).await.with_context(|| into.what())?;
        rows.extend(measured.rows(*into));
        if effort.live_rate == TARGET_RATE {
            let target = format!("{}, {TARGET_RATE} commands/s: lag p99 ≤ 50 ms", into.what());
            findings.push(Finding::at_most(target, measured.applied.p99(), TARGET));
        }
    }
    let [before, measured] = effort.live_times.map(show_duration);
    Ok(Section {
        title: format!("Live lag at {} commands/s", show_number(f64::from(effort.live_rate))),
        note: format!(
            "An adjustment at fixed intervals, whether or not the ones before were answered, for {before} unmeasured \
             and {measured} measured; the clients, the projector and the servers share the machine. Lag is the time from \
             the acknowledgement of a command until its position is applied, as a query with `After` sees it; where \
             it was applied before the acknowledgement came, it is 0. The base is the log's own subscription in the \
             same seconds: the message is there, and nothing is applied. The command's times count from its due time."
        ),
        words: 2,
        header: &[
            "log and read model",
            "visible",
            "commands/s",
            "command p50",
            "command p99",
            "lag p50",
            "lag p99",
            "p50 ÷ base",
        ],
        rows,
        findings,
    })
}

/// What is kept alive while it is measured.
struct Open {
    log: OpenLog,
    runner: RunnerHandle,
    _graph: Option<projection::Store>,
    _postgres: Option<PostgresServer>,
}

impl Open {
    async fn of(into: Into) -> anyhow::Result<Self> {
        let log = OpenLog::open(into.log()).await?;
        let (shared, config) = (Arc::clone(&log.log), RunnerConfig::default());
        let kind = match into {
            Into::Postgres => {
                let server = PostgresServer::start().await?;
                let (store, _) = in_postgres(&server.new_database().await?).await?;
                let runner = Runner::start(shared, store, projection(&LOTS), config)?;
                return Ok(Self { log, runner, _graph: None, _postgres: Some(server) });
            }
            Into::Neo4j => projection::Kind::Neo4j,
            Into::EmbeddedBoth | Into::EmbeddedGraph => projection::Kind::Sqlite,
        };
        let store = projection::Store::open(kind).await?;
        let runner = Runner::start(shared, store.graph.clone(), food_graph(), config)?;
        Ok(Self { log, runner, _graph: Some(store), _postgres: None })
    }
}

struct Measured {
    commands: Figures,
    per_second: f64,
    received: Figures,
    applied: Figures,
}

async fn measure(into: Into, effort: Effort) -> anyhow::Result<Measured> {
    let open = Open::of(into).await?;
    let log = Arc::clone(&open.log.log);
    let site = Arc::new(Site::open(Arc::clone(&log), &mut Random::next_part()).await?);
    let lots = receive(&site).await?;
    let partition = log.partition_of(site.tenant);
    let progress = open.runner.progress().clone();
    let from = log.head(partition).await?;
    progress.wait_for(partition, from, CATCH_UP).await?;

    let (applied, received) = (Seen::default(), Seen::default());
    let mut watching = JoinSet::new();
    watching.spawn(watch_progress(progress, partition, from, Arc::clone(&applied)));
    watching.spawn(watch_log(log.subscribe(partition, None, from).await?, Arc::clone(&received)));
    let [before, measured] = effort.live_times;
    let (began, all) = load(&site, &lots, effort.live_rate, before + measured).await?;
    let last = all.iter().map(|one| one.position).max().context("no command was carried out")?;
    let caught_up = async {
        until(&applied, last).await;
        until(&received, last).await;
    };
    tokio::select! {
        seen = timeout(CATCH_UP, caught_up) => seen.context("the read model does not catch up")?,
        Some(ended) = watching.join_next() => ended??,
    }
    watching.shutdown().await;
    open.runner.stop().await;
    log.close().await;

    let counted: Vec<&Acknowledged> = all.iter().filter(|one| one.due >= began + before).collect();
    let end = counted.iter().map(|one| one.at).max().context("nothing was measured")?;
    let commands: Vec<Duration> = counted.iter().map(|one| one.at - one.due).collect();
    Ok(Measured {
        per_second: rate(commands.len(), end - (began + before)),
        commands: Figures::of(&commands),
        received: Figures::of(&lags(&counted, &received)?),
        applied: Figures::of(&lags(&counted, &applied)?),
    })
}

impl Measured {
    fn rows(&self, into: Into) -> Vec<Vec<String>> {
        let row = |(visible, lag): (&str, &Figures)| {
            vec![
                into.what().to_owned(),
                visible.to_owned(),
                show_number(self.per_second),
                show_duration(self.commands.p50()),
                show_duration(self.commands.p99()),
                show_duration(lag.p50()),
                show_duration(lag.p99()),
                show_ratio(lag.p50().as_secs_f64(), self.received.p50().as_secs_f64()),
            ]
        };
        [("in a subscription", &self.received), ("in the read model", &self.applied)].map(row).into()
    }
}
