use super::*;

/// Keeps the writer waiting, so that what is appended meanwhile forms groups.
async fn hold_the_writer(place: &Place) -> SqliteConnection {
    let mut connection = place.connect().await;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut connection).await.unwrap();
    connection
}

async fn release(mut connection: SqliteConnection) {
    sqlx::raw_sql("ROLLBACK").execute(&mut connection).await.unwrap();
}

type Append = JoinHandle<Result<Appended, AppendError>>;

/// Appends in this order, without waiting for the outcomes.
async fn queue_up(log: &Arc<EmbeddedLog>, commits: Vec<Commit>) -> Vec<Append> {
    let mut appends = Vec::new();
    for commit in commits {
        let log = Arc::clone(log);
        appends.push(tokio::spawn(async move { log.append(commit).await }));
        tokio::task::yield_now().await;
    }
    appends
}

#[tokio::test]
async fn a_lost_race_fails_alone_and_a_chain_within_a_group_holds() {
    let place = Place::new();
    let log = Arc::new(place.open().await);
    log.append(commit(TENANT, &[(1, 0)])).await.unwrap();
    let held = hold_the_writer(&place).await;
    let appends = queue_up(
        &log,
        vec![
            commit(TENANT, &[(99, 0)]),
            commit(TENANT, &[(2, 0), (1, 1)]),
            commit(TENANT, &[(3, 0), (1, 1)]),
            commit(TENANT, &[(1, 4), (2, 3)]),
            commit(OTHER, &[(1, 0), (3, 0)]),
            commit(OTHER, &[(4, u64::MAX)]),
        ],
    )
    .await;
    release(held).await;
    let mut outcomes = Vec::new();
    for append in appends {
        outcomes
            .push(append.await.unwrap().map(|at| (at.first.0, at.last.0)).map_err(|error| error.to_string()));
    }
    let lost = |number, expected| Err(format!("{} no longer ends at position {expected}", stream(number)));
    let expected = [Ok((2, 2)), Ok((3, 4)), lost(1, 1), Ok((5, 6)), Ok((7, 8)), lost(4, u64::MAX)];
    assert_eq!(outcomes, expected);
    assert!(log.load(TENANT, &stream(3), Position(0)).await.unwrap().is_empty());
    assert_eq!(positions(&log.load(TENANT, &stream(1), Position(0)).await.unwrap()), [1, 4, 5]);
}

#[tokio::test]
async fn a_full_queue_is_overload_and_what_was_taken_in_is_written() {
    let place = Place::new();
    let log = Arc::new(place.open().await);
    let held = hold_the_writer(&place).await;
    let mut appends = queue_up(&log, vec![commit(TENANT, &[(0, 0)])]).await;
    // The writer holds the first; everything else waits.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let waiting = (1..=BOUNDS.waiting_max as u128).map(|number| commit(TENANT, &[(number, 0)])).collect();
    appends.extend(queue_up(&log, waiting).await);
    let refused = log.append(commit(TENANT, &[(9_999, 0)])).await.unwrap_err();
    assert!(
        matches!(refused, AppendError::Overloaded { waiting } if waiting == BOUNDS.waiting_max),
        "{refused}"
    );
    release(held).await;
    for append in appends {
        append.await.unwrap().unwrap();
    }
    assert_eq!(log.head(ALL).await.unwrap().0, BOUNDS.waiting_max as u64 + 1);
}

#[tokio::test]
async fn groups_are_bounded_and_the_largest_commit_fits() {
    let place = Place::new();
    let log = Arc::new(place.open().await);
    let held = hold_the_writer(&place).await;
    let mut commits: Vec<_> = (0..6_u128)
        .map(|group| commit(TENANT, &(0..1_000).map(|one| (group * 1_000 + one, 0)).collect::<Vec<_>>()))
        .collect();
    let mut heavy = commit(OTHER, &(0..20).map(|one| (one, 0)).collect::<Vec<_>>());
    for message in &mut heavy.messages {
        message.payload = Bytes::from(vec![0xff; crate::event_log::PAYLOAD_BYTES_MAX]);
    }
    commits.insert(3, heavy);
    let appends = queue_up(&log, commits).await;
    release(held).await;
    let mut next = 1;
    for append in appends {
        let appended = append.await.unwrap().unwrap();
        assert_eq!(appended.first.0, next);
        next = appended.last.0 + 1;
    }
    assert_eq!(next, 6_021);
}

#[tokio::test]
async fn a_commit_that_fails_at_its_end_is_unknown_and_the_log_goes_on() {
    let place = Place::new();
    let log = Arc::new(place.open().await);
    // A deferred foreign key is checked by COMMIT alone.
    let mut other = place.connect().await;
    let poison = "CREATE TABLE parent (id INTEGER PRIMARY KEY);
        CREATE TABLE child (parent INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED);
        CREATE TRIGGER poison AFTER INSERT ON message WHEN NEW.stream LIKE '%0000dead'
        BEGIN INSERT INTO child VALUES (1); END";
    sqlx::raw_sql(poison).execute(&mut other).await.unwrap();
    let held = hold_the_writer(&place).await;
    let commits = vec![
        commit(TENANT, &[(1, 0)]),
        commit(TENANT, &[(0xdead, 0)]),
        commit(TENANT, &[(2, 7)]),
        commit(TENANT, &[(3, 0)]),
    ];
    let mut appends = queue_up(&log, commits).await.into_iter();
    release(held).await;
    appends.next().unwrap().await.unwrap().unwrap();
    assert!(matches!(appends.next().unwrap().await.unwrap(), Err(AppendError::Unknown { .. })));
    assert!(matches!(appends.next().unwrap().await.unwrap(), Err(AppendError::Conflict { .. })));
    assert!(matches!(appends.next().unwrap().await.unwrap(), Err(AppendError::Unknown { .. })));
    assert_eq!(log.append(commit(TENANT, &[(3, 0)])).await.unwrap().first, Position(2));
}

#[tokio::test]
async fn a_write_that_fails_appends_nothing_and_the_log_goes_on() {
    let place = Place::new();
    let log = place.open().await;
    let mut other = place.connect().await;
    let poison = "CREATE TRIGGER poison BEFORE INSERT ON message WHEN NEW.stream LIKE '%0000dead'
        BEGIN SELECT RAISE(ABORT, 'no'); END";
    sqlx::raw_sql(poison).execute(&mut other).await.unwrap();
    let failed = log.append(commit(TENANT, &[(1, 0), (0xdead, 0)])).await;
    assert!(matches!(failed, Err(AppendError::Log(_))), "{failed:?}");
    assert_eq!(log.append(commit(TENANT, &[(1, 0)])).await.unwrap().first, Position(1));
}

#[tokio::test]
async fn the_file_itself_refuses_forks_and_edits() {
    let place = Place::new();
    let log = place.open().await;
    log.append(commit(TENANT, &[(1, 0)])).await.unwrap();
    let mut other = place.connect().await;
    for (sql, reason) in [
        ("INSERT INTO message SELECT 2, tenant, stream, 0, 0, x'00' FROM message", "UNIQUE"),
        ("INSERT INTO message SELECT 2, tenant, stream, 2, 0, x'00' FROM message", "CHECK"),
        ("UPDATE message SET payload = x'00'", "never changed"),
        ("DELETE FROM message", "never removed"),
    ] {
        let refused = sqlx::query(sql).execute(&mut other).await.unwrap_err().to_string();
        assert!(refused.contains(reason), "{sql}: {refused}");
    }
}

#[tokio::test]
async fn an_abandoned_append_is_still_written() {
    let place = Place::new();
    let log = Arc::new(place.open().await);
    let held = hold_the_writer(&place).await;
    let appends = queue_up(&log, vec![commit(TENANT, &[(1, 0)]), commit(TENANT, &[(2, 0)])]).await;
    appends.iter().for_each(JoinHandle::abort);
    release(held).await;
    assert_eq!(log.append(commit(TENANT, &[(3, 0)])).await.unwrap().first, Position(3));
}
