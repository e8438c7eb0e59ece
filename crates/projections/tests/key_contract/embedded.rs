//! The embedded store under the contract, and what is its own.

use std::sync::Arc;

use foodflow_projections::keys::embedded::EmbeddedKeys;
use foodflow_projections::keys::{Admission, KeyStore, Refused, Revocation, Subject, Token};
use jiff::Timestamp;
use tempfile::TempDir;

use super::world::{HOUR, admit, left, session, tenant, token};

super::key_contract_cases!(open);

async fn open() -> (Arc<dyn KeyStore>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (opened(&folder).await, folder)
}

async fn opened(folder: &TempDir) -> Arc<dyn KeyStore> {
    Arc::new(EmbeddedKeys::open(&folder.path().join("keys.sqlite")).await.unwrap())
}

#[tokio::test]
async fn a_restart_takes_no_revocation_back_and_ends_sessions() {
    let (store, folder) = open().await;
    let session = session(tenant());
    let of_session = Token { session: Some(session.session_id), ..token(session.tenant_id) };
    let (revoked, brief) = (token(tenant()), token(tenant()));
    store.put_session(&session).await.unwrap();
    let issued_until = Timestamp::now();
    for (token, ttl) in [(&revoked, HOUR), (&brief, std::time::Duration::from_millis(1))] {
        let subject = Subject::Actor(token.actor.clone());
        let revocation = Revocation { tenant: token.tenant, subject, issued_until, ttl };
        store.revoke(&revocation).await.unwrap();
    }
    store.close().await;
    drop(store);

    let store = opened(&folder).await;
    assert_eq!(admit(&*store, &revoked).await, Admission::Refused(Refused::Actor));
    assert_eq!(admit(&*store, &of_session).await, Admission::Refused(Refused::NoSession));
    assert_eq!(admit(&*store, &brief).await, left(&[]));
    let again = opened(&folder).await;
    assert_eq!(admit(&*again, &revoked).await, Admission::Refused(Refused::Actor));
    let file = std::fs::read(folder.path().join("keys.sqlite")).unwrap();
    let named = file.windows(revoked.actor.len()).any(|bytes| bytes == revoked.actor.as_bytes());
    assert!(!named, "the file names nobody");
}

#[tokio::test]
async fn what_another_process_revokes_counts_within_seconds() {
    let (serving, folder) = open().await;
    let token = token(tenant());
    assert_eq!(admit(&*serving, &token).await, left(&[]));
    let other = opened(&folder).await;
    let (tenant, subject, issued_until) = (token.tenant, Subject::Tenant, Timestamp::now());
    other.revoke(&Revocation { tenant, subject, issued_until, ttl: HOUR }).await.unwrap();
    other.close().await;
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    assert_eq!(admit(&*serving, &token).await, Admission::Refused(Refused::Tenant));
}

#[tokio::test]
async fn a_file_that_is_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.sqlite");
    std::fs::write(&path, "this is no database, and it is long enough to be seen as none").unwrap();
    EmbeddedKeys::open(&path).await.map(|_| ()).unwrap_err();
}
