//! Long work that a person or a service manager may end: nothing is left half written.

use std::future::Future;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::say;

/// Does `work` until it ends, or until Ctrl-C or SIGTERM; then it is dropped where it waits.
///
/// # Errors
/// Those of `work`; or that it was interrupted, with `advice` on how to go on.
pub async fn unless_interrupted<T>(
    advice: &str,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        biased;
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        outcome = work => return outcome,
    }
    anyhow::bail!("interrupted; {advice}")
}

/// Cancels `stop` when the process is asked to end, and says `word`; in force when this returns. Who asks again does not
/// wait for what was taken in: the process ends where it stands, as in a crash.
///
/// # Errors
/// Where signals cannot be listened to.
pub fn cancelled_when_told(stop: CancellationToken, word: &'static str) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        for is_first in [true, false] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if is_first {
                say(word);
                stop.cancel();
            }
        }
        say("stopping at once");
        std::process::exit(1);
    });
    Ok(())
}
