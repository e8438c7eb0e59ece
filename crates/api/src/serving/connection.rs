//! HTTP/1.1 or HTTP/2 over one connection, with a bound on everything that a client may hold.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::response::Response;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower::Service as _;

use super::stalled::Stalled;
use crate::http::client_address::{ClientAddress, Peer};

/// Most headers of a request.
const HEADERS_MAX: usize = 64;
/// Most bytes of a request's head.
const HEAD_BYTES_MAX: usize = 65_536;
/// The same for HTTP/2, which counts 32 bytes more for each header.
const HEADER_LIST_BYTES_MAX: u32 = 65_536;
/// Most requests at the same time over one connection of HTTP/2.
const STREAMS_MAX: u32 = 128;
/// How long a peer may take nothing of what is sent to it.
const STALL_MAX: Duration = Duration::from_secs(30);
/// How often a peer that speaks HTTP/2 is asked whether it lives, and how long it may take to say so.
const PING_EVERY: Duration = Duration::from_secs(20);
/// How long an idle connection may take to close.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// What goes on over the connection.
#[derive(Debug, Clone, Copy, Default)]
struct Activity {
    /// Requests whose answer was not sent in full.
    open: usize,
    /// Requests that ever began.
    begun: u64,
}

/// A request whose answer was not sent in full.
struct Open(Arc<watch::Sender<Activity>>);

impl Open {
    fn begin(activity: &Arc<watch::Sender<Activity>>) -> Self {
        activity.send_modify(|activity| {
            activity.open += 1;
            activity.begun += 1;
        });
        Self(Arc::clone(activity))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.send_modify(|activity| activity.open -= 1);
    }
}

/// A body of an answer, which is open until it is sent.
struct Answer {
    body: Body,
    _open: Open,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Serves until the peer or `stop` ends it, or no request has begun for `header_timeout` while none was open: a peer that is
/// silent, and one that sends a head byte by byte.
pub(super) async fn serve<S>(
    stream: S,
    router: Router,
    peer: ClientAddress,
    header_timeout: Duration,
    stop: CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (activity, mut watched) = watch::channel(Activity::default());
    let activity = Arc::new(activity);
    let service = service_fn(move |request| {
        let open = Open::begin(&activity);
        answer(router.clone(), request, peer, open)
    });
    let builder = builder();
    let stream = TokioIo::new(Stalled::new(stream, STALL_MAX));
    let mut connection = pin!(builder.serve_connection(stream, service));
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = stop.cancelled() => None,
        () = idle(&mut watched, header_timeout) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection => ended,
                () = idle(&mut watched, CLOSE_WAIT) => Ok(()),
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, peer = %peer.ip, "a connection ended early");
    }
}

/// Answers one request. The router never fails.
async fn answer(
    mut router: Router,
    request: Request<Incoming>,
    peer: ClientAddress,
    open: Open,
) -> Result<Response<Answer>, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(Peer(peer));
    let response = router.call(request).await?;
    Ok(response.map(|body| Answer { body, _open: open }))
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    // How long a head may take is watched here for both versions, and before either is known.
    builder.http1().timer(TokioTimer::new()).header_read_timeout(None);
    builder.http1().max_headers(HEADERS_MAX).max_buf_size(HEAD_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_EVERY)
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEADER_LIST_BYTES_MAX);
    builder
}

/// Waits until no request was open, nor began, for `limit`.
async fn idle(watched: &mut watch::Receiver<Activity>, limit: Duration) {
    loop {
        // The sender lives as long as the connection, and so longer than this is waited for.
        let Ok(begun) = watched.wait_for(|activity| activity.open == 0).await.map(|found| found.begun) else {
            return std::future::pending().await;
        };
        let next = watched.wait_for(|activity| activity.begun != begun);
        if tokio::time::timeout(limit, next).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_while_no_request_is_open() {
        let limit = Duration::from_secs(10);
        let (activity, mut watched) = watch::channel(Activity::default());
        let activity = Arc::new(activity);
        let started = tokio::time::Instant::now();
        let requests = async {
            tokio::time::sleep(Duration::from_secs(9)).await;
            let open = Open::begin(&activity);
            tokio::time::sleep(Duration::from_secs(60)).await;
            drop(open);
            tokio::time::sleep(Duration::from_secs(9)).await;
            // It ends before anybody looks.
            drop(Open::begin(&activity));
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = idle(&mut watched, limit) => {}
            () = requests => {}
        }
        assert_eq!(started.elapsed().as_secs(), 9 + 60 + 9 + 10);
    }
}
