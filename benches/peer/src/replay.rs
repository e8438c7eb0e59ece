//! Replaying every event into a view, as `postgres-es` does it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::bail;
use cqrs_es::persist::{GenericQuery, PersistenceError, QueryErrorHandler, QueryReplay};
use cqrs_es::{EventEnvelope, View};
use foodflow_domain::food_graph::batch::{Balance, Batch, BatchEvent};
use postgres_es::{PostgresEventRepository, PostgresViewRepository};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;

/// The first thing that went wrong.
type Trouble = Arc<Mutex<Option<String>>>;

/// A lot as it stands.
#[derive(Debug, Default, Serialize, Deserialize)]
struct LotView {
    batch_number: String,
    balance: Option<Balance>,
    version: usize,
}

impl View<Batch> for LotView {
    fn update(&mut self, event: &EventEnvelope<Batch>) {
        self.version = event.sequence;
        self.balance = Some(match &event.payload {
            BatchEvent::Received(data) | BatchEvent::Produced(data) => {
                self.batch_number.clone_from(&data.origin.batch_number);
                data.after
            }
            BatchEvent::Consumed(data) | BatchEvent::Shipped(data) => data.after,
            BatchEvent::Sampled(data)
            | BatchEvent::Wasted(data)
            | BatchEvent::Counted(data)
            | BatchEvent::Disposed(data) => data.after,
            BatchEvent::Held(data) | BatchEvent::Released(data) | BatchEvent::Recalled(data) => data.after,
            BatchEvent::OriginCorrected(data) => data.after,
            BatchEvent::ConsumptionCorrected(data) | BatchEvent::ShipmentCorrected(data) => data.after,
        });
    }
}

/// Replays all events into an empty view: how many rows it has then, and how long it took.
///
/// # Errors
/// Where an event cannot be read, or the view cannot be written.
pub(crate) async fn replay(pool: &PgPool) -> anyhow::Result<(i64, Duration)> {
    sqlx::query("TRUNCATE lot_view").execute(pool).await?;
    let trouble = Trouble::default();
    let views = PostgresViewRepository::<LotView, Batch>::new("lot_view", pool.clone());
    let mut query = GenericQuery::<_, LotView, Batch>::new(Arc::new(views));
    query.use_error_handler(told_to(&trouble));
    let mut replay: QueryReplay<_, _, Batch> =
        QueryReplay::new(PostgresEventRepository::new(pool.clone()), query);
    replay.use_error_handler(told_to(&trouble));
    let began = Instant::now();
    replay.replay_all().await?;
    let elapsed = began.elapsed();
    if let Some(trouble) = trouble.lock().unwrap_or_else(PoisonError::into_inner).take() {
        bail!("the replay went wrong: {trouble}");
    }
    Ok((sqlx::query_scalar("SELECT count(*) FROM lot_view").fetch_one(pool).await?, elapsed))
}

fn told_to(trouble: &Trouble) -> Box<QueryErrorHandler> {
    let trouble = Arc::clone(trouble);
    Box::new(move |error: PersistenceError| {
        trouble.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| error.to_string());
    })
}
