//! A bundle as it was exported, and what may be done to it on its way.

use foodflow_domain::TenantId;

use super::*;
use crate::audit::bundle::broken_bundle::LinesRule;
use crate::audit::tests::{Auditor, LOG, key, leaf};
use crate::audit::{KeyId, KnownRecords};
use crate::event_log::{Partition, Position};
use crate::merkle::Blocks;
use crate::merkle::nodes::{consistency_proof, inclusion_proof};
use crate::verify::tests::{OTHER, TENANT, Writer};

fn scope(tenant: Option<TenantId>, from: u64, to: u64) -> BundleScope {
    BundleScope { tenant, streams: Vec::new(), related: false, from: Position(from), to: Position(to) }
}

/// Lot 10 of the plant, or that with what happened with it.
fn lot(related: bool) -> BundleScope {
    let streams = vec!["food_graph.batch.00000000-0000-0000-0000-00000000000a".to_owned()];
    BundleScope { streams, related, ..scope(Some(TENANT), 1, 7) }
}

/// A bundle of the plant's messages at these positions.
fn export(scope: &BundleScope, positions: &[u64]) -> Vec<Vec<u8>> {
    export_with(scope, positions, |writer| writer.seal(&key(2)).unwrap().1)
}

type Sealed = fn(BundleWriter<Vec<u8>>) -> Vec<u8>;

fn export_with(scope: &BundleScope, positions: &[u64], seal: Sealed) -> Vec<Vec<u8>> {
    let (auditor, plant) = (Auditor::of_plant(), Writer::plant());
    let mut blocks = Blocks::default();
    plant.iter().for_each(|message| blocks.append(leaf(message)));
    let header = BundleHeader {
        log: LOG,
        partition: Partition(0),
        scope: scope.clone(),
        checkpoint: 5,
        exported_at: "2026-05-01T12:00:00Z".parse().unwrap(),
    };
    let mut writer = BundleWriter::begin(Vec::new(), header).unwrap();
    for record in [0, 2, 3, 4] {
        writer.record(auditor.records[record].clone()).unwrap();
    }
    writer.consistency(3, 5, consistency_proof(&blocks, 4).unwrap()).unwrap();
    for position in positions {
        let proof = inclusion_proof(&blocks, position - 1).unwrap();
        writer.message(&plant[*position as usize - 1], proof).unwrap();
    }
    lines(&seal(writer))
}

fn lines(bundle: &[u8]) -> Vec<Vec<u8>> {
    bundle.strip_suffix(b"\n").unwrap().split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

fn verify_with(mut verifier: BundleVerifier, lines: &[Vec<u8>]) -> Result<BundleVerified, BrokenBundle> {
    lines.iter().try_for_each(|line| verifier.line(line))?;
    verifier.finish()
}

fn verify(lines: &[Vec<u8>]) -> Result<BundleVerified, BrokenBundle> {
    verify_with(BundleVerifier::new(Vec::new(), KnownRecords::default()), lines)
}

/// Every kind of scope, with the positions that it holds.
fn scopes() -> [(BundleScope, &'static [u64]); 8] {
    [
        (scope(None, 1, 7), &[1, 2, 3, 4, 5, 6, 7]),
        (scope(None, 1, 4), &[1, 2, 3, 4]),
        (scope(None, 3, 6), &[3, 4, 5, 6]),
        (scope(Some(TENANT), 1, 7), &[1, 2, 4, 5, 6, 7]),
        (scope(Some(TENANT), 3, 7), &[4, 5, 6, 7]),
        (scope(Some(OTHER), 1, 7), &[3]),
        (lot(false), &[1, 4, 6, 7]),
        (lot(true), &[1, 2, 4, 5, 6, 7]),
    ]
}

#[test]
fn a_bundle_as_exported_is_in_order() {
    for (scope, positions) in scopes() {
        let verified = verify(&export(&scope, positions)).unwrap();
        assert_eq!((verified.messages, verified.scope), (positions.len() as u64, scope));
        assert_eq!((verified.log, verified.checkpoint, verified.size), (LOG, 5, Position(7)));
        assert_eq!(verified.keys, [1, 2].map(|number| KeyId::of_signer(&key(number))));
    }
    let of_lot = verify(&export(&lot(false), &[1, 4, 6, 7])).unwrap();
    assert_eq!((of_lot.streams, of_lot.commits, of_lot.events), (1, 4, 5));
    let with_commits = verify(&export(&lot(true), &[1, 2, 4, 5, 6, 7])).unwrap();
    assert_eq!((with_commits.streams, with_commits.commits, with_commits.messages), (1, 4, 6));
}

#[test]
fn a_flipped_bit_shows_wherever_it_is() {
    let whole = export(&lot(false), &[1, 4, 6, 7]);
    let mut verifier = BundleVerifier::new(Vec::new(), KnownRecords::default());
    for (index, line) in whole.iter().enumerate() {
        for byte in 0..line.len() {
            let mut changed = line.clone();
            changed[byte] ^= 1 << (byte % 7);
            let rest = std::iter::once(&changed).chain(&whole[index + 1..]);
            let mut verifier = verifier.clone();
            let broken = rest.map(|line| verifier.line(line)).find_map(Result::err);
            let broken = broken.unwrap_or_else(|| panic!("byte {byte} of line {}", index + 1));
            assert!(broken.line > index as u64, "{broken}");
            if (6..10).contains(&index) {
                // A message, and its proof: told at once.
                assert_eq!(broken.line, index as u64 + 1, "byte {byte}: {broken}");
            }
        }
        verifier.line(line).unwrap();
    }
}

#[test]
fn a_line_that_is_left_out_moved_or_repeated_shows() {
    for (scope, positions) in scopes() {
        let whole = export(&scope, positions);
        for index in 0..whole.len() {
            let mut without = whole.clone();
            without.remove(index);
            let broken = verify(&without).expect_err("a line less");
            assert!(broken.line > index as u64, "{broken}");
            let mut repeated = whole.clone();
            repeated.insert(index, repeated[index].clone());
            assert!(verify(&repeated).is_err(), "line {} twice", index + 1);
            if index > 0 {
                let mut swapped = whole.clone();
                swapped.swap(index - 1, index);
                assert!(verify(&swapped).is_err(), "lines {} and {} swapped", index, index + 1);
            }
        }
        assert_eq!(rule(&whole[..whole.len() - 1]), LinesRule::LineOrder);
    }
}

fn rule(lines: &[Vec<u8>]) -> LinesRule {
    match verify(lines).unwrap_err().rule {
        BundleRule::Lines(rule) => rule,
        other => panic!("{other:?}"),
    }
}

/// What is wrong, as a report in JSON says it: the rule, and the line and position where it shows.
fn told(lines: &[Vec<u8>]) -> (String, u64, Option<u64>) {
    let broken = verify(lines).unwrap_err();
    let rule = serde_json::to_value(broken.rule).unwrap();
    (rule.as_str().unwrap().to_owned(), broken.line, broken.position.map(|position| position.0))
}

#[test]
fn what_is_wrong_with_a_message_is_named() {
    // Lines: header, key, checkpoint, key, checkpoint, proof, then messages.
    let whole = export(&lot(false), &[1, 4, 6, 7]);
    let edit = |line: usize, from: &str, to: &str| {
        let mut lines = whole.clone();
        let text = String::from_utf8(lines[line - 1].clone()).unwrap();
        assert!(text.contains(from), "{text}");
        lines[line - 1] = text.replacen(from, to, 1).into_bytes();
        lines
    };
    let inclusion = |line, position| ("inclusion".to_owned(), line, Some(position));
    assert_eq!(told(&edit(8, "1.5", "9.5")), inclusion(8, 4));
    assert_eq!(told(&edit(10, "1.5", "9.5")), inclusion(10, 7));
    assert_eq!(told(&edit(9, r#""position":6"#, r#""position":5"#)), inclusion(9, 5));
    assert_eq!(told(&edit(9, "000a", "000b")), inclusion(9, 6));
    let proof = String::from_utf8(whole[9].clone()).unwrap();
    let hash = &proof[proof.rfind("\"]}").unwrap() - 64..][..64];
    let other = hash.chars().rev().collect::<String>();
    assert_eq!(told(&edit(10, hash, &other)), inclusion(10, 7));
    let mut without = whole.clone();
    without.remove(8);
    assert_eq!(told(&without), ("chain".to_owned(), 9, Some(7)));
    let mut reordered = whole.clone();
    reordered.swap(8, 9);
    assert_eq!(told(&reordered), ("chain".to_owned(), 9, Some(7)));
    let mut cut = whole.clone();
    cut.remove(9);
    assert_eq!(told(&cut), ("seal".to_owned(), 10, None));
    let range = export(&scope(None, 3, 6), &[3, 4, 5, 6]);
    let mut without = range.clone();
    without.remove(7);
    assert_eq!(told(&without), ("place".to_owned(), 8, Some(5)));
}

#[test]
fn a_header_says_what_follows() {
    type Change = fn(&mut BundleHeader);
    let changes: [(Change, &str, u64); 13] = [
        (|header| header.partition = Partition(1), "header", 7),
        (|header| header.log = uuid::Uuid::nil(), "header", 7),
        (|header| header.checkpoint = 4, "consistency", 6),
        (|header| header.checkpoint = 3, "consistency", 6),
        (|header| header.scope.to = Position(8), "header", 7),
        (|header| header.scope.to = Position(6), "header", 10),
        (|header| header.scope.from = Position(2), "header", 7),
        (|header| header.scope.from = Position(0), "header", 7),
        (|header| header.scope.tenant = Some(OTHER), "place", 7),
        (|header| header.scope.tenant = None, "header", 7),
        (|header| header.scope.streams[0].push('0'), "header", 7),
        (|header| header.scope.streams.clear(), "commit", 8),
        (|header| header.scope.related = true, "commit", 8),
    ];
    for (number, (change, rule, line)) in changes.into_iter().enumerate() {
        let mut lines = export(&lot(false), &[1, 4, 6, 7]);
        let mut header: BundleHeader = serde_json::from_slice(&lines[0]).unwrap();
        change(&mut header);
        lines[0] = serde_json::to_vec(&lines::BundleLine::Header(header)).unwrap();
        let (found, at, _) = told(&lines);
        assert_eq!((found.as_str(), at), (rule, line), "change {number}");
    }
    // Times that nothing else says are held by the seal.
    let mut lines = export(&lot(false), &[1, 4, 6, 7]);
    let text = String::from_utf8(lines[0].clone()).unwrap();
    lines[0] = text.replace("2026-05-01T12", "2026-04-01T12").into_bytes();
    assert_eq!(told(&lines).0, "seal");
    // Less than the header says, though sealed by whoever holds the key.
    assert_eq!(told(&export(&scope(None, 3, 6), &[3, 4])), ("header".to_owned(), 9, None));
    assert_eq!(told(&export(&scope(None, 3, 6), &[4, 5, 6])).0, "place");
    assert_eq!(told(&export(&lot(true), &[1, 2, 4, 6, 7])).0, "commit");
    assert_eq!(told(&export(&lot(false), &[4, 6, 7])), ("chain".to_owned(), 7, Some(4)));
}

#[test]
fn a_seal_is_that_of_the_last_key() {
    // What a thief of a retired key, or a stranger, would make of it: one message less, and sealed again.
    let cases: [Sealed; 2] =
        [|writer| writer.seal(&key(1)).unwrap().1, |writer| writer.seal(&key(9)).unwrap().1];
    for seal in cases {
        assert_eq!(told(&export_with(&lot(false), &[1, 4, 6], seal)), ("seal".to_owned(), 10, None));
    }
}

#[test]
fn a_bundle_is_held_against_what_is_known() {
    let whole = export(&lot(false), &[1, 4, 6, 7]);
    let auditor = Auditor::of_plant();
    let with = |trusted: &[u8], known: &[usize]| {
        let mut records = KnownRecords::default();
        known.iter().for_each(|index| assert!(records.take(&auditor.lines[*index]).unwrap()));
        let trusted = trusted.iter().map(|number| KeyId::of_signer(&key(*number))).collect();
        let told = verify_with(BundleVerifier::new(trusted, records), &whole);
        told.map(|_| ()).map_err(|broken| (serde_json::to_value(broken.rule).unwrap(), broken.record))
    };
    for (trusted, known) in [(&[1][..], &[0, 2, 4][..]), (&[2], &[3]), (&[2, 9], &[])] {
        with(trusted, known).unwrap();
    }
    assert_eq!(with(&[9], &[]), Err(("trust".into(), Some(1))));
    // Checkpoint 2 is not in the bundle, and nothing in it is about that one.
    assert_eq!(with(&[1], &[1]), Err(("known".into(), Some(2))));
    let mut forged = Auditor::default();
    forged
        .introduce(&key(1), &key(1))
        .cover(&Writer::plant()[..2], &key(1))
        .cover(&Writer::plant()[..3], &key(1));
    let mut known = KnownRecords::default();
    assert!(known.take(&forged.lines[2]).unwrap());
    let broken = verify_with(BundleVerifier::new(Vec::new(), known), &whole).unwrap_err();
    assert_eq!((serde_json::to_value(broken.rule).unwrap(), broken.line), ("known".into(), 3), "{broken}");
}

#[test]
fn a_proof_between_checkpoints_is_checked() {
    let whole = export(&scope(None, 3, 6), &[3, 4, 5, 6]);
    let text = String::from_utf8(whole[5].clone()).unwrap();
    let changed = |from: &str, to: &str| {
        let mut lines = whole.clone();
        lines[5] = text.replacen(from, to, 1).into_bytes();
        told(&lines)
    };
    for (from, to) in [(r#""from":3"#, r#""from":2"#), (r#""to":5"#, r#""to":3"#), (r#"["#, r#"["00","#)] {
        let (rule, line, _) = changed(from, to);
        assert!(rule == "consistency" || rule == "line-form", "{rule}");
        assert_eq!(line, 6);
    }
    let mut without = whole.clone();
    without.remove(5);
    assert_eq!(told(&without), ("header".to_owned(), 6, None));
}

#[test]
fn nothing_is_shown_of_others() {
    let plant = Writer::plant();
    let text = String::from_utf8(export(&scope(Some(OTHER), 1, 7), &[3]).concat()).unwrap();
    for message in plant.iter().filter(|message| message.tenant == TENANT) {
        let payload = std::str::from_utf8(&message.payload).unwrap();
        let event = &payload[payload.find("\"id\"").unwrap() + 6..][..36];
        assert!(!text.contains(event) && !text.contains(&TENANT.to_string()), "{text}");
        assert!(!text.contains(&crate::PayloadHash::of(&message.payload).to_string()), "{text}");
    }
    assert!(text.contains(&OTHER.to_string()));
}
