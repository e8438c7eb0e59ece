//! A whole history into each read model, which is empty, as `foodflow rebuild` does it.
//!
//! The digests of the stores must agree: a fast store that holds something else has no figure.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use foodflow_log::{Direction, Partition, Position, ReadQuery};
use foodflow_projections::graph::embedded::EmbeddedGraph;
use foodflow_projections::graph::neo4j::{Neo4jConfig, Neo4jGraph};
use foodflow_projections::graph::{DigestScope, GraphStore};
use foodflow_projections::recorded::Recorded;
use foodflow_projections::runner::{RebuildOptions, RebuildRequest, SwitchPolicy, food_graph, rebuild};
use foodflow_projections::store::generations::RebuildScope;
use foodflow_testkit::servers::Neo4jServer;
use tempfile::TempDir;

use crate::figures::{rate, show_duration, show_number, show_ratio};
use crate::plant::Plant;
use crate::report::Section;

/// Messages that are read at a time.
const READ_AT_ONCE: usize = 5_000;

/// A kind of read model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Neo4j,
}

impl Kind {
    pub(crate) const ALL: [Self; 2] = [Self::Sqlite, Self::Neo4j];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Neo4j => "neo4j",
        }
    }
}

/// A filled read model, with what it stands on.
pub(crate) struct Store {
    pub(crate) kind: Kind,
    pub(crate) graph: Arc<dyn GraphStore>,
    _server: Option<Neo4jServer>,
    _folder: TempDir,
}

impl Store {
    /// An empty one. The server is a new one too, for a rebuild clears what it finds.
    async fn open(kind: Kind) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("foodflow-bench-").tempdir()?;
        let (graph, server): (Arc<dyn GraphStore>, _) = match kind {
            Kind::Sqlite => (Arc::new(EmbeddedGraph::open(&folder.path().join("graph.sqlite")).await?), None),
            Kind::Neo4j => {
                let server = Neo4jServer::start().await?;
                let (uri, user, password) = (server.url().to_owned(), "neo4j".to_owned(), "none".to_owned());
                let graph = Neo4jGraph::connect(Neo4jConfig { uri, user, password, database: None }).await?;
                (Arc::new(graph), Some(server))
            }
        };
        graph.migrate().await?;
        Ok(Self { kind, graph, _server: server, _folder: folder })
    }
}

/// What one competitor did.
struct Filled {
    name: &'static str,
    applied_in: Duration,
    with_digest: Option<Duration>,
}

/// Fills a new store of each kind in `wanted`, and answers with the stores.
///
/// Each is filled with `warm_up` first and emptied again: a server that has just started compiles its own code and
/// plans its statements, which is over after the first seconds of an installation's life.
///
/// # Errors
/// Where a store cannot be had or refuses, or two of them end up holding something else.
pub(crate) async fn bench(
    plant: &Plant,
    warm_up: &Plant,
    wanted: &[Kind],
) -> anyhow::Result<(Section, Vec<Store>)> {
    let events = count_events(plant).await?;
    let mut filled = vec![project_only(plant).await?];
    let (mut stores, mut digests) = (Vec::new(), Vec::new());
    for kind in Kind::ALL.into_iter().filter(|kind| wanted.contains(kind)) {
        let store = Store::open(kind).await?;
        fill(warm_up, &store).await?;
        store.graph.clear(Partition(0)).await?;
        let (figures, digest) = fill(plant, &store).await?;
        filled.push(figures);
        digests.push(digest);
        stores.push(store);
    }
    digests.dedup();
    ensure!(digests.len() <= 1, "the read models hold something else: {digests:?}");
    let base = filled[0].applied_in;
    let messages = plant.messages as usize;
    let row = |one: &Filled| {
        vec![
            one.name.to_owned(),
            show_duration(one.applied_in),
            show_number(rate(plant.commits, one.applied_in)),
            show_number(rate(messages, one.applied_in)),
            show_number(rate(events, one.applied_in)),
            one.with_digest.map_or_else(|| "—".to_owned(), show_duration),
            show_ratio(rate(messages, one.applied_in), rate(messages, base)),
        ]
    };
    let rows = filled.iter().map(row).collect();
    let note = format!(
        "{} lots: {} commits, {} messages, {} events, written by commands on the memory log in {}. The base reads \
         and projects them, and applies nothing. The digests of the read models are equal.",
        show_number(plant.lots as f64),
        show_number(plant.commits as f64),
        show_number(messages as f64),
        show_number(events as f64),
        show_duration(plant.written_in),
    );
    let section = Section {
        title: "Projection: a rebuild from position 0".to_owned(),
        note,
        words: 1,
        header: &["into", "applied in", "commits/s", "messages/s", "events/s", "with digest", "rate ÷ base"],
        rows,
    };
    Ok((section, stores))
}

async fn count_events(plant: &Plant) -> anyhow::Result<usize> {
    let (mut events, mut after) = (0, Position(0));
    loop {
        let page = page(plant, after).await?;
        let Some(last) = page.last() else { return Ok(events) };
        after = last.position;
        for message in &page {
            events += Recorded::decode(message)?.events.len();
        }
    }
}

async fn page(plant: &Plant, from: Position) -> anyhow::Result<Vec<foodflow_log::StoredMessage>> {
    let query = ReadQuery { tenant: None, from, direction: Direction::Forward, limit: READ_AT_ONCE };
    Ok(plant.log.read(Partition(0), query).await?)
}

/// Reads and projects everything, and throws the changes away.
async fn project_only(plant: &Plant) -> anyhow::Result<Filled> {
    let projection = food_graph();
    let began = Instant::now();
    let mut after = Position(0);
    loop {
        let page = page(plant, after).await?;
        let Some(last) = page.last() else { break };
        after = last.position;
        for message in &page {
            std::hint::black_box(projection.project(message)?);
        }
    }
    Ok(Filled { name: "nothing (read and project)", applied_in: began.elapsed(), with_digest: None })
}

/// Fills the store, which is empty, as `foodflow rebuild` does; answers with its digest too.
async fn fill(plant: &Plant, store: &Store) -> anyhow::Result<(Filled, String)> {
    let began = Instant::now();
    let mut applied_in = Duration::ZERO;
    let report = rebuild(
        Arc::clone(&plant.log),
        store.graph.clone(),
        food_graph(),
        RebuildRequest {
            scope: RebuildScope::All,
            switch: SwitchPolicy::Never,
            filled_by: "bench".to_owned(),
        },
        RebuildOptions::default(),
        |_| applied_in = began.elapsed(),
    )
    .await?;
    ensure!(report.messages == plant.messages, "{} messages of {}", report.messages, plant.messages);
    let digest = store.graph.digest(DigestScope::Partition(Partition(0))).await?;
    let filled = Filled { name: store.kind.name(), applied_in, with_digest: Some(began.elapsed()) };
    Ok((filled, digest))
}
