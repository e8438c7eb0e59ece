//! What OPERATIONS.md tells operators to look at is served, for each read model.

use std::time::{Duration, Instant};

use foodflow_testkit::{Stores, TestApp, World};
use rstest::rstest;

const OPERATIONS: &str = include_str!("../../docs/OPERATIONS.md");
/// The gauges of a worker, and what they are while all is well; any number where it depends on the moment.
const GAUGES: [(&str, Option<&str>); 4] = [
    ("gap_positions", Some("0")),
    ("stuck", Some("0")),
    ("lag_events", None),
    ("quarantined_entities", None),
];
/// How soon a worker is looked at for the first time.
const OBSERVED_MAX: Duration = Duration::from_secs(20);

/// The values of a gauge of a read model, one for each partition.
fn values<'a>(metrics: &'a str, gauge: &str, projection: &str) -> Vec<&'a str> {
    let (start, label) = (format!("foodflow_projections_{gauge}{{"), format!("projection=\"{projection}\""));
    let lines = metrics.lines().filter(|line| line.starts_with(&start) && line.contains(&label));
    lines.filter_map(|line| Some(line.rsplit_once(' ')?.1)).collect()
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn what_to_look_at_is_served(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::own(stores).await?;
    let world = World::build(app.new_tenant()?).await?;
    world.receive("MP-1", 10).await?;
    let began = Instant::now();
    loop {
        let metrics = world.client.get("/metrics").await?.ok();
        let metrics = metrics.as_str().unwrap_or_default();
        let missing = GAUGES.iter().any(|(gauge, _)| {
            ["food_graph", "tenancy"].iter().any(|projection| values(metrics, gauge, projection).is_empty())
        });
        anyhow::ensure!(!missing || began.elapsed() < OBSERVED_MAX, "not all is served: {metrics}");
        if missing {
            tokio::time::sleep(Duration::from_millis(200)).await;
            continue;
        }
        for (gauge, well) in GAUGES {
            assert!(OPERATIONS.contains(&format!("_{gauge}`")), "{gauge} is not explained");
            for projection in ["food_graph", "tenancy"] {
                for value in values(metrics, gauge, projection) {
                    assert!(well.is_none_or(|well| value == well), "{gauge} of {projection} is {value}");
                }
            }
        }
        return Ok(());
    }
}
