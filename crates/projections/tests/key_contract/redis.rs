//! The store in Redis under the contract, and what is its own, on a real server.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use foodflow_projections::keys::redis::{ANSWER_MAX, RedisConfig, RedisKeys};
use foodflow_projections::keys::{
    Admission, Bucket, KeyStore, KeyStoreError, Revocation, SESSION_TTL, Subject,
};
use foodflow_testkit::servers::RedisServer;
use jiff::Timestamp;
use redis::aio::MultiplexedConnection;
use redis::{Client, cmd};

use super::world::{HOUR, admit, bucket, left, rate, session, take, tenant, token};

super::key_contract_cases!(open);

async fn open() -> (Arc<dyn KeyStore>, ()) {
    (Arc::new(connected(RedisServer::shared().await.unwrap()).await), ())
}

async fn connected(server: &RedisServer) -> RedisKeys {
    RedisConfig { url: server.url().to_owned() }.connect().await.unwrap()
}

async fn raw(server: &RedisServer) -> MultiplexedConnection {
    Client::open(server.url()).unwrap().get_multiplexed_async_connection().await.unwrap()
}

#[tokio::test]
async fn a_session_is_the_documented_key() {
    let server = RedisServer::shared().await.unwrap();
    let (store, mut raw) = (connected(server).await, raw(server).await);
    let session = session(tenant());
    store.put_session(&session).await.unwrap();
    let key = format!("session:{}", session.session_id);
    let text: String = cmd("GET").arg(&key).query_async(&mut raw).await.unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["tenant_id"], session.tenant_id.to_string());
    assert_eq!(value["user_id"], session.user_id.to_string());
    assert_eq!(value["session_id"], session.session_id.to_string());
    assert_eq!(value["method"], "password");
    assert_eq!(value.as_object().unwrap().len(), 5, "nothing else: {value}");
    let ttl: u64 = cmd("TTL").arg(&key).query_async(&mut raw).await.unwrap();
    assert!((SESSION_TTL.as_secs() - 10..=SESSION_TTL.as_secs()).contains(&ttl), "{ttl}");
}

#[tokio::test]
async fn every_key_ends_and_names_nobody() {
    let server = RedisServer::start().await.unwrap();
    let (store, mut raw) = (connected(&server).await, raw(&server).await);
    let token = token(tenant());
    let actor = Subject::Actor(token.actor.clone());
    let revocation =
        Revocation { tenant: token.tenant, subject: actor, issued_until: Timestamp::now(), ttl: HOUR };
    store.revoke(&revocation).await.unwrap();
    store.put_session(&session(tenant())).await.unwrap();
    let slow = rate(1, HOUR, 2);
    take(&store, &[Bucket::of("login", "anna@harbor-vale.example", slow), Bucket::of_tenant(tenant(), slow)])
        .await;
    let keys: Vec<String> = cmd("KEYS").arg("*").query_async(&mut raw).await.unwrap();
    assert_eq!(keys.len(), 4, "{keys:?}");
    for key in &keys {
        assert!(["session:", "revoked:", "bucket:"].iter().any(|prefix| key.starts_with(prefix)), "{key}");
        assert!(!key.contains("anna") && !key.contains(&token.actor), "{key}");
        let ttl: i64 = cmd("TTL").arg(key).query_async(&mut raw).await.unwrap();
        assert!(ttl > 0, "{key} ends in {ttl}");
    }
    // A bucket ends when it is full: one of two tokens is taken, and one comes in an hour.
    let key = keys.iter().find(|key| key.starts_with("bucket:login:")).unwrap();
    let ttl_ms: u64 = cmd("PTTL").arg(key).query_async(&mut raw).await.unwrap();
    assert!((3_590_000..=3_600_000).contains(&ttl_ms), "{ttl_ms}");
}

#[tokio::test]
async fn a_key_that_somebody_else_wrote_admits_nobody() {
    let server = RedisServer::start().await.unwrap();
    let (store, mut raw) = (connected(&server).await, raw(&server).await);
    let mine = session(tenant());
    for text in ["no JSON", "[]", "{}"] {
        let mut put = cmd("SET");
        put.arg(format!("session:{}", mine.session_id)).arg(text);
        put.exec_async(&mut raw).await.unwrap();
        let token =
            foodflow_projections::keys::Token { session: Some(mine.session_id), ..token(mine.tenant_id) };
        let answer = store.admit(Some(&token), &[]).await;
        assert!(!matches!(answer, Ok(Admission::Admitted { .. })), "{text}: {answer:?}");
    }
}

/// Asks until there is an answer, and says how long that took.
async fn until_answered(store: &RedisKeys) -> Duration {
    let began = Instant::now();
    while store.ping().await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(10), "it does not come back");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    began.elapsed()
}

/// Every question fails, and soon.
async fn fails_soon(store: &RedisKeys) {
    let token = token(tenant());
    for _ in 0..3 {
        let began = Instant::now();
        let refused = store.admit(Some(&token), &[]).await.unwrap_err();
        assert!(matches!(refused, KeyStoreError::Unavailable { .. }), "{refused:?}");
        assert!(began.elapsed() < ANSWER_MAX + Duration::from_millis(250), "{:?}", began.elapsed());
    }
    store.put_session(&session(tenant())).await.unwrap_err();
    store.ping().await.unwrap_err();
}

#[tokio::test]
async fn a_server_that_is_killed_fails_every_question_soon_and_comes_back() {
    let server = RedisServer::start().await.unwrap();
    let store = connected(&server).await;
    let scarce = bucket(rate(1, HOUR, 2));
    let revoked = token(tenant());
    let kept = session(tenant());
    store.put_session(&kept).await.unwrap();
    let (tenant, subject) = (revoked.tenant, Subject::Tenant);
    let revocation = Revocation { tenant, subject, issued_until: Timestamp::now(), ttl: HOUR };
    store.revoke(&revocation).await.unwrap();
    assert_eq!(take(&store, std::slice::from_ref(&scarce)).await, left(&[1]));
    server.kill9().await.unwrap();
    fails_soon(&store).await;
    server.restart().await.unwrap();
    until_answered(&store).await;
    // It forgot its scripts and kept its data.
    assert_eq!(take(&store, &[scarce]).await, left(&[0]));
    assert!(matches!(admit(&store, &revoked).await, Admission::Refused(_)));
    assert_eq!(store.session(kept.tenant_id, kept.session_id).await.unwrap(), Some(kept));
}

#[tokio::test]
async fn a_server_that_hangs_fails_every_question_in_time_and_goes_on() {
    let server = RedisServer::start().await.unwrap();
    let store = connected(&server).await;
    server.suspend().await.unwrap();
    fails_soon(&store).await;
    // A crowd neither waits longer nor is answered later with what was asked before.
    let token = token(tenant());
    let began = Instant::now();
    let answers = futures::future::join_all((0..2_000).map(|_| store.admit(Some(&token), &[]))).await;
    assert!(answers.iter().all(Result::is_err));
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    server.resume().await.unwrap();
    until_answered(&store).await;
    assert_eq!(admit(&store, &token).await, left(&[]));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_without_credentials() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("redis://plant:s3cret@{free}/1");
    let error = RedisConfig { url }.connect().await.map(|_| ()).unwrap_err().to_string();
    assert!(error.contains(&format!("redis://{free}/1")), "{error}");
    assert!(!error.contains("s3cret"), "{error}");
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_not_told() {
    let server = RedisServer::start().await.unwrap();
    let mut raw = raw(&server).await;
    let mut set = cmd("CONFIG");
    set.arg("SET").arg("requirepass").arg("right");
    set.exec_async(&mut raw).await.unwrap();
    let with = |password: &str| server.url().replace("redis://", &format!("redis://:{password}@"));
    RedisConfig { url: with("right") }.connect().await.unwrap().ping().await.unwrap();
    let error = RedisConfig { url: with("s3cret") }.connect().await.map(|_| ()).unwrap_err().to_string();
    assert!(!error.contains("s3cret"), "{error}");
}

#[tokio::test]
async fn a_server_says_what_it_can_be_trusted_with() {
    let server = RedisServer::start().await.unwrap();
    let store = connected(&server).await;
    let report = store.report().await.unwrap();
    assert_eq!((report.eviction.as_str(), report.is_persistent), ("noeviction", true));
    let mut raw = raw(&server).await;
    for (name, value) in [("maxmemory-policy", "allkeys-lru"), ("appendonly", "no")] {
        let mut set = cmd("CONFIG");
        set.arg("SET").arg(name).arg(value).exec_async(&mut raw).await.unwrap();
    }
    let report = store.report().await.unwrap();
    assert_eq!((report.eviction.as_str(), report.is_persistent), ("allkeys-lru", false));
}
