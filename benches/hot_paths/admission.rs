//! What it costs to let a request with a token go on: its signature, and one question to the key store.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use foodflow_api::tokens::{KeyFiles, TokenKeys, claims};
use foodflow_domain::TenantId;
use foodflow_projections::keys::embedded::EmbeddedKeys;
use foodflow_projections::keys::redis::RedisConfig;
use foodflow_projections::keys::{Admission, Bucket, KeyStore, Rate, Session, Token};
use foodflow_testkit::servers::RedisServer;
use jiff::Timestamp;
use redis::aio::MultiplexedConnection;
use redis::{Client as RedisClient, cmd};
use tempfile::TempDir;
use uuid::Uuid;

use crate::effort::Effort;
use crate::figures::{Figures, show_duration, show_number, show_ratio};
use crate::race::{Client, Clients, Competitor, race};
use crate::report::Section;
use crate::targets::Finding;

/// Requests at the same time.
const CLIENTS: [usize; 3] = [1, 16, 64];
const RAW: &str = "bare Redis GET";
const IN_REDIS: &str = "key store in Redis";
const EMBEDDED: &str = "key store, embedded";
const SIGNATURE: &str = "signature of the token";
/// An admission in Redis is to cost twice a bare question at most.
const RATIO_MAX: f64 = 2.0;

/// What is measured with.
struct Stand {
    keys: Arc<TokenKeys>,
    token: String,
    embedded: Arc<dyn KeyStore>,
    in_redis: Arc<dyn KeyStore>,
    raw: MultiplexedConnection,
    asked: Token,
    bucket: Bucket,
    _server: RedisServer,
    _folder: TempDir,
}

impl Stand {
    async fn open() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("foodflow-bench-").tempdir()?;
        let server = RedisServer::start().await?;
        let files = KeyFiles {
            signing: folder.path().join("access-key.pem"),
            retired: folder.path().join("access-keys"),
        };
        let keys = Arc::new(TokenKeys::open(files)?);
        let tenant = TenantId::of_slug("harbor-vale");
        let session = Session {
            session_id: Uuid::new_v4(),
            tenant_id: tenant,
            user_id: Uuid::new_v4(),
            method: "password".to_owned(),
            started_at: Timestamp::now(),
        };
        let permissions = ["lots:read".to_owned(), "lots:write".to_owned()];
        let stated =
            claims("harbor-vale", &session.user_id.to_string(), &permissions, Timestamp::now(), 3_600);
        let embedded = EmbeddedKeys::open(&folder.path().join("keys.sqlite")).await?;
        let in_redis = RedisConfig { url: server.url().to_owned() }.connect().await?;
        for store in [&embedded as &dyn KeyStore, &in_redis] {
            store.put_session(&session).await?;
        }
        let asked = Token {
            tenant,
            actor: stated.sub.clone(),
            session: Some(session.session_id),
            issued_at: stated.iat,
        };
        // Never empty: what is refused costs less.
        let rate = Rate::new(u32::MAX, Duration::from_secs(1), u32::MAX);
        let bucket = Bucket::of_tenant(tenant, rate.ok_or_else(|| anyhow::anyhow!("no rate"))?);
        let client = RedisClient::open(server.url())?;
        Ok(Self {
            token: keys.issue(&stated)?,
            keys,
            embedded: Arc::new(embedded),
            in_redis: Arc::new(in_redis),
            raw: client.get_multiplexed_async_connection().await?,
            asked,
            bucket,
            _server: server,
            _folder: folder,
        })
    }

    fn competitors(&self, clients: usize) -> Vec<Competitor> {
        let of = |name, make: &dyn Fn() -> Box<dyn Client>| {
            let by = Clients::Here((0..clients).map(|_| make()).collect());
            Competitor { name, by }
        };
        let admit = |store: &Arc<dyn KeyStore>| -> Box<dyn Client> {
            let (asked, bucket) = (self.asked.clone(), [self.bucket.clone()]);
            Box::new(Admitting { store: Arc::clone(store), asked, bucket })
        };
        vec![
            of(RAW, &|| Box::new(Getting { raw: self.raw.clone() })),
            of(IN_REDIS, &|| admit(&self.in_redis)),
            of(EMBEDDED, &|| admit(&self.embedded)),
            of(SIGNATURE, &|| Box::new(Checking { keys: Arc::clone(&self.keys), token: self.token.clone() })),
        ]
    }
}

struct Getting {
    raw: MultiplexedConnection,
}

#[async_trait]
impl Client for Getting {
    async fn once(&mut self) -> anyhow::Result<()> {
        let _: Option<String> = cmd("GET").arg("nothing").query_async(&mut self.raw).await?;
        Ok(())
    }
}

struct Admitting {
    store: Arc<dyn KeyStore>,
    asked: Token,
    bucket: [Bucket; 1],
}

#[async_trait]
impl Client for Admitting {
    async fn once(&mut self) -> anyhow::Result<()> {
        let answer = self.store.admit(Some(&self.asked), &self.bucket).await?;
        anyhow::ensure!(matches!(answer, Admission::Admitted { .. }), "it was refused: {answer:?}");
        Ok(())
    }
}

struct Checking {
    keys: Arc<TokenKeys>,
    token: String,
}

#[async_trait]
impl Client for Checking {
    async fn once(&mut self) -> anyhow::Result<()> {
        self.keys.check(&self.token).map(drop).map_err(anyhow::Error::msg)
    }
}

/// Measures each part by itself.
///
/// # Errors
/// Where a server cannot be had, or anything is refused.
pub(crate) async fn bench(effort: Effort) -> anyhow::Result<Section> {
    let stand = Stand::open().await?;
    let (mut rows, mut findings) = (Vec::new(), Vec::new());
    for clients in CLIENTS {
        let measured = race(stand.competitors(clients), effort).await?;
        let rate_of = |wanted| {
            measured.iter().find(|(name, _)| *name == wanted).map_or(0.0, |(_, figures)| figures.per_second())
        };
        let raw = rate_of(RAW);
        rows.extend(measured.iter().map(|(name, figures)| row(name, clients, figures, raw)));
        let target = format!("admission in Redis with {clients} at once costs {RATIO_MAX} bare GETs at most");
        findings.extend(Finding::ratio_at_most(target, [raw, rate_of(IN_REDIS)], RATIO_MAX));
    }
    Ok(Section {
        title: "Admission of a request with a token".to_owned(),
        note: "The question to the key store is one script: revocations of tenant, actor and session, the session itself, \
               and a token of the tenant's bucket. Redis is a process of its own with `appendonly yes`, reached over one \
               connection, as is the bare `GET`. The signature (Ed25519) is checked before; a request pays for both."
            .to_owned(),
        words: 1,
        header: &["what", "at once", "p50", "p99", "per second", "of a bare GET"],
        rows,
        findings,
    })
}

fn row(name: &str, clients: usize, figures: &Figures, raw: f64) -> Vec<String> {
    vec![
        name.to_owned(),
        show_number(clients as f64),
        show_duration(figures.p50()),
        show_duration(figures.p99()),
        show_number(figures.per_second()),
        show_ratio(figures.per_second(), raw),
    ]
}
