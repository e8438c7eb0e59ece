//! What an intruder might do to single messages.

use super::*;

#[test]
fn an_untouched_log_is_in_order() {
    let verified = verify(&Writer::plant()).unwrap();
    assert_eq!((verified.position, verified.messages, verified.events), (Position(7), 7, 10));
    assert_eq!((verified.streams, verified.commits, verified.recorded_earlier), (3, 5, 0));
    let empty = verify(&[]).unwrap();
    assert_eq!(
        (empty.position, empty.recorded_until, empty.root),
        (Position(0), None, crate::merkle::hash::empty_root())
    );
}

#[test]
fn a_flipped_bit_shows_wherever_it_is_unless_nothing_follows_in_its_stream() {
    let messages = Writer::plant();
    let sound = verify(&messages).unwrap();
    for index in 0..messages.len() {
        let is_followed = ![2, 4, 6].contains(&index);
        for byte in 0..messages[index].payload.len() {
            let mut edited = messages.clone();
            let mut payload = edited[index].payload.to_vec();
            payload[byte] ^= 1;
            edited[index].payload = payload.into();
            match verify(&edited) {
                Err(link) => assert!(link.position >= edited[index].position, "{link}"),
                // Nothing holds the last message of a stream but the root of the tree.
                Ok(verified) => {
                    assert!(!is_followed, "byte {byte} of message {index}");
                    assert_ne!(verified.root, sound.root);
                }
            }
        }
    }
}

#[test]
fn changed_data_shows_at_the_streams_next_message() {
    let mut messages = Writer::plant();
    let was = PayloadHash::of(&messages[0].payload);
    edit(&mut messages[0], |event| {
        event.data = RawValue::from_string(r#"{"quantity":"9"}"#.to_owned()).unwrap()
    });
    let now = PayloadHash::of(&messages[0].payload);
    let (position, rule, link) = broken(&messages);
    assert_eq!((position, rule), (4, Rule::Chain));
    assert_eq!(link.event, Some(Envelope::decode_batch(&messages[3].payload).unwrap()[0].id));
    assert_eq!(link.stream, "food_graph.batch.00000000-0000-0000-0000-00000000000a");
    assert!(link.expected.contains(&now.to_string()) && link.expected.contains("position 1"), "{link}");
    assert!(link.found.contains(&was.to_string()), "{link}");
}

#[test]
fn a_removed_message_shows() {
    for index in 0..7 {
        let mut messages = Writer::plant();
        messages.remove(index);
        // The last one leaves no gap.
        if index < 6 {
            assert_eq!(broken(&messages), (index as u64 + 2, Rule::Place, broken(&messages).2));
        }
        let outcome = verify(&renumbered(messages));
        // Single commits at the end of their stream: 3 is the only one of its stream, 7 the last of its own.
        assert_eq!(outcome.is_ok(), [2, 6].contains(&index), "message {index}: {outcome:?}");
    }
    let mut messages = Writer::plant();
    messages.remove(3);
    let (position, rule, link) = broken(&renumbered(messages));
    assert_eq!((position, rule), (5, Rule::Chain), "{link}");
}

#[test]
fn a_reordered_pair_shows() {
    for index in 0..6 {
        let mut messages = Writer::plant();
        messages.swap(index, index + 1);
        assert_eq!(broken(&messages).1, Rule::Place);
        let outcome = verify(&renumbered(messages));
        // Commits of two tenants, a minute apart: neither knows of the other.
        assert_eq!(outcome.is_ok(), index == 2, "pair {index}: {outcome:?}");
    }
}

#[test]
fn a_message_put_in_shows() {
    let mut messages = Writer::plant();
    let repeated = messages[3].clone();
    messages.insert(4, repeated);
    let (position, rule, link) = broken(&renumbered(messages));
    assert_eq!((position, rule), (5, Rule::Chain), "{link}");
}

#[test]
fn numbers_of_a_stream_have_no_gap() {
    let mut messages = Writer::plant();
    edit(&mut messages[6], |event| event.sequence += 1);
    let (position, rule, link) = broken(&messages);
    assert_eq!((position, rule, link.expected.as_str()), (7, Rule::Sequence, "sequence 5"));
    assert_eq!(link.found, "sequence 6");
}

#[test]
fn the_walk_of_one_tenant_passes_over_the_others() {
    let verifier = ChainVerifier::of_tenant(TENANT);
    let messages: Vec<_> = Writer::plant().into_iter().filter(|message| message.tenant == TENANT).collect();
    let verified = verify_with(verifier, &messages).unwrap();
    assert_eq!((verified.messages, verified.streams), (6, 2));
    let link = verify_with(ChainVerifier::of_tenant(TENANT), &Writer::plant()).unwrap_err();
    assert_eq!((link.position.0, link.rule), (3, Rule::Place));
    let mut without = messages;
    without.remove(2);
    let link = verify_with(ChainVerifier::of_tenant(TENANT), &without).unwrap_err();
    assert_eq!((link.position.0, link.rule), (6, Rule::Chain));
}

#[test]
fn a_message_stands_in_its_tenants_partition() {
    let messages = Writer::plant();
    assert!(verify_with(ChainVerifier::new().in_log_of(1), &messages).is_ok());
    let home = Partition::of(TENANT, 7);
    let elsewhere = Partition((home.0 + 1) % 7);
    let moved: Vec<_> =
        messages.iter().cloned().map(|one| StoredMessage { partition: elsewhere, ..one }).collect();
    let link = verify_with(ChainVerifier::new().in_log_of(7), &moved).unwrap_err();
    assert_eq!((link.position.0, link.rule), (1, Rule::Place));
    let mut mixed = messages;
    mixed[3].partition = Partition(1);
    assert_eq!(broken(&mixed).1, Rule::Place);
}
