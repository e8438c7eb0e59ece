//! How long the body of a request may take to come.

use std::future::Future as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::StreamExt as _;
use futures::stream;

use super::problem::Problem;

/// Runs the request with a body that ends with an error where it is too slow; whatever the handler makes of that, the client is
/// told what it was.
pub(super) async fn limit(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let is_late = Arc::new(AtomicBool::new(false));
    let (parts, body) = request.into_parts();
    let body = {
        let is_late = Arc::clone(&is_late);
        let mut overdue = Box::pin(tokio::time::sleep(limit));
        let mut rest = body.into_data_stream().fuse();
        Body::from_stream(stream::poll_fn(move |context| {
            if !rest.is_done() && overdue.as_mut().poll(context).is_ready() {
                is_late.store(true, Ordering::Relaxed);
                return Poll::Ready(Some(Err(axum::Error::new(TooSlow))));
            }
            rest.poll_next_unpin(context)
        }))
    };
    let response = next.run(Request::from_parts(parts, body)).await;
    // Any other refusal has a reason of its own.
    if is_late.load(Ordering::Relaxed) && response.status() == StatusCode::BAD_REQUEST {
        let detail = format!("the body did not come within {} s", limit.as_secs_f64());
        let title = "The body came too slowly";
        return Problem::new(StatusCode::REQUEST_TIMEOUT, "body-too-slow", title, detail).into_response();
    }
    response
}

#[derive(Debug, thiserror::Error)]
#[error("the body came too slowly")]
struct TooSlow;
