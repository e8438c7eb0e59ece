//! Sessions.

use std::sync::Arc;

use foodflow_projections::keys::{Admission, KeyStore, Refused, Session, Token};

use super::world::{admit, left, session, tenant, token};

pub(crate) async fn a_session_is_kept_and_replaced_and_dropped(store: Arc<dyn KeyStore>) {
    let first = session(tenant());
    let (tenant, id) = (first.tenant_id, first.session_id);
    assert_eq!(store.session(tenant, id).await.unwrap(), None);
    assert!(!store.drop_session(tenant, id).await.unwrap());
    store.put_session(&first).await.unwrap();
    assert_eq!(store.session(tenant, id).await.unwrap().as_ref(), Some(&first));
    let again = Session { method: "password+totp".to_owned(), ..first };
    store.put_session(&again).await.unwrap();
    assert_eq!(store.session(tenant, id).await.unwrap().as_ref(), Some(&again));
    assert!(store.drop_session(tenant, id).await.unwrap());
    assert_eq!(store.session(tenant, id).await.unwrap(), None);
    assert!(!store.drop_session(tenant, id).await.unwrap());
}

pub(crate) async fn a_session_is_its_tenants_alone(store: Arc<dyn KeyStore>) {
    let mine = session(tenant());
    let other = tenant();
    store.put_session(&mine).await.unwrap();
    assert_eq!(store.session(other, mine.session_id).await.unwrap(), None);
    assert!(!store.drop_session(other, mine.session_id).await.unwrap());
    assert_eq!(store.session(mine.tenant_id, mine.session_id).await.unwrap(), Some(mine.clone()));
    let borrowed = Token { session: Some(mine.session_id), ..token(other) };
    assert_eq!(admit(&*store, &borrowed).await, Admission::Refused(Refused::NoSession));
}

pub(crate) async fn a_token_is_valid_with_its_session_alone(store: Arc<dyn KeyStore>) {
    let session = session(tenant());
    let token = Token { session: Some(session.session_id), ..token(session.tenant_id) };
    let refused = Admission::Refused(Refused::NoSession);
    assert_eq!(admit(&*store, &token).await, refused);
    store.put_session(&session).await.unwrap();
    assert_eq!(admit(&*store, &token).await, left(&[]));
    store.drop_session(session.tenant_id, session.session_id).await.unwrap();
    assert_eq!(admit(&*store, &token).await, refused);
    // A token that was issued to no session needs none.
    assert_eq!(admit(&*store, &Token { session: None, ..token }).await, left(&[]));
}
