//! Erasures of people that were decided and are not done.

use std::time::Duration;

use foodflow_log::{LogError, Partition, SharedLog};
use jiff::Timestamp;

use super::checks::Checks;
use crate::erasure::undone::{Decision, undone};
use crate::erasure::worker::is_overdue;

const SECTION: &str = "erasures";
/// How long looking through the log may take.
const ANSWER_WAIT: Duration = Duration::from_secs(60);
/// Users that are named.
const NAMES_MAX: usize = 5;

/// Looks for what is decided and not done.
pub(super) async fn check(checks: &mut Checks, log: &SharedLog) {
    match tokio::time::timeout(ANSWER_WAIT, all(log)).await {
        Ok(Ok(undone)) => describe(checks, &undone, Timestamp::now()),
        Ok(Err(error)) => checks.fail(
            SECTION,
            format!("the log does not say what is undone: {error}"),
            "see whether the log can be reached from here",
        ),
        Err(_) => checks.warn(
            SECTION,
            format!("the log was not looked through within {} s", ANSWER_WAIT.as_secs()),
            "let `foodflow serve` run: it follows the log, and writes down up to where everything is done",
        ),
    }
}

async fn all(log: &SharedLog) -> Result<Vec<(Decision, Timestamp)>, LogError> {
    let mut all = Vec::new();
    for partition in (0..log.partition_count()).map(Partition) {
        all.extend(undone(log.as_ref(), partition).await?);
    }
    Ok(all)
}

fn describe(checks: &mut Checks, undone: &[(Decision, Timestamp)], now: Timestamp) {
    let overdue: Vec<_> = undone.iter().filter(|(_, since)| is_overdue(*since, now)).collect();
    let Some((_, since)) = overdue.first() else {
        checks.ok(SECTION, "whoever was to be erased is");
        return;
    };
    let named = |(decision, _): &&(Decision, Timestamp)| {
        format!("{} of tenant {}", decision.user_id, decision.tenant)
    };
    let mut names: Vec<String> = overdue.iter().take(NAMES_MAX).map(named).collect();
    if overdue.len() > NAMES_MAX {
        names.push(format!("{} more", overdue.len() - NAMES_MAX));
    }
    checks.fail(
        SECTION,
        format!("not erased, though decided, since {since:.0}: {}", names.join(", ")),
        "let `foodflow serve` run, which finishes them; where it does, its output says why it cannot",
    );
}

#[cfg(test)]
mod tests {
    use foodflow_domain::TenantId;
    use foodflow_domain::ids::UserId;
    use foodflow_log::Position;
    use jiff::SignedDuration;
    use uuid::Uuid;

    use super::super::checks::Level;
    use super::*;

    #[test]
    fn what_is_overdue_is_named() {
        let now: Timestamp = "2026-03-05T12:00:00Z".parse().unwrap();
        let decided = |user: u128, age_s: i64| {
            let (tenant, user_id) = (TenantId(Uuid::from_u128(1)), UserId(Uuid::from_u128(user)));
            let decision = Decision { tenant, user_id, reason: "asked".to_owned(), decided_at: Position(7) };
            (decision, now - SignedDuration::from_secs(age_s))
        };
        let described = |undone: &[(Decision, Timestamp)]| {
            let mut checks = Checks::default();
            describe(&mut checks, undone, now);
            (checks.all()[0].level, checks.all()[0].text.clone())
        };
        assert_eq!(described(&[]).0, Level::Ok);
        assert_eq!(described(&[decided(2, 5)]).0, Level::Ok);
        let undone: Vec<_> = (10..17).map(|user| decided(user, 600)).collect();
        let (level, text) = described(&undone);
        assert_eq!(level, Level::Fail);
        assert!(text.contains("00000000000a of tenant") && text.ends_with("2 more"), "{text}");
    }
}
