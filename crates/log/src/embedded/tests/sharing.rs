use super::*;
use crate::event_log::Direction;

/// Appends `rounds` times to a stream of its own and, in the same commit, to the contended stream 0.
async fn contend(log: EmbeddedLog, own: u128, rounds: usize) -> usize {
    let (mut own_end, mut lost) = (0, 0);
    for _ in 0..rounds {
        loop {
            let shared = log.load(TENANT, &stream(0), Position(0)).await.unwrap();
            let shared_end = shared.last().map_or(0, |message| message.position.0);
            match log.append(commit(TENANT, &[(own, own_end), (0, shared_end)])).await {
                Ok(appended) => {
                    own_end = appended.first.0;
                    break;
                }
                Err(AppendError::Conflict { stream: contended, .. }) => {
                    assert_eq!(contended, stream(0));
                    lost += 1;
                }
                Err(other) => panic!("{other}"),
            }
        }
    }
    log.close().await;
    lost
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_share_a_file_without_fork_gap_or_false_conflict() {
    let place = Place::new();
    let rounds = 60;
    let (one, two) = (place.open().await, place.open().await);
    tokio::join!(contend(one, 1, rounds), contend(two, 2, rounds));
    let log = place.open().await;
    let query = ReadQuery { tenant: None, from: Position(0), direction: Direction::Forward, limit: 10_000 };
    let all = log.read(ALL, query).await.unwrap();
    assert_eq!(positions(&all), (1..=4 * rounds as u64).collect::<Vec<_>>());
    assert_eq!(log.load(TENANT, &stream(0), Position(0)).await.unwrap().len(), 2 * rounds);
    for pair in all.chunks(2) {
        assert!(pair[0].stream != stream(0) && pair[1].stream == stream(0), "a commit was torn");
    }
}
