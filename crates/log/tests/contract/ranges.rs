//! Range reads against a plain model: filter the whole partition, turn it round, take as many.

use foodflow_domain::TenantId;
use foodflow_log::{Direction, EventLog, Partition, Position, ReadQuery, StoredMessage};

use crate::fixture::{Fixture, append_new, everything, positions, tenant, tenant_in};

pub(crate) async fn ranges_are_exact_in_both_directions(fixture: Fixture) -> anyhow::Result<()> {
    let log = &*fixture.log;
    let tenants: Vec<TenantId> = (0..3).map(|_| tenant_in(log, Partition(0))).collect();
    for round in 0..12 {
        append_new(log, tenants[round % 3], 1 + round % 4).await?;
        append_new(log, tenants[0], 1).await?;
    }
    let all = everything(log, Partition(0)).await?;
    assert_eq!(positions(&all), (1..=42).collect::<Vec<_>>());
    let views = tenants.iter().copied().map(Some).chain([None, Some(tenant())]);
    for tenant in views {
        for from in [0, 1, 2, 17, 41, 42, 43, 1_000, u64::MAX] {
            for limit in [0, 1, 5, 41, 42, 43, 10_000] {
                compare(log, &all, tenant, Position(from), limit).await?;
            }
        }
    }
    Ok(())
}

pub(crate) async fn a_sparse_tenant_is_found_from_both_ends(fixture: Fixture) -> anyhow::Result<()> {
    let log = &*fixture.log;
    let (sparse, busy) = (tenant_in(log, Partition(0)), tenant_in(log, Partition(0)));
    append_new(log, sparse, 5).await?;
    append_new(log, busy, 1_000).await?;
    append_new(log, busy, 1_000).await?;
    append_new(log, sparse, 3).await?;
    append_new(log, busy, 600).await?;
    append_new(log, sparse, 900).await?;
    append_new(log, busy, 20).await?;
    let all = everything(log, Partition(0)).await?;
    assert_eq!(all.len(), 3_528);
    for tenant in [Some(sparse), Some(busy), None] {
        for from in [0, 6, 2_007, 2_500, 2_608, 2_609, 3_508, 3_600, u64::MAX] {
            for limit in [1, 4, 300, 907, 3_000] {
                compare(log, &all, tenant, Position(from), limit).await?;
            }
        }
    }
    Ok(())
}

pub(crate) async fn many_pages_read_as_one_range(fixture: Fixture) -> anyhow::Result<()> {
    let log = &*fixture.log;
    let tenant = tenant();
    for _ in 0..11 {
        append_new(log, tenant, 1_000).await?;
    }
    let partition = log.partition_of(tenant);
    let read = async |direction, from| {
        let query = ReadQuery { tenant: Some(tenant), from: Position(from), direction, limit: usize::MAX };
        anyhow::Ok(positions(&log.read(partition, query).await?))
    };
    assert_eq!(read(Direction::Forward, 0).await?, (1..=10_000).collect::<Vec<_>>());
    assert_eq!(read(Direction::Forward, 9_999).await?, (10_000..=11_000).collect::<Vec<_>>());
    assert_eq!(read(Direction::Backward, u64::MAX).await?, (1_001..=11_000).rev().collect::<Vec<_>>());
    assert_eq!(read(Direction::Backward, 1_001).await?, (1..=1_000).rev().collect::<Vec<_>>());
    Ok(())
}

pub(crate) async fn an_empty_partition_has_only_empty_ranges(fixture: Fixture) -> anyhow::Result<()> {
    for tenant in [None, Some(tenant())] {
        for from in [0, 1, u64::MAX] {
            compare(&*fixture.log, &[], tenant, Position(from), 10).await?;
        }
    }
    Ok(())
}

/// Reads both ways and compares with what the model says.
async fn compare(
    log: &dyn EventLog,
    all: &[StoredMessage],
    tenant: Option<TenantId>,
    from: Position,
    limit: usize,
) -> anyhow::Result<()> {
    let seen = all.iter().filter(|message| tenant.is_none_or(|tenant| message.tenant == tenant));
    let ahead: Vec<_> = seen.clone().filter(|message| message.position > from).take(limit).cloned().collect();
    let behind: Vec<_> = seen.rev().filter(|message| message.position < from).take(limit).cloned().collect();
    for (direction, expected) in [(Direction::Forward, ahead), (Direction::Backward, behind)] {
        let query = ReadQuery { tenant, from, direction, limit };
        let found = log.read(Partition(0), query.clone()).await?;
        assert!(found == expected, "{query:?}: {:?}, expected {:?}", positions(&found), positions(&expected));
    }
    Ok(())
}
