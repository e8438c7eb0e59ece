//! `foodflow serve` and `foodflow demo`.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use foodflow_commands::identity::refusals::Refusals;
use foodflow_commands::{ScriptedClock, SystemClock};
use jiff::Timestamp;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::interrupt::cancelled_when_told;
use super::{audit, meters, print_data, say, token};
use crate::config::{Config, Role, SignUp};
use crate::erasure::Eraser;
use crate::erasure::worker::Erasures;
use crate::http::admission::{SameForAll, address_limit};
use crate::http::plan_rates::ByPlan;
use crate::http::view::Models;
use crate::http::{self, App};
use crate::key_store::open_key_store;
use crate::master_key;
use crate::meter::UsageMeter;
use crate::oidc::Provider;
use crate::process::ProcessName;
use crate::read_models::Runners;
use crate::runtime::Runtime;
use crate::serving::Listener;
use crate::tokens::{KeyFiles, TokenKeys, claims};
use crate::{demo, production};

/// How long requests that were taken in may take to end once the process is to stop.
const DRAIN_MAX: Duration = Duration::from_secs(30);
/// How long a demo token is valid, in seconds.
const DEMO_TOKEN_VALID_S: i64 = 30 * 24 * 3_600;

/// Serves until it is told to stop.
///
/// # Errors
/// Where a store, the key or the address cannot be had.
pub async fn serve(config: Config) -> anyhow::Result<()> {
    production::refuse_weak(&config)?;
    let runtime = Runtime::open(&config, Arc::new(SystemClock)).await?;
    if config.production && demo::is_told_in(&runtime.log).await? {
        anyhow::bail!("production = true, and {}: {}", demo::IN_PRODUCTION, demo::IN_PRODUCTION_ADVICE);
    }
    let server = Server::start(&config, runtime).await?;
    say(&format!("log: {}", server.app.log.describe()));
    print_data(&format!("ready {}", server.listener.url()?))?;
    server.run().await
}

/// Serves the golden scenario until it is told to stop.
///
/// # Errors
/// As [`serve`]; also where the data folder holds something else.
pub async fn demo(config: Config) -> anyhow::Result<()> {
    anyhow::ensure!(
        !config.production,
        "production = true: the demo gives tokens away; run `foodflow serve`"
    );
    let clock = Arc::new(ScriptedClock::default());
    // The demo's persons are made up: its key may be made wherever its log is.
    if !config.master_key().exists() {
        master_key::make(&config.master_key())?;
    }
    let runtime = Runtime::open(&config, Arc::clone(&clock) as _).await?;
    demo::seed(&runtime, &clock).await.context("cannot tell the demo's history")?;
    let server = Server::start(&config, runtime).await?;
    server.caught_up().await?;
    print_data(&server.demo_lines()?)?;
    server.run().await
}

/// Tells at the start what else would be found out with the first login. Who logs in with a password needs no provider, so
/// nothing ends with it.
async fn look_at(provider: Arc<Provider>) {
    let issuer = provider.issuer();
    match provider.look().await {
        Ok(keys) => tracing::info!(issuer, keys, "people may log in at the identity provider"),
        Err(error) => tracing::error!(issuer, %error, "nobody can log in at the identity provider"),
    }
}

struct Server {
    app: App,
    config: Config,
    runners: Runners,
    listener: Listener,
    signing: Option<JoinHandle<()>>,
    erasing: JoinHandle<()>,
    /// Other processes must not take it while this one lives.
    _name: ProcessName,
}

impl Server {
    async fn start(config: &Config, runtime: Runtime) -> anyhow::Result<Self> {
        let metrics = meters::start()?;
        foodflow_commands::metric_definitions::describe();
        let tokens = Arc::new(TokenKeys::open(KeyFiles::of(config))?);
        let keys = open_key_store(config).await?;
        let oidc = Provider::of(config)?.map(Arc::new).filter(|_| config.role != Role::Projector);
        if let Some(provider) = &oidc {
            tokio::spawn(look_at(Arc::clone(provider)));
        }
        let listener = Listener::bind(config).await?;
        let runners = match config.role {
            Role::All | Role::Projector => runtime.project()?,
            Role::Api => runtime.watch()?,
        };
        let models = Models::of(&runtime.logs(), &runtime.models, &runners);
        let shutdown = CancellationToken::new();
        let refusals = Refusals::start(Arc::clone(&runtime.executor), shutdown.clone());
        runtime.executor.standings().meter_by(Arc::new(UsageMeter {
            log: Arc::clone(&runtime.log),
            store: Arc::clone(&runtime.models.tenancy),
            progress: runners.tenancy.progress().clone(),
        }));
        let standings = Arc::clone(runtime.executor.standings());
        let limits = Arc::new(ByPlan { standings, others: SameForAll::of(config) });
        let config_shared = Arc::new(config.clone());
        let eraser = Eraser {
            executor: Arc::clone(&runtime.executor),
            identity: models.identity.clone(),
            config: Arc::clone(&config_shared),
        };
        let erasures = Erasures::new(eraser, Arc::clone(&keys));
        let erasing = erasures.start(&shutdown);
        let app = App {
            models,
            log: runtime.log,
            executor: runtime.executor,
            runners: runners.clone(),
            projects: config.role != Role::Api,
            tokens,
            keys,
            limits,
            address_limit: address_limit(config),
            config: config_shared,
            refusals,
            erasures,
            oidc,
            sign_up: config.sign_up == SignUp::Open,
            metrics,
            shutdown,
        };
        cancelled_when_told(app.shutdown.clone(), "stopping: finishing what was taken in")?;
        let signing = config.audit_interval.filter(|_| config.role != Role::Api).map(|interval| {
            audit::interval::start(config, interval, Arc::clone(&app.log), app.shutdown.clone())
        });
        Ok(Self { app, config: config.clone(), runners, listener, signing, erasing, _name: runtime.name })
    }

    /// Where it serves and with which tokens, printed at once: who has read `ready` finds the tokens behind it.
    fn demo_lines(&self) -> anyhow::Result<String> {
        let mut lines = format!("ready {}", self.listener.url()?);
        for slug in demo::TENANTS {
            let claims =
                claims(slug, "demo", &token::all_permissions(), Timestamp::now(), DEMO_TOKEN_VALID_S);
            write!(lines, "\ntoken {slug} {}", self.app.tokens.issue(&claims)?)?;
        }
        Ok(lines)
    }

    /// Waits until every read model reflects the whole log.
    async fn caught_up(&self) -> anyhow::Result<()> {
        for partition in 0..self.app.log.partition_count() {
            let partition = foodflow_log::Partition(partition);
            let head = self.app.log.head(partition).await?;
            for runner in self.runners.all() {
                runner.progress().wait_for(partition, head, Duration::from_secs(60)).await?;
            }
        }
        Ok(())
    }

    async fn run(self) -> anyhow::Result<()> {
        let Self { app, config, runners, listener, signing, erasing, _name } = self;
        let (log, keys) = (Arc::clone(&app.log), Arc::clone(&app.keys));
        let stop = app.shutdown.clone();
        let router = match config.role {
            Role::Projector => http::operator_router(app),
            Role::All | Role::Api => http::router(app),
        };
        let serving = listener.serve(http::front::before(router, &config), stop.clone());
        // A client that holds its connection without a word must not hold the process.
        let overdue = async {
            stop.cancelled().await;
            tokio::time::sleep(DRAIN_MAX).await;
        };
        tokio::select! {
            ended = serving => ended?,
            () = overdue => tracing::warn!(limit = ?DRAIN_MAX, "connections that did not end are given up"),
        }
        runners.stop().await;
        if let Some(signing) = signing {
            signing.await.context("signing checkpoints ended early")?;
        }
        erasing.await.context("finishing erasures ended early")?;
        keys.close().await;
        log.close().await;
        Ok(())
    }
}
