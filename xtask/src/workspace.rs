//! Where the repository is, and how cargo is called in it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::launch::tools::Tools;

/// The repository that this crate was compiled from.
#[derive(Debug, Clone)]
pub struct Workspace {
    root: PathBuf,
    tools: Tools,
}

impl Workspace {
    /// The workspace around this crate, with the tools folder that the environment says.
    ///
    /// # Errors
    /// When this crate has no parent folder.
    pub fn of_this_crate() -> anyhow::Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in no workspace")?;
        Ok(Self { root: root.to_owned(), tools: Tools::of_workspace(root) })
    }

    /// The folder of the root manifest.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of installed tools.
    #[must_use]
    pub fn tools(&self) -> &Tools {
        &self.tools
    }

    /// A program that will run at the workspace's root.
    #[must_use]
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.current_dir(&self.root);
        for name in env::vars_os().filter_map(|(name, _)| name.into_string().ok()) {
            if describes_this_crate(&name) {
                command.env_remove(name);
            }
        }
        command
    }

    /// Cargo, as it will run at the workspace's root.
    #[must_use]
    pub fn cargo(&self) -> Command {
        self.command(env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from))
    }
}

/// Whether cargo set this variable to describe `xtask` itself.
///
/// Build scripts that watch such variables would run again in every other call of cargo if they were passed on.
fn describes_this_crate(name: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"].iter().any(|start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_holds_the_workspace_manifest() {
        let workspace = Workspace::of_this_crate().unwrap();
        let manifest = std::fs::read_to_string(workspace.root().join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[workspace]"));
    }

    #[test]
    fn only_variables_about_this_crate_are_held_back() {
        assert!(describes_this_crate("CARGO_PKG_NAME") && describes_this_crate("CARGO_MANIFEST_DIR"));
        assert!(!describes_this_crate("CARGO_HOME") && !describes_this_crate("CARGO_TARGET_DIR"));
    }
}
