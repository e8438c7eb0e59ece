//! The OpenID provider that tests log in at: a package of npm, with what it needs as the lock file beside it says.

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;

use super::into_place;
use crate::launch::tools::OIDC_PROVIDER_VERSION;
use crate::programs::{NODE, NPM};
use crate::run::run;
use crate::workspace::Workspace;

const LOCK: &str = "package-lock.json";

/// The version, if what is installed is what the lock file names, and Node.js can run it.
pub(super) fn present(workspace: &Workspace) -> Option<String> {
    let folder = workspace.tools().oidc_provider();
    let wanted = fs::read(source_folder(workspace).join(LOCK)).ok()?;
    let installed = fs::read(folder.join(LOCK)).ok()?;
    let complete = wanted == installed && folder.join("node_modules/oidc-provider").is_dir();
    (complete && NODE.find().is_usable()).then(|| OIDC_PROVIDER_VERSION.to_owned())
}

/// Installs it anew.
pub(super) fn install(workspace: &Workspace) -> anyhow::Result<()> {
    into_place(&workspace.tools().oidc_provider(), |folder| {
        for name in ["package.json", LOCK] {
            fs::copy(source_folder(workspace).join(name), folder.join(name))
                .with_context(|| format!("copying {name}"))?;
        }
        let mut npm = workspace.command(NPM.name);
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
        run(npm.current_dir(folder)).context("installing oidc-provider")
    })
}

fn source_folder(workspace: &Workspace) -> PathBuf {
    workspace.root().join("crates/testkit/oidc")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_one_that_the_package_names() {
        let package = include_str!("../../../crates/testkit/oidc/package.json");
        assert!(package.contains(&format!("\"oidc-provider\": \"{OIDC_PROVIDER_VERSION}\"")), "{package}");
    }
}
