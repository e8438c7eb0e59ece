//! From adapter to adapter and back: the same positions, the same bytes.

use foodflow_log::event_log::COMMIT_MESSAGES_MAX;
use foodflow_log::mirror::Compared;
use foodflow_testkit::servers::NatsServer;
use tempfile::TempDir;

use crate::support::{
    assert_same, compare, copy, folder, memory, on_event_streams, on_server, plant_log, roots,
};
use crate::writer::Plant;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_goes_through_every_adapter_and_comes_back_the_same() -> anyhow::Result<()> {
    for seed in [1, 2] {
        let (first, mut plant) = plant_log(seed, 1_500).await?;
        let (place, again, server) = (TempDir::new()?, TempDir::new()?, NatsServer::start().await?);
        let second = folder(&place).await?;
        copy(&first, &second).await?;
        let third = on_server(&server).await?;
        copy(&second, &third).await?;
        let fourth = folder(&again).await?;
        copy(&third, &fourth).await?;
        let fifth = on_event_streams().await?;
        copy(&fourth, &fifth).await?;
        let last = memory();
        copy(&fifth, &last).await?;
        for log in [&second, &third, &fourth, &fifth, &last] {
            assert_same(&first, log).await?;
        }
        let expected = roots(&first).await?;
        assert!(expected.iter().all(|(head, _)| head.0 > 0), "every partition holds something: {expected:?}");
        for (one, other) in [(&first, &third), (&fifth, &first)] {
            for (compared, (head, root)) in compare(one, other).await?.iter().zip(&expected) {
                let Compared { source_head, target_head, same_until, checked, finding, .. } = compared;
                assert_eq!((source_head, target_head, same_until), (head, head, head));
                assert_eq!((checked.root, finding), (*root, &None), "seed {seed}");
            }
        }
        // A copy is a log like any other: work goes on in it.
        plant.work(&*third, 50).await?;
        for other in [&fourth, &fifth] {
            copy(&third, other).await?;
            assert_same(&third, other).await?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_commits_and_one_busy_stream_are_copied() -> anyhow::Result<()> {
    let (log, mut plant) = (memory(), Plant::new(3));
    let tenant = plant.tenants()[0];
    let many: Vec<u64> = (0..COMMIT_MESSAGES_MAX as u64).collect();
    for round in 0..3 {
        plant.commit(&*log, tenant, &many).await?;
        for _ in 0..200 {
            plant.commit(&*log, tenant, &[round]).await?;
        }
    }
    let (place, server) = (TempDir::new()?, NatsServer::start().await?);
    let on_server = on_server(&server).await?;
    copy(&log, &on_server).await?;
    let on_streams = on_event_streams().await?;
    copy(&on_server, &on_streams).await?;
    let in_folder = folder(&place).await?;
    copy(&on_streams, &in_folder).await?;
    assert_same(&log, &in_folder).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_log_has_an_empty_copy() -> anyhow::Result<()> {
    let place = TempDir::new()?;
    let (log, target) = (memory(), folder(&place).await?);
    copy(&log, &target).await?;
    assert_same(&log, &target).await?;
    assert!(compare(&log, &target).await?.iter().all(|one| one.finding.is_none()));
    Ok(())
}
