//! Durable appends on each log, by one and by many clients, against the bare store.
//!
//! Competitors take turns: the bare store with the same bytes, the log's port with the same bytes, and whole
//! commands (load, decide, encode, hash, append). What the port costs above the store is the adapter's doing; what a
//! command costs above the port is the domain's. On JetStream there is a second bare one: batches that hold a commit
//! of each client, one after another, which is the most that gathering can reach. [`beside`] sets whole commands
//! beside what others do with PostgreSQL.

mod beside;
mod commands;
mod port;
mod raw_nats;
mod raw_postgres;
mod raw_sqlite;
mod samples;

use std::sync::Arc;
use std::time::Duration;

pub(crate) use self::beside::bench as beside;
use self::samples::Samples;
use crate::effort::Effort;
use crate::figures::{Figures, show_duration, show_number, show_ratio};
use crate::logs::{Adapter, OpenLog};
use crate::race::{Client, Clients, Competitor, race};
use crate::random::Random;
use crate::report::Section;
use crate::site::Site;
use crate::targets::Finding;

/// How many clients command at once on what is durable.
const CLIENTS: [usize; 4] = [1, 16, 64, 256];

/// How many clients command at once.
const fn clients(adapter: Adapter) -> &'static [usize] {
    match adapter {
        Adapter::Memory => &[1, 64],
        Adapter::Embedded | Adapter::Nats => &CLIENTS,
    }
}

/// What is appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// One message at the end of a stream that the client alone writes to: a lot is counted.
    Adjustment,
    /// Three messages, each the first of a new stream: a lot is received.
    Receipt,
}

impl Kind {
    const ALL: [Self; 2] = [Self::Adjustment, Self::Receipt];

    const fn what(self) -> &'static str {
        match self {
            Self::Adjustment => "adjustment, 1 message",
            Self::Receipt => "receipt, 3 messages",
        }
    }
}

/// The bare store behind a log.
enum Raw {
    None,
    Sqlite(Arc<raw_sqlite::RawSqlite>),
    Nats(Arc<raw_nats::RawNats>),
}

impl Raw {
    async fn open(open: &OpenLog, adapter: Adapter) -> anyhow::Result<Self> {
        Ok(match (adapter, &open.server) {
            (Adapter::Nats, Some(server)) => {
                Self::Nats(Arc::new(raw_nats::RawNats::connect(server.url()).await?))
            }
            (Adapter::Embedded, _) => {
                let path = open.folder.path().join("raw.sqlite");
                Self::Sqlite(Arc::new(raw_sqlite::RawSqlite::open(&path).await?))
            }
            _ => Self::None,
        })
    }

    fn competitor(&self, kind: Kind, clients: usize, samples: &Samples) -> Option<Competitor> {
        let payloads = samples.payloads(kind);
        let (name, clients): (_, Vec<Box<dyn Client>>) = match self {
            Self::None => return None,
            Self::Sqlite(store) => {
                ("bare SQLite transaction", (0..clients).map(|_| store.client(kind, payloads)).collect())
            }
            Self::Nats(store) => {
                let name = match kind {
                    Kind::Adjustment => PUBLISH,
                    Kind::Receipt => "bare atomic batch",
                };
                (name, (0..clients).map(|_| store.client(kind, payloads)).collect())
            }
        };
        Some(Competitor { name, by: Clients::Here(clients) })
    }

    /// Batches of a commit of each client; none where there is one client only.
    fn gathering(&self, kind: Kind, clients: usize, samples: &Samples) -> Option<Competitor> {
        match self {
            Self::Nats(store) if clients > 1 => {
                let client = store.gathering(kind, samples.payloads(kind), clients);
                Some(Competitor { name: GATHERED, by: Clients::Here(vec![client]) })
            }
            _ => None,
        }
    }
}

/// What the last column of a table is a ratio to.
const GATHERED: &str = "bare batches of all clients";
const PUBLISH: &str = "bare durable publish";
const COMMAND: &str = "command";

/// Measures one log.
///
/// # Errors
/// Where the log or its server cannot be had, or anything is refused.
pub(crate) async fn bench(adapter: Adapter, effort: Effort) -> anyhow::Result<Section> {
    let samples = Samples::take().await?;
    let (mut rows, mut findings) = (Vec::new(), Vec::new());
    for kind in Kind::ALL {
        // A new store for each, so that none finds the file that another one has filled.
        let open = OpenLog::open(adapter).await?;
        let raw = Raw::open(&open, adapter).await?;
        let site = Arc::new(Site::open(Arc::clone(&open.log), &mut Random::next_part()).await?);
        for &clients in clients(adapter) {
            let mut competitors: Vec<Competitor> =
                raw.competitor(kind, clients, &samples).into_iter().collect();
            competitors.extend(raw.gathering(kind, clients, &samples));
            competitors.push(port::competitor(&open.log, kind, clients, &samples));
            competitors.push(commands::competitor(COMMAND, &site, kind, clients).await?);
            let measured = race(competitors, effort).await?;
            rows.extend(table_rows(kind, clients, &measured));
            if adapter == Adapter::Nats && kind == Kind::Adjustment {
                findings.extend(nats_findings(clients, &measured));
            }
        }
        open.log.close().await;
    }
    Ok(Section {
        title: format!("Append: {}", adapter.name()),
        note: note(adapter).to_owned(),
        words: 2,
        header: &[
            "commit",
            "through",
            "clients",
            "p50",
            "p99",
            "commits/s",
            "rate ÷ base",
            "p50 ÷ base",
            "rate ÷ gathered",
        ],
        rows,
        findings,
    })
}

/// What commands on JetStream should reach at so many clients.
fn nats_findings(clients: usize, measured: &[(&'static str, Figures)]) -> Vec<Finding> {
    let find = |wanted| measured.iter().find(|(name, _)| *name == wanted).map(|(_, figures)| figures);
    let (Some(command), Some(publish)) = (find(COMMAND), find(PUBLISH)) else { return Vec::new() };
    let target = |what: &str| format!("JetStream, {clients} clients: {what}");
    let rates = |base: &Figures| [command.per_second(), base.per_second()];
    let p50s = [command.p50().as_secs_f64(), publish.p50().as_secs_f64()];
    let least = |what: &str, least| Finding::ratio_at_least(target(what), rates(publish), least);
    let own = match clients {
        1 => Finding::ratio_at_most("JetStream, 1 client: p50 ≤ 1.5 × a bare publish", p50s, 1.5),
        64 => least("commands ≥ 2 × bare single publishes", 2.0),
        256 => least("commands ≥ 4 × bare single publishes", 4.0),
        _ => None,
    };
    let gathered = find(GATHERED).filter(|_| clients >= 64).and_then(|gathered| {
        Finding::ratio_at_least(target("commands ≥ 0.8 × bare batches"), rates(gathered), 0.8)
    });
    let p99 = (clients == 64)
        .then(|| Finding::at_most(target("p99 ≤ 20 ms"), command.p99(), Duration::from_millis(20)));
    own.into_iter().chain(gathered).chain(p99).collect()
}

/// A row per competitor; the first one is the baseline of the others.
fn table_rows(kind: Kind, clients: usize, measured: &[(&'static str, Figures)]) -> Vec<Vec<String>> {
    let Some((_, baseline)) = measured.first() else { return Vec::new() };
    let gathered = measured.iter().find(|(name, _)| *name == GATHERED);
    let gathered = gathered.map_or(0.0, |(_, figures)| figures.per_second());
    let row = |(name, figures): &(&'static str, Figures)| {
        vec![
            kind.what().to_owned(),
            (*name).to_owned(),
            clients.to_string(),
            show_duration(figures.p50()),
            show_duration(figures.p99()),
            show_number(figures.per_second()),
            show_ratio(figures.per_second(), baseline.per_second()),
            show_ratio(figures.p50().as_secs_f64(), baseline.p50().as_secs_f64()),
            show_ratio(figures.per_second(), gathered),
        ]
    };
    measured.iter().map(row).collect()
}

const fn note(adapter: Adapter) -> &'static str {
    match adapter {
        Adapter::Memory => {
            "Nothing is durable here, and there is no store beneath: the base is the port itself. What a command \
             takes on this log is what the domain, the envelope and the hash chain take."
        }
        Adapter::Embedded => {
            "The base is one SQLite transaction per commit over one connection, with the same table, indexes and \
             pragmas (`synchronous=FULL`), the clients taking turns. Both files are on the same disk."
        }
        Adapter::Nats => {
            "The base is one durable publish, or one atomic batch of three messages, to a stream with the same \
             settings on the same server (`sync_interval: always`), over one connection. All clients command for one \
             tenant, hence on one partition. The bare batches of all clients hold one commit of each, and are \
             written by one client, one after another: the last column is a ratio to them."
        }
    }
}
