//! Token buckets.

use std::sync::Arc;
use std::time::{Duration, Instant};

use foodflow_projections::keys::{Admission, Bucket, KeyStore};
use futures::future::join_all;
use uuid::Uuid;

use super::world::{HOUR, bucket, left, rate, take, tenant};

/// How long until a token is there, of an answer that refuses.
fn wait(answer: &Admission) -> Duration {
    match answer {
        Admission::Limited { wait, .. } => *wait,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn a_bucket_gives_its_burst_and_then_its_rate(store: Arc<dyn KeyStore>) {
    // So slow that nothing flows in while the burst is taken, and soon enough to be waited for.
    let bucket = [bucket(rate(10, Duration::from_secs(4), 3))];
    for remaining in [2, 1, 0] {
        assert_eq!(take(&*store, &bucket).await, left(&[remaining]));
    }
    let refused = take(&*store, &bucket).await;
    let told = wait(&refused);
    assert!(!told.is_zero() && told <= Duration::from_millis(400), "{refused:?}");
    tokio::time::sleep(told).await;
    assert_eq!(take(&*store, &bucket).await, left(&[0]));
    assert!(wait(&take(&*store, &bucket).await) > Duration::from_millis(100));
    // It fills up to its burst, and no further.
    tokio::time::sleep(Duration::from_millis(1_700)).await;
    assert_eq!(take(&*store, &bucket).await, left(&[2]));
}

pub(crate) async fn a_flood_of_one_tenant_is_not_anothers(store: Arc<dyn KeyStore>) {
    let noisy = [Bucket::of_tenant(tenant(), rate(1, HOUR, 20))];
    let quiet = [Bucket::of_tenant(tenant(), rate(1, HOUR, 20))];
    let answers = join_all((0..200).map(|_| take(&*store, &noisy))).await;
    assert_eq!(answers.iter().filter(|answer| matches!(answer, Admission::Admitted { .. })).count(), 20);
    assert_eq!(take(&*store, &quiet).await, left(&[19]));
}

pub(crate) async fn a_rate_may_change(store: Arc<dyn KeyStore>) {
    let whose = Uuid::new_v4().to_string();
    let of = |period, burst| [Bucket::of("test", &whose, rate(1, period, burst))];
    assert_eq!(take(&*store, &of(HOUR, 10)).await, left(&[9]));
    // Whole tokens are taken over into another period, up to the new burst.
    let minute = Duration::from_secs(60);
    assert_eq!(take(&*store, &of(minute, 20)).await, left(&[8]));
    assert_eq!(take(&*store, &of(minute, 4)).await, left(&[3]));
    assert_eq!(take(&*store, &of(HOUR, 100)).await, left(&[2]));
}

pub(crate) async fn all_or_none_of_several_buckets_is_taken_from(store: Arc<dyn KeyStore>) {
    let (wide, narrow) = (bucket(rate(1, HOUR, 5)), bucket(rate(1, HOUR, 2)));
    let both = [wide.clone(), narrow.clone()];
    assert_eq!(take(&*store, &both).await, left(&[4, 1]));
    assert_eq!(take(&*store, &both).await, left(&[3, 0]));
    for _ in 0..3 {
        assert!(matches!(take(&*store, &both).await, Admission::Limited { bucket: 1, .. }));
    }
    assert_eq!(take(&*store, &[wide]).await, left(&[2]));
    assert!(matches!(take(&*store, &[narrow]).await, Admission::Limited { bucket: 0, .. }));
    assert_eq!(take(&*store, &[]).await, left(&[]));
}

pub(crate) async fn many_at_once_get_no_token_too_many(store: Arc<dyn KeyStore>) {
    let buckets = [bucket(rate(1, HOUR, 50)), bucket(rate(1, HOUR, 1_000))];
    let tasks = (0..8).map(|_| {
        let (store, buckets) = (Arc::clone(&store), buckets.clone());
        tokio::spawn(async move {
            let answers = join_all((0..25).map(|_| take(&*store, &buckets))).await;
            answers.into_iter().filter(|answer| matches!(answer, Admission::Admitted { .. })).count()
        })
    });
    let admitted: usize = join_all(tasks).await.into_iter().map(Result::unwrap).sum();
    assert_eq!(admitted, 50);
    assert_eq!(take(&*store, &buckets[1..]).await, left(&[949]));
}

pub(crate) async fn the_longest_wait_is_told(store: Arc<dyn KeyStore>) {
    let began = Instant::now();
    let minute = Duration::from_secs(60);
    let buckets = [bucket(rate(1, minute, 1)), bucket(rate(1, HOUR, 1)), bucket(rate(1, minute, 1))];
    assert_eq!(take(&*store, &buckets).await, left(&[0, 0, 0]));
    let refused = take(&*store, &buckets).await;
    assert!(matches!(refused, Admission::Limited { bucket: 1, .. }), "{refused:?}");
    let told = wait(&refused);
    assert!(told <= HOUR && told + began.elapsed() + Duration::from_millis(1) >= HOUR, "{told:?}");
}
