//! Logins that are under way at an identity provider.

use std::sync::Arc;
use std::time::Duration;

use foodflow_domain::TenantId;
use foodflow_projections::keys::{KeyStore, LoginPurpose, PENDING_LOGIN_TTL_MAX, PendingLogin};
use uuid::Uuid;

use super::world::tenant;

fn pending(tenant_id: TenantId, purpose: LoginPurpose) -> PendingLogin {
    let secret = |what: &str| format!("{what}-{}", Uuid::new_v4());
    PendingLogin {
        tenant_id,
        purpose,
        binding_hash: secret("binding"),
        nonce: secret("nonce"),
        verifier: secret("verifier"),
    }
}

fn state() -> String {
    Uuid::new_v4().to_string()
}

pub(crate) async fn a_login_is_taken_once_and_by_its_state_alone(store: Arc<dyn KeyStore>) {
    let (tenant, user_id) = (tenant(), Uuid::new_v4());
    let purposes = [
        LoginPurpose::LogIn,
        LoginPurpose::Accept { user_id, token_hash: "ab".repeat(32) },
        LoginPurpose::Link { user_id },
    ];
    let mut kept = Vec::new();
    for purpose in purposes {
        let (state, login) = (state(), pending(tenant, purpose));
        store.put_pending_login(&state, &login, PENDING_LOGIN_TTL_MAX).await.unwrap();
        kept.push((state, login));
    }
    assert_eq!(store.take_pending_login(&state()).await.unwrap(), None);
    for (state, login) in kept {
        assert_eq!(store.take_pending_login(&state).await.unwrap(), Some(login));
        assert_eq!(store.take_pending_login(&state).await.unwrap(), None);
    }
}

pub(crate) async fn a_login_is_over_in_time(store: Arc<dyn KeyStore>) {
    let (state, login) = (state(), pending(tenant(), LoginPurpose::LogIn));
    store.put_pending_login(&state, &login, Duration::from_millis(50)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(120)).await;
    assert_eq!(store.take_pending_login(&state).await.unwrap(), None);
}

pub(crate) async fn of_many_who_ask_at_once_one_has_it(store: Arc<dyn KeyStore>) {
    let (state, login) = (state(), pending(tenant(), LoginPurpose::LogIn));
    store.put_pending_login(&state, &login, PENDING_LOGIN_TTL_MAX).await.unwrap();
    let askers = (0..16).map(|_| {
        let (store, state) = (Arc::clone(&store), state.clone());
        tokio::spawn(async move { store.take_pending_login(&state).await.unwrap() })
    });
    let mut had = 0;
    for asker in askers.collect::<Vec<_>>() {
        had += usize::from(asker.await.unwrap().is_some());
    }
    assert_eq!(had, 1);
}
