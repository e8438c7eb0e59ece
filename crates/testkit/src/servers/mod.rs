//! Real servers for tests: NATS with JetStream, Neo4j, PostgreSQL, Redis, and an OpenID provider.
//!
//! A handle starts a server on a free port of 127.0.0.1 with its data in a temporary folder, and takes both away
//! when it is dropped, or when the test process dies in whatever way. A server that cannot be started is an error
//! that says why and what to do: a test must never skip itself because a server is missing.
//!
//! The environment variables that choose servers and tools are described in [`launch::tools`].

pub mod launch;
mod nats;
mod neo4j;
mod oidc;
mod postgres;
mod redis;

use std::path::Path;

use anyhow::Context as _;
pub use nats::{NatsServer, shared_nats_url};
pub use neo4j::Neo4jServer;
pub use oidc::{OidcServer, OidcSetup, SentBack};
pub use postgres::PostgresServer;
pub use redis::RedisServer;

use crate::servers::launch::tools::Tools;

/// The folder of development tools of this workspace.
fn workspace_tools() -> anyhow::Result<Tools> {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let workspace =
        crate_folder.ancestors().nth(2).context("this crate does not lie in crates/ of a workspace")?;
    Ok(Tools::of_workspace(workspace))
}

/// The value of an environment variable, if it is set and not empty.
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Runs blocking work of the launcher without holding up the asynchronous runtime.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    tokio::task::spawn_blocking(work).await.context("starting or stopping a server panicked")?
}
