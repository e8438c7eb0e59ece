//! Memory of each process of an installation with a long history.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use foodflow_log::{Partition, Position};
use foodflow_projections::graph::embedded::EmbeddedGraph;
use foodflow_projections::graph::neo4j::{Neo4jConfig, Neo4jGraph};
use foodflow_projections::store::ReadModel;
use foodflow_projections::tables::projection::projection;
use foodflow_testkit::app::TestApp;
use foodflow_testkit::servers::{Neo4jServer, PostgresServer};

use crate::effort::Effort;
use crate::figures::{show_number, show_ratio};
use crate::filling::{fill_within, page};
use crate::history::{patient, publish};
use crate::logs::{Adapter, OpenLog};
use crate::lots_table::{LOTS, in_postgres};
use crate::plant::Plant;
use crate::report::Section;
use crate::resident::Watch;

/// Events of a plant for a hundred lots.
const EVENTS_OF_100_LOTS: usize = 313;
/// How often the read model is asked how far it is.
const POLL: Duration = Duration::from_millis(200);

/// Fills a log and read models by the real programs, and watches them meanwhile.
///
/// # Errors
/// Where a server or the program cannot be had.
pub(crate) async fn bench(effort: Effort) -> anyhow::Result<Section> {
    let plant = Plant::build(effort.memory_events * 100 / EVENTS_OF_100_LOTS).await?;
    let open = OpenLog::open(Adapter::Nats).await?;
    let server = open.server.as_ref().context("a log without its server")?;
    let partition = open.log.partition_of(plant.tenant);
    let log_url = server.url().to_owned();

    let nats = Watch::start(server.process_id())?;
    copy(&plant, &log_url, partition).await?;
    let mut rows = vec![row("nats-server", "the log is written", plant.messages, &nats)];
    rows.push(into_sqlite(&log_url, partition, &plant, effort).await?);
    rows.push(row("nats-server", "the log is read", plant.messages, &nats));
    rows.extend(into_neo4j(&log_url, partition, &plant, effort).await?);
    rows.push(into_postgres(&plant, effort).await?);
    open.log.close().await;
    Ok(Section {
        title: format!("Memory at {} events", show_number(plant.messages as f64)),
        note: "Resident memory of a process and its children, what they share counted once: the base is just after the \
               start, the peak the most of what was seen at intervals of 100 ms. `foodflow` is the program itself, as \
               `serve --role projector` with the log on JetStream. Fewer events are those that were applied when the \
               time was over. Neo4j takes what its heap may have (1 GiB here), PostgreSQL what it shares is the size of \
               its buffers (128 MB). `foodflow` maps the file of its graph: those pages count here, and the system takes \
               them back where it needs them."
            .to_owned(),
        words: 2,
        header: &["process", "while", "events", "base", "peak", "peak ÷ base"],
        rows,
        findings: Vec::new(),
    })
}

fn row(process: &str, meanwhile: &str, events: u64, watch: &Watch) -> Vec<String> {
    let mebibytes = |bytes: u64| format!("{} MiB", show_number(bytes as f64 / f64::from(1 << 20)));
    vec![
        process.to_owned(),
        meanwhile.to_owned(),
        show_number(events as f64),
        mebibytes(watch.idle()),
        mebibytes(watch.peak()),
        show_ratio(watch.peak() as f64, watch.idle() as f64),
    ]
}

/// The whole history into the log's stream, at the same positions.
async fn copy(plant: &Plant, url: &str, partition: Partition) -> anyhow::Result<()> {
    let jetstream = patient(url).await?;
    let mut after = Position(0);
    loop {
        let page = page(&plant.log, after).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.position;
        publish(&jetstream, partition, &page).await?;
    }
}

/// A projector of its own, with an empty data folder.
async fn projector(environment: &[(&str, &str)]) -> anyhow::Result<TestApp> {
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    TestApp::start(&["serve", "--role", "projector"], environment.collect()).await
}

async fn into_sqlite(
    log_url: &str,
    partition: Partition,
    plant: &Plant,
    effort: Effort,
) -> anyhow::Result<Vec<String>> {
    let app = projector(&[("FOODFLOW_LOG_URL", log_url)]).await?;
    let watch = Watch::start(app.process_id())?;
    let store = EmbeddedGraph::open(&app.data().join(Path::new("food_graph.sqlite"))).await?;
    let events = followed(&store, partition, plant, effort).await?;
    store.close().await;
    Ok(row("foodflow, projector", "the graph in SQLite is filled", events, &watch))
}

async fn into_neo4j(
    log_url: &str,
    partition: Partition,
    plant: &Plant,
    effort: Effort,
) -> anyhow::Result<[Vec<String>; 2]> {
    let server = Neo4jServer::start().await?;
    let neo4j = Watch::start(server.process_id())?;
    let app = projector(&[("FOODFLOW_LOG_URL", log_url), ("FOODFLOW_NEO4J_URL", server.url())]).await?;
    let watch = Watch::start(app.process_id())?;
    let (uri, user, password) = (server.url().to_owned(), "neo4j".to_owned(), "none".to_owned());
    let store = Neo4jGraph::connect(Neo4jConfig { uri, user, password, database: None }).await?;
    let events = followed(&store, partition, plant, effort).await?;
    let meanwhile = "the graph in Neo4j is filled";
    Ok([row("foodflow, projector", meanwhile, events, &watch), row("neo4j", meanwhile, events, &neo4j)])
}

async fn into_postgres(plant: &Plant, effort: Effort) -> anyhow::Result<Vec<String>> {
    let server = PostgresServer::start().await?;
    let watch = Watch::start(server.process_id())?;
    let (store, _) = in_postgres(&server.new_database().await?).await?;
    let done = fill_within(plant, store, projection(&LOTS), effort.fill_max).await?;
    Ok(row("postgres", "a table of lots is rebuilt", done.messages, &watch))
}

/// Waits until the whole history is applied, or the time is over; answers how much of it is.
async fn followed(
    store: &dyn ReadModel,
    partition: Partition,
    plant: &Plant,
    effort: Effort,
) -> anyhow::Result<u64> {
    let began = Instant::now();
    loop {
        let position = store.checkpoint(partition).await?.position.0;
        if position >= plant.messages || began.elapsed() >= effort.fill_max {
            return Ok(position);
        }
        tokio::time::sleep(POLL).await;
    }
}
