//! Lets competitors take turns, so that what disturbs the machine disturbs all of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use async_trait::async_trait;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::effort::Effort;
use crate::figures::Figures;
use crate::peer::Peer;

/// Share of a round's time that each competitor first runs unmeasured.
const WARM_UP_PART: u32 = 3;

/// A client: one operation after another, the next one when the last was acknowledged.
#[async_trait]
pub(crate) trait Client: Send {
    /// One operation.
    async fn once(&mut self) -> anyhow::Result<()>;

    /// How many commits one operation stands for: each of them takes as long as the operation.
    fn commits(&self) -> usize {
        1
    }
}

/// One thing that is measured, by some clients at once.
pub(crate) struct Competitor {
    pub(crate) name: &'static str,
    pub(crate) by: Clients,
}

/// Where the clients are.
pub(crate) enum Clients {
    /// In this process.
    Here(Vec<Box<dyn Client>>),
    /// So many in the peer's process, which measures them itself.
    Peer(Arc<Mutex<Peer>>, usize),
}

/// What was measured of each competitor, in their order.
///
/// # Errors
/// Where an operation fails: there is no figure for what does not work.
pub(crate) async fn race(
    mut competitors: Vec<Competitor>,
    effort: Effort,
) -> anyhow::Result<Vec<(&'static str, Figures)>> {
    let mut figures = vec![Figures::default(); competitors.len()];
    for competitor in &mut competitors {
        turn(competitor, effort.window / WARM_UP_PART, &mut Figures::default()).await?;
    }
    for _ in 0..effort.rounds {
        for (competitor, figures) in competitors.iter_mut().zip(&mut figures) {
            turn(competitor, effort.window, figures).await?;
        }
    }
    Ok(competitors.iter().map(|competitor| competitor.name).zip(figures).collect())
}

/// All clients of a competitor at once, for as long as `window`.
async fn turn(competitor: &mut Competitor, window: Duration, figures: &mut Figures) -> anyhow::Result<()> {
    let failed = || format!("`{}` failed", competitor.name);
    match &mut competitor.by {
        Clients::Here(clients) => turn_here(clients, window, figures).await.with_context(failed),
        Clients::Peer(peer, clients) => {
            let (latencies, elapsed) =
                peer.lock().await.append(*clients, window).await.with_context(failed)?;
            figures.add(&latencies, elapsed);
            Ok(())
        }
    }
}

async fn turn_here(
    clients: &mut Vec<Box<dyn Client>>,
    window: Duration,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for (number, client) in clients.drain(..).enumerate() {
        tasks.spawn(async move { (number, run(client, began, window).await) });
    }
    let mut done = tasks.join_all().await;
    let elapsed = began.elapsed();
    done.sort_by_key(|(number, _)| *number);
    for (_, outcome) in done {
        let (client, latencies) = outcome?;
        clients.push(client);
        figures.add(&latencies, Duration::ZERO);
    }
    figures.add(&[], elapsed);
    Ok(())
}

async fn run(
    mut client: Box<dyn Client>,
    began: Instant,
    window: Duration,
) -> anyhow::Result<(Box<dyn Client>, Vec<Duration>)> {
    let mut latencies = Vec::new();
    while began.elapsed() < window {
        let asked = Instant::now();
        client.once().await?;
        latencies.extend(std::iter::repeat_n(asked.elapsed(), client.commits()));
        // On the memory log nothing ever waits, and the other clients must have their turn.
        tokio::task::consume_budget().await;
    }
    Ok((client, latencies))
}
