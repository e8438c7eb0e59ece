//! The connection: signing in, the version gate, and knowing when an answer was lost with the link.
//!
//! Nothing is sent to a server whose version was not checked, not even after a reconnect to another one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream;
use async_nats::{Client, ConnectError, ConnectErrorKind, ConnectOptions, Event};
use serde::Deserialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::address::{Address, SignIn};
use super::config::{NatsConfig, NatsCredentials};
use super::version;
use crate::LogError;
use crate::event_log::PAYLOAD_BYTES_MAX;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const PING_INTERVAL: Duration = Duration::from_secs(10);
const RECONNECT_DELAY_MAX_MS: usize = 1_000;
/// Room for the headers of a message beside the largest payload.
const HEADER_BYTES: usize = 4_096;

/// How often the link was lost: an answer awaited since an earlier count will never come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LinkMark(u64);

/// The connection to the server, shared by everything in the adapter.
pub(super) struct Connection {
    pub(super) client: Client,
    pub(super) jetstream: jetstream::Context,
    pub(super) closed: CancellationToken,
    pub(super) answer_timeout: Duration,
    url: String,
    losses: watch::Receiver<u64>,
    /// The count of losses + 1 at which the server's version was last checked.
    checked: AtomicU64,
}

impl Connection {
    /// Connects, signs in and passes the version gate.
    pub(super) async fn open(config: &NatsConfig) -> Result<Self, LogError> {
        let addresses = config.addresses()?;
        let url = Address::describe_all(&addresses);
        let (lost, losses) = watch::channel(0_u64);
        let options = options(config, &addresses, Arc::new(lost)).await?;
        let servers: Vec<_> = addresses.into_iter().map(|address| address.server).collect();
        let client = options.connect(servers).await.map_err(|error| connect_error(&error, &url))?;
        let mut jetstream = jetstream::new(client.clone());
        jetstream.set_timeout(config.answer_timeout);
        let connection = Self {
            client,
            jetstream,
            closed: CancellationToken::new(),
            answer_timeout: config.answer_timeout,
            url,
            losses,
            checked: AtomicU64::new(0),
        };
        connection.pass_gate().await?;
        Ok(connection)
    }

    /// Where the log is, without credentials.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Refuses where nothing can be sent now; else marks the link, for [`Self::lost`].
    pub(super) fn ready(&self) -> Result<LinkMark, LogError> {
        if self.closed.is_cancelled() {
            return Err(LogError::Unavailable { reason: "the log is closed".to_owned() });
        }
        let mark = *self.losses.borrow();
        if self.client.connection_state() != State::Connected {
            return Err(LogError::Unavailable { reason: format!("not connected to {}", self.url) });
        }
        if self.checked.load(Ordering::Acquire) != mark + 1 {
            version::check_server(&self.client.server_info().version, &self.url)?;
            self.checked.store(mark + 1, Ordering::Release);
        }
        Ok(LinkMark(mark))
    }

    /// Waits until the link that `mark` was taken on is lost.
    pub(super) async fn lost(&self, mark: LinkMark) {
        let mut losses = self.losses.clone();
        // The sender lives as long as the client; without it no answer can come either.
        let _ = losses.wait_for(|count| *count != mark.0).await;
    }

    /// Whether the link that `mark` was taken on was lost.
    pub(super) fn is_lost(&self, mark: LinkMark) -> bool {
        *self.losses.borrow() != mark.0
    }

    async fn pass_gate(&self) -> Result<(), LogError> {
        let server = self.client.server_info();
        self.ready()?;
        if server.max_payload < PAYLOAD_BYTES_MAX + HEADER_BYTES {
            let reason = format!(
                "{} takes messages of at most {} bytes; set its max_payload to 1MB or more",
                self.url, server.max_payload
            );
            return Err(LogError::Configuration { reason });
        }
        let account: AccountInfo = self.ask_api("INFO", &()).await?;
        version::check_api_level(account.api.level, &server.version, &self.url)
    }

    /// Asks JetStream's management API.
    pub(super) async fn ask_api<Q, A>(&self, subject: &str, question: &Q) -> Result<A, LogError>
    where
        Q: serde::Serialize + ?Sized,
        A: serde::de::DeserializeOwned,
    {
        self.ask_api_about(subject, question).await?.map_err(|error| LogError::Unavailable {
            reason: format!("JetStream at {}: {} ({})", self.url, error.description, error.err_code),
        })
    }

    /// Asks JetStream's management API about what may not exist; a refusal is given back as it is.
    pub(super) async fn ask_api_about<Q, A>(
        &self,
        subject: &str,
        question: &Q,
    ) -> Result<Result<A, ApiError>, LogError>
    where
        Q: serde::Serialize + ?Sized,
        A: serde::de::DeserializeOwned,
    {
        let mark = self.ready()?;
        let unavailable =
            |what: String| LogError::Unavailable { reason: format!("JetStream at {}: {what}", self.url) };
        let answer = tokio::select! {
            biased;
            answer = self.jetstream.request(subject.to_owned(), question) => {
                answer.map_err(|error| unavailable(error.to_string()))?
            }
            () = self.lost(mark) => return Err(unavailable("the connection was lost".to_owned())),
        };
        Ok(match answer {
            ApiAnswer::Refused { error } => Err(error),
            ApiAnswer::Given(answer) => Ok(answer),
        })
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ApiAnswer<T> {
    Refused { error: ApiError },
    Given(T),
}

/// An error of JetStream, as its answers carry it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ApiError {
    #[serde(default)]
    pub(super) err_code: u64,
    #[serde(default)]
    pub(super) description: String,
}

#[derive(Deserialize)]
struct AccountInfo {
    api: ApiStatus,
}

#[derive(Deserialize)]
struct ApiStatus {
    #[serde(default)]
    level: u32,
}

/// A refused sign-in is for an operator to settle; anything else may pass.
fn connect_error(error: &ConnectError, url: &str) -> LogError {
    match error.kind() {
        ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
            LogError::Configuration { reason: format!("{url} refuses the credentials") }
        }
        _ => LogError::Unavailable { reason: format!("no connection to {url}: {error}") },
    }
}

async fn options(
    config: &NatsConfig,
    addresses: &[Address],
    lost: Arc<watch::Sender<u64>>,
) -> Result<ConnectOptions, LogError> {
    let options = ConnectOptions::new()
        .name("foodflow")
        .connection_timeout(CONNECT_TIMEOUT)
        .ping_interval(PING_INTERVAL)
        .request_timeout(Some(config.answer_timeout))
        .max_reconnects(None)
        .reconnect_delay_callback(|attempt| {
            Duration::from_millis((attempt.saturating_sub(1) * 50).min(RECONNECT_DELAY_MAX_MS) as u64)
        })
        .event_callback(move |event| {
            note_event(&event, &lost);
            std::future::ready(())
        });
    sign_in(options, config, addresses).await
}

fn note_event(event: &Event, lost: &watch::Sender<u64>) {
    match event {
        Event::Disconnected => {
            lost.send_modify(|count| *count += 1);
            tracing::warn!("the connection to the event log was lost");
        }
        Event::Connected => tracing::info!("connected to the event log"),
        Event::SlowConsumer(_) => tracing::warn!("a reader of the event log was too slow; it reads again"),
        other => tracing::debug!(event = %other, "event log connection"),
    }
}

async fn sign_in(
    options: ConnectOptions,
    config: &NatsConfig,
    addresses: &[Address],
) -> Result<ConnectOptions, LogError> {
    let unreadable = |path: &std::path::Path, error: std::io::Error| LogError::Configuration {
        reason: format!("{}: {error}", path.display()),
    };
    let mut given =
        addresses.iter().map(|address| &address.sign_in).filter(|sign_in| **sign_in != SignIn::None);
    if let Some(credentials) = &config.credentials {
        if given.next().is_some() {
            let reason = "credentials stand in the address and beside it: leave them out of the address";
            return Err(LogError::Configuration { reason: reason.to_owned() });
        }
        return match credentials.clone() {
            NatsCredentials::CredentialsFile(path) => {
                options.credentials_file(&path).await.map_err(|error| unreadable(&path, error))
            }
            NatsCredentials::NkeyFile(path) => {
                let seed =
                    tokio::fs::read_to_string(&path).await.map_err(|error| unreadable(&path, error))?;
                Ok(options.nkey(seed.trim().to_owned()))
            }
            NatsCredentials::Token(token) => Ok(options.token(token)),
            NatsCredentials::User { name, password } => Ok(options.user_and_password(name, password)),
        };
    }
    let Some(first) = given.next() else { return Ok(options) };
    if given.any(|other| other != first) {
        let reason = "all addresses of one log use the same credentials".to_owned();
        return Err(LogError::Configuration { reason });
    }
    Ok(match first.clone() {
        SignIn::None => options,
        SignIn::Token(token) => options.token(token),
        SignIn::User { name, password } => options.user_and_password(name, password),
    })
}
