//! Walks that go on behind a position, or that keep few streams.

use super::*;

/// Checks `rest` behind `before`, telling every end that is not known.
fn go_on(mut verifier: ChainVerifier, before: &[StoredMessage], rest: &[StoredMessage]) -> Verified {
    for (index, message) in rest.iter().enumerate() {
        if !verifier.knows_stream_of(message) {
            let earlier = before.iter().chain(&rest[..index]).rev();
            let same = |one: &&StoredMessage| (one.tenant, &one.stream) == (message.tenant, &message.stream);
            if let Some(last) = earlier.into_iter().find(same) {
                verifier.know(last).unwrap();
            }
        }
        verifier.check(message).unwrap();
    }
    verifier.finish().unwrap()
}

#[test]
fn a_walk_goes_on_behind_any_whole_commit() {
    let messages = Writer::plant();
    for end in [2, 3, 4, 6, 7] {
        let (before, rest) = messages.split_at(end);
        let verifier = ChainVerifier::behind(before.last().unwrap()).unwrap().in_log_of(1);
        let verified = go_on(verifier, before, rest);
        assert_eq!((verified.position, verified.messages), (Position(7), rest.len() as u64));
    }
    for end in [1, 5] {
        let link = ChainVerifier::behind(&messages[end - 1]).unwrap_err();
        assert_eq!((link.position.0, link.rule), (end as u64, Rule::Commit), "{link}");
    }
}

#[test]
fn an_end_that_is_not_told_breaks_the_chain() {
    let messages = Writer::plant();
    let mut verifier = ChainVerifier::behind(&messages[2]).unwrap();
    assert!(!verifier.knows_stream_of(&messages[3]));
    assert_eq!(verifier.check(&messages[3]).unwrap_err().rule, Rule::Chain);

    let mut verifier = ChainVerifier::behind(&messages[2]).unwrap();
    verifier.know(&messages[2]).unwrap();
    assert!(!verifier.knows_stream_of(&messages[3]), "the same lot of another tenant is another stream");
    verifier.know(&messages[0]).unwrap();
    assert!(verifier.knows_stream_of(&messages[3]));
    verifier.check(&messages[3]).unwrap();
}

#[test]
fn few_streams_suffice_where_forgotten_ends_are_told() {
    let messages = Writer::plant();
    for streams in 1..4 {
        let verified = go_on(ChainVerifier::new().remembering(streams), &[], &messages);
        assert_eq!(verified.root, verify(&messages).unwrap().root);
        assert!(verified.streams <= 2 * streams as u64);
    }
}

#[test]
fn a_message_tells_what_it_follows() {
    let messages = Writer::plant();
    let mut verifier = ChainVerifier::new();
    let checked: Vec<_> = messages.iter().map(|message| verifier.check(message).unwrap()).collect();
    let follows: Vec<_> = checked.iter().map(|one| one.follows.0).collect();
    assert_eq!(follows, [0, 0, 0, 1, 2, 4, 6]);
    let ends: Vec<_> = checked.iter().map(|one| one.ends_commit).collect();
    assert_eq!(ends, [false, true, true, true, false, true, true]);
    assert_eq!(checked[3].recorded_at, Timestamp::UNIX_EPOCH + SignedDuration::from_mins(2));
}
