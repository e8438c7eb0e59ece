//! Commits: complete, adjoining, of one command.

use super::*;

#[test]
fn a_commit_that_lacks_a_part_shows() {
    // Its first, its last in the middle, its last at the end.
    let cases: [(&[usize], u64); 3] = [(&[0], 1), (&[5], 6), (&[5, 6], 5)];
    for (gone, at) in cases {
        let mut messages = Writer::plant();
        for index in gone.iter().rev() {
            messages.remove(*index);
        }
        let (position, rule, link) = broken(&renumbered(messages));
        assert_eq!((position, rule), (at, Rule::Commit), "{link}");
    }
    let link = verify(&Writer::plant()[..5]).unwrap_err();
    assert!(link.expected.contains("message 2 of 2") && link.found == "the end of the log", "{link}");
}

#[test]
fn parts_of_a_commit_do_not_stand_apart() {
    let messages = Writer::plant();
    let of_tenant: Vec<_> = messages.iter().filter(|message| message.tenant == TENANT).cloned().collect();
    let mut apart = of_tenant;
    for message in apart.iter_mut().skip(1) {
        message.position.0 += 1;
    }
    let link = verify_with(ChainVerifier::of_tenant(TENANT), &apart).unwrap_err();
    assert_eq!((link.position.0, link.rule), (3, Rule::Commit), "{link}");
}

#[test]
fn the_parts_of_a_commit_agree() {
    type Change = fn(&mut Envelope);
    let changes: [(Change, Rule); 6] = [
        (|event| event.commandid = Uuid::from_u128(99), Rule::Commit),
        (|event| event.commandhash = PayloadHash::default(), Rule::Commit),
        (|event| event.commitsize = 3, Rule::Commit),
        (|event| event.commitindex = 0, Rule::Commit),
        (|event| event.commitindex = 2, Rule::Commit),
        (|event| event.time = Timestamp::MAX, Rule::RecordedTime),
    ];
    for (number, (change, rule)) in changes.into_iter().enumerate() {
        let mut messages = Writer::plant();
        edit(&mut messages[1], change);
        assert_eq!((broken(&messages).0, broken(&messages).1), (2, rule), "change {number}");
    }
}

#[test]
fn a_commit_has_a_size_and_no_stream_twice() {
    for size in [0, 1_001] {
        let mut messages = Writer::plant();
        edit(&mut messages[3], |event| event.commitsize = size);
        assert_eq!((broken(&messages).0, broken(&messages).1), (4, Rule::Commit));
    }
    let mut writer = Writer::default();
    writer.commit(TENANT, &[(10, 1), (10, 1)]);
    assert_eq!((broken(&writer.messages).0, broken(&writer.messages).1), (2, Rule::Commit));
}

#[test]
fn an_open_commit_is_told_while_it_is_read() {
    let messages = Writer::plant();
    let mut verifier = ChainVerifier::new();
    let mut open = Vec::new();
    for message in &messages {
        verifier.check(message).unwrap();
        open.push(verifier.is_within_commit());
    }
    assert_eq!(open, [true, false, false, false, true, false, false]);
    assert_eq!(verifier.position(), Position(7));
}
