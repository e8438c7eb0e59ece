//! A tenant that asks without pause beside one that asks now and then: how long the quiet one waits, with and without a
//! limit.
//!
//! The noisy tenant is as rude as it can be: it reads what costs the service most, with many requests at once, and where it is
//! refused it asks again at once. Its requests come from this process, so what it costs to make them weighs on the machine, too.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::ensure;
use foodflow_testkit::app::{TestApp, TestClient};
use serde_json::json;
use tokio::task::JoinSet;

use crate::effort::Effort;
use crate::figures::{Figures, rate, show_duration, show_number};
use crate::report::Section;
use crate::targets::Finding;

/// Requests of the noisy tenant at the same time.
const NOISY_CLIENTS: usize = 64;
/// What the limit allows each tenant, per second and at once.
const LIMIT: u32 = 50;
/// How often the quiet tenant asks.
const QUIET_EVERY: Duration = Duration::from_millis(40);
/// Events that each tenant has: a page of them is what the noisy one reads.
const EVENTS: usize = 400;
/// What the quiet one waits beside a limited neighbour, of what it waits beside an unlimited one.
const PART_MAX: f64 = 0.5;

/// What was measured.
struct Measured {
    quiet: Figures,
    answered: f64,
    refused: f64,
}

/// Measures the quiet tenant alone, beside a neighbour without a limit, and beside one with it.
///
/// # Errors
/// Where the program cannot be had, or the quiet tenant is refused anything.
pub(crate) async fn bench(effort: Effort) -> anyhow::Result<Section> {
    let length = effort.live_times[1];
    let (unlimited, limited) = (serve("0").await?, serve(&LIMIT.to_string()).await?);
    let alone = beside(&limited, 0, length).await?;
    let free = beside(&unlimited, NOISY_CLIENTS, length).await?;
    let bound = beside(&limited, NOISY_CLIENTS, length).await?;
    let rows = vec![row("nobody", &alone), row("without a limit", &free), row("with a limit", &bound)];
    let target =
        "beside a limited neighbour a tenant waits (p99) half of what it waits beside an unlimited one";
    let waits = [bound.quiet.p99().as_secs_f64(), free.quiet.p99().as_secs_f64()];
    Ok(Section {
        title: "A quiet tenant beside a noisy one".to_owned(),
        note: format!(
            "`foodflow serve`, embedded. The quiet tenant reads a location every {} ms; the noisy one reads pages of \
             {EVENTS} events, {NOISY_CLIENTS} at once, and asks again at once where it is refused. The limit is {LIMIT} \
             requests a second for each tenant.",
            QUIET_EVERY.as_millis()
        ),
        words: 1,
        header: &["neighbour", "quiet p50", "quiet p99", "noisy answered/s", "noisy refused/s"],
        rows,
        findings: Finding::ratio_at_most(target, waits, PART_MAX).into_iter().collect(),
    })
}

fn row(neighbour: &str, measured: &Measured) -> Vec<String> {
    vec![
        neighbour.to_owned(),
        show_duration(measured.quiet.p50()),
        show_duration(measured.quiet.p99()),
        show_number(measured.answered),
        show_number(measured.refused),
    ]
}

async fn serve(limit: &str) -> anyhow::Result<TestApp> {
    let setting = |name: &str| (name.to_owned(), limit.to_owned());
    let environment = vec![setting("FOODFLOW_RATE_LIMIT_PER_S"), setting("FOODFLOW_RATE_LIMIT_BURST")];
    TestApp::start(&["serve"], environment).await
}

/// A tenant with a history, and a location of it. What it asks for until then is spread over time, so that no limit meets it.
async fn tenant(app: &TestApp) -> anyhow::Result<(TestClient, String)> {
    let client = app.new_tenant()?;
    let mut location = String::new();
    for number in 0..EVENTS {
        let body = json!({"name": format!("Bay {number}"), "type": "warehouse"});
        loop {
            let answer = client.post("/v1/locations", &body).await?;
            if answer.status == 429 {
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
            location = answer.ok()["id"].as_str().unwrap_or_default().to_owned();
            break;
        }
    }
    // Its bucket is full again.
    tokio::time::sleep(Duration::from_secs(2)).await;
    Ok((client, format!("/v1/locations/{location}")))
}

async fn beside(app: &TestApp, noisy_clients: usize, length: Duration) -> anyhow::Result<Measured> {
    let ((quiet, location), (noisy, _)) = (tenant(app).await?, tenant(app).await?);
    let is_over = Arc::new(AtomicBool::new(false));
    let counts = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
    let mut flood = JoinSet::new();
    for _ in 0..noisy_clients {
        let (noisy, is_over, counts) = (noisy.clone(), Arc::clone(&is_over), Arc::clone(&counts));
        flood.spawn(async move {
            while !is_over.load(Ordering::Relaxed) {
                let status = noisy.get(&format!("/v1/events?limit={EVENTS}")).await?.status.as_u16();
                ensure!([200, 429].contains(&status), "the noisy tenant was answered {status}");
                counts[usize::from(status == 429)].fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        });
    }
    let began = Instant::now();
    let mut latencies = Vec::new();
    let mut next = tokio::time::interval(QUIET_EVERY);
    next.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
    while began.elapsed() < length {
        // What it waits for its turn counts as its own time: the load is open.
        let due = next.tick().await;
        let answer = quiet.get(&location).await?;
        ensure!(answer.status == 200, "the quiet tenant was answered {}: {}", answer.status, answer.body);
        latencies.push(due.elapsed());
    }
    let elapsed = began.elapsed();
    is_over.store(true, Ordering::Relaxed);
    for outcome in flood.join_all().await {
        outcome?;
    }
    let per_second = |index: usize| {
        let count = counts[index].load(Ordering::Relaxed);
        rate(usize::try_from(count).unwrap_or(usize::MAX), elapsed)
    };
    Ok(Measured { quiet: Figures::of(&latencies), answered: per_second(0), refused: per_second(1) })
}
