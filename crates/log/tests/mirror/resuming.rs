//! A copy that ends at any moment goes on where the target stands.

use std::sync::Arc;
use std::time::Duration;

use foodflow_log::mirror::Mirror;
use foodflow_testkit::servers::NatsServer;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::support::{
    assert_beginning, assert_same, copy, folder, heads, memory, on_server, plant_log, wait_until,
};
use crate::writer::{Plant, Random};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_is_dropped_anywhere_goes_on() -> anyhow::Result<()> {
    let (log, _) = plant_log(5, 3_000).await?;
    let place = TempDir::new()?;
    let target = folder(&place).await?;
    let mut random = Random::new(5);
    let mut drops = 0;
    while heads(&*target).await != heads(&*log).await {
        let mirror = Mirror::new(Arc::clone(&log), Arc::clone(&target))?;
        let wait = Duration::from_millis(1 + random.below(400));
        // Dropped where it waits, as far as that differs from being killed.
        let ended = tokio::time::timeout(wait, mirror.copy(CancellationToken::new())).await;
        drops += u32::from(ended.is_err());
        assert_beginning(&target, &log).await?;
    }
    assert!(drops > 0);
    assert_same(&log, &target).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_is_told_to_stop_keeps_what_it_has() -> anyhow::Result<()> {
    let (log, mut plant) = plant_log(6, 2_000).await?;
    let server = NatsServer::start().await?;
    let target = on_server(&server).await?;
    for round in 0..5 {
        let stop = CancellationToken::new();
        let mirror = Mirror::new(Arc::clone(&log), Arc::clone(&target))?;
        let before: u64 = heads(&*target).await.iter().sum();
        let stopping = async {
            wait_until("something is copied", async || {
                heads(&*target).await.iter().sum::<u64>() > before
                    || heads(&*target).await == heads(&*log).await
            })
            .await;
            stop.cancel();
        };
        let (outcome, ()) = tokio::join!(mirror.copy(stop.clone()), stopping);
        outcome?;
        assert_beginning(&target, &log).await?;
        let copied: u64 = mirror.standings().iter().map(|one| one.copied_messages()).sum();
        assert_eq!(copied, heads(&*target).await.iter().sum::<u64>() - before, "round {round}");
        plant.work(&*log, 100).await?;
    }
    copy(&log, &target).await?;
    assert_same(&log, &target).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_rested_for_long_go_on_behind_a_resume() -> anyhow::Result<()> {
    let (log, mut plant) = (memory(), Plant::new(7));
    let tenant = plant.tenants()[3];
    plant.commit(&*log, tenant, &[1, 2]).await?;
    for round in 0..30 {
        let others: Vec<u64> = (0..900).map(|lot| 1_000 + round * 900 + lot).collect();
        plant.commit(&*log, tenant, &others).await?;
    }
    let place = TempDir::new()?;
    let target = folder(&place).await?;
    copy(&log, &target).await?;
    // Its last messages: near by, far away, and none at all.
    plant.commit(&*log, tenant, &[27_000, 1, 99_999]).await?;
    plant.commit(&*log, tenant, &[1_500, 2, 1]).await?;
    copy(&log, &target).await?;
    assert_same(&log, &target).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_copies_into_one_target_are_one() -> anyhow::Result<()> {
    let (log, _) = plant_log(8, 2_000).await?;
    let (place, server) = (TempDir::new()?, NatsServer::start().await?);
    let in_folder = folder(&place).await?;
    // On the server with a connection each, as two processes would: nothing but the server comes between them.
    let targets =
        [[Arc::clone(&in_folder), in_folder], [on_server(&server).await?, on_server(&server).await?]];
    for [one, other] in targets {
        let both = [copy(&log, &one), copy(&log, &other)];
        for outcome in futures::future::join_all(both).await {
            outcome?;
        }
        assert_same(&log, &one).await?;
    }
    Ok(())
}
