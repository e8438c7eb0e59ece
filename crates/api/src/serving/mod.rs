//! Connections: taken in up to a bound, with or without TLS, and let go of when they are idle, stall, or are to end.
//!
//! - [`connection`]: HTTP/1.1 or HTTP/2 over one of them;
//! - `stalled`: a peer that takes nothing of what is sent to it;
//! - [`tls`]: the certificate, which may be renewed at any time.

mod connection;
mod stalled;
pub mod tls;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use axum::Router;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::tls::Certificates;
use crate::config::Config;
use crate::http::client_address::ClientAddress;

/// How long nothing is taken in where the system has no more room for connections.
const REFUSED_PAUSE: Duration = Duration::from_millis(250);
/// Open files besides connections: of stores, and of the program itself.
const FILES_BESIDE: u64 = 512;
/// How often it is told that there are as many connections as there may be.
const FULL_TOLD_EVERY: Duration = Duration::from_secs(60);

/// Where requests come in.
pub struct Listener {
    listener: TcpListener,
    tls: Option<Arc<Certificates>>,
    connections_max: usize,
    header_timeout: Duration,
}

/// What every connection needs.
#[derive(Clone)]
struct Serving {
    router: Router,
    tls: Option<TlsAcceptor>,
    header_timeout: Duration,
    stop: CancellationToken,
}

impl Listener {
    /// Listens at the address of the settings.
    ///
    /// # Errors
    /// Where the address cannot be had, or there is no certificate with its key.
    pub async fn bind(config: &Config) -> anyhow::Result<Self> {
        let tls = Certificates::of(config)?.map(Arc::new);
        let listener = TcpListener::bind(config.listen).await.with_context(|| {
            format!("cannot listen on {}; choose another address with --listen", config.listen)
        })?;
        make_room(config.connections_max);
        let connections_max = usize::try_from(config.connections_max)?;
        Ok(Self { listener, tls, connections_max, header_timeout: config.header_timeout.unsigned_abs() })
    }

    /// Where it is reached, e.g. `http://127.0.0.1:8080`.
    ///
    /// # Errors
    /// Where the system does not tell.
    pub fn url(&self) -> anyhow::Result<String> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        Ok(format!("{scheme}://{}", self.listener.local_addr()?))
    }

    /// Serves until `stop`, then until what was taken in is answered.
    ///
    /// # Errors
    /// Where the renewal of certificates cannot be watched for.
    pub async fn serve(self, router: Router, stop: CancellationToken) -> anyhow::Result<()> {
        let Self { listener, tls, connections_max, header_timeout } = self;
        let acceptor = tls.as_ref().map(Certificates::acceptor).transpose()?;
        if let Some(certificates) = tls {
            certificates.watch(stop.clone())?;
        }
        let serving = Serving { router, tls: acceptor, header_timeout, stop: stop.clone() };
        let room = Arc::new(Semaphore::new(connections_max));
        let connections = TaskTracker::new();
        let mut told = None;
        let taking_in = async {
            loop {
                let permit = permit(&room, connections_max, &mut told).await?;
                if let Some((stream, peer)) = accept(&listener).await {
                    connections.spawn(serving.clone().serve(stream, peer, permit));
                }
            }
        };
        let ended: anyhow::Result<()> = tokio::select! {
            () = stop.cancelled() => Ok(()),
            ended = taking_in => ended,
        };
        // What comes now is refused by the system, and a load balancer asks another process.
        drop(listener);
        connections.close();
        connections.wait().await;
        ended
    }
}

/// Asks the system for as many open files as all connections may need.
fn make_room(connections_max: u32) {
    let wanted = u64::from(connections_max) + FILES_BESIDE;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= wanted) {
        return;
    }
    let granted = maximum.map_or(wanted, |maximum| maximum.min(wanted));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(granted), maximum });
    if raised.is_err() || granted < wanted {
        tracing::warn!(wanted, "the system allows fewer open files than connections_max may need");
    }
}

/// Waits for room for one more connection.
async fn permit(
    room: &Arc<Semaphore>,
    connections_max: usize,
    told: &mut Option<Instant>,
) -> anyhow::Result<OwnedSemaphorePermit> {
    if room.available_permits() == 0 && told.is_none_or(|told| told.elapsed() > FULL_TOLD_EVERY) {
        *told = Some(Instant::now());
        tracing::warn!(connections_max, "there are as many connections as there may be; others wait");
    }
    Ok(Arc::clone(room).acquire_owned().await?)
}

async fn accept(listener: &TcpListener) -> Option<(TcpStream, ClientAddress)> {
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, ClientAddress { ip: peer.ip(), is_secure: false })),
        Err(error) => {
            use std::io::ErrorKind::{ConnectionAborted, ConnectionReset};
            if !matches!(error.kind(), ConnectionAborted | ConnectionReset) {
                tracing::warn!(%error, "no connection can be taken in");
                tokio::time::sleep(REFUSED_PAUSE).await;
            }
            None
        }
    }
}

impl Serving {
    /// Serves one connection; it counts until this ends.
    async fn serve(self, stream: TcpStream, peer: ClientAddress, _permit: OwnedSemaphorePermit) {
        let Self { router, tls, header_timeout, stop } = self;
        // An answer is written at once or in large pieces.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection delays small packets");
        }
        let Some(tls) = tls else {
            return Box::pin(connection::serve(stream, router, peer, header_timeout, stop)).await;
        };
        let shaken = tokio::select! {
            () = stop.cancelled() => return,
            shaken = tokio::time::timeout(header_timeout, tls.accept(stream)) => shaken,
        };
        match shaken {
            Ok(Ok(stream)) => {
                let peer = ClientAddress { is_secure: true, ..peer };
                Box::pin(connection::serve(stream, router, peer, header_timeout, stop)).await;
            }
            Ok(Err(error)) => tracing::debug!(%error, peer = %peer.ip, "a client made no TLS connection"),
            Err(_) => tracing::debug!(peer = %peer.ip, "a client took too long to make a TLS connection"),
        }
    }
}
