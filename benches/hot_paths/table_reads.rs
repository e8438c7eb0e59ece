//! Rows out of a table in PostgreSQL: behind row-level security, and as the owner of the table reads them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use foodflow_projections::page::PageRequest;
use foodflow_projections::tables::postgres::PostgresTables;
use foodflow_projections::tables::projection::projection;
use foodflow_projections::tables::{Select, select};
use foodflow_testkit::servers::PostgresServer;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection, PgPool};
use uuid::Uuid;

use crate::effort::Effort;
use crate::figures::{Figures, show_duration, show_ratio};
use crate::filling::fill_within;
use crate::lots_table::{LOTS, LotRow, in_postgres};
use crate::plant::Plant;
use crate::report::Section;

/// Rows of a page.
const PAGE: usize = 50;
/// How often each is asked for, in samples of the effort.
const TURNS: usize = 10;
const COLUMNS: &str = "tenant_id, id, batch_number, status, remaining::text, unit, location_id, occurred_at, \
                       updated_at, version, position";

/// Who reads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    Owner,
    Transaction,
    Store,
}

impl Reader {
    const ALL: [Self; 3] = [Self::Owner, Self::Transaction, Self::Store];

    const fn name(self) -> &'static str {
        match self {
            Self::Owner => "the owner, unguarded: one statement",
            Self::Transaction => "the reader, in a transaction with its tenant: four round trips",
            Self::Store => "the store: the reader, one statement",
        }
    }
}

/// What is asked.
#[derive(Clone, Copy)]
enum Question {
    One,
    Page,
}

/// A filled table, and where to begin in it.
struct Table {
    plant: Plant,
    store: Arc<PostgresTables>,
    pool: PgPool,
    ids: Vec<Uuid>,
}

/// Asks for one row and for a page, at ids spread over the table.
///
/// # Errors
/// Where the server cannot be had, or answers otherwise to one of the readers.
pub(crate) async fn bench(effort: Effort) -> anyhow::Result<Section> {
    let plant = Plant::build(effort.lots).await?;
    let server = PostgresServer::start().await?;
    let (store, pool) = in_postgres(&server.new_database().await?).await?;
    fill_within(&plant, store.clone(), projection(&LOTS), effort.fill_max).await?;
    sqlx::query("ANALYZE lots").execute(&pool).await?;
    let ids = sqlx::query_scalar("SELECT id FROM lots ORDER BY md5(id::text) LIMIT $1");
    let ids = ids.bind(i64::try_from(effort.samples * TURNS)?).fetch_all(&pool).await?;
    let table = Table { plant, store, pool, ids };
    let mut rows = Vec::new();
    for (question, what) in
        [(Question::One, "one row by its id"), (Question::Page, "a page of 50 after an id")]
    {
        let mut figures = Reader::ALL.map(|_| Figures::default());
        for ids in table.ids.chunks(effort.samples) {
            // In turns, so that none has the quieter time.
            for (figures, reader) in figures.iter_mut().zip(Reader::ALL) {
                let (took, whole) = table.ask(reader, question, ids).await?;
                figures.add(&took, whole);
            }
        }
        let base = figures[0].p50();
        for (figures, reader) in figures.iter().zip(Reader::ALL) {
            let ratio = show_ratio(figures.p50().as_secs_f64(), base.as_secs_f64());
            let (p50, p99) = (show_duration(figures.p50()), show_duration(figures.p99()));
            rows.push(vec![what.to_owned(), reader.name().to_owned(), p50, p99, ratio]);
        }
    }
    Ok(Section {
        title: "Reading a table in PostgreSQL: what row-level security costs".to_owned(),
        note: "One question after another, on a server on the same machine. The base is the statement that names its \
               tenant, sent by the owner of the table, who is subject to no policy."
            .to_owned(),
        words: 2,
        header: &["question", "who asks", "p50", "p99", "p50 ÷ base"],
        rows,
        findings: Vec::new(),
    })
}

impl Table {
    /// Asks once for each id; answers with how long each question took, and all of them.
    async fn ask(
        &self,
        reader: Reader,
        question: Question,
        ids: &[Uuid],
    ) -> anyhow::Result<(Vec<Duration>, Duration)> {
        let (began, mut took) = (Instant::now(), Vec::with_capacity(ids.len()));
        for id in ids {
            let asked = Instant::now();
            let found = self.rows(reader, question, *id).await?;
            took.push(asked.elapsed());
            ensure!(found == 1 || matches!(question, Question::Page), "{found} rows of one id");
        }
        Ok((took, began.elapsed()))
    }

    async fn rows(&self, reader: Reader, question: Question, id: Uuid) -> anyhow::Result<usize> {
        match reader {
            Reader::Owner => Ok(self.bare(&mut *self.pool.acquire().await?, question, id).await?.len()),
            Reader::Transaction => {
                let mut transaction = self.store.readers().begin().await?;
                let set = "SELECT set_config('foodflow.tenant', $1::text, true)";
                sqlx::query(set).bind(self.plant.tenant.0).execute(&mut *transaction).await?;
                let rows = self.bare(&mut transaction, question, id).await?;
                transaction.rollback().await?;
                Ok(rows.len())
            }
            Reader::Store => {
                let select = Select::of::<LotRow>(self.plant.tenant);
                match question {
                    Question::One => {
                        let row: Option<LotRow> =
                            select::one(&*self.store, select.equal("id", Some(id))).await?;
                        Ok(row.into_iter().count())
                    }
                    Question::Page => {
                        let request = PageRequest { after: Some(id), size: PAGE };
                        let page = select::page(&*self.store, select, request, |row: &LotRow| row.id).await?;
                        Ok(page.items.len())
                    }
                }
            }
        }
    }

    async fn bare(
        &self,
        connection: &mut PgConnection,
        question: Question,
        id: Uuid,
    ) -> anyhow::Result<Vec<PgRow>> {
        let (sign, limit) = match question {
            Question::One => ("=", 1),
            Question::Page => (">", PAGE + 1),
        };
        let sql =
            format!("SELECT {COLUMNS} FROM lots WHERE tenant_id = $1 AND id {sign} $2 ORDER BY id LIMIT $3");
        let statement = sqlx::query(AssertSqlSafe(sql)).bind(self.plant.tenant.0).bind(id);
        Ok(statement.bind(i64::try_from(limit)?).fetch_all(connection).await?)
    }
}
