//! The tenant's log: in pages, and as a stream that resumes.

use std::time::Duration;

use foodflow_testkit::{Stores, TestApp, TestClient, World};
use futures::StreamExt as _;
use rstest::rstest;
use serde_json::Value;

async fn all_events(client: &TestClient, limit: usize) -> anyhow::Result<Vec<Value>> {
    let (mut events, mut after) = (Vec::new(), 0);
    loop {
        let page = client.get(&format!("/v1/events?limit={limit}&after={after}")).await?.ok();
        let Some(last) = page.as_array().unwrap().last() else { return Ok(events) };
        after = last["position"].as_u64().unwrap();
        events.extend(page.as_array().unwrap().iter().cloned());
    }
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn pages_of_any_size_show_every_event_once_and_in_order(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let world = World::build(app.new_tenant()?).await?;
    let lot = world.receive("F-1", 100).await?;
    world.transform(&world.mix("D-1", &[(lot, "10"), (lot, "5")], "14")).await?;
    let whole = all_events(&world.client, 1_000).await?;
    assert!(whole.windows(2).all(|pair| pair[0]["position"].as_u64() <= pair[1]["position"].as_u64()));
    for limit in [1, 2, 7] {
        assert_eq!(all_events(&world.client, limit).await?, whole, "limit {limit}");
    }
    for event in &whole {
        assert_eq!(
            (&event["specversion"], &event["datacontenttype"]),
            (&"1.0".into(), &"application/json".into())
        );
        assert_eq!(event["prevhash"].as_str().unwrap().len(), 64);
    }
    let of_lot = world.client.get(&format!("/v1/events?subject={lot}")).await?.ok();
    let types: Vec<&str> =
        of_lot.as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
    let batch = |what: &str| format!("foodflow.food_graph.batch.{what}.v1");
    assert_eq!(types, [batch("received"), batch("consumed"), batch("consumed")]);
    let produced = world.client.get(&format!("/v1/events?type={}", batch("produced"))).await?.ok();
    assert_eq!(produced.as_array().unwrap().len(), 1);
    Ok(())
}

/// Reads events of the stream until there are `count` of them; answers with their SSE ids and data.
async fn stream(
    app: &TestApp,
    client: &TestClient,
    last: Option<&str>,
    count: usize,
) -> anyhow::Result<Vec<(String, Value)>> {
    let mut request =
        reqwest::Client::new().get(format!("{}/v1/events/stream", app.base())).bearer_auth(&client.token);
    if let Some(last) = last {
        request = request.header("Last-Event-ID", last);
    }
    let mut bytes = request.send().await?.error_for_status()?.bytes_stream();
    let (mut text, mut events) = (String::new(), Vec::new());
    while events.len() < count {
        let chunk = tokio::time::timeout(Duration::from_secs(20), bytes.next()).await?.unwrap()?;
        text.push_str(std::str::from_utf8(&chunk)?);
        while let Some((block, rest)) = text.split_once("\n\n") {
            let field =
                |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
            if let (Some(id), Some(data)) = (field("id: "), field("data: ")) {
                events.push((id, serde_json::from_str(&data)?));
            }
            text = rest.to_owned();
        }
    }
    events.truncate(count);
    Ok(events)
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn a_stream_resumes_after_any_event(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let world = World::build(app.new_tenant()?).await?;
    let lot = world.receive("F-1", 100).await?;
    world.transform(&world.mix("D-1", &[(lot, "10"), (lot, "5")], "14")).await?;
    let whole = all_events(&world.client, 1_000).await?;
    let streamed = stream(app, &world.client, None, whole.len()).await?;
    assert_eq!(streamed.iter().map(|(_, event)| event.clone()).collect::<Vec<_>>(), whole);
    for index in 0..whole.len() - 1 {
        let next = stream(app, &world.client, Some(&streamed[index].0), 1).await?;
        assert_eq!(next[0], streamed[index + 1], "after {}", streamed[index].0);
    }
    let last = streamed.last().unwrap().0.clone();
    let live = stream(app, &world.client, Some(&last), 1);
    let (live, lot) = tokio::try_join!(live, async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        world.receive("F-2", 1).await
    })?;
    assert_eq!(live[0].1["type"], "foodflow.food_graph.receipt.recorded.v1");
    assert_eq!(live[0].1["data"]["facts"]["batch_id"], lot.to_string());
    Ok(())
}
