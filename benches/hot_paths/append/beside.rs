//! Whole commands on the durable logs, beside what others do with PostgreSQL, by one and by many clients.

use std::sync::Arc;

use foodflow_testkit::servers::PostgresServer;
use tokio::sync::Mutex;

use super::raw_nats::RawNats;
use super::raw_postgres::{CONNECTIONS_MAX, RawPostgres};
use super::samples::Samples;
use super::{CLIENTS, Kind, PUBLISH, commands};
use crate::effort::Effort;
use crate::figures::{Figures, show_duration, show_number, show_ratio};
use crate::logs::{Adapter, OpenLog};
use crate::peer::Peer;
use crate::race::{Clients, Competitor, race};
use crate::random::Random;
use crate::report::Section;
use crate::site::Site;

const INSERT: &str = "bare PostgreSQL insert";
const PEER: &str = "postgres-es command";

/// Every store, open at once: they take turns.
struct Stores {
    postgres: Arc<RawPostgres>,
    peer: Arc<Mutex<Peer>>,
    nats: Arc<RawNats>,
    /// Plants on the embedded log and on JetStream.
    sites: Vec<(&'static str, Arc<Site>)>,
    samples: Samples,
    _postgres_server: PostgresServer,
    _logs: Vec<OpenLog>,
}

/// Measures all of them.
///
/// # Errors
/// Where a server or the peer cannot be had, or anything is refused.
pub(crate) async fn bench(effort: Effort) -> anyhow::Result<Section> {
    let stores = Stores::open().await?;
    let mut rows = Vec::new();
    for clients in CLIENTS {
        let measured = race(stores.competitors(clients).await?, effort).await?;
        rows.extend(table_rows(clients, &measured));
    }
    Ok(Section {
        title: "Append: commands beside PostgreSQL".to_owned(),
        note: format!(
            "An adjustment (one message) each time. The base is an insert of the same bytes into a table with a \
             unique (stream, version), durable (`fsync` and `synchronous_commit` on), over at most {CONNECTIONS_MAX} \
             connections. `postgres-es` carries out the same command on the same aggregate, with its snapshot store \
             and metadata of the envelope's size, over as many connections, in a process of its own. JetStream \
             and the embedded log are durable too (`sync_interval: always`, `synchronous=FULL`)."
        ),
        words: 1,
        header: &[
            "through",
            "clients",
            "p50",
            "p99",
            "commits/s",
            "rate ÷ base",
            "p50 ÷ base",
            "rate ÷ postgres-es",
        ],
        rows,
        findings: Vec::new(),
    })
}

impl Stores {
    async fn open() -> anyhow::Result<Self> {
        let server = PostgresServer::start().await?;
        let url = server.new_database().await?;
        let (embedded, nats) = (OpenLog::open(Adapter::Embedded).await?, OpenLog::open(Adapter::Nats).await?);
        let mut sites = Vec::new();
        for (name, open) in [("command, embedded", &embedded), ("command, JetStream", &nats)] {
            sites.push((name, Arc::new(Site::open(Arc::clone(&open.log), &mut Random::next_part()).await?)));
        }
        let nats_url = nats.server.as_ref().map(|server| server.url().to_owned()).unwrap_or_default();
        Ok(Self {
            postgres: Arc::new(RawPostgres::connect(&url).await?),
            peer: Arc::new(Mutex::new(Peer::start(&url, CONNECTIONS_MAX).await?)),
            nats: Arc::new(RawNats::connect(&nats_url).await?),
            sites,
            samples: Samples::take().await?,
            _postgres_server: server,
            _logs: vec![embedded, nats],
        })
    }

    async fn competitors(&self, clients: usize) -> anyhow::Result<Vec<Competitor>> {
        let kind = Kind::Adjustment;
        let payloads = self.samples.payloads(kind);
        let inserts = (0..clients).map(|_| self.postgres.client(&payloads[0])).collect();
        let publishes = (0..clients).map(|_| self.nats.client(kind, payloads)).collect();
        let mut all = vec![
            Competitor { name: INSERT, by: Clients::Here(inserts) },
            Competitor { name: PEER, by: Clients::Peer(Arc::clone(&self.peer), clients) },
            Competitor { name: PUBLISH, by: Clients::Here(publishes) },
        ];
        for (name, site) in &self.sites {
            all.push(commands::competitor(name, site, kind, clients).await?);
        }
        Ok(all)
    }
}

fn table_rows(clients: usize, measured: &[(&'static str, Figures)]) -> Vec<Vec<String>> {
    let Some((_, base)) = measured.first() else { return Vec::new() };
    let peer = measured.iter().find(|(name, _)| *name == PEER);
    let peer = peer.map_or(0.0, |(_, figures)| figures.per_second());
    let row = |(name, figures): &(&'static str, Figures)| {
        vec![
            (*name).to_owned(),
            clients.to_string(),
            show_duration(figures.p50()),
            show_duration(figures.p99()),
            show_number(figures.per_second()),
            show_ratio(figures.per_second(), base.per_second()),
            show_ratio(figures.p50().as_secs_f64(), base.p50().as_secs_f64()),
            show_ratio(figures.per_second(), peer),
        ]
    };
    measured.iter().map(row).collect()
}
