//! A whole history into a table, beside `COPY` of the same rows and a replay of `postgres-es` into a view.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use cqrs_es::DomainEvent as _;
use foodflow_domain::EventSet as _;
use foodflow_domain::food_graph::batch::BatchEvent;
use foodflow_log::{Partition, Position};
use foodflow_projections::recorded::Recorded;
use foodflow_projections::store::ReadModel as _;
use foodflow_projections::tables::projection::projection;
use foodflow_testkit::servers::PostgresServer;
use futures::TryStreamExt as _;
use sqlx::PgPool;

use crate::effort::Effort;
use crate::figures::{rate, show_duration, show_number, show_ratio};
use crate::filling::{BASE_MAX, Fill, fill_within, page, project_only};
use crate::lots_table::{LOTS, in_postgres, in_sqlite};
use crate::peer::Peer;
use crate::plant::Plant;
use crate::report::Section;
use crate::targets::Finding;

/// Connections of the peer; a replay uses two of them.
const PEER_CONNECTIONS: u32 = 4;
const TARGET_PER_SECOND: f64 = 80_000.0;
const COPY: &str = "bare COPY of the rows";
const PEER: &str = "postgres-es view";
const INSERT_EVENTS: &str = "
    INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata)
    SELECT 'batch', id, sequence, event_type, event_version, payload::json, '{}'::json
    FROM UNNEST($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[])
        AS event (id, sequence, event_type, event_version, payload)";

/// What one competitor did. What it does not do has no number.
struct Done {
    into: &'static str,
    messages: Option<u64>,
    lot_events: Option<usize>,
    rows: Option<usize>,
    took: Duration,
}

/// Fills the table from a plant's history, in each store; what is not the peer is warmed up by another plant.
///
/// # Errors
/// Where a store, the server or the peer cannot be had, or holds something else in the end.
pub(crate) async fn bench(effort: Effort) -> anyhow::Result<Section> {
    let plant = Plant::build(effort.lots).await?;
    let warm_up = Plant::build(effort.warm_up_lots).await?;
    let base = project_only(&plant, &*projection(&LOTS), BASE_MAX).await?;
    let of = |into, done: &Fill, rows| Done {
        into,
        messages: Some(done.messages),
        lot_events: Some(base.changes),
        rows,
        took: done.applied_in,
    };
    let mut all = vec![of("nothing (read and project)", &base.done, None)];

    let folder = tempfile::Builder::new().prefix("foodflow-bench-").tempdir()?;
    let store = in_sqlite(folder.path()).await?;
    fill_within(&warm_up, store.clone(), projection(&LOTS), effort.fill_max).await?;
    store.clear(Partition(0)).await?;
    let sqlite = fill_within(&plant, store, projection(&LOTS), effort.fill_max).await?;
    all.push(of("table in SQLite", &sqlite, Some(plant.lots)));

    let server = PostgresServer::start().await?;
    let (store, pool) = in_postgres(&server.new_database().await?).await?;
    fill_within(&warm_up, store.clone(), projection(&LOTS), effort.fill_max).await?;
    store.clear(Partition(0)).await?;
    let postgres = fill_within(&plant, store, projection(&LOTS), effort.fill_max).await?;
    let rows = count_lots(&pool, &plant).await?;
    ensure!(rows == plant.lots, "{rows} rows of {} lots", plant.lots);
    all.push(of("table in PostgreSQL", &postgres, Some(rows)));
    all.push(copy_again(&pool, &plant).await?);
    all.push(replay(&plant, &server, effort).await?);

    let target = "rebuild into PostgreSQL ≥ 80,000 events/s";
    let findings = vec![Finding::rate_at_least(target, postgres.per_second(), TARGET_PER_SECOND)];
    Ok(section(&plant, &all, findings))
}

fn section(plant: &Plant, all: &[Done], findings: Vec<Finding>) -> Section {
    let per_second = |count: Option<usize>, took| count.map_or(0.0, |count| rate(count, took));
    let rates = |one: &Done| (per_second(one.lot_events, one.took), per_second(one.rows, one.took));
    let of = |into| all.iter().find(|one| one.into == into).map_or((0.0, 0.0), rates);
    let (peer, copy) = (of(PEER).0, of(COPY).1);
    let number = |number: f64| if number > 0.0 { show_number(number) } else { "—".to_owned() };
    let ratio = |value, base| if value > 0.0 { show_ratio(value, base) } else { "—".to_owned() };
    let row = |one: &Done| {
        let (lot_events, rows) = rates(one);
        vec![
            one.into.to_owned(),
            number(one.messages.map_or(0.0, |messages| messages as f64)),
            number(one.lot_events.map_or(0.0, |events| events as f64)),
            number(one.rows.map_or(0.0, |rows| rows as f64)),
            show_duration(one.took),
            number(one.messages.map_or(0.0, |messages| rate(messages as usize, one.took))),
            number(lot_events),
            ratio(rows, copy),
            ratio(lot_events, peer),
        ]
    };
    Section {
        title: format!("Rebuild of a table: {} lots", show_number(plant.lots as f64)),
        note: "A row for each lot, appended by its first event and patched by each later one, in a table with a \
               primary key and an index; events of other aggregates are read and change nothing. A projector fills it from \
               position 0, in the batches of a rebuild. `COPY` writes the \
               same rows, as they stand in the end, into an empty copy of the table, indexes included. \
               `postgres-es` replays the first of the same lot events, which it finds in its own table, into a view \
               with a JSON document for each lot, one event after another."
            .to_owned(),
        words: 1,
        header: &[
            "into",
            "events read",
            "of lots",
            "rows",
            "took",
            "events/s",
            "lot events/s",
            "rows/s ÷ COPY",
            "lot events/s ÷ postgres-es",
        ],
        rows: all.iter().map(row).collect(),
        findings,
    }
}

async fn count_lots(pool: &PgPool, plant: &Plant) -> anyhow::Result<usize> {
    let count = sqlx::query_scalar("SELECT count(*) FROM lots WHERE tenant_id = $1").bind(plant.tenant.0);
    let count: i64 = count.fetch_one(pool).await?;
    Ok(usize::try_from(count)?)
}

/// Reads all rows, and writes them into a new table like theirs by one `COPY`; the writing is timed.
async fn copy_again(pool: &PgPool, plant: &Plant) -> anyhow::Result<Done> {
    let mut connection = pool.acquire().await?;
    let rows = connection.copy_out_raw("COPY lots TO STDOUT (FORMAT binary)").await?;
    let rows: Vec<_> = rows.try_collect().await?;
    sqlx::query("CREATE TABLE raw_lots (LIKE lots INCLUDING ALL)").execute(&mut *connection).await?;
    let began = Instant::now();
    let mut copy = connection.copy_in_raw("COPY raw_lots FROM STDIN (FORMAT binary)").await?;
    for row in rows {
        copy.send(row).await?;
    }
    let written = usize::try_from(copy.finish().await?)?;
    let took = began.elapsed();
    ensure!(written == plant.lots, "{written} rows copied of {}", plant.lots);
    Ok(Done { into: COPY, messages: None, lot_events: None, rows: Some(written), took })
}

/// The peer's turn, with the plant's first lot events in its own table.
async fn replay(plant: &Plant, server: &PostgresServer, effort: Effort) -> anyhow::Result<Done> {
    let url = server.new_database().await?;
    let mut peer = Peer::start(&url, PEER_CONNECTIONS).await?;
    // It has made its tables when it answers.
    peer.replay().await?;
    let pool = PgPool::connect(&url).await?;
    let (events, lots) = write_events(plant, &pool, effort.replayed_events).await?;
    let (views, took) = peer.replay().await?;
    ensure!(views == lots, "{views} views of {lots} lots");
    Ok(Done { into: PEER, messages: Some(events as u64), lot_events: Some(events), rows: Some(views), took })
}

/// The first `most` lot events of the plant, as the peer stores them; answers how many there are, and of how many lots.
async fn write_events(plant: &Plant, pool: &PgPool, most: usize) -> anyhow::Result<(usize, usize)> {
    let (mut after, mut written, mut lots) = (Position(0), 0, HashSet::new());
    loop {
        let page = page(&plant.log, after).await?;
        let Some(last) = page.last() else { return Ok((written, lots.len())) };
        after = last.position;
        let mut columns: [Vec<String>; 4] = Default::default();
        let mut sequences = Vec::new();
        for message in &page {
            for envelope in Recorded::decode(message)?.events {
                let data = BatchEvent::decode(&envelope.event_type, envelope.data.get())?;
                let Some(event) = data.filter(|_| written + sequences.len() < most) else { continue };
                let id = envelope.subject.rsplit('/').next().context("an event without a subject")?;
                lots.insert(id.to_owned());
                sequences.push(i64::try_from(envelope.sequence)?);
                let cells = [
                    id.to_owned(),
                    event.event_type(),
                    event.event_version(),
                    serde_json::to_string(&event)?,
                ];
                columns.iter_mut().zip(cells).for_each(|(column, cell)| column.push(cell));
            }
        }
        let [ids, types, versions, payloads] = columns;
        written += sequences.len();
        sqlx::query(INSERT_EVENTS)
            .bind(ids)
            .bind(sequences)
            .bind(types)
            .bind(versions)
            .bind(payloads)
            .execute(pool)
            .await?;
        if written >= most {
            return Ok((written, lots.len()));
        }
    }
}
