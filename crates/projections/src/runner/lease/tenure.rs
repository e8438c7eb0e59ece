//! The worker's side of a lease: waiting for it, and noticing that it ends.

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// What a worker is told about its partition's lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::runner) struct Grant {
    /// Until when it may work; `None` where this process does not hold the lease.
    pub(in crate::runner) until: Option<Instant>,
    /// Whether it is to end its session, with the batch in flight finished.
    pub(in crate::runner) returning: bool,
}

/// How a lease ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::runner) enum End {
    /// It is handed back; there is time to finish what is in flight.
    Returning,
    /// It is lost: another process may have it already.
    Lost,
}

/// A worker's view of its lease. Where the keeper is gone there is no lease.
#[derive(Debug, Clone)]
pub(in crate::runner) struct Tenure {
    grant: watch::Receiver<Grant>,
    /// A lease that ends no later than this is in doubt: the fence showed another owner.
    doubted: Option<Instant>,
}

impl Tenure {
    pub(in crate::runner) const fn new(grant: watch::Receiver<Grant>) -> Self {
        Self { grant, doubted: None }
    }

    /// Waits until this process holds the lease.
    pub(in crate::runner) async fn granted(&mut self) {
        let doubted = self.doubted;
        let may_work = |grant: &Grant| {
            let now = Instant::now();
            !grant.returning && grant.until.is_some_and(|until| until > now && Some(until) > doubted)
        };
        if self.grant.wait_for(may_work).await.is_err() {
            std::future::pending::<()>().await;
        }
        self.doubted = None;
    }

    /// Waits until the lease ends, by its time or by the keeper's word.
    pub(in crate::runner) async fn ended(&self) -> End {
        let mut grant = self.grant.clone();
        loop {
            let Grant { until, returning } = *grant.borrow_and_update();
            let Some(until) = until.filter(|until| *until > Instant::now()) else { return End::Lost };
            if returning {
                return End::Returning;
            }
            tokio::select! {
                () = sleep_until(until) => {}
                changed = grant.changed() => if changed.is_err() {
                    // Nobody renews any more: the lease lasts as long as it was told.
                    sleep_until(until).await;
                    return End::Lost;
                },
            }
        }
    }

    /// Says that the store refused this process: the lease counts again once it was renewed after this.
    pub(in crate::runner) fn doubt(&mut self) {
        self.doubted = self.grant.borrow().until;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn granted(until: Instant) -> Grant {
        Grant { until: Some(until), returning: false }
    }

    async fn is_granted(tenure: &mut Tenure) -> bool {
        tokio::time::timeout(Duration::from_millis(20), tenure.granted()).await.is_ok()
    }

    #[tokio::test]
    async fn a_lease_is_waited_for_and_in_doubt_until_it_is_renewed() {
        let (keeper, grant) = watch::channel(Grant::default());
        let mut tenure = Tenure::new(grant);
        assert!(!is_granted(&mut tenure).await);
        let until = Instant::now() + LONG;
        keeper.send_replace(Grant { until: Some(until), returning: true });
        assert!(!is_granted(&mut tenure).await);
        keeper.send_replace(granted(until));
        assert!(is_granted(&mut tenure).await);
        tenure.doubt();
        assert!(!is_granted(&mut tenure).await);
        keeper.send_replace(granted(until + LONG));
        assert!(is_granted(&mut tenure).await);
        keeper.send_replace(granted(Instant::now()));
        assert!(!is_granted(&mut tenure).await);
    }

    #[tokio::test]
    async fn the_end_of_a_lease_is_noticed_without_its_keeper() {
        let (keeper, grant) = watch::channel(granted(Instant::now() + Duration::from_millis(30)));
        let tenure = Tenure::new(grant);
        keeper.send_replace(granted(Instant::now() + Duration::from_millis(60)));
        assert_eq!(tenure.ended().await, End::Lost);
        keeper.send_replace(Grant { until: Some(Instant::now() + LONG), returning: true });
        assert_eq!(tenure.ended().await, End::Returning);
        keeper.send_replace(Grant::default());
        assert_eq!(tenure.ended().await, End::Lost);
        keeper.send_replace(granted(Instant::now() + Duration::from_millis(20)));
        drop(keeper);
        assert_eq!(tenure.ended().await, End::Lost);
    }
}
