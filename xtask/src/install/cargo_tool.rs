//! Cargo subcommands, compiled into the tools folder in exactly the version that is named here.
//!
//! They are built without optimization: that takes well under a minute instead of several, and they run for two
//! seconds.

use crate::launch::tools::Tools;
use crate::programs::{version_in, version_text};
use crate::run::run;
use crate::workspace::Workspace;

/// A cargo subcommand of a certain version.
#[derive(Debug, Clone, Copy)]
pub(super) struct CargoTool {
    pub(super) name: &'static str,
    version: &'static str,
    options: &'static [&'static str],
}

/// The check of licences, sources and duplicates of dependencies.
pub(super) const CARGO_DENY: CargoTool =
    CargoTool { name: "cargo-deny", version: "0.20.2", options: &["--no-default-features"] };

/// The check for dependencies that are not used.
pub(super) const CARGO_MACHETE: CargoTool =
    CargoTool { name: "cargo-machete", version: "0.9.2", options: &[] };

impl CargoTool {
    /// The version, if it is the one that is needed.
    pub(super) fn present(self, tools: &Tools) -> Option<String> {
        let mut command = std::process::Command::new(tools.program(self.name));
        version_in(&version_text(command.arg("--version"))?).filter(|version| version == self.version)
    }

    /// Compiles the tool; cargo puts it in place when it is complete.
    pub(super) fn install(self, workspace: &Workspace) -> anyhow::Result<()> {
        let mut command = workspace.cargo();
        command.env("CARGO_PROFILE_DEV_DEBUG", "0");
        command.args(["install", "--quiet", "--locked", "--debug", "--force", "--root"]);
        command.arg(workspace.tools().folder());
        command.arg(format!("{}@{}", self.name, self.version)).args(self.options);
        run(&mut command)
    }
}
