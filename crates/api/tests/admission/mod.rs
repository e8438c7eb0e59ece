//! Who may go on, over HTTP and on both key stores: revoked tokens, ended sessions, and who asks for too much.
//!
//! Every case is given the service over an empty log; the store in Redis is shared with other tests, so each works with
//! tenants of its own.

mod attempts;
mod outage;
mod rates;
mod revoked;

use std::sync::Arc;

use foodflow_api::http::App;
use foodflow_api::tokens::{Claims, claims};
use foodflow_log::SharedLog;
use foodflow_log::embedded::EmbeddedLog;
use foodflow_projections::keys::KeyStore;
use foodflow_projections::keys::embedded::EmbeddedKeys;
use foodflow_projections::keys::redis::RedisConfig;
use foodflow_testkit::servers::RedisServer;
use jiff::Timestamp;
use tempfile::TempDir;
use uuid::Uuid;

/// The service, and the folder that it is in.
pub(crate) struct Service {
    app: App,
    folder: TempDir,
}

impl Service {
    async fn on(keys: Arc<dyn KeyStore>, folder: TempDir) -> Self {
        let log: SharedLog = Arc::new(EmbeddedLog::open(&folder.path().join("log.sqlite")).await.unwrap());
        let app = crate::service::app(&log, keys, folder.path()).await.unwrap();
        Self { app, folder }
    }

    async fn embedded() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = EmbeddedKeys::open(&folder.path().join("keys.sqlite")).await.unwrap();
        Self::on(Arc::new(keys), folder).await
    }

    async fn on_redis() -> Self {
        Self::on_server(RedisServer::shared().await.unwrap()).await
    }

    async fn on_server(server: &RedisServer) -> Self {
        let keys = RedisConfig { url: server.url().to_owned() }.connect().await.unwrap();
        Self::on(Arc::new(keys), tempfile::tempdir().unwrap()).await
    }
}

/// A slug that no other test has.
fn slug() -> String {
    format!("t-{}", Uuid::new_v4().simple())
}

/// Claims of a reader of `slug`.
fn reader(slug: &str) -> Claims {
    let permissions = ["lots:read".to_owned(), "events:read".to_owned()];
    claims(slug, &format!("reader-{}", Uuid::new_v4()), &permissions, Timestamp::now(), 3_600)
}

/// A read that needs nothing to be there.
const READ: &str = "/v1/events";

/// One test for each case and store.
macro_rules! on_both_stores {
    ($($case:ident,)*) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() -> anyhow::Result<()> {
                super::$case(super::Service::embedded().await).await
            })*
        }
        mod redis {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() -> anyhow::Result<()> {
                super::$case(super::Service::on_redis().await).await
            })*
        }
    };
}
use on_both_stores;
