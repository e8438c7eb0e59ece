//! Attacks on the connection and on the head of a request, over real sockets, each with its refusal. None is answered with a
//! 5xx, none gets a second answer out of one request, and the program answers the next client as if nothing had been.
//!
//! - [`raw`]: bytes as they stand, and every answer that comes back;
//! - [`smuggling`], [`paths`], [`headers`], [`oversized`]: what two programs might read in two ways, or not at all;
//! - [`slow`]: clients that hold on to what they have;
//! - [`proxies`], [`origins`]: who is believed, and who may read;
//! - [`tls`]: the encrypted connection, and its certificate.

mod headers;
mod origins;
mod oversized;
mod paths;
mod proxies;
mod raw;
mod slow;
mod smuggling;
mod tls;

use foodflow_testkit::TestApp;
use tokio::sync::OnceCell;

static HURRIED: OnceCell<TestApp> = OnceCell::const_new();

/// A program that gives its clients a second for a head and for a body.
async fn hurried() -> anyhow::Result<&'static TestApp> {
    HURRIED
        .get_or_try_init(|| start(&[("FOODFLOW_HEADER_TIMEOUT", "1s"), ("FOODFLOW_BODY_TIMEOUT", "1s")]))
        .await
}

/// A program of its own with these settings.
async fn start(settings: &[(&str, &str)]) -> anyhow::Result<TestApp> {
    let environment = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    TestApp::start(&["serve"], environment.collect()).await
}
