//! EventStoreDB: what is tested without a server, and the contract against one that somebody has.
//!
//! No server is started here. Everything that needs none runs with the other tests.

use std::process::Command;

use anyhow::ensure;

use crate::run::{run, run_in_temporary_folder};
use crate::workspace::Workspace;

/// Where the contract finds the server.
const URL: &str = "FOODFLOW_TEST_EVENTSTORE_URL";
const FEATURE: [&str; 2] = ["--features", "eventstore"];

/// The tests of what stands between the adapter and a server: mapping, address, a server that is not there.
///
/// # Errors
/// Where one fails.
pub fn test_mapping(workspace: &Workspace) -> anyhow::Result<()> {
    run_in_temporary_folder(tests(&mut workspace.cargo()).args(["--lib", "eventstore::client"]))
}

/// The whole contract of the event log, against the server at `url`; leaves the streams of its logs behind there.
///
/// # Errors
/// Where a test fails.
pub fn test(workspace: &Workspace, url: &str) -> anyhow::Result<()> {
    // Not repeated: it may hold a password.
    ensure!(url.starts_with("esdb"), "--eventstore-url: it is no address of EventStoreDB, esdb://host:port");
    test_mapping(workspace)?;
    let mut cargo = workspace.cargo();
    // All tests share one server.
    run(tests(&mut cargo)
        .args(["--test", "contract", "eventstore::", "--", "--test-threads", "4"])
        .env(URL, url))
}

fn tests(cargo: &mut Command) -> &mut Command {
    cargo.args(["test", "-p", "foodflow-log"]).args(FEATURE)
}
