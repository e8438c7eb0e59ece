//! A copy that follows a log at work.

use std::sync::Arc;

use foodflow_log::mirror::{Mirror, MirrorError};
use foodflow_testkit::servers::NatsServer;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::support::{assert_same, copy, folder, heads, memory, on_server, plant_log, wait_until};
use crate::writer::Plant;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_appended_later_comes_after() -> anyhow::Result<()> {
    let server = NatsServer::start().await?;
    let log = on_server(&server).await?;
    let mut plant = Plant::new(11);
    plant.work(&*log, 100).await?;
    let place = TempDir::new()?;
    let target = folder(&place).await?;
    let mirror = Mirror::new(Arc::clone(&log), Arc::clone(&target))?;
    let stop = CancellationToken::new();
    let writing = async {
        for _ in 0..5 {
            plant.work(&*log, 60).await?;
            let sought = heads(&*log).await;
            wait_until("the copy has it", async || heads(&*target).await == sought).await;
        }
        // A standing is told a moment after the target has it.
        wait_until("nothing is behind", async || {
            mirror.standings().iter().all(|one| one.lag_messages() == 0 && one.lag().is_zero())
        })
        .await;
        stop.cancel();
        anyhow::Ok(())
    };
    let (followed, written) = tokio::join!(mirror.follow(stop.clone()), writing);
    followed?;
    written?;
    assert_same(&log, &target).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lag_is_told_while_the_target_is_away() -> anyhow::Result<()> {
    let (log, mut plant) = plant_log(12, 50).await?;
    let server = NatsServer::start().await?;
    let target = on_server(&server).await?;
    copy(&log, &target).await?;
    let mirror = Mirror::new(Arc::clone(&log), Arc::clone(&target))?;
    let stop = CancellationToken::new();
    let watching = async {
        server.kill9().await?;
        plant.work(&*log, 40).await?;
        wait_until("the lag shows", async || {
            let standings = mirror.standings();
            let lag: u64 = standings.iter().map(|one| one.lag_messages()).sum();
            lag >= 40 && standings.iter().any(|one| one.trouble.is_some() && !one.lag().is_zero())
        })
        .await;
        server.restart().await?;
        wait_until("it got on", async || {
            mirror.standings().iter().all(|one| one.lag_messages() == 0 && one.trouble.is_none())
        })
        .await;
        stop.cancel();
        anyhow::Ok(())
    };
    let (followed, watched) = tokio::join!(mirror.follow(stop.clone()), watching);
    followed?;
    watched?;
    assert!(mirror.standings().iter().any(|one| one.retries > 0));
    assert_same(&log, &target).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_falls_behind_its_copy_is_told() -> anyhow::Result<()> {
    let (log, _) = plant_log(13, 200).await?;
    let target = memory();
    copy(&log, &target).await?;
    let (shorter, _) = (memory(), ());
    let mut plant = Plant::new(13);
    plant.work(&*shorter, 150).await?;
    let mirror = Mirror::new(shorter, target)?;
    let error = mirror.follow(CancellationToken::new()).await.unwrap_err();
    assert!(matches!(error, MirrorError::TargetBeyond { .. } | MirrorError::Differs(_)), "{error}");
    Ok(())
}
