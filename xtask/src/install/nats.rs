//! The NATS server, compiled by Go.

use anyhow::{Context as _, ensure};

use crate::launch::tools::{NATS_PROGRAM, NATS_VERSION, Tools};
use crate::programs::{GO, version_in, version_text};
use crate::run::run;
use crate::workspace::Workspace;

/// The version of the server that tests would start, if it is the one that is needed.
///
/// A server that the developer has named is taken as it is.
pub(super) fn present(tools: &Tools) -> Option<String> {
    let program = tools.find_nats_server()?;
    let named = std::env::var_os(NATS_PROGRAM).is_some_and(|value| value == program.as_os_str());
    let mut command = std::process::Command::new(program);
    version_in(&version_text(command.arg("--version"))?).filter(|version| named || version == NATS_VERSION)
}

/// Compiles the server into the tools folder, where it is found before any other.
pub(super) fn install(workspace: &Workspace) -> anyhow::Result<()> {
    let programs = workspace.tools().programs();
    let mut command = workspace.command(GO.name);
    command.env("GOBIN", &programs);
    command.args(["install", &format!("github.com/nats-io/nats-server/v2@v{NATS_VERSION}")]);
    run(&mut command).context("compiling nats-server")?;
    ensure!(
        present(workspace.tools()).is_some(),
        "{} is not nats-server {NATS_VERSION}; does {NATS_PROGRAM} name another one?",
        programs.display()
    );
    Ok(())
}
