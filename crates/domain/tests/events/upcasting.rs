//! Older versions are read step by step. The set here is of this test alone: its types are in no log.

use foodflow_domain::upcast::{Upcaster, upcast};
use foodflow_domain::{EventSet, event_set};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A third form of the same fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Weighed {
    grams: u64,
    scale: String,
}

event_set! {
    enum ScaleEvent {
        Weighed(Weighed) = "test.scale.weighing.weighed.v3",
    }
    older {
        "test.scale.weighing.weighed.v1" => "test.scale.weighing.weighed.v2" by name_the_scale,
        "test.scale.weighing.weighed.v2" => "test.scale.weighing.weighed.v3" by count_in_grams,
    }
}

fn name_the_scale(mut data: Value) -> Result<Value, serde_json::Error> {
    data["scale"] = json!("unknown");
    Ok(data)
}

fn count_in_grams(data: Value) -> Result<Value, serde_json::Error> {
    #[derive(Deserialize)]
    struct Before {
        kilograms: u64,
        scale: String,
    }
    let before: Before = serde_json::from_value(data)?;
    Ok(json!({"grams": before.kilograms * 1_000, "scale": before.scale}))
}

fn decode(version: u32, data: Value) -> Result<Option<ScaleEvent>, serde_json::Error> {
    ScaleEvent::decode(&format!("test.scale.weighing.weighed.v{version}"), &data.to_string())
}

fn weighed(grams: u64, scale: &str) -> Option<ScaleEvent> {
    Some(ScaleEvent::Weighed(Weighed { grams, scale: scale.to_owned() }))
}

#[test]
fn every_version_is_read_as_the_present_one() {
    assert_eq!(decode(1, json!({"kilograms": 3})).unwrap(), weighed(3_000, "unknown"));
    assert_eq!(decode(2, json!({"kilograms": 3, "scale": "B"})).unwrap(), weighed(3_000, "B"));
    assert_eq!(decode(3, json!({"grams": 7, "scale": "C"})).unwrap(), weighed(7, "C"));
    assert_eq!(decode(4, json!({})).unwrap(), None);
    for version in 1..=3 {
        assert!(ScaleEvent::reads(&format!("test.scale.weighing.weighed.v{version}")));
    }
    assert!(!ScaleEvent::reads("test.scale.weighing.weighed.v4"));
    // What is written is the present version alone.
    assert_eq!(ScaleEvent::TYPES, ["test.scale.weighing.weighed.v3"]);
}

#[test]
fn what_no_version_wrote_is_an_error() {
    assert!(decode(1, json!({"kilograms": "three"})).is_err());
    assert!(decode(2, json!({"kilograms": 3})).is_err());
    assert!(ScaleEvent::decode("test.scale.weighing.weighed.v1", "no json").is_err());
}

#[test]
fn steps_in_a_circle_end() {
    let ring =
        [Upcaster { from: "a.v1", to: "a.v2", step: Ok }, Upcaster { from: "a.v2", to: "a.v1", step: Ok }];
    assert!(upcast(&ring, "a.v1", "{}").unwrap().is_some());
    assert!(upcast(&ring, "a.v3", "{}").unwrap().is_none());
}
