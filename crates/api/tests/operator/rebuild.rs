//! `foodflow rebuild`.

use serde_json::Value;

use super::Place;

/// What was compared in the only partition.
fn compared(report: &Value) -> &Value {
    &report["partitions"][0]["compared"]
}

#[test]
fn a_rebuilt_read_model_is_what_it_was() {
    let place = Place::seeded();
    let events = place.events(&[]);
    let (code, report) = place.json(&["rebuild", "--projection", "food_graph", "--json"]);
    assert_eq!(
        (code, &report["identical"], &report["outcome"], &report["projection"]),
        (Some(0), &true.into(), &"kept".into(), &"food_graph".into())
    );
    let last = &events.last().unwrap()["position"];
    assert_eq!((&report["partitions"][0]["position"], &compared(&report)["position"]), (last, last));
    assert_eq!(compared(&report)["live_digest"], compared(&report)["rebuilt_digest"]);
    assert_eq!((&report["events"], &report["held_seconds"]), (&events.len().into(), &0.0.into()));
    assert!(report["events_per_second"].as_f64().unwrap() > 0.0);
    let told = place.run(&["rebuild", "--switch", "always"]);
    assert_eq!(told.code, Some(0), "{told}");
    assert!(told.stdout.contains("food_graph (embedded), partition 0: identical"), "{told}");
    assert!(told.stdout.contains("what was filled is live") && told.stdout.contains("events/s"), "{told}");
    let again = place.json(&["rebuild", "--json"]).1;
    assert_eq!(compared(&again)["live_digest"], compared(&report)["live_digest"]);
}

#[test]
fn what_is_not_there_is_told() {
    let place = Place::seeded();
    for wrong in [
        &["rebuild", "--projection", "sensors"][..],
        &["rebuild", "--tenant", "Harbor Vale"],
        &["rebuild", "--back", "--discard"],
        &["rebuild", "--back", "--switch", "never"],
    ] {
        assert_eq!(place.run(wrong).code, Some(2), "{wrong:?}");
    }
    let ended = place.run(&["rebuild", "--back"]);
    assert_eq!(ended.code, Some(1), "{ended}");
    assert!(ended.stderr.contains("there is no previous generation"), "{ended}");
    let ended = place.run(&["rebuild", "--discard"]);
    assert_eq!(ended.code, Some(0), "{ended}");
    assert!(ended.stderr.contains("nothing beside the live generation"), "{ended}");
    let empty = Place::empty();
    assert_eq!(empty.run(&["rebuild"]).code, Some(1));
    assert!(!empty.data().exists());
}

/// Changes what the read model says of a place.
async fn damage(place: &Place) {
    let statement = "UPDATE graph_nodes SET properties = replace(properties, 'Cold-2', 'Cold-3')
        WHERE properties LIKE '%Cold-2%'";
    place.edit(&place.live_graph(), statement).await;
}

#[tokio::test]
async fn a_read_model_that_was_wrong_is_told_and_mended_and_back_again() {
    let place = Place::seeded();
    let right = compared(&place.json(&["rebuild", "--json"]).1)["rebuilt_digest"].clone();
    damage(&place).await;
    let ended = place.run(&["rebuild", "--switch", "never"]);
    assert_eq!(ended.code, Some(1), "{ended}");
    assert!(ended.stdout.contains("NOT IDENTICAL") && ended.stderr.contains("it still is not"), "{ended}");
    let (code, status) = place.json(&["rebuild", "--status", "--json"]);
    assert_eq!((code, &status["other"]["role"]), (Some(0), &"beside".into()), "{status:#}");

    let ended = place.run(&["rebuild"]);
    assert_eq!(ended.code, Some(1), "{ended}");
    assert!(ended.stderr.contains("the read model had not been what the log says; it is now"), "{ended}");
    let status = place.json(&["rebuild", "--status", "--json"]).1;
    assert_eq!(status["other"]["role"], "previous", "{status:#}");
    let told = place.run(&["rebuild", "--status"]);
    assert!(told.stdout.contains("`foodflow rebuild --back` makes it live again"), "{told}");

    let (code, report) = place.json(&["rebuild", "--back", "--json"]);
    assert_eq!((code, &report["outcome"]), (Some(0), &"switched".into()), "{report:#}");
    let (code, report) = place.json(&["rebuild", "--json"]);
    assert_eq!((code, &report["outcome"]), (Some(1), &"switched".into()), "{report:#}");
    assert_ne!(compared(&report)["live_digest"], right);
    let (code, report) = place.json(&["rebuild", "--json"]);
    assert_eq!((code, &compared(&report)["live_digest"]), (Some(0), &right));

    place.edit(&place.live_graph(), "UPDATE checkpoints SET position = 100000").await;
    let ended = place.run(&["rebuild"]);
    assert_eq!(ended.code, Some(1), "{ended}");
    assert!(ended.stderr.contains("it was filled from another log"), "{ended}");
    let (code, report) = place.json(&["rebuild", "--json"]);
    assert_eq!((code, &compared(&report)["live_digest"]), (Some(0), &right));
}

#[tokio::test]
async fn one_tenant_is_rebuilt_alone() {
    let place = Place::seeded();
    let right = compared(&place.json(&["rebuild", "--json"]).1)["rebuilt_digest"].clone();
    damage(&place).await;
    for (tenant, code, outcome) in [("co-packer", 0, "kept"), ("harbor-vale", 1, "switched")] {
        let (found, report) = place.json(&["rebuild", "--tenant", tenant, "--json"]);
        assert_eq!((found, &report["outcome"]), (Some(code), &outcome.into()), "{tenant}: {report:#}");
    }
    let (code, report) = place.json(&["rebuild", "--json"]);
    assert_eq!((code, &compared(&report)["live_digest"]), (Some(0), &right));
}

#[test]
fn a_read_model_that_is_gone_is_made_again() {
    let place = Place::seeded();
    std::fs::remove_file(place.data().join("food_graph.sqlite")).unwrap();
    let (code, report) = place.json(&["rebuild", "--json"]);
    assert_eq!((code, &report["outcome"]), (Some(0), &"filled".into()), "{report:#}");
    let (code, again) = place.json(&["rebuild", "--json"]);
    assert_eq!((code, &again["outcome"]), (Some(0), &"kept".into()));
    assert_eq!(report["partitions"][0]["position"], again["partitions"][0]["position"]);
}
