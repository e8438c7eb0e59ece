use super::*;

fn refusal(opened: Result<EmbeddedLog, LogError>) -> String {
    match opened.unwrap_err() {
        LogError::Configuration { reason } => reason,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_log_is_created_with_its_folder_and_found_again() {
    let place = Place::new();
    let path = place.folder.path().join("deep/er/log.db");
    let log = EmbeddedLog::open(&path).await.unwrap();
    log.append(commit(TENANT, &[(1, 0)])).await.unwrap();
    assert!(log.describe().contains("deep/er/log.db"));
    log.close().await;
    let log = EmbeddedLog::open(&path).await.unwrap();
    assert_eq!(log.head(ALL).await.unwrap(), Position(1));
    let next = log.append(commit(TENANT, &[(1, 1)])).await.unwrap();
    assert_eq!(next.first, Position(2));
}

#[tokio::test]
async fn several_may_create_the_same_log_at_once() {
    let place = Place::new();
    let path = place.path();
    let logs = futures::future::join_all((0..6).map(|_| EmbeddedLog::open(&path))).await;
    for (number, log) in logs.into_iter().enumerate() {
        log.unwrap().append(commit(TENANT, &[(number as u128, 0)])).await.unwrap();
    }
    assert_eq!(place.open().await.head(ALL).await.unwrap(), Position(6));
}

#[tokio::test]
async fn another_file_is_refused_and_left_alone() {
    let place = Place::new();
    std::fs::write(place.path(), "my notes").unwrap();
    assert!(refusal(EmbeddedLog::open(&place.path()).await).contains("is not a FoodFlow event log"));
    assert_eq!(std::fs::read(place.path()).unwrap(), b"my notes");
}

#[tokio::test]
async fn another_programs_database_is_refused_and_left_alone() {
    let place = Place::new();
    let mut connection = file::options(&place.path()).create_if_missing(true).connect().await.unwrap();
    sqlx::raw_sql("CREATE TABLE note (text TEXT)").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let before = std::fs::read(place.path()).unwrap();
    assert!(refusal(EmbeddedLog::open(&place.path()).await).contains("database of another program"));
    assert_eq!(std::fs::read(place.path()).unwrap(), before);
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let place = Place::new();
    place.open().await.close().await;
    let mut connection = place.connect().await;
    sqlx::raw_sql("PRAGMA user_version = 2").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let reason = refusal(EmbeddedLog::open(&place.path()).await);
    assert!(reason.contains("schema version 2, and this program knows version 1"), "{reason}");
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_named() {
    let place = Place::new();
    std::fs::write(place.folder.path().join("file"), "").unwrap();
    let below_a_file = place.folder.path().join("file/log.db");
    assert!(refusal(EmbeddedLog::open(&below_a_file).await).contains("cannot be created"));
    let a_folder = place.folder.path();
    let reason = refusal(EmbeddedLog::open(a_folder).await);
    assert!(
        reason.contains("cannot be opened") && reason.contains(&a_folder.display().to_string()),
        "{reason}"
    );
}

#[tokio::test]
async fn closing_finishes_what_was_taken_in_and_leaves_one_file() {
    let place = Place::new();
    let log = Arc::new(place.open().await);
    let appends: Vec<_> = (0..100)
        .map(|number| {
            let log = Arc::clone(&log);
            tokio::spawn(async move { log.append(commit(TENANT, &[(number, 0)])).await })
        })
        .collect();
    tokio::task::yield_now().await;
    tokio::join!(log.close(), log.close());
    let mut appended = 0;
    for append in appends {
        match append.await.unwrap() {
            Ok(_) => appended += 1,
            Err(AppendError::Log(LogError::Unavailable { .. })) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert!(matches!(log.append(commit(TENANT, &[(999, 0)])).await, Err(AppendError::Log(_))));
    assert!(log.head(ALL).await.is_err());
    let left: Vec<_> =
        std::fs::read_dir(place.folder.path()).unwrap().map(|one| one.unwrap().file_name()).collect();
    assert_eq!(left, ["log.db"]);
    assert_eq!(place.open().await.head(ALL).await.unwrap(), Position(appended));
}

#[tokio::test]
async fn what_was_acknowledged_outlives_a_crash_and_a_drop() {
    let place = Place::new();
    let log = place.open().await;
    for number in 0..50 {
        log.append(commit(TENANT, &[(number, 0), (number + 1_000, 0)])).await.unwrap();
    }
    // What a crash leaves: the file and its write-ahead log, as they are while the log is open.
    let after_crash = Place::new();
    for suffix in ["", "-wal"] {
        let name = format!("log.db{suffix}");
        std::fs::copy(place.folder.path().join(&name), after_crash.folder.path().join(&name)).unwrap();
    }
    assert_eq!(after_crash.open().await.head(ALL).await.unwrap(), Position(100));
    drop(log);
    assert_eq!(place.open().await.head(ALL).await.unwrap(), Position(100));
}
