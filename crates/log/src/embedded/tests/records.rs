use super::*;
use crate::records::{Expected, RecordError, RecordKey, RecordKind};

fn file_names(place: &Place) -> Vec<String> {
    let entries = std::fs::read_dir(place.folder.path()).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

impl Place {
    fn records_path(&self) -> PathBuf {
        self.folder.path().join("log-records.db")
    }
}

#[tokio::test]
async fn only_a_write_makes_the_file_beside_the_log() {
    let (place, key) = (Place::new(), RecordKey::new("a").unwrap());
    let log = place.open().await;
    let records = log.records();
    for kind in RecordKind::ALL {
        assert_eq!(records.get(kind, &key).await.unwrap(), None);
        assert_eq!(records.list(kind, "", None, 10).await.unwrap(), []);
        records.delete(kind, &key, Expected::Any).await.unwrap();
    }
    assert!(!place.records_path().exists());
    records.put(RecordKind::Snapshot, &key, Bytes::new(), Expected::New).await.unwrap();
    assert!(place.records_path().exists());
    log.close().await;
    assert_eq!(file_names(&place), ["log-records.db", "log.db"]);
}

#[tokio::test]
async fn another_programs_file_is_refused_and_left_alone() {
    let (place, key) = (Place::new(), RecordKey::new("a").unwrap());
    let options = file::options(&place.records_path()).create_if_missing(true);
    let mut foreign = options.connect().await.unwrap();
    sqlx::raw_sql("CREATE TABLE record (text TEXT)").execute(&mut foreign).await.unwrap();
    foreign.close().await.unwrap();
    let before = std::fs::read(place.records_path()).unwrap();
    let log = place.open().await;
    let records = log.records();
    let outcomes = [
        records.get(RecordKind::Lease, &key).await.map(drop),
        records.put(RecordKind::Lease, &key, Bytes::new(), Expected::Any).await.map(drop),
    ];
    for outcome in outcomes {
        let RecordError::Log(LogError::Configuration { reason }) = outcome.unwrap_err() else {
            panic!("another refusal");
        };
        assert!(reason.contains("not a FoodFlow file of records"), "{reason}");
    }
    assert_eq!(std::fs::read(place.records_path()).unwrap(), before);
}

#[tokio::test]
async fn a_record_that_waits_for_the_disk_holds_up_no_commit() {
    let (place, key) = (Place::new(), RecordKey::new("a").unwrap());
    let log = place.open().await;
    let records = log.records();
    records.put(RecordKind::Lease, &key, Bytes::new(), Expected::New).await.unwrap();
    let mut other = file::options(&place.records_path()).connect().await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let waiting = tokio::spawn({
        let (records, key) = (log.records(), key.clone());
        async move { records.put(RecordKind::Lease, &key, Bytes::from_static(b"x"), Expected::Any).await }
    });
    tokio::task::yield_now().await;
    log.append(commit(TENANT, &[(1, 0)])).await.unwrap();
    assert!(records.get(RecordKind::Lease, &key).await.unwrap().unwrap().value.is_empty());
    assert!(!waiting.is_finished());
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    waiting.await.unwrap().unwrap();
    assert_eq!(&records.get(RecordKind::Lease, &key).await.unwrap().unwrap().value[..], b"x");
}
