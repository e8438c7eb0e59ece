//! A whole history into each graph, from position 0.
//!
//! The digests of the stores must agree: a fast store that holds something else has no figure. A store that is not
//! filled in time has a figure for what it took in until then, and is no longer compared.

use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use foodflow_log::{Partition, Position};
use foodflow_projections::graph::GraphStore;
use foodflow_projections::graph::embedded::EmbeddedGraph;
use foodflow_projections::graph::neo4j::{Neo4jConfig, Neo4jGraph};
use foodflow_projections::recorded::Recorded;
use foodflow_projections::runner::food_graph;
use foodflow_testkit::servers::Neo4jServer;
use tempfile::TempDir;

use crate::effort::Effort;
use crate::figures::{show_duration, show_number, show_ratio};
use crate::filling::{BASE_MAX, Fill, fill_within, page, project_only};
use crate::plant::Plant;
use crate::report::Section;

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
    /// Up to where it holds the plant's history.
    pub(crate) position: Position,
    _server: Option<Neo4jServer>,
    _folder: TempDir,
}

impl Store {
    /// An empty one. The server is a new one too, for a rebuild clears what it finds.
    pub(crate) async fn open(kind: Kind) -> anyhow::Result<Self> {
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
        Ok(Self { kind, graph, position: Position(0), _server: server, _folder: folder })
    }
}

/// What one competitor did.
struct Filled {
    name: &'static str,
    done: Fill,
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
    effort: Effort,
) -> anyhow::Result<(Section, Vec<Store>)> {
    ensure!(count_events(plant).await?, "a message of the plant does not hold one event");
    let read = project_only(plant, &*food_graph(), BASE_MAX).await?.done;
    let mut filled = vec![Filled { name: "nothing (read and project)", done: read }];
    let mut stores = Vec::new();
    for kind in Kind::ALL.into_iter().filter(|kind| wanted.contains(kind)) {
        let mut store = Store::open(kind).await?;
        fill(warm_up, &mut store, effort.fill_max).await?;
        store.graph.clear(Partition(0)).await?;
        filled.push(fill(plant, &mut store, effort.fill_max).await?);
        stores.push(store);
    }
    let mut digests: Vec<&String> =
        filled.iter().filter_map(|one| Some(&one.done.digest.as_ref()?.1)).collect();
    digests.dedup();
    ensure!(digests.len() <= 1, "the read models hold something else: {digests:?}");
    Ok((section(plant, &filled), stores))
}

fn section(plant: &Plant, filled: &[Filled]) -> Section {
    let row = |one: &Filled| {
        vec![
            one.name.to_owned(),
            show_number(one.done.messages as f64),
            show_duration(one.done.applied_in),
            show_number(one.done.per_second()),
            one.done.digest.as_ref().map_or_else(|| "—".to_owned(), |(took, _)| show_duration(*took)),
            show_ratio(one.done.per_second(), filled[0].done.per_second()),
        ]
    };
    let note = format!(
        "{} lots: {} events, each in a message of its own, written by commands on the memory log in {}. The base \
         reads and projects them, for {} at most, and applies nothing. The digests of the read models are equal; a \
         store without one was not filled when its time was over. A projector fills a graph in the batches of a \
         rebuild.",
        show_number(plant.lots as f64),
        show_number(plant.messages as f64),
        show_duration(plant.written_in),
        show_duration(BASE_MAX),
    );
    Section {
        title: format!("Rebuild of the graph: {} lots", show_number(plant.lots as f64)),
        note,
        words: 1,
        header: &["into", "events", "applied in", "events/s", "digest", "rate ÷ base"],
        rows: filled.iter().map(row).collect(),
        findings: Vec::new(),
    }
}

/// Whether each message holds one event; asked of the first page, for the rest is alike.
async fn count_events(plant: &Plant) -> anyhow::Result<bool> {
    for message in page(&plant.log, Position(0)).await? {
        if Recorded::decode(&message)?.events.len() != 1 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Fills the store, for as long as `limit`.
async fn fill(plant: &Plant, store: &mut Store, limit: Duration) -> anyhow::Result<Filled> {
    let filled = fill_within(plant, store.graph.clone(), food_graph(), limit).await?;
    store.position = filled.position;
    Ok(Filled { name: store.kind.name(), done: filled })
}
