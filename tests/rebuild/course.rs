//! What is done to a read model that is in use: rebuilds that are killed, and every way to rebuild it.

use std::process::{Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use foodflow_testkit::TestApp;
use serde_json::Value;

/// Rebuilds that are killed at least.
const KILLS: u32 = 5;
/// Rebuilds that are killed at most until a kill has met one that had begun and not ended.
const KILLS_MAX: u32 = 60;
/// How much later than the one before each is killed, at first.
const STEP: Duration = Duration::from_millis(80);
/// How much later at least.
const STEP_MIN: Duration = Duration::from_millis(5);

/// Whoever uses the read model meanwhile.
pub(crate) trait Users {
    /// How often it was read since something was acknowledged.
    fn reads(&self) -> &AtomicU64;

    /// Whether one of them has failed, so that nobody may wait for the others.
    fn failed(&self) -> bool;
}

/// Kills rebuilds, rebuilds in every way, and goes back, each with reads between; `base` is the command with what it is
/// about, e.g. `rebuild`.
pub(crate) async fn every_way(
    app: &TestApp,
    base: &[&str],
    slug: &str,
    users: &impl Users,
) -> anyhow::Result<()> {
    // A read model that holds nothing yet would be filled in place.
    until_read(users, 0).await;
    kill_some(app, base).await?;
    for (arguments, outcome) in [
        (&["--switch", "always"][..], "switched"),
        (&[][..], "kept"),
        (&["--tenant", slug, "--switch", "always"][..], "switched"),
        (&["--back"][..], "switched"),
    ] {
        let before = users.reads().load(Ordering::SeqCst);
        let report = rebuild(app, base, arguments).await?;
        ensure!(report["identical"] == true && report["outcome"] == outcome, "{arguments:?}: {report:#}");
        // Somebody reads what is live now before the next one.
        until_read(users, before + 1).await;
    }
    Ok(())
}

/// Runs a rebuild that succeeds, and answers with its report.
pub(crate) async fn rebuild(app: &TestApp, base: &[&str], arguments: &[&str]) -> anyhow::Result<Value> {
    let output = run(app, &[base, &["--json"], arguments].concat()).await?;
    let (told, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{base:?} {arguments:?}: {told} {errors}");
    serde_json::from_str(&told).with_context(|| format!("no JSON: {told}"))
}

/// Begins rebuilds and kills them, each a little later than the one before, until at least one has left behind what it had
/// begun.
async fn kill_some(app: &TestApp, base: &[&str]) -> anyhow::Result<()> {
    let (mut step, mut delay, mut met) = (STEP, STEP, 0);
    for kill in 1..=KILLS_MAX {
        let mut command = app.command(&[base, &["--switch", "always"]].concat())?;
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        tokio::time::sleep(delay).await;
        let ended = child.try_wait()?.is_some();
        child.kill()?;
        child.wait()?;
        let status = rebuild(app, base, &["--status"]).await?;
        met += u32::from(status["other"]["role"] == "beside");
        if kill >= KILLS && met > 0 {
            return Ok(());
        }
        if ended {
            // All of it lies between two kills, or did: look closer.
            step = (step / 2).max(STEP_MIN);
            delay = Duration::ZERO;
        }
        delay += step;
    }
    anyhow::bail!("none of {KILLS_MAX} kills met a rebuild")
}

/// Runs a command of the program to its end without stopping the readers and writers of this process.
async fn run(app: &TestApp, arguments: &[&str]) -> anyhow::Result<Output> {
    let mut command = app.command(arguments)?;
    Ok(tokio::task::spawn_blocking(move || command.output()).await??)
}

/// Waits for more than `before` reads, unless somebody has failed.
async fn until_read(users: &impl Users, before: u64) {
    while users.reads().load(Ordering::SeqCst) <= before && !users.failed() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
