//! Schemathesis, which makes requests up from the OpenAPI document: a Python package in an environment of its own.

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;

use crate::launch::tools::Tools;
use crate::programs::{PYTHON, version_in, version_text};
use crate::run::run;
use crate::workspace::Workspace;

/// Names every package with its version, Schemathesis among them.
const REQUIREMENTS: &str = "tests/fuzz/requirements.txt";

/// The program, whether or not it is there.
pub(crate) fn program(tools: &Tools) -> PathBuf {
    environment(tools).join("bin/schemathesis")
}

/// The version, if what is installed is what the list names.
pub(super) fn present(workspace: &Workspace) -> Option<String> {
    let wanted = fs::read(workspace.root().join(REQUIREMENTS)).ok()?;
    let installed = fs::read(installed_list(workspace.tools())).ok()?;
    let mut command = std::process::Command::new(program(workspace.tools()));
    version_in(&version_text(command.arg("--version"))?).filter(|_| wanted == installed)
}

/// Makes the environment anew and fills it.
pub(super) fn install(workspace: &Workspace) -> anyhow::Result<()> {
    let folder = environment(workspace.tools());
    run(workspace.command(PYTHON.name).args(["-m", "venv", "--clear"]).arg(&folder))?;
    let mut pip = workspace.command(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]);
    run(pip.args(["--requirement", REQUIREMENTS]))?;
    // The copy tells later what was installed; it is written last.
    let list = fs::read(workspace.root().join(REQUIREMENTS))?;
    fs::write(installed_list(workspace.tools()), list).context("keeping the list of what was installed")
}

fn environment(tools: &Tools) -> PathBuf {
    tools.folder().join("schemathesis")
}

fn installed_list(tools: &Tools) -> PathBuf {
    environment(tools).join("requirements.txt")
}
