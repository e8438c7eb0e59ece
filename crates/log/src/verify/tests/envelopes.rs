//! What events say of themselves and of each other.

use super::*;

#[test]
fn an_event_agrees_with_its_message_and_with_the_format() {
    let changes: [fn(&mut Envelope); 14] = [
        |event| event.specversion = "0.3".to_owned(),
        |event| event.datacontenttype = "text/plain".to_owned(),
        |event| event.tenantid = OTHER,
        |event| event.source = format!("foodflow/{OTHER}"),
        |event| event.subject = "batch/10".to_owned(),
        |event| event.event_type = "foodflow.food_graph.receipt.adjusted.v1".to_owned(),
        |event| event.event_type = "foodflow.food_graph.batch.adjusted.v0".to_owned(),
        |event| event.event_type = "foodflow.food_graph.batch.adjusted".to_owned(),
        |event| event.event_type = "foodflow.food_graph.batch..v1".to_owned(),
        |event| event.event_type = "foodflow.food_graph.batch.Adjusted.v1".to_owned(),
        |event| event.id = Uuid::from_u128(7),
        |event| event.id = Uuid::new_v4(),
        |event| event.data = RawValue::from_string("[1]".to_owned()).unwrap(),
        |event| event.data = RawValue::from_string("null".to_owned()).unwrap(),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut messages = Writer::plant();
        edit(&mut messages[6], change);
        let (position, rule, link) = broken(&messages);
        assert_eq!((position, rule), (7, Rule::Envelope), "change {number}: {link}");
        assert!(link.event.is_some(), "{link}");
    }
}

#[test]
fn the_events_of_a_message_agree() {
    let changes: [fn(&mut Envelope); 8] = [
        |event| event.commandid = Uuid::from_u128(99),
        |event| event.commandhash = PayloadHash::default(),
        |event| event.correlationid = Uuid::from_u128(99),
        |event| event.causationid = Some(Uuid::from_u128(99)),
        |event| event.actor = "bo".to_owned(),
        |event| event.time = Timestamp::MAX,
        |event| event.commitindex = 1,
        |event| event.commitsize = 1,
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut messages = Writer::plant();
        let mut events = Envelope::decode_batch(&messages[0].payload).unwrap();
        change(&mut events[1]);
        messages[0].payload = Envelope::encode_batch(&events).unwrap().into();
        let (position, rule, link) = broken(&messages);
        assert_eq!(
            (position, rule, link.event),
            (1, Rule::Agreement, Some(events[1].id)),
            "change {number}: {link}"
        );
    }
    let mut messages = Writer::plant();
    let mut events = Envelope::decode_batch(&messages[0].payload).unwrap();
    events[1].prevhash = PayloadHash::of(b"");
    messages[0].payload = Envelope::encode_batch(&events).unwrap().into();
    assert_eq!((broken(&messages).0, broken(&messages).1), (1, Rule::Chain));
}

#[test]
fn what_is_no_batch_of_events_shows() {
    for payload in ["", "{}", "[]", "[1]", "[{}]", "not json", r#"[{"specversion":"1.0"}]"#] {
        let mut messages = Writer::plant();
        messages[6].payload = payload.into();
        assert_eq!((broken(&messages).0, broken(&messages).1), (7, Rule::Payload), "{payload}");
    }
}

#[test]
fn recorded_time_falls_behind_by_what_clocks_may_differ_at_most() {
    let noon: Timestamp = "2026-03-05T12:00:00Z".parse().unwrap();
    let mut writer = Writer::default();
    writer.commit_at(TENANT, &[(10, 1)], noon).commit_at(OTHER, &[(10, 1)], noon - CLOCKS_DIFFER_MAX);
    writer.commit_at(TENANT, &[(11, 1)], noon);
    let verified = verify(&writer.messages).unwrap();
    assert_eq!((verified.recorded_earlier, verified.recorded_until), (1, Some(noon)));
    let earlier = noon - CLOCKS_DIFFER_MAX - SignedDuration::from_micros(1);
    writer.commit_at(OTHER, &[(12, 1)], earlier);
    assert_eq!((broken(&writer.messages).0, broken(&writer.messages).1), (4, Rule::RecordedTime));
}
