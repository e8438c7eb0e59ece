//! `foodflow rebuild`.

use super::Place;

#[test]
fn a_rebuilt_read_model_is_what_it_was() {
    let place = Place::seeded();
    let events = place.events(&[]);
    let (code, report) = place.json(&["rebuild", "food_graph", "--yes", "--json"]);
    assert_eq!(
        (code, &report["identical"], &report["projection"]),
        (Some(0), &true.into(), &"food_graph".into())
    );
    let partition = &report["partitions"][0];
    assert_eq!(partition["digest_before"], partition["digest_after"]);
    assert_eq!(partition["position_after"], events.last().unwrap()["position"]);
    assert_eq!(partition["events"], events.len());
    assert!(partition["events_per_second"].as_f64().unwrap() > 0.0);
    let told = place.run(&["rebuild", "--yes", "--partition", "0"]);
    assert_eq!(told.code, Some(0), "{told}");
    assert!(told.stdout.contains("food_graph (embedded), partition 0: identical"), "{told}");
    assert!(told.stdout.contains("events/s"), "{told}");
}

#[test]
fn a_script_is_not_asked_and_what_is_not_there_is_told() {
    let place = Place::seeded();
    let ended = place.run(&["rebuild"]);
    assert_eq!(ended.code, Some(0), "{ended}");
    assert_eq!(place.run(&["rebuild", "sensors", "--yes"]).code, Some(2));
    let empty = Place::empty();
    assert_eq!(empty.run(&["rebuild", "--yes"]).code, Some(1));
    assert!(!empty.data().exists());
}

#[tokio::test]
async fn a_read_model_that_was_wrong_is_told_and_mended() {
    let place = Place::seeded();
    let right = place.json(&["rebuild", "--yes", "--json"]).1["partitions"][0]["digest_after"].clone();
    let statement = "UPDATE graph_nodes SET properties = replace(properties, 'Cold-2', 'Cold-3')
        WHERE properties LIKE '%Cold-2%'";
    place.edit("food_graph.sqlite", statement).await;
    let ended = place.run(&["rebuild", "--yes"]);
    assert_eq!(ended.code, Some(1), "{ended}");
    assert!(ended.stdout.contains("NOT IDENTICAL"), "{ended}");
    assert!(ended.stderr.contains("the read model had not been what the log says; it is now"), "{ended}");
    let (code, report) = place.json(&["rebuild", "--yes", "--json"]);
    assert_eq!((code, &report["partitions"][0]["digest_before"]), (Some(0), &right));

    place.edit("food_graph.sqlite", "UPDATE checkpoints SET position = 100000").await;
    let ended = place.run(&["rebuild", "--yes"]);
    assert_eq!(ended.code, Some(1), "{ended}");
    assert!(ended.stderr.contains("it was filled from another log"), "{ended}");
}

#[test]
fn a_read_model_that_is_gone_is_made_again() {
    let place = Place::seeded();
    std::fs::remove_file(place.data().join("food_graph.sqlite")).unwrap();
    let (code, report) = place.json(&["rebuild", "--yes", "--json"]);
    assert_eq!((code, &report["partitions"][0]["position_before"]), (Some(0), &0.into()));
    let again = place.json(&["rebuild", "--yes", "--json"]).1;
    assert_eq!(report["partitions"][0]["digest_after"], again["partitions"][0]["digest_before"]);
}
