//! Who provides the cryptography of TLS in this process.
//!
//! The `eventstore` crate installs a provider for the whole process when its first client starts, and breaks down where
//! there is one already. With this feature two providers are compiled in, so that others, NATS over TLS among them, find
//! none by themselves and need that one. So it is installed once, before anything else connects.

use std::time::Duration;

use ::eventstore::{Client, ClientSettings};
use rustls::crypto::CryptoProvider;
use tokio::sync::OnceCell;

use crate::event_log::LogError;

/// How long the first client may take to start.
const START_WAIT: Duration = Duration::from_secs(10);
/// How often is looked whether it has.
const LOOK_EVERY: Duration = Duration::from_millis(2);

static PREPARED: OnceCell<Result<(), String>> = OnceCell::const_new();

/// Installs the provider, once for the process. Call it before anything connects with TLS.
///
/// # Errors
/// [`LogError::Configuration`] where another provider was installed before.
pub async fn prepare_tls() -> Result<(), LogError> {
    let prepared = PREPARED.get_or_init(prepare).await;
    prepared.clone().map_err(|reason| LogError::Configuration { reason })
}

async fn prepare() -> Result<(), String> {
    if CryptoProvider::get_default().is_some() {
        return Err(
            "another provider of TLS was installed before the one of EventStoreDB's client".to_owned()
        );
    }
    // This one never connects: its task installs the provider before it waits for a question.
    let settings = "esdb://localhost?tls=false".parse::<ClientSettings>();
    let settings = settings.map_err(|error| error.message().to_owned())?;
    let client = Client::new(settings).map_err(|error| error.to_string())?;
    let installed = async {
        while CryptoProvider::get_default().is_none() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    let outcome = tokio::time::timeout(START_WAIT, installed).await;
    drop(client);
    outcome.map_err(|_| "EventStoreDB's client did not install its provider of TLS".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_provider_is_there_however_often_it_is_asked_for() {
        for _ in 0..2 {
            prepare_tls().await.unwrap();
            assert!(CryptoProvider::get_default().is_some());
        }
        // What would break down without it.
        rustls::ClientConfig::builder();
    }
}
