//! Takes in what a refused request still sends, so that its client sees the refusal.
//!
//! A request may be refused before its body was read: for its token, or for its length. Were the connection closed
//! then, a client that is still sending would meet a broken connection instead of the answer. What is taken in is
//! thrown away; it must never be more, or take longer, than the bounds here.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, HttpBody as _};
use axum::extract::Request;
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;
use futures::StreamExt as _;
use futures::stream::{self, Fuse};

/// Most bytes that are taken in after a refusal.
const BYTES_MAX: usize = 16_000_000;
/// Longest time that is spent on them.
const TIME_MAX: Duration = Duration::from_secs(5);

/// A body that is lent to a handler.
struct Lent {
    rest: Fuse<BodyDataStream>,
    /// True once the handler asked for some of it.
    asked_for: bool,
}

/// Runs the request, then takes in the rest of its body.
pub(super) async fn take_in(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    // Such a client sends nothing before it is told to go on.
    let waits = parts.headers.contains_key(header::EXPECT);
    let lent = Arc::new(Mutex::new(Lent { rest: body.into_data_stream().fuse(), asked_for: false }));
    let body = {
        let lent = Arc::clone(&lent);
        Body::from_stream(stream::poll_fn(move |context| {
            let mut lent = lent.lock().unwrap_or_else(PoisonError::into_inner);
            lent.asked_for = true;
            lent.rest.poll_next_unpin(context)
        }))
    };
    let response = next.run(Request::from_parts(parts, body)).await;
    let asked_for = lent.lock().unwrap_or_else(PoisonError::into_inner).asked_for;
    if asked_for || !waits {
        let rest = stream::poll_fn(move |context| {
            lent.lock().unwrap_or_else(PoisonError::into_inner).rest.poll_next_unpin(context)
        });
        let mut bytes = 0;
        let within_bounds = rest.take_while(|chunk| {
            bytes += chunk.as_ref().map_or(BYTES_MAX, |chunk| chunk.len());
            std::future::ready(bytes < BYTES_MAX)
        });
        let taken_in = within_bounds.for_each(|_| std::future::ready(()));
        if tokio::time::timeout(TIME_MAX, taken_in).await.is_err() {
            tracing::debug!("a refused request was still being sent");
        }
    }
    response
}
